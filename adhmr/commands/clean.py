"""Keep or drop pseudo-labels by their score. Writes kept/ (the labels that stay, in the same format) and scores.parquet (every label
with score, expected error, verdict and reason)."""

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
        max_error_mm: keep labels whose expected error is at most this
        fraction: keep this share, the best ones; give exactly one of the three
        seed: kept in the provenance
        device: cpu or cuda
    """

    data: Path
    scorer: Path
    out: Path
    threshold: float | None = None
    max_error_mm: float | None = None
    fraction: float | None = None
    seed: int = 0
    device: str = "cpu"


def run(options: Options) -> None:
    from adhmr.progress import console
    from data_cleaning.rules import keep_by_expected_error, keep_by_threshold, keep_fraction
    from data_cleaning.write import write_verdicts
    from hmr.files import new_folder, write_provenance
    from hmr.free_body import free_body
    from hmr.hypotheses import Hypotheses
    from hmr.samples import load_samples
    from scorer import Scorer

    given = [r for r in (options.threshold, options.max_error_mm, options.fraction) if r is not None]
    if len(given) != 1:
        raise ValueError("give exactly one rule: --threshold, --max_error_mm or --fraction")
    scorer = Scorer.from_pretrained(options.scorer).to(options.device)
    samples = load_samples(options.data)
    if "none" in samples.label_kind:
        raise ValueError(f"{options.data}: has pictures without labels, there is nothing to clean")
    labels = Hypotheses(samples.key, samples.label.reshape_batch(len(samples), 1), samples.K, "label", options.seed)
    scores = scorer.score(samples, labels, free_body(1200))
    score, expected = scores.value[:, 0].numpy(), scores.expected_error_mm[:, 0].numpy()
    if options.threshold is not None:
        verdicts = keep_by_threshold(samples.key, score, expected, options.threshold)
    elif options.max_error_mm is not None:
        verdicts = keep_by_expected_error(samples.key, score, expected, options.max_error_mm)
    else:
        assert options.fraction is not None
        verdicts = keep_fraction(samples.key, score, expected, options.fraction)
    out = new_folder(options.out)
    write_verdicts(out, verdicts, samples)
    write_provenance(out, "clean", asdict(options), options.seed, [options.data, options.scorer])
    console.print(f"kept {sum(v.keep for v in verdicts)} of {len(verdicts)} labels; reasons in {out / 'scores.parquet'}")
