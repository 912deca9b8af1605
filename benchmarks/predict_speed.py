"""People per second of `adhmr predict` on a folder of photographs, from files to files, by stage and by the detector's settings.

    python -m benchmarks.predict_speed --photographs FOLDER --threads 2 --out benchmarks/results/predict_speed.json

What counts begins when the networks are loaded. All settings are run in one process, --rounds times in turn, and the quickest
round of each is told: on a machine that others use, compare their ratios. CPU seconds are those of all threads; divided by the
number of cores they are what no machine can do better, however its cores are used. Stages overlap where a thread works ahead, so
theirs are CPU seconds of the thread that did them (a network's other threads are not in them: with --threads 1 none are lost).
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

import adhmr.export.photographs as exporting
import adhmr.predicting as predicting
from adhmr.export.kinds import DEFAULT_EXPORTS
from adhmr.photographs.write import predict_into
from adhmr.predicting import PredictConfig, Predictor
from diffusion_hmr import Generator
from hmr.detection.config import DetectorConfig
from hmr.detection.photo_detector import PhotoDetector
from hmr.detection.source import DetectedPeople
from hmr.files import code_version, write_json
from hmr.free_body import free_body
from hmr.photographs.folder import Photographs
from scorer.medoid import MedoidScorer

_DEFAULT = DetectorConfig(masks=False)
VARIANTS = {
    "default": _DEFAULT,
    "always turned": replace(_DEFAULT, turned="always"),
    "not turned": replace(_DEFAULT, turned="never"),
    "one look": replace(_DEFAULT, looks=1),
    "full": replace(_DEFAULT, landmarks="full"),
    "not turned, full, one look": replace(_DEFAULT, turned="never", landmarks="full", looks=1),
}


@dataclass
class Stages:
    """CPU seconds of what was called, by name; nothing that is timed calls another that is."""

    seconds: dict[str, float] = field(default_factory=dict)

    def timed(self, name: str, act: Callable) -> Callable:
        def acted(*args: Any, **options: Any) -> Any:
            began = time.thread_time()
            try:
                return act(*args, **options)
            finally:
                self.seconds[name] = self.seconds.get(name, 0.0) + time.thread_time() - began

        return acted

    @contextmanager
    def of(self, places: dict[str, tuple[Any, str]]) -> Iterator[None]:
        """places: stage to an object (or module, or class) and the name of what is to be timed on it."""
        before = {stage: getattr(*place) for stage, place in places.items()}
        try:
            for stage, (owner, name) in places.items():
                setattr(owner, name, self.timed(stage, before[stage]))
            yield
        finally:
            for stage, (owner, name) in places.items():
                setattr(owner, name, before[stage])


def places(detector: PhotoDetector) -> dict[str, tuple[Any, str]]:
    return {
        "read": (Photographs, "read"),
        "find": (type(detector.finder), "looked_at_once"),
        "look": (type(detector.refiner), "look"),
        "crops": (Predictor, "crops_of"),
        "propose": (Generator, "propose"),
        "fit": (predicting, "fit_to_marks"),
        "judge": (MedoidScorer, "score"),
        "export npz": (exporting, "write_parameters"),
        "export png": (exporting, "write_overlay"),
        "export meshes": (exporting, "write_mesh"),
    }


def run(photographs: Photographs, detector: PhotoDetector, predictor: Predictor) -> dict[str, Any]:
    """One run: people, wall and CPU seconds, people per second, CPU seconds a person of each stage."""
    stages = Stages()
    with tempfile.TemporaryDirectory() as out, stages.of(places(detector)):
        began, cpu = time.perf_counter(), time.process_time()
        written = predict_into(
            Path(out), photographs, DetectedPeople(detector), predictor, None, lambda share: None, DEFAULT_EXPORTS
        )
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    people = len({row["key"] for row in written.rows})
    return {
        "people": people, "seconds": round(seconds, 2), "cpu_seconds": round(cpu_seconds, 2),
        "people_per_second": round(people / seconds, 3), "people_per_cpu_second": round(people / cpu_seconds, 3),
        "cpu_ms_per_person": {name: round(1000 * s / people, 1) for name, s in stages.seconds.items()},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--weights", type=Path, help="folder of the detector's")
    parser.add_argument("--generator", default="photo")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    photographs, generator = Photographs.at(args.photographs).require_some(), Generator.from_pretrained(args.generator)
    judge = MedoidScorer(generator.crop_size, generator.crop_enlarge)
    predictor = Predictor(generator, judge, free_body(6900), PredictConfig())
    detectors = {name: PhotoDetector.load(VARIANTS[name], args.weights) for name in args.variants}
    rows: dict[str, dict[str, Any]] = {}
    for _ in range(args.rounds):
        for name, detector in detectors.items():
            made = run(photographs, detector, predictor)
            print(name, made, flush=True)
            if name not in rows or made["seconds"] < rows[name]["seconds"]:
                rows[name] = made
    write_json(args.out, {
        "command": " ".join(["python -m benchmarks.predict_speed", *sys.argv[1:]]), "code": code_version(), "seed": 0,
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {args.threads} threads",
        "photographs": len(photographs.names), "settings": {name: asdict(VARIANTS[name]) for name in args.variants},
        "rows": rows,
    })  # fmt: skip


if __name__ == "__main__":
    main()
