"""Phase one of cleaning: labels a second, memory as rows grow, and two Ray workers against one.

    python -m benchmarks.cleaning_speed --scorer adhmr-demo/scorer --out benchmarks/results/cleaning_speed.json

Labels in CameraHMR's format on photographs of 640 x 480 px, made here. Reading and cropping, and scoring, are timed apart, each
on one thread. One worker and two take turns, on Ray and as plain processes, which tell what two cores of this machine can be
at all. What is said of Ray is said from when every worker has written its first parquet ("once running") and with their start.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import platform
import resource
import tempfile
import time
from dataclasses import dataclass
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
from hmr.body_codec import arrays_of_bodies
from hmr.camera import project
from hmr.files import code_version, read_json, write_json
from hmr.free_body import free_body
from scorer.protocol import load_scorer

WIDTH, HEIGHT, PHOTOGRAPHS = 640, 480, 200
ROWS_PER_RAY_UNIT = 250  # or the last unit, which one worker does alone, weighs too much in so few labels
Found = dict[str, Any]


def write_photographs(folder: Path) -> None:
    rng = np.random.default_rng(0)
    folder.mkdir()
    for i in range(PHOTOGRAPHS):
        small = Image.fromarray(rng.integers(0, 255, (60, 80, 3), dtype=np.uint8))
        small.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC).save(folder / f"{i:04d}.jpg", quality=90)


def write_labels(path: Path, count: int) -> None:
    """Bodies of the target domain in the middle of a photograph."""
    bodies = make_samples(DOMAINS["target"], 200, 64, 5, free_body(1200), "speed").label
    arrays = arrays_of_bodies(bodies)
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


@dataclass(frozen=True)
class Bench:
    """A folder with photographs and labels, and what scores them."""

    folder: Path
    options: argparse.Namespace

    def job(self, rows: int, rows_per_unit: int = 1000) -> ScoringJob:
        file = self.folder / f"{rows}.npz"
        if not file.exists():
            write_labels(file, rows)
        images = self.folder / "images"
        return ScoringJob(file, self.options.scorer, images, None, None, "smpl", rows_per_unit, self.options.device)


def one_thread(bench: Bench) -> Found:
    job, rows = bench.job(2_000), 2_000
    scorer = load_scorer(job.scorer).to(job.device)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    units, decoder = job.units()[0], job.decoder(scorer.crop_size)
    judge(scorer, decoder(units[0]))
    began = time.perf_counter()
    decoded = [decoder(unit) for unit in units]
    middle = time.perf_counter()
    for each in decoded:
        judge(scorer, each)
    end = time.perf_counter()
    torch.set_num_threads(threads)
    return {"decoded_per_s": rows / (middle - began), "scored_per_s": rows / (end - middle)}


Rates = dict[int, list[float]]


def two_over_one(rates: Rates) -> Found:
    """Of labels a second of one worker and of two, by turn."""
    ratios = [two / one for one, two in zip(rates[1], rates[2], strict=True)]
    return {
        "labels_per_s": {n: float(np.median(rates[n])) for n in (1, 2)},
        "two_over_one": float(np.median(ratios)), "two_over_one_by_turn": ratios,
    }  # fmt: skip


def on_ray(bench: Bench) -> Found:
    """One and two, on Ray and without, turn about, so that a slow minute of the machine falls on all."""
    rows = bench.options.ray_rows
    job = bench.job(rows, ROWS_PER_RAY_UNIT)
    found: dict[str, Rates] = {name: {1: [], 2: []} for name in ("once_running", "with_start", "plain_processes")}
    written: list[Path] = []
    for turn in range(bench.options.turns):
        for workers in (1, 2):
            ray, plain = (bench.folder / f"{name}-{turn}-{workers}" for name in ("ray", "plain"))
            found["with_start"][workers].append(rows / timed_on_ray(job, job.units()[0], ray, workers))
            found["once_running"][workers].append(steady_rate(ray, workers, rows))
            found["plain_processes"][workers].append(plain_rate(job, plain, workers, rows))
            written += [ray, plain]
        print({name: {n: round(each[-1], 1) for n, each in rates.items()} for name, rates in found.items()}, flush=True)
    one, *others = map(parquets, written)
    return {name: two_over_one(rates) for name, rates in found.items()} | {
        "same_bytes": all(other == one for other in others), "rows": rows, "rows_per_unit": ROWS_PER_RAY_UNIT,
    }  # fmt: skip


def memory(bench: Bench) -> Found:
    rows = bench.options.rows
    job = bench.job(rows)
    scorer = load_scorer(job.scorer).to(job.device)
    peak: dict[int, float] = {}
    began = time.perf_counter()

    def at(done: int, total: int) -> None:
        if done % 20_000 == 0 or done == total or done == 5_000:
            peak[done] = peak_mib()
            print(f"{done} of {total}: {peak[done]:.0f} MiB, {time.perf_counter() - began:.0f} s", flush=True)

    score_units(job.units()[0], bench.folder / "many", job.decoder(scorer.crop_size), scorer, job.made_by(), at)
    return {"peak_mib_by_rows": peak, "labels_per_s": rows / (time.perf_counter() - began)}


MEASURES = {"one_thread": one_thread, "ray": on_ray, "memory": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scorer", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--ray_rows", type=int, default=12_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--measure", nargs="+", choices=list(MEASURES), default=list(MEASURES))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, required=True, help="what it holds of other measures stays")
    options = parser.parse_args()
    found: Found = read_json(options.out) if options.out.exists() else {}
    for name in options.measure:
        with tempfile.TemporaryDirectory() as folder:
            write_photographs(Path(folder) / "images")
            found[name] = MEASURES[name](Bench(Path(folder), options)) | {
                "code": code_version(), "torch": torch.__version__,
                "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, {options.device}",
            }  # fmt: skip
        print(name, found[name], flush=True)
        write_json(options.out, {"command": "python -m benchmarks.cleaning_speed"} | found)


def timed_on_ray(job: ScoringJob, units: list, out: Path, workers: int) -> float:
    """Seconds from Ray's being up to its last parquet."""
    import ray

    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)
    began = time.perf_counter()
    score_on_ray(job, units, out, workers)
    return time.perf_counter() - began


def _score_share(job: ScoringJob, units: list, out: Path, ready: Any, went: Any) -> None:
    torch.set_num_threads(1)
    scorer = load_scorer(job.scorer).to(job.device)
    decoder = job.decoder(scorer.crop_size)
    ready.wait()
    began = time.perf_counter()
    score_units(units, out, decoder, scorer, job.made_by(), lambda *_: None)
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


def parquets(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.glob("*.parquet")}


def steady_rate(out: Path, workers: int, rows: int) -> float:
    """Labels a second from when every worker has written its first parquet to the last: the start of the workers left out."""
    written = sorted(p.stat().st_mtime for p in out.glob("*.parquet"))
    return rows * (1 - workers / len(written)) / (written[-1] - written[workers - 1])


if __name__ == "__main__":
    main()
