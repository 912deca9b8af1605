"""All figures of the base, the aligned generator and its controls on the held-out people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from adhmr.photograph_loop.human_marks import HumanMarks
from adhmr.photograph_loop.judged import Judged
from adhmr.photograph_loop.measures import KINDS, Column, change, columns_of, level
from adhmr.photograph_loop.verdict import CHOSEN, Row
from adhmr.photographs.given import GivenPictures
from hmr.body import BodyModel


@dataclass(frozen=True)
class Comparison:
    """Of base, aligned and controls, by these names.

    Attributes:
        judged: what was drawn and scored.
        columns: by the names of ``KINDS``.
    """

    judged: dict[str, Judged]
    columns: dict[str, dict[str, Column]]

    @classmethod
    def of(
        cls, judged: dict[str, Judged], held: GivenPictures, body: BodyModel, human: HumanMarks | None
    ) -> Comparison:
        px = None if human is None else human.px
        return cls(judged, {who: columns_of(one, held.views, body, px) for who, one in judged.items()})

    @property
    def controls(self) -> list[str]:
        return [who for who in self.judged if who not in ("base", "aligned")]

    def rows(self) -> dict[str, Row]:
        """With intervals."""
        out: dict[str, Row] = {}
        for name in self.columns["base"]:
            of = {who: columns[name] for who, columns in self.columns.items()}
            out[name] = Row(
                {who: level(column) for who, column in of.items()},
                {who: change(column, of["base"]) for who, column in of.items() if who != "base"},
                {who: change(of["aligned"], of[who]) for who in self.controls},
                of["base"].people,
            )
        return out

    def gain_of_person(self) -> tuple[str, np.ndarray]:
        """By which of ``KINDS``, and by how much each person's chosen body got better by it (n,), NaN where that is not known."""
        there = self.columns["base"]
        name = next((n for n in CHOSEN if n in there), "scorer/sample/reward")
        old, new = (self.columns[who][name].of_person for who in ("base", "aligned"))
        return name, (new - old) if KINDS[name].higher_is_better else (old - new)


def as_json(rows: dict[str, Row]) -> dict[str, Any]:
    """With what each row is."""
    return {name: {**asdict(KINDS[name]), **asdict(row)} for name, row in rows.items()}
