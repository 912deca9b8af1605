"""Phase one of cleaning a large set: score labels of any format (docs/cleaning.md) and write a parquet for each file, or for
each so many rows of one. What is there already is not scored again, so a run that was stopped goes on. In a SLURM array every job
takes its share; with --ray_workers the same work runs on Ray Data. Phase two is `adhmr clean --scores`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from adhmr.option_types import BodyModelType


@dataclass(frozen=True)
class Options:
    """
    Args:
        data: a file of labels, a folder of such files, or our own folder with pictures.npy and labels.npz
        scorer: folder of a scorer checkpoint
        out: folder for the parquet files; may hold some of them already
        images: folder of the photographs that the labels are of
        body_model: folder or file of the SMPL-family model of the labels' parameters; without it the keypoints in the files are
            judged where there are some, else the parameters on the free body
        body_model_type: auto (what the file is), smpl, smplh or smplx
        coco: COCO file that says which photographs the annotations of a NeuralAnnot file are of
        rows_per_unit: labels for each parquet
        task_index: which job of ``task_count`` this is, from 0; in a SLURM array both are known
        task_count: jobs in all
        ray_workers: score with so many Ray workers instead of here
        device: cpu or cuda
        strict: exit with 2 when some could not be judged, instead of with 3
    """

    data: Path
    scorer: Path
    out: Path
    images: Path | None = None
    body_model: Path | None = None
    body_model_type: BodyModelType = "auto"
    coco: Path | None = None
    rows_per_unit: int = 1000
    task_index: int | None = None
    task_count: int | None = None
    ray_workers: int = 0
    device: str = "cpu"
    strict: bool = False


def run(options: Options) -> int:
    from adhmr.exit_code import exit_code
    from adhmr.progress import console
    from adhmr.scoring import ScoringJob, check_out, score_here, share_of, task_of_array
    from hmr.files import write_provenance

    if options.ray_workers < 0:
        raise ValueError(f"expected --ray_workers of 0 (score here) or more, got {options.ray_workers}")
    job = ScoringJob(
        options.data, options.scorer, options.images, options.coco, options.body_model, options.body_model_type,
        options.rows_per_unit, options.device,
    )  # fmt: skip
    check_out(options.data, options.out)
    array_index, array_count = task_of_array()
    index = array_index if options.task_index is None else options.task_index
    units, broken = share_of(job, index, array_count if options.task_count is None else options.task_count)
    if options.ray_workers > 0:
        from adhmr.scoring_on_ray import score_on_ray

        done, bad = score_on_ray(job, units, options.out, options.ray_workers)
    else:
        done, bad = score_here(job, units, options.out)
    write_provenance(options.out, "score", asdict(options), None, [options.scorer])
    for item in broken:
        console.print(f"not scored: {item.reason}", highlight=False)
    console.print(
        f"scored {done} labels into {options.out} ({sum(u.stop - u.start for u in units) - done} were there already); "
        f"{bad} could not be judged, {len(broken)} files could not be read"
    )
    return exit_code(bad + len(broken), options.strict)
