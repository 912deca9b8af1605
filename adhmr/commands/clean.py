"""Keep or drop pseudo-labels by their score, in any format (docs/cleaning.md). Writes kept/ (the same files with fewer labels and
nothing else changed), scores.parquet (every label with score, expected error, verdict and reason), unreadable.csv (what could not
be judged, and why) and, with --review, review.html. Exit code 3 says that some labels could not be judged."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from adhmr.option_types import BodyModelType


@dataclass(frozen=True)
class Options:
    """
    Args:
        data: a file of labels, a folder of such files, or our own folder with pictures.npy and labels.npz
        out: an empty folder to write
        scorer: folder of a scorer checkpoint; give this or ``scores``
        scores: folder that `adhmr score` wrote for the same data
        images: folder of the photographs that the labels are of (not needed for our own folder and for tars)
        threshold: keep labels whose raw score is at least this (ADHMR section 4.5)
        max_gross_probability: keep labels that are grossly wrong with at most this probability
        max_worst_mm: keep labels whose worst keypoint seems at most this far off
        max_error_mm: keep labels whose expected error is at most this
        mean_error_mm: keep as many as have this expected error on average
        max_part_mm: keep labels whose torso, head, arms and legs each seem at most this far off; bad hands and feet are named
        fraction: keep this share, the best ones (of each tag, with ``tags``)
        quota: keep so many, the best ones (of each tag, with ``tags``)
        max_bad_share: keep as many as can be vouched for by ``checked``: with ``confidence`` at most this share of what is kept
            is bad. Give exactly one of these nine
        checked: a table of labels that somebody checked, drawn by `adhmr check`
        confidence: of the guarantee
        tags: .csv with the columns key and tag, for quotas and for the review page
        decisions: .csv with the columns key and keep (1 or 0), as the review page writes it; they overrule the rule
        keep_duplicates: labels of the same picture with the same keypoints are all judged by the rule
        soft: of 4D-Humans keep every row and set has_body_pose and has_betas to 0 where it is dropped
        mask_parts: of HumanData, with --max_part_mm: bad hands and feet of labels that stay are marked as not given
        review: write review.html
        review_overlays: pictures in it
        body_model: see `adhmr score`
        body_model_type: auto (what the file is), smpl, smplh or smplx
        coco: see `adhmr score`
        device: cpu or cuda
        strict: write nothing and exit with 2 when a label cannot be judged
    """

    data: Path
    out: Path
    scorer: Path | None = None
    scores: Path | None = None
    images: Path | None = None
    threshold: float | None = None
    max_gross_probability: float | None = None
    max_worst_mm: float | None = None
    max_error_mm: float | None = None
    mean_error_mm: float | None = None
    max_part_mm: float | None = None
    fraction: float | None = None
    quota: int | None = None
    max_bad_share: float | None = None
    checked: Path | None = None
    confidence: float = 0.9
    tags: Path | None = None
    decisions: Path | None = None
    keep_duplicates: bool = False
    soft: bool = False
    mask_parts: bool = False
    review: bool = False
    review_overlays: int = 120
    body_model: Path | None = None
    body_model_type: BodyModelType = "auto"
    coco: Path | None = None
    device: str = "cpu"
    strict: bool = False


def run(options: Options) -> int:
    import numpy as np

    from adhmr.cleaning import Cleaned, scored_labels, with_their_samples, write_cleaned
    from adhmr.cleaning_rules import apply_rule, only_rule
    from adhmr.exit_code import exit_code
    from adhmr.progress import console
    from adhmr.ranking.tags import read_tags
    from adhmr.review.build import write_review
    from adhmr.scoring import ScoringJob, check_out, rows_per_unit
    from data_cleaning.decisions import read_decisions
    from data_cleaning.guarantee import read_checked
    from data_cleaning.rules import decided
    from hmr.files import new_folder_beside, write_provenance
    from hmr.formats.smpl_parameters import STAND_IN_NOTE
    from scorer.protocol import load_scorer

    if options.mask_parts and options.max_part_mm is None:
        raise ValueError("--mask_parts needs --max_part_mm, which says how far off a hand or foot may be")
    only_rule(options)
    check_out(options.data, options.out)
    if options.checked is not None:
        read_checked(options.checked)
    tags = read_tags(options.tags) if options.tags is not None else {}
    decisions = read_decisions(options.decisions) if options.decisions is not None else {}
    if (options.scorer is None) == (options.scores is None):
        raise ValueError("give --scorer, or --scores (a folder that `adhmr score` wrote), one of the two")
    job = ScoringJob(
        options.data, options.scorer or Path(), options.images, options.coco, options.body_model, options.body_model_type,
        rows_per_unit(options.scores), options.device,
    )  # fmt: skip
    if options.scorer is not None:
        load_scorer(options.scorer)  # a mistake here should not come after an hour
    units, broken = job.units()
    out = new_folder_beside(options.out, "scores")
    side_car = scored_labels(job, units, options.scores, out)
    labels = side_car.labels(options.keep_duplicates)
    verdicts, threshold = apply_rule(options, labels, tags)
    verdicts = with_their_samples(units, decided(verdicts, decisions))
    bad = sum(bool(p) for p in labels.problem) + len(broken)
    cleaned = Cleaned(job, units, side_car, verdicts, tags, broken)
    if options.strict and bad:
        cleaned.write_unreadable(out)
        raise ValueError(
            f"{bad} items could not be judged, see {out / 'unreadable.csv'}; nothing was written for the rest"
        )
    not_written = write_cleaned(cleaned, out, options.soft, options.mask_parts)
    if options.review:
        write_review(cleaned, only_rule(options), out / "review.html", options.review_overlays)
        console.print(f"look at {out / 'review.html'}", highlight=False)
    inputs = [options.data, *[p for p in (options.scorer, options.checked, options.tags, options.decisions) if p]]
    write_provenance(out, "clean", {**asdict(options), "vouched_threshold": threshold}, None, inputs)
    kept = int(np.sum([v.keep for v in verdicts]))
    console.print(f"kept {kept} of {len(verdicts)} labels; reasons in {out / 'scores.parquet'}", highlight=False)
    if bad:
        console.print(f"{bad} could not be judged and were dropped; see {out / 'unreadable.csv'}", highlight=False)
    if cleaned.on_stand_in:
        console.print(f"note: {STAND_IN_NOTE}", highlight=False)
    for item in not_written:
        console.print(f"not written: {item.reason}", highlight=False)
    return exit_code(bad + len(not_written), options.strict)
