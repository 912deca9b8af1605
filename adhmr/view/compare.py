"""One run, or two of the same photographs, as a viewer steps through them."""

from __future__ import annotations

from dataclasses import dataclass

from adhmr.view.read_run import Limits, Run
from adhmr.view.seen import SeenPhotograph, ranges_of


@dataclass(frozen=True)
class Sight:
    """A photograph in every run.

    Attributes:
        name: of the photograph.
        shots: for each run what it saw; None where it saw nobody.
        ends: for each run, by person, lowest and highest score of the colour scale.
    """

    name: str
    shots: list[SeenPhotograph | None]
    ends: list[dict[str, tuple[float, float]]]

    @property
    def keys(self) -> list[str]:
        """People of any of the runs, in order."""
        return list(dict.fromkeys(p.key for shot in self.shots if shot is not None for p in shot.people))


@dataclass(frozen=True)
class Comparison:
    """Raises ValueError when two runs have no photograph in common."""

    runs: tuple[Run, ...]
    limits: Limits

    def __post_init__(self) -> None:
        if len(self.runs) == 2 and not set(self.runs[0].files) & set(self.runs[1].files):
            first, second = (next(iter(run.files)) for run in self.runs)
            raise ValueError(
                f"{self.runs[0].folder} and {self.runs[1].folder} have no photograph in common (as {first} and {second}); "
                f"expected two runs over the same folder of photographs"
            )

    @property
    def names(self) -> list[str]:
        """Photographs of any of the runs, in order."""
        return list(dict.fromkeys(name for run in self.runs for name in run.files))

    @property
    def titles(self) -> list[str]:
        """A name for each run; their paths where two folders bear the same name."""
        short = [run.name for run in self.runs]
        return short if len(set(short)) == len(short) else [str(run.folder) for run in self.runs]

    @property
    def one_scale(self) -> bool:
        """Do the scores of the runs compare? They do when the same scorer gave them."""
        return len({run.scored_by for run in self.runs}) == 1 and self.runs[0].scored_by != ""

    def sight(self, name: str) -> Sight:
        shots = [run.seen(name, self.limits) for run in self.runs]
        return Sight(name, shots, ranges_of(shots, self.one_scale))
