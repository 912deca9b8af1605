"""What the figures say, in plain sentences: did it get better, and more than its controls?"""

from __future__ import annotations

from dataclasses import dataclass, field

from adhmr.figures import Figure, show
from adhmr.photograph_loop.measures import JUDGES, KINDS, Kind

#: Below so many people a bootstrap's intervals are too narrow to be believed.
FEW = 20
#: Share of the base's spread below which samples have drawn together.
NARROW = 0.9


@dataclass(frozen=True)
class Row:
    """One of ``KINDS`` for each generator.

    Attributes:
        level: of base, aligned and each control.
        change: of aligned and each control against the base, paired.
        beyond: of aligned against each control, paired.
        people: of whom it is known.
    """

    level: dict[str, Figure]
    change: dict[str, Figure]
    beyond: dict[str, Figure]
    people: int


@dataclass(frozen=True)
class Verdict:
    """better, worse, control (better, but not beyond a control), unclear, unchanged, or few; and why, a sentence each."""

    word: str
    sentences: list[str] = field(default_factory=list)


HEADLINES = {
    "better": "It got better",
    "worse": "It got worse",
    "control": "It moved, but no further than a control",
    "unclear": "No change that can be told from chance",
    "unchanged": "Nothing changed: the base's own weights were the best that were seen",
    "few": "Too few held-out people to tell",
}
#: What decides, the first that there is; the training scorer's own word never does. By marks it is the mean of the samples, which
#: does not get nearer to them by samples drawing together alone, as the mean distance of samples does.
DECIDE = ("human/mean/distance", "held_out_scorer/chosen/expected_error", "told/mean/distance")
#: The same judges of the body that is chosen, which is what `adhmr predict` gives.
CHOSEN = ("human/chosen/distance", "held_out_scorer/chosen/expected_error", "told/chosen/distance")


def verdict(rows: dict[str, Row], step: int) -> Verdict:
    """rows: by the names of ``KINDS``. step: of the aligned weights; 0: the base's own."""
    name = next((name for name in DECIDE if name in rows), None)
    if name is None:
        word = "unchanged" if step == 0 else "unclear"
        return Verdict(word, ["No judge but the scorer that made the pairs: that cannot say whether it got better."])
    word = "unchanged" if step == 0 else _word(rows[name], KINDS[name])
    by_judge = [dict.fromkeys(pair) for pair in zip(DECIDE, CHOSEN, strict=True)]
    told = [_by(rows, [n for n in names if n in rows]) for names in by_judge if any(n in rows for n in names)]
    return Verdict(word, told + _limits(rows, name, step))


def _word(row: Row, kind: Kind) -> str:
    if row.people < FEW:
        return "few"
    signs = {who: _sign(row.change[who], kind) for who in row.change}
    if signs["aligned"] <= 0:
        return "worse" if signs["aligned"] < 0 else "unclear"
    return "better" if all(_sign(figure, kind) > 0 for figure in row.beyond.values()) else "control"


def _sign(figure: Figure, kind: Kind) -> int:
    """1: better, -1: worse, 0: the interval holds zero."""
    up = 1 if figure["low"] > 0 else -1 if figure["high"] < 0 else 0
    return up if kind.higher_is_better else -up


def _by(rows: dict[str, Row], names: list[str]) -> str:
    """What one judge says."""
    judge, people = JUDGES[KINDS[names[0]].judge], counted(rows[names[0]].people)
    return f"By {judge} ({people}): {'; '.join(_told(rows[name], KINDS[name]) for name in names)}."


def _told(row: Row, kind: Kind) -> str:
    base, new = (f"{row.level[who]['value']:.{kind.digits}f}" for who in ("base", "aligned"))
    controls = [f"with {who} pairs {show(row.change[who], kind.digits)}" for who in row.beyond]
    beside = f"; {', '.join(controls)}" if controls else ""
    better = "higher" if kind.higher_is_better else "lower"
    change = show(row.change["aligned"], kind.digits)
    return f"{kind.title} {base} → {new} {kind.unit}, change {change}{beside} ({better} is better)"


def counted(people: int) -> str:
    """In words."""
    return "1 person" if people == 1 else f"{people} people"


def _limits(rows: dict[str, Row], decides: str, step: int) -> list[str]:
    out = []
    spread = rows["spread"].level
    share = spread["aligned"]["value"] / spread["base"]["value"] if spread["base"]["value"] > 0 else 1.0
    if share < NARROW:
        out.append(f"{100 * share:.0f} % of the base's spread is left: samples drew together.")
    if KINDS[decides].judge == "told":
        out.append(
            "These keypoints are what a generator that is told keypoints is told, so they say that its samples follow them more "
            "closely, not that bodies are right in depth; give --human_keypoints or --held_out_scorer for a judge of its own."
        )
    if 0 < rows[decides].people < FEW:
        out.append(f"With fewer than {FEW} people intervals are too narrow; hold out more (--held_out).")
    if step > 0 and not rows[decides].beyond:
        out.append("No control ran, so a gain may be what any finetuning does.")
    return out
