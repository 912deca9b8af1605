"""Phase one of cleaning: labels a second, memory as rows grow, and two Ray workers against one.

    python -m benchmarks.cleaning_speed --scorer adhmr-demo/scorer --out benchmarks/results/cleaning_speed.json

Labels in CameraHMR's format on photographs of 640 x 480 px, made here. Reading and cropping, and scoring, are timed apart, each
on one thread. Ray's start is not counted, the streaming of its stages is.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import platform
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from adhmr.scoring import ScoringJob
from adhmr.scoring_on_ray import score_on_ray
from adhmr.world.domains import DOMAINS
from adhmr.world.make import make_samples
from data_cleaning.run_units import score_units
from data_cleaning.score import judge
from hmr.camera import project
from hmr.files import code_version, write_json
from hmr.free_body import free_body
from hmr.samples import body_params_arrays
from scorer.protocol import load_scorer

WIDTH, HEIGHT, PHOTOGRAPHS = 640, 480, 200


def write_photographs(folder: Path) -> None:
    rng = np.random.default_rng(0)
    folder.mkdir()
    for i in range(PHOTOGRAPHS):
        small = Image.fromarray(rng.integers(0, 255, (60, 80, 3), dtype=np.uint8))
        small.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC).save(folder / f"{i:04d}.jpg", quality=90)


def write_labels(path: Path, count: int) -> None:
    """Bodies of the target domain in the middle of a photograph."""
    bodies = make_samples(DOMAINS["target"], 200, 64, 5, free_body(1200), "speed").label
    arrays = body_params_arrays(bodies)
    K = np.array([[700.0, 0, WIDTH / 2], [0, 700.0, HEIGHT / 2], [0, 0, 1]], dtype=np.float32)
    seen = project(free_body(1200).keypoints(bodies)[:, :24], torch.from_numpy(K)).numpy()
    pose = np.concatenate([arrays["global_orient"], arrays["body_pose"].reshape(-1, 69)], 1)
    rows = np.arange(count) % len(pose)
    jitter = np.random.default_rng(1).normal(0, 1, (count, 1, 2)).astype(np.float32)
    np.savez(
        path, imgname=np.array([f"{i % PHOTOGRAPHS:04d}.jpg" for i in range(count)]), pose_cam=pose[rows],
        shape=arrays["betas"][rows], cam_int=np.broadcast_to(K, (count, 3, 3)), gtkps=seen[rows] + jitter,
    )  # fmt: skip


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scorer", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--ray_rows", type=int, default=24_000)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    found: dict[str, object] = {
        "command": "python -m benchmarks.cleaning_speed", "code": code_version(), "torch": torch.__version__,
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, {options.device}",
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_photographs(folder / "images")
        write_labels(folder / "few.npz", 2_000)
        write_labels(folder / "ray.npz", options.ray_rows)
        write_labels(folder / "many.npz", options.rows)

        def job(file: str, rows: int = 1000) -> ScoringJob:
            return ScoringJob(
                folder / file, options.scorer, folder / "images", None, None, "smpl", rows, options.device
            )

        scorer = load_scorer(options.scorer).to(options.device)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        units, decoder = job("few.npz").units()[0], job("few.npz").decoder(scorer.crop_size)
        judge(scorer, decoder(units[0]))
        began = time.perf_counter()
        decoded = [decoder(unit) for unit in units]
        middle = time.perf_counter()
        for each in decoded:
            judge(scorer, each)
        end = time.perf_counter()
        found["one_thread"] = {"decoded_per_s": 2000 / (middle - began), "scored_per_s": 2000 / (end - middle)}
        print(found["one_thread"], flush=True)
        torch.set_num_threads(threads)

        seconds, steady = {}, {}
        on_ray = job("ray.npz", 500)  # small units, or the last one, which one worker does alone, weighs too much
        for workers in (1, 2):
            seconds[workers] = timed_on_ray(on_ray, on_ray.units()[0], folder / f"ray-{workers}", workers)
            steady[workers] = steady_rate(folder / f"ray-{workers}", workers, options.ray_rows)
            print(f"{workers} Ray workers: {options.ray_rows / seconds[workers]:.0f} labels/s, "
                  f"{steady[workers]:.0f} once running", flush=True)  # fmt: skip
        same = all(
            (folder / "ray-1" / p.name).read_bytes() == p.read_bytes() for p in (folder / "ray-2").glob("*.parquet")
        )
        plain = {n: plain_rate(on_ray, folder / f"plain-{n}", n, options.ray_rows) for n in (1, 2)}
        print(f"without Ray, 1 and 2 processes: {plain[1]:.0f} and {plain[2]:.0f} labels/s", flush=True)
        found["without_ray"] = {"labels_per_s": plain, "two_over_one": plain[2] / plain[1]}
        found["ray"] = {
            "labels_per_s": {w: options.ray_rows / s for w, s in seconds.items()}, "two_over_one": seconds[1] / seconds[2],
            "labels_per_s_once_running": steady, "two_over_one_once_running": steady[2] / steady[1],
            "rows": options.ray_rows, "rows_per_unit": 500, "same_bytes": same,
        }  # fmt: skip

        memory: dict[int, float] = {}
        began = time.perf_counter()

        def at(done: int, total: int) -> None:
            if done % 20_000 == 0 or done == total or done == 5_000:
                memory[done] = peak_mib()
                print(f"{done} of {total}: {memory[done]:.0f} MiB, {time.perf_counter() - began:.0f} s", flush=True)

        many = job("many.npz")
        score_units(many.units()[0], folder / "many", many.decoder(scorer.crop_size), scorer, many.scorer_id(), at)
        found["memory"] = {"peak_mib_by_rows": memory, "labels_per_s": options.rows / (time.perf_counter() - began)}
    write_json(options.out, found)


def timed_on_ray(job: ScoringJob, units: list, out: Path, workers: int) -> float:
    """Seconds from Ray's being up to its last parquet."""
    import ray

    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)
    began = time.perf_counter()
    score_on_ray(job, units, out, workers)
    return time.perf_counter() - began


def _score_share(job: ScoringJob, units: list, out: Path, ready: Any, went: Any) -> None:
    torch.set_num_threads(1)
    scorer = load_scorer(job.scorer)
    decoder = job.decoder(scorer.crop_size)
    ready.wait()
    began = time.perf_counter()
    score_units(units, out, decoder, scorer, job.scorer_id(), lambda *_: None)
    went.put(time.perf_counter() - began)


def plain_rate(job: ScoringJob, out: Path, processes: int, rows: int) -> float:
    """Labels a second of as many processes without Ray, each on one thread, their start left out: what this machine allows."""
    units = job.units()[0]
    context = multiprocessing.get_context("spawn")
    ready, went = context.Barrier(processes), context.Queue()
    shares = [units[i::processes] for i in range(processes)]
    started = [context.Process(target=_score_share, args=(job, share, out, ready, went)) for share in shares]
    for process in started:
        process.start()
    seconds = max(went.get() for _ in started)
    for process in started:
        process.join()
    return rows / seconds


def steady_rate(out: Path, workers: int, rows: int) -> float:
    """Labels a second from when every worker has written its first parquet to the last: the start of the workers left out."""
    written = sorted(p.stat().st_mtime for p in out.glob("*.parquet"))
    return rows * (1 - workers / len(written)) / (written[-1] - written[workers - 1])


if __name__ == "__main__":
    main()
