"""How often the detector that the house brings agrees with people who marked joints in photographs.

    python -m benchmarks.detector_agreement --photographs lspet --coco photos --weights ~/.cache/adhmr/weights \
        --out benchmarks/results/detector_agreement.json

--photographs: Leeds Sports Pose Extended (Johnson and Everingham, CVPR 2011), as ``validation.npz`` (``image`` names,
``keypoints`` (n, 14, 3): x, y, visible) beside ``images/``; the first --people of them. --coco: photographs beside
``test_coco.json``, COCO's annotations of them. Neither may be handed on. A joint agrees within 0.1 (and 0.05) of the longer
side of the marked joints' box; the person nearest to the marks is judged, and somebody who is not found is wrong everywhere.
Settings were chosen on these people.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from adhmr.figures import Figure, bootstrap, mean_figure, show
from benchmarks.marked_photographs import share
from benchmarks.settings import settings
from hmr.detection.blazepose import BlazePose, Landmarks
from hmr.detection.config import BlazePoseSize, DetectorConfig
from hmr.detection.found import Found
from hmr.detection.movenet import MoveNet
from hmr.detection.photo_detector import PhotoDetector
from hmr.detection.weights import MOVENET, blazepose_name, weights_file
from hmr.files import code_version, read_json, write_json
from hmr.keypoint_sets import COCO_17, LSP_14, Keypoints, KeypointSet
from hmr.photographs.read import read_photograph

#: Head and neck are other places in COCO's set.
JUDGED_LSP = KeypointSet("lsp12", LSP_14.points[:12])
#: A person whose joints are so far off on average (parts of the size) was not found.
FOUND = 0.3


class RememberingMoveNet(MoveNet):
    """Looks once at what several settings ask for, and knows what each would have cost. Its memory is of one photograph."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.memory: dict = {}
        self.seconds = 0.0

    def looked_at_once(self, photograph: np.ndarray, size: int, min_score: float) -> list[Found]:
        key = (photograph.shape, photograph.tobytes(), size, min_score)
        if key not in self.memory:
            began = time.perf_counter()
            self.memory[key] = super().looked_at_once(photograph, size, min_score), time.perf_counter() - began
        self.seconds += self.memory[key][1]
        return self.memory[key][0]


class RememberingBlazePose(BlazePose):
    """The same of the refiner."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.memory: dict = {}
        self.seconds = 0.0

    def look(self, photograph: np.ndarray, regions) -> list[Landmarks]:
        new = [region for region in dict.fromkeys(regions) if region not in self.memory]
        began = time.perf_counter()
        seen = super().look(photograph, new)
        for region, landmarks in zip(new, seen, strict=True):
            self.memory[region] = landmarks, (time.perf_counter() - began) / len(new)
        self.seconds += sum(self.memory[region][1] for region in regions)
        return [self.memory[region][0] for region in regions]


@dataclass(frozen=True, eq=False)
class Marked:
    """One person whose joints somebody marked in a photograph.

    Attributes:
        of: the joints that are judged, (k).
        px: (k, 2) pixels.
        marked: (k,) whether it was.
        size_px: the longer side of the box around all marked joints.
    """

    path: Path
    of: KeypointSet
    px: np.ndarray
    marked: np.ndarray
    size_px: float

    @classmethod
    def read(cls, path: Path, of: KeypointSet, judged: KeypointSet, px: np.ndarray) -> Marked:
        """px: of the set ``of``, x, y and above 0 where marked."""
        there, _ = of.taken_to(judged)
        size_px = float(np.ptp(px[px[:, 2] > 0, :2], axis=0).max())
        return cls(path, judged, px[there, :2], px[there, 2] > 0, size_px)

    def judged(self, people: list[Keypoints]) -> list[float]:
        """Joints marked, of these within 0.1 and within 0.05, whether the person was found."""
        places = [person.taken_to(self.of).px[self.marked, :2] for person in people]
        errors = [np.linalg.norm(each - self.px[self.marked], axis=1) / self.size_px for each in places]
        count = int(self.marked.sum())
        nearest = min(errors, key=lambda error: float(error.mean()), default=np.full(count, np.inf))
        return [count, int((nearest < 0.1).sum()), int((nearest < 0.05).sum()), float(nearest.mean() < FOUND)]


def of_lsp(folder: Path, count: int) -> Iterator[Marked]:
    with np.load(folder / "validation.npz") as file:
        names, keypoints = file["image"][:count], file["keypoints"][:count]
    for name, px in zip(names, keypoints, strict=True):
        yield Marked.read(folder / "images" / str(name), LSP_14, JUDGED_LSP, px)


def of_coco(folder: Path) -> Iterator[Marked]:
    content = read_json(folder / "test_coco.json")
    names = {image["id"]: image["file_name"] for image in content["images"]}
    for note in content["annotations"]:
        if note.get("num_keypoints") and not note.get("iscrowd"):
            px = np.array(note["keypoints"], np.float32).reshape(17, 3)
            yield Marked.read(folder / names[note["image_id"]], COCO_17, COCO_17, px)


@dataclass(frozen=True)
class Variant:
    """A way to look; without ``refined`` MoveNet's keypoints are taken."""

    config: DetectorConfig
    refined: bool

    @property
    def name(self) -> str:
        finder = f"MoveNet {'+'.join(map(str, self.config.sizes))}{', turned' * self.config.turned}"
        looks = f"{self.config.looks} look{'s' * (self.config.looks > 1)}"
        return f"{finder}; BlazePose {self.config.landmarks}, {looks}" if self.refined else finder


def variants() -> list[Variant]:
    found = [((256,), False), ((256, 512), False), ((256,), True), ((256, 512), True), ((192, 256, 512), True)]
    out = [Variant(DetectorConfig(sizes, turned, looks=1), False) for sizes, turned in found]
    for sizes, turned in (found[0], found[1], found[3]):
        out += [Variant(DetectorConfig(sizes, turned, size, 1), True) for size in ("full", "heavy")]
    out += [Variant(DetectorConfig((256, 512), True, "full", looks), True) for looks in (4, 8)]
    out += [Variant(DetectorConfig((256, 512), True, "heavy", looks), True) for looks in (2, 4, 8)]
    return [*out, *(Variant(DetectorConfig((192, 256, 512), True, "heavy", looks), True) for looks in (4, 8))]


def measured(people: list[Marked], finder: RememberingMoveNet, refiners: dict[str, RememberingBlazePose]) -> dict:
    """Figures of every variant on all of them."""
    rows: dict[str, list[list[float]]] = {variant.name: [] for variant in variants()}
    networks = [finder, *refiners.values()]
    for number, marked in enumerate(people):
        photograph = read_photograph(marked.path)
        if number == 0 or marked.path != people[number - 1].path:
            for network in networks:
                network.memory = {}
        for variant in variants():
            before = sum(network.seconds for network in networks)
            said = keypoints_of(variant, photograph, finder, refiners)
            seconds = sum(network.seconds for network in networks) - before
            rows[variant.name].append([*marked.judged(said), len(said), seconds])
        if number % 10 == 9:
            print(f"{number + 1} of {len(people)}", flush=True)
    return {name: figures(np.array(each)) for name, each in rows.items()}


def keypoints_of(
    variant: Variant, photograph: np.ndarray, finder: RememberingMoveNet, refiners: dict[str, RememberingBlazePose]
) -> list[Keypoints]:
    config = variant.config
    if variant.refined:
        detector = PhotoDetector(config, finder, refiners[config.landmarks])
        return [person.keypoints for person in detector.looked_at(photograph)]
    quarters = (0, 1, 2, 3) if config.turned else (0,)
    people = finder.people(photograph, config.sizes, quarters, config.min_score)
    return [Keypoints.read(COCO_17, person.px) for person in people]


def figures(rows: np.ndarray) -> dict[str, Figure]:
    count, tenth, twentieth, found, people, seconds = rows.T
    return {
        "pck_0.1": bootstrap(share, tenth, count),
        "pck_0.05": bootstrap(share, twentieth, count),
        "found_percent": mean_figure(100 * found),
        "people_per_photograph": mean_figure(people),
        "seconds_per_photograph": mean_figure(seconds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--coco", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--people", type=int, default=150)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sizes: tuple[BlazePoseSize, ...] = ("full", "heavy")
    refiners = {size: RememberingBlazePose(weights_file(blazepose_name(size), options.weights)) for size in sizes}
    json, _ = (weights_file(name, options.weights) for name in MOVENET)  # the json reads the other one beside it
    finder = RememberingMoveNet(json)
    results = {"coco": measured(list(of_coco(options.coco)), finder, refiners)} if options.coco else {}
    results["lspet_validation"] = measured(list(of_lsp(options.photographs, options.people)), finder, refiners)
    for data, of_variants in results.items():
        for name, each in of_variants.items():
            told = ", ".join(f"{key} {show(figure)}" for key, figure in each.items())
            print(f"{data}: {name}: {told}")
    write_json(options.out, {
        "command": "python -m benchmarks.detector_agreement --photographs lspet --coco photos",
        "code": code_version(), "options": settings(options), "seed": "none: nothing is drawn but the intervals' resamples (0)",
        "machine": f"{options.threads} thread of {os.cpu_count()} CPU cores, which others used too", "results": results,
    })  # fmt: skip


if __name__ == "__main__":
    main()
