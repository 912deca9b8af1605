"""Train HMR-Scorer on exactly labelled pictures: on noised truths, and on the candidates of generators given as files. A
twentieth of the pictures is held out to calibrate the score to millimetres."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from adhmr.option_types import BodyModelType, Log
from adhmr.picture_options import LabelledPictureOptions
from scorer.config import CandidatesConfig, ScorerConfig, ScorerTraining


@dataclass(frozen=True, kw_only=True)
class Options(LabelledPictureOptions):
    """
    Args:
        out: the checkpoint's folder
        candidates: .npz files of hypotheses for pictures of ``data`` (from `adhmr predict` or `Generator.propose`)
        noised: noised truths for each picture; must equal the number of candidates in the files
        judged_share: share of the pictures whose candidates ranking is learnt from, beside those of the files; the encoder
            learns from the others first
        small: share of noised truths with little noise, as labels usually have
        gross: share of noised truths with little noise and a gross error
        encoder_from: a generator's or regressor's checkpoint folder; its image branch is what the encoder starts from
        scorer: the architecture
        training: steps, batch sizes and learning rates
        body_model: file (or folder) of the SMPL-family model that the labels are of; without it the free body
        body_model_type: auto (what the file is), smpl, smplh or smplx
        seed: everything random follows from it
        device: cpu or cuda
        log: where curves go; files are always written
        strict: exit with 2 when labels of photographs were skipped, instead of with 3
    """

    out: Path
    candidates: list[Path] = field(default_factory=list)
    noised: int = 8
    judged_share: float = 0.3
    small: float = 0.5
    gross: float = 0.35
    encoder_from: Path | None = None
    scorer: ScorerConfig = field(default_factory=ScorerConfig)
    training: ScorerTraining = field(default_factory=ScorerTraining)
    body_model: Path | None = None
    body_model_type: BodyModelType = "auto"
    seed: int = 0
    device: str = "cpu"
    log: Log = "files"
    strict: bool = False


def run(options: Options) -> int:
    from adhmr.exit_code import exit_code
    from adhmr.loading import body_of
    from adhmr.photographs.cut import CropKind
    from adhmr.photographs.labelled import labelled_folders
    from adhmr.photographs.told import list_skipped
    from adhmr.progress import console
    from adhmr.training_job import training_job
    from hmr.hypotheses import load_hypotheses, require_body
    from hmr.samples import check_labels, load_all_samples
    from scorer.train import calibrate, train_scorer
    from scorer.training_sets import scorer_sets

    options.check()
    body = body_of(options.body_model, options.body_model_type)
    kind = CropKind(options.scorer.size, options.scorer.enlarge)
    labelled = labelled_folders(options, kind, body, options.out, console.print)
    samples = load_all_samples(labelled.folders)
    if wrong := set(samples.label_kind) - {"synthetic", "mocap"}:
        raise ValueError(
            f"{', '.join(map(str, labelled.folders))}: a scorer is trained on exact labels, some are {sorted(wrong)}; where "
            "those of photographs are exact, say so by --label_kind mocap"
        )
    check_labels(samples, body)
    files = [load_hypotheses(path, samples) for path in options.candidates]
    for path, hypotheses in zip(options.candidates, files, strict=True):
        require_body(hypotheses, body, str(path))
        if hypotheses.count != options.noised:
            raise ValueError(f"{path}: has {hypotheses.count} candidates a picture; give --noised {hypotheses.count}")
    config = CandidatesConfig(options.noised, options.judged_share, options.small, options.gross)
    made = scorer_sets(samples, files, body, config, options.seed)
    costs = {"branch": float(options.training.branch.steps), "ranking": 1.3 * options.training.ranking.steps}
    inputs = [*labelled.folders, *options.candidates, *([options.encoder_from] if options.encoder_from else [])]
    with training_job("train-scorer", options, costs, inputs) as job:
        scorer = train_scorer(
            options.scorer, options.training, made.training, made.sets, body, job.run, options.encoder_from
        )
        calibrate(scorer, made.held_out, made.calibration, made.labels, body)
        list_skipped(labelled.skipped, options.out)
        scorer.save_pretrained(options.out)
    console.print(
        f"trained on {len(made.training)} pictures, calibrated on {len(made.held_out)}; checkpoint in {options.out}"
    )
    return exit_code(len(labelled.skipped), options.strict)
