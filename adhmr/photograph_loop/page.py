"""report.html of a loop on photographs: what was run, what judges say, curves, and photographs before and after."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from adhmr.photograph_loop.comparison import Comparison
from adhmr.photograph_loop.held_out import in_order
from adhmr.photograph_loop.human_marks import HumanMarks
from adhmr.photograph_loop.measures import JUDGES, KINDS
from adhmr.photograph_loop.pictures import Canvas, HeldOutPictures
from adhmr.photograph_loop.sub_run import Outcome
from adhmr.photograph_loop.verdict import HEADLINES, Row, Verdict, counted
from adhmr.report import plots
from adhmr.report.elements import cell, figure, page, table
from adhmr.tracking import read_curve
from dpo.watch import load_checkups
from hmr.photographs.folder import Skipped

_CHANGES_SHOWN = 3
_CURVES = {
    "reward": "reward of the held-out people",
    "spread_mm": "their spread, mm",
    "held_out_reward": "held-out judge's reward",
}
_TRAINING = {"rewards/accuracies": "pairs that are told apart rightly", "rewards/margins": "margin, nats"}


@dataclass(frozen=True)
class Report:
    """What a page is made of.

    Attributes:
        facts: what was run, in words.
        folders, outcomes: of aligned and controls, by name.
    """

    facts: dict[str, str]
    comparison: Comparison
    rows: dict[str, Row]
    verdict: Verdict
    folders: dict[str, Path]
    outcomes: dict[str, Outcome]
    pictures: HeldOutPictures
    human: HumanMarks | None
    skipped: Sequence[Skipped]

    def html(self, examples: int) -> str:
        """examples: held-out photographs to show."""
        v = self.verdict
        facts = "".join(
            f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in self.facts.items()
        )
        return page(
            "Aligned on photographs",
            f"<h1>{HEADLINES[v.word]}</h1>{''.join(f'<p>{html.escape(s)}</p>' for s in v.sentences)}{self._endings()}"
            f"<h2>What was run</h2><dl>{facts}</dl>"
            f"<h2>What judges say of the held-out people</h2>{self._tables()}"
            f"<h2>While it ran</h2>{self._curves()}"
            f"<h2>Held-out photographs, before and after</h2>{self._photographs(examples)}"
            f"<h2>What changed most</h2>{self._changes()}{self._skipped()}",
        )

    def _endings(self) -> str:
        told = []
        for who, outcome in self.outcomes.items():
            why = outcome.stopped or "no guard stopped it"
            told.append(
                f"{_title(who)}: {why}; the weights are those after {outcome.step} of {outcome.last_step} steps."
            )
        return f"<p class=note>{html.escape(' '.join(told))}</p>"

    def _tables(self) -> str:
        controls = self.comparison.controls
        head = [
            "base",
            "aligned",
            "change",
            *(f"change of {c}" for c in controls),
            *(f"aligned − {c}" for c in controls),
        ]
        by = "held-out scorer" if any(KINDS[name].judge == "held_out_scorer" for name in self.rows) else "training"
        parts = [
            "<p class=note>95 % intervals by bootstrap over people, paired. Distances and PCK are of bodies as they are drawn, "
            "not fitted to any marks; size: the longer side of the box about a person's marks. The aligned weights were chosen "
            f"among checkups by the {by} reward on the same people (other samples); those of a control are of the same step. "
            "↑: higher is better, ↓: lower.</p>"
        ]
        for judge, title in JUDGES.items():
            names = [name for name in self.rows if KINDS[name].judge == judge]
            if names:
                heading = f"{title[0].upper()}{title[1:]} ({counted(self.rows[names[0]].people)})"
                parts.append(f"<h3>{html.escape(heading)}</h3>")
                parts.append(table(["", *head], [self._row(name, controls) for name in names]))
        return "".join(parts)

    def _row(self, name: str, controls: list[str]) -> tuple[str, list[str]]:
        row, kind = self.rows[name], KINDS[name]
        figures = [
            row.level["base"], row.level["aligned"], row.change["aligned"],
            *(row.change[c] for c in controls), *(row.beyond[c] for c in controls),
        ]  # fmt: skip
        arrow = {True: " ↑", False: " ↓", None: ""}[kind.higher_is_better]
        unit = f", {kind.unit}" if kind.unit else ""
        return f"{kind.title}{unit}{arrow}", [cell(f, kind.digits) for f in figures]

    def _curves(self) -> str:
        seen = {
            _title(who): [{k: v for k, v in asdict(c).items() if v is not None} for c in load_checkups(folder)]
            for who, folder in self.folders.items()
        }
        curves = {_title(who): folder / "curves" / "align.jsonl" for who, folder in self.folders.items()}
        trained = {who: read_curve(path) for who, path in curves.items() if path.exists()}
        drawn = [
            plots.curves(points, key, title)
            for points, titles in ((seen, _CURVES), (trained, _TRAINING))
            for key, title in titles.items()
            if any(key in point for of_one in points.values() for point in of_one)
        ]
        return f"<div class=plots>{''.join(drawn)}</div>"

    def _photographs(self, examples: int) -> str:
        held = self.pictures.held
        names = in_order(held.photograph_of.values())[:examples]
        parts = [
            "<p class=note>Chosen by the hash of their names, not by success. Of each person the body that the scorer likes "
            "best, not fitted to any marks.</p>"
        ]
        for name in names:
            rows = [i for i, key in enumerate(held.views.key) if held.photograph_of[key] == name]
            canvas = self.pictures.photograph(name)
            if canvas is None:
                parts += [self._person(row, "the photograph is gone since; from its crop") for row in rows[:1]]
                continue
            cells = [figure(canvas.rgb, name), *self._before_and_after(canvas, rows)]
            parts.append(f'<div class="row three">{"".join(cells)}</div>')
        return "".join(parts)

    def _before_and_after(self, canvas: Canvas, rows: list[int]) -> list[str]:
        """Of the bodies that the scorer likes best."""
        drawn = {"before": "base", "after": "aligned"}
        judged = self.comparison.judged
        return [
            figure(self.pictures.over(canvas, judged[who].chosen_bodies[torch.tensor(rows)]), title)
            for title, who in drawn.items()
        ]

    def _person(self, row: int, more: str) -> str:
        """Marks, before and after of one person."""
        key = self.pictures.held.views.key[row]
        canvas = self.pictures.around(row)
        marks = self.pictures.marked(canvas, row, None if self.human is None else self.human.px)
        cells = [figure(marks, f"{key}: {more}"), *self._before_and_after(canvas, [row])]
        return f'<div class="row three">{"".join(cells)}</div>'

    def _changes(self) -> str:
        name, gain = self.comparison.gain_of_person()
        kind = KINDS[name]
        order = np.argsort(-gain, kind="stable")
        order = order[np.isfinite(gain[order])]
        count = min(_CHANGES_SHOWN, max(len(order) // 2, 1))
        best, worst = order[:count], order[count:][::-1][:count]
        old, new = (self.comparison.columns[who][name].of_person for who in ("base", "aligned"))
        marks = (
            " Orange: what it was told. White: humans' marks."
            if self.human is not None
            else " Orange: what it was told."
        )
        parts = [f"<p class=note>By {html.escape(JUDGES[kind.judge])}: {kind.title}, {kind.unit}.{marks}</p>"]
        for title, rows in (("Best", best), ("Worst", worst)):
            parts.append(f"<h3>{title}</h3>" if len(rows) else "")
            for row in rows.tolist():
                parts.append(self._person(row, f"{old[row]:.{kind.digits}f} → {new[row]:.{kind.digits}f} {kind.unit}"))
        return "".join(parts)

    def _skipped(self) -> str:
        if not self.skipped:
            return ""
        rows = [(s.what, [html.escape(s.reason)]) for s in self.skipped[:20]]
        return f"<h2>Skipped ({len(self.skipped)}, all in skipped.csv)</h2>{table(['what', 'why'], rows)}"


def _title(who: str) -> str:
    return who if who in ("base", "aligned") else f"{who} pairs"
