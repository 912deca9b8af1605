"""Train HMR-Scorer on exactly labelled pictures: on noised truths, and on the candidates of generators given as files. A
twentieth of the pictures is held out to calibrate the score to millimetres."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from adhmr.tracking import Log
from scorer.config import ScorerConfig, ScorerTraining


@dataclass(frozen=True)
class Options:
    """
    Args:
        data: folders with pictures.npy and labels.npz, exact labels
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
        seed: everything random follows from it
        device: cpu or cuda
        log: where curves go; files are always written
    """

    data: list[Path]
    out: Path
    candidates: list[Path] = field(default_factory=list)
    noised: int = 8
    judged_share: float = 0.3
    small: float = 0.5
    gross: float = 0.35
    encoder_from: Path | None = None
    scorer: ScorerConfig = field(default_factory=ScorerConfig)
    training: ScorerTraining = field(default_factory=ScorerTraining)
    seed: int = 0
    device: str = "cpu"
    log: Log = "files"


def run(options: Options) -> None:
    import shutil

    import torch

    from adhmr.progress import StageProgress, console
    from adhmr.tracking import Tracker
    from adhmr.training_progress import training_report
    from hmr.files import checkpoint_folder, write_provenance
    from hmr.free_body import free_body
    from hmr.hypotheses import load_hypotheses
    from hmr.samples import Samples, load_samples, matched
    from scorer.candidates import CandidateSets, candidate_sets, noised_truth
    from scorer.train import calibrate, train_scorer

    samples = Samples.cat([load_samples(folder) for folder in options.data])
    if wrong := set(samples.label_kind) - {"synthetic", "mocap"}:
        raise ValueError(f"{options.data}: a scorer is trained on exact labels, some are {sorted(wrong)}")
    body = free_body(1200)
    shuffled = torch.randperm(len(samples), generator=torch.Generator().manual_seed(options.seed))
    held_out, training = (
        samples[shuffled[: max(len(samples) // 20, 1)]],
        samples[shuffled[max(len(samples) // 20, 1) :]],
    )
    files = [load_hypotheses(path) for path in options.candidates]
    for path, hypotheses in zip(options.candidates, files, strict=True):
        if hypotheses.count != options.noised:
            raise ValueError(f"{path}: has {hypotheses.count} candidates a picture; give --noised {hypotheses.count}")
    in_files = {key for hypotheses in files for key in hypotheses.key}
    drawn = torch.rand(len(training), generator=torch.Generator().manual_seed(options.seed)) < options.judged_share
    judged = training[[i for i, key in enumerate(training.key) if drawn[i] or key in in_files]]
    noised = noised_truth(judged, options.noised, options.seed, small=options.small, gross=options.gross)
    parts = [candidate_sets(training, noised, body, from_generator=False)]
    known = set(training.key)
    for hypotheses in files:
        rows = [i for i, key in enumerate(hypotheses.key) if key in known]
        parts.append(candidate_sets(training, hypotheses[rows], body))
    checkpoint_folder(options.out)
    tracker = Tracker(options.out / "curves", options.log)
    costs = {"branch": float(options.training.branch.steps), "ranking": 1.3 * options.training.ranking.steps}
    with StageProgress(costs) as progress:
        scorer = train_scorer(
            options.scorer, options.training, training, CandidateSets.cat(parts), body, options.seed,
            (training_report(progress, tracker, "branch"), training_report(progress, tracker, "ranking")),
            torch.device(options.device), options.out / "unfinished", options.encoder_from,
        )  # fmt: skip
    tracker.close()
    labels = noised_truth(held_out, options.noised, options.seed + 1, small=options.small, gross=options.gross)
    calibration = labels
    held_keys = set(held_out.key)
    for hypotheses in files:
        rows = [i for i, key in enumerate(hypotheses.key) if key in held_keys]
        if rows:  # a generator's own errors are what will be judged
            calibration = hypotheses[rows]
    held_out = matched(held_out, calibration.key)
    chosen = [labels.key.index(key) for key in held_out.key]
    calibrate(scorer, held_out, calibration, labels[chosen], body)
    scorer.save_pretrained(options.out)
    write_provenance(options.out, "train-scorer", asdict(options), options.seed, [*options.data, *options.candidates])
    shutil.rmtree(options.out / "unfinished", ignore_errors=True)
    console.print(f"trained on {len(training)} pictures, calibrated on {len(held_out)}; checkpoint in {options.out}")
