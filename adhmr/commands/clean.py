"""Keep or drop pseudo-labels by their score. Writes kept/ (the labels that stay, in the same format) and scores.parquet
(every label with score, expected error, verdict and reason)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """
    Args:
        data: folder with pictures.npy and labels.npz to clean
        scorer: folder of a scorer checkpoint
        out: an empty folder to write
        threshold: keep labels whose raw score is at least this (ADHMR section 4.5)
        max_gross_probability: keep labels that are grossly wrong with at most this probability
        max_worst_mm: keep labels whose worst keypoint seems at most this far off
        max_error_mm: keep labels whose expected error is at most this
        fraction: keep this share, the best ones
        max_bad_share: keep as many as can be vouched for by ``checked``: with ``confidence`` at most this share of what is kept
            is bad. Give exactly one of the six
        checked: a table of labels that somebody checked, drawn by `adhmr check`
        confidence: of the guarantee
        seed: kept in the provenance
        device: cpu or cuda
    """

    data: Path
    scorer: Path
    out: Path
    threshold: float | None = None
    max_gross_probability: float | None = None
    max_worst_mm: float | None = None
    max_error_mm: float | None = None
    fraction: float | None = None
    max_bad_share: float | None = None
    checked: Path | None = None
    confidence: float = 0.9
    seed: int = 0
    device: str = "cpu"


def run(options: Options) -> None:
    from adhmr.progress import console
    from data_cleaning.guarantee import read_checked, vouched_threshold
    from data_cleaning.rules import (
        ScoredLabels,
        Verdict,
        keep_by_expected_error,
        keep_by_score,
        keep_by_worst,
        keep_fraction,
        keep_unless_gross,
    )
    from data_cleaning.score import score_labels
    from data_cleaning.write import write_verdicts
    from hmr.files import new_folder, write_provenance
    from hmr.free_body import free_body
    from hmr.samples import load_samples
    from scorer.protocol import load_scorer

    checked = read_checked(options.checked) if options.checked is not None else None

    def keep_vouched(labels: ScoredLabels, max_bad_share: float) -> list[Verdict]:
        if checked is None:
            raise ValueError(
                "--max_bad_share needs --checked, labels that somebody checked; draw some with `adhmr check`"
            )
        return keep_unless_gross(labels, vouched_threshold(labels, checked, max_bad_share, options.confidence))

    rules = {
        "threshold": keep_by_score,
        "max_gross_probability": keep_unless_gross,
        "max_worst_mm": keep_by_worst,
        "max_error_mm": keep_by_expected_error,
        "fraction": keep_fraction,
        "max_bad_share": keep_vouched,
    }
    given = {name: value for name in rules if (value := getattr(options, name)) is not None}
    if len(given) != 1:
        raise ValueError("give exactly one rule: " + ", ".join(f"--{name}" for name in rules))
    ((name, value),) = given.items()
    scorer = load_scorer(options.scorer).to(options.device)
    samples = load_samples(options.data)
    verdicts = rules[name](score_labels(scorer, samples, free_body(1200)), value)
    out = new_folder(options.out)
    write_verdicts(out, verdicts, samples)
    write_provenance(out, "clean", asdict(options), options.seed, [options.data, options.scorer])
    console.print(
        f"kept {sum(v.keep for v in verdicts)} of {len(verdicts)} labels; reasons in {out / 'scores.parquet'}"
    )
