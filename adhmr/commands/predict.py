"""Propose and rank bodies for the people in photographs: `adhmr predict photo.jpg`. For each photograph: ranked parameters
(.npz), the body of each person (.glb, .obj), an overlay (.png), and what else --export names; predictions.csv lists all,
skipped.csv what could not be done and why. Of a video (`adhmr predict clip.mp4`): parameters of each frame, an overlay (.mp4),
and each person over time (.skinned.glb, .bvh). For a folder of crops (--data) it writes candidates.npz, which rank, pairs and
train-scorer take; no scorer is needed for that."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from adhmr.option_types import BodyModelType, EstimateKind
from adhmr.picture_options import PictureOptions

#: `adhmr predict photo.jpg` is `adhmr predict --images photo.jpg`.
POSITIONAL = ("images",)
#: Of the package's weights.
PACKAGED_GENERATOR = "photo"


@dataclass(frozen=True, kw_only=True)
class Options(PictureOptions):
    """
    Args:
        generator: photo (it comes with the package), a folder of a checkpoint, or a name on the Hugging Face Hub; of a
            generator's, or a regressor's, which gives one body for each person
        out: an empty folder to write; without it one beside you, named after ``images``
        scorer: photo (it comes with the package, and judges what the generator photo proposes), a folder of a checkpoint, a
            name on the Hub, or medoid: who is nearest to all others; without it photo where the generator is told keypoints,
            otherwise medoid
        fit: whether bodies of people with keypoints are moved to where those are
        candidates: bodies for each person
        estimate: the body that is drawn and exported as a mesh: the best by score, or the mean of all candidates on SO(3),
            weighted by score, whose error is lower on average
        every: of so many frames of a video one is looked at
        smooth: seconds; each body of a video becomes the mean of those around it, weighted by a Gaussian of this standard
            deviation; without it nothing is smoothed
        export: what is written of photographs: any of npz, png, obj, glb, ply, skinned_glb, bvh, smpl, human_data; of a video:
            any of npz, mp4, skinned_glb, bvh, smpl (docs/exports.md); without it npz, png, obj, glb, or npz, mp4, skinned_glb,
            bvh
        body_model: file (or folder) of the SMPL-family model that the generator was trained on; without it the free body
        body_model_type: auto (what the file is), smpl, smplh or smplx
        people_at_once: people of several photographs that go through the networks together
        seed: of the sampling
        device: cpu or cuda
        strict: exit with 2 when anything was skipped, instead of with 3
    """

    generator: str = PACKAGED_GENERATOR
    out: Path | None = None
    scorer: str | None = None
    fit: bool = True
    candidates: int = 10
    estimate: EstimateKind = "best"
    every: int = 1
    smooth: float | None = None
    export: list[str] | None = None
    body_model: Path | None = None
    body_model_type: BodyModelType = "auto"
    people_at_once: int = 64
    seed: int = 0
    device: str = "cpu"
    strict: bool = False


def run(options: Options) -> int:
    if options.candidates < 1 or options.people_at_once < 1:
        raise ValueError(
            f"expected at least one of --candidates and --people_at_once, got {options.candidates} and {options.people_at_once}"
        )
    options.check()
    if options.data is not None:
        return of_crops(options, options.data)
    assert options.images is not None
    from adhmr.photographs.predict_run import of_photographs, of_video
    from hmr.photographs.video import is_video

    if is_video(options.images):
        return of_video(options, options.images, out_folder(options, options.images))
    if options.every != 1 or options.smooth is not None:
        raise ValueError("--every and --smooth are of videos, --images is none")
    return of_photographs(options, options.images, out_folder(options, options.images))


def out_folder(options: Options, given: Path) -> Path:
    """``--out``, or a folder here that is named after what is given."""
    return options.out if options.out is not None else Path(f"{given.resolve().stem}-bodies")


def of_crops(options: Options, data: Path) -> int:
    """Candidates of all crops of a folder, in one file."""
    from adhmr.loading import body_of, estimator_folder, load_estimator
    from adhmr.progress import StageProgress, console
    from hmr.estimator import name_of
    from hmr.files import new_folder, write_provenance
    from hmr.hypotheses import Hypotheses, save_hypotheses
    from hmr.samples import load_views

    folder = estimator_folder(options.generator)
    estimator = load_estimator(folder, options.offline, console.print).to(options.device)
    views, body = load_views(data), body_of(options.body_model, options.body_model_type)
    estimator.check_size(views)
    source = name_of(folder)
    parts: list[Hypotheses] = []
    with StageProgress({"candidates": 1.0}) as progress:
        progress.start("candidates")
        for start in range(0, len(views), 256):
            rows = slice(start, start + 256)
            parts.append(estimator.propose(views[rows], body, options.candidates, options.seed + start, source))
            progress.at(min(start + 256, len(views)) / len(views))
        progress.finish()
    out, candidates = new_folder(out_folder(options, data)), Hypotheses.cat(parts)
    save_hypotheses(out / "candidates.npz", candidates, views)
    write_provenance(out, "predict", asdict(options), options.seed, [folder, data])
    console.print(f"{candidates.count} candidates for each of {len(views)} pictures in {out / 'candidates.npz'}")
    return 0
