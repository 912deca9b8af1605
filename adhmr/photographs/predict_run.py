"""One run of predict on photographs, or on a video: what it loads, writes and tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adhmr.export.kinds import DEFAULT_EXPORTS, DEFAULT_VIDEO_EXPORTS, VIDEO_EXPORTS, checked_exports
from adhmr.loading import MEDOID, body_of, estimator_folder, judge_of, load_estimator, scorer_folder
from adhmr.photographs.people_source import people_source
from adhmr.photographs.told import told_of
from adhmr.photographs.video import VideoTask, predict_video_into
from adhmr.photographs.write import predict_into
from adhmr.predicting import PredictConfig, Predictor
from adhmr.progress import StageProgress, console
from diffusion_hmr import Generator
from hmr.estimator import name_of
from hmr.files import new_folder, write_provenance
from hmr.photographs.cameras import given_cameras
from hmr.photographs.folder import Photographs
from hmr.photographs.sources import PeopleSource
from hmr.photographs.video import Video
from scorer.medoid import MedoidScorer

if TYPE_CHECKING:
    from adhmr.commands.predict import Options

UNJUDGED = (
    "note: candidates are ranked by how near they are to each other (the medoid); their expected errors are not known. "
    "Give --scorer."
)
STRANGER = (
    "note: this generator was trained on pictures of the synthetic world only; on photographs its bodies are rough guesses. "
    "Train it on photographs with labels to get good ones."
)


def of_photographs(options: Options, images: Path, into: Path) -> int:
    """Ranked bodies of the people in photographs, as files in ``into``."""
    exports = checked_exports(
        DEFAULT_EXPORTS if options.export is None else options.export, options.body_model is not None
    )
    photographs = Photographs.at(images).require_some()
    loaded = _loaded(options)
    with StageProgress({"photographs": float(len(photographs.names))}) as progress:
        progress.start("photographs")
        code = photographs_into(options, photographs, loaded, into, exports, progress.at)
        progress.finish()
    _tell_limits(loaded)
    return code


def photographs_into(
    options: Options, photographs: Photographs, loaded: Loaded, into: Path, exports: Sequence[str],
    at: Callable[[float], None],
) -> int:  # fmt: skip
    """Everything of ``of_photographs`` once the networks are there; returns the exit code.

    into: a new folder, made once the people are known. at: called with the share that is done.
    """
    cameras = given_cameras(options.focal_px, options.intrinsics, photographs)
    people = _people(options, photographs, loaded)
    out = new_folder(into)
    written = predict_into(out, photographs, people, loaded.predictor, cameras, at, exports)
    _write_provenance(options, out)
    return told_of(written, out, f"{out}/*.png" if "png" in exports else str(out), options.strict)


def of_video(options: Options, path: Path, into: Path) -> int:
    """Ranked bodies of the people in each frame of a video, and who they are over time, as files in ``into``."""
    exports = DEFAULT_VIDEO_EXPORTS if options.export is None else options.export
    exports = checked_exports(exports, options.body_model is not None, VIDEO_EXPORTS)
    if options.keypoints is not None or options.boxes is not None:
        raise ValueError("--keypoints and --boxes are of photographs; of a video a detector finds the people")
    task = VideoTask(Video.open(path), options.every, options.smooth, exports)
    itself = Photographs.at(path)
    cameras = given_cameras(options.focal_px, options.intrinsics, itself)
    loaded = _loaded(options)
    people = _people(options, itself, loaded)
    out = new_folder(into)
    with StageProgress({"video": float(max(task.frames, 1))}) as progress:
        progress.start("video")
        written = predict_video_into(out, task, people, loaded.predictor, cameras, progress.at)
        progress.finish()
    _write_provenance(options, out)
    where = out / f"{path.stem}.mp4" if "mp4" in exports else out
    code = told_of(written, out, str(where), options.strict)
    _tell_limits(loaded)
    return code


@dataclass(frozen=True)
class Loaded:
    """What the options name, ready. prompted: whether the generator is told keypoints. of_world: whether it knows the synthetic
    world only."""

    predictor: Predictor
    prompted: bool
    of_world: bool


def _loaded(options: Options) -> Loaded:
    folder = estimator_folder(options.generator)
    estimator = load_estimator(folder, options.offline, console.print).to(options.device)
    body = body_of(options.body_model, options.body_model_type, level=6900)
    config = PredictConfig(
        options.candidates, options.estimate, options.seed, name_of(folder), options.people_at_once, options.fit
    )
    scorer = judge_of(options.scorer, estimator, options.offline, console.print).to(options.device)
    generator = estimator if isinstance(estimator, Generator) else None
    prompted = generator is not None and generator.is_prompted
    of_world = generator is not None and not prompted and generator.config.body.startswith("free-body")
    return Loaded(Predictor(estimator, scorer, body, config), prompted, of_world)


def _people(options: Options, photographs: Photographs, loaded: Loaded) -> PeopleSource:
    return people_source(options, photographs, loaded.prompted, options.device, console.print)


def _write_provenance(options: Options, out: Path) -> None:
    inputs = [estimator_folder(options.generator)]
    if options.scorer not in (None, MEDOID):
        inputs.append(scorer_folder(options.scorer))
    write_provenance(out, "predict", asdict(options), options.seed, inputs)


def _tell_limits(loaded: Loaded) -> None:
    if isinstance(loaded.predictor.scorer, MedoidScorer):
        console.print(UNJUDGED)
    if loaded.of_world:
        console.print(STRANGER)
