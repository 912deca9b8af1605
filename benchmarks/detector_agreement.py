"""How often the detector that the house brings agrees with people who marked joints in photographs.

    python -m benchmarks.detector_agreement --photographs lspet --coco photos --weights ~/.cache/adhmr/weights \
        --out benchmarks/results/detector_agreement.json
    python -m benchmarks.detector_agreement --turning ... --out benchmarks/results/detector_turning.json

--photographs: Leeds Sports Pose Extended (Johnson and Everingham, CVPR 2011), as ``validation.npz`` (``image`` names,
``keypoints`` (n, 14, 3): x, y, visible) beside ``images/``; the first --people of them. --coco: photographs beside
``test_coco.json``, COCO's annotations of them. Neither may be handed on. A joint agrees within 0.1 (and 0.05) of the longer
side of the marked joints' box; the person nearest to the marks is judged, and somebody who is not found is wrong everywhere.
Seconds are the CPU's, with --threads 1. Settings were chosen on these people. --turning: when photographs are looked at from
other sides, and what is given up for speed. Strangers are found people whose box overlaps no labelled person's (intersection
over union below 0.1): in COCO, where all people are labelled, they are false; in LSPET one person a photograph is labelled, and
most are bystanders.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from adhmr.figures import Figure, bootstrap, mean_figure, show
from benchmarks.marked_photographs import share
from benchmarks.settings import settings
from hmr.detection.blazepose import BlazePose, Landmarks
from hmr.detection.config import BlazePoseSize, DetectorConfig
from hmr.detection.found import Found, overlap
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
#: A box that overlaps no labelled one by so much is somebody else's, or nobody's.
STRANGER = 0.1


@dataclass(frozen=True, eq=False)
class Said:
    """Somebody as a detector says."""

    box_xyxy: np.ndarray
    keypoints: Keypoints


class RememberingMoveNet(MoveNet):
    """Looks once at what several settings ask for, and knows what each would have cost. Its memory is of one photograph."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.memory: dict = {}
        self.seconds = 0.0

    def looked_at_once(self, photograph: np.ndarray, size: int, min_score: float) -> list[Found]:
        key = (photograph.shape, photograph.tobytes(), size, min_score)
        if key not in self.memory:
            began = time.thread_time()
            self.memory[key] = super().looked_at_once(photograph, size, min_score), time.thread_time() - began
        self.seconds += self.memory[key][1]
        return self.memory[key][0]


class RememberingBlazePose(BlazePose):
    """The same of the refiner."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.memory: dict = {}
        self.seconds = 0.0

    def look(self, photograph: np.ndarray, regions, masks: bool = True) -> list[Landmarks]:
        new = [region for region in dict.fromkeys(regions) if region not in self.memory]
        began = time.thread_time()
        seen = super().look(photograph, new, masks)
        for region, landmarks in zip(new, seen, strict=True):
            self.memory[region] = landmarks, (time.thread_time() - began) / len(new)
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
        labelled_xyxy: (m, 4) boxes of all people who are labelled in the photograph.
    """

    path: Path
    of: KeypointSet
    px: np.ndarray
    marked: np.ndarray
    size_px: float
    labelled_xyxy: np.ndarray

    @classmethod
    def read(
        cls, path: Path, sets: tuple[KeypointSet, KeypointSet], px: np.ndarray, labelled: np.ndarray | None
    ) -> Marked:
        """px: of the first set, x, y and above 0 where marked; judged are the second's. labelled: None for this one alone."""
        there, _ = sets[0].taken_to(sets[1])
        known = px[px[:, 2] > 0, :2]
        low, high = known.min(0), known.max(0)
        boxes = np.concatenate([low, high])[None] if labelled is None else labelled
        return cls(path, sets[1], px[there, :2], px[there, 2] > 0, float((high - low).max()), boxes)

    def strangers(self, people: list[Said]) -> int:
        return sum(all(overlap(one.box_xyxy, box) < STRANGER for box in self.labelled_xyxy) for one in people)

    def judged(self, people: list[Said]) -> list[float]:
        """Joints marked, of these within 0.1 and within 0.05, whether the person was found."""
        places = [person.keypoints.taken_to(self.of).px[self.marked, :2] for person in people]
        errors = [np.linalg.norm(each - self.px[self.marked], axis=1) / self.size_px for each in places]
        count = int(self.marked.sum())
        nearest = min(errors, key=lambda error: float(error.mean()), default=np.full(count, np.inf))
        return [count, int((nearest < 0.1).sum()), int((nearest < 0.05).sum()), float(nearest.mean() < FOUND)]


def of_lsp(folder: Path, count: int) -> Iterator[Marked]:
    with np.load(folder / "validation.npz") as file:
        names, keypoints = file["image"][:count], file["keypoints"][:count]
    for name, px in zip(names, keypoints, strict=True):
        yield Marked.read(folder / "images" / str(name), (LSP_14, JUDGED_LSP), px, None)


def of_coco(folder: Path) -> Iterator[Marked]:
    content = read_json(folder / "test_coco.json")
    names = {image["id"]: image["file_name"] for image in content["images"]}
    boxes: dict[int, list[np.ndarray]] = {}
    for note in content["annotations"]:
        x, y, w, h = note["bbox"]
        boxes.setdefault(note["image_id"], []).append(np.array([x, y, x + w, y + h]))
    for note in content["annotations"]:
        if note.get("num_keypoints") and not note.get("iscrowd"):
            px = np.array(note["keypoints"], np.float32).reshape(17, 3)
            yield Marked.read(
                folder / names[note["image_id"]], (COCO_17, COCO_17), px, np.stack(boxes[note["image_id"]])
            )


@dataclass(frozen=True)
class Variant:
    """A way to look; without ``refined`` MoveNet's keypoints are taken."""

    config: DetectorConfig
    refined: bool = True

    @property
    def name(self) -> str:
        turned = {"never": "", "doubtful": ", turned where doubtful", "always": ", turned"}[self.config.turned]
        finder = f"MoveNet {'+'.join(map(str, self.config.sizes))}{turned}"
        looks = f"{self.config.looks} look{'s' * (self.config.looks > 1)}"
        return f"{finder}; BlazePose {self.config.landmarks}, {looks}" if self.refined else finder


def variants() -> list[Variant]:
    def of(sizes: tuple[int, ...], turned: bool, size: BlazePoseSize | None = None, looks: int = 1) -> Variant:
        config = DetectorConfig(sizes, "always" if turned else "never", size or "heavy", looks)
        return Variant(config, size is not None)

    found = [((256,), False), ((256, 512), False), ((256,), True), ((256, 512), True), ((192, 256, 512), True)]
    out = [of(*each) for each in found]
    for each in (found[0], found[1], found[3]):
        out += [of(*each, "full"), of(*each, "heavy")]
    out += [of((256, 512), True, "full", looks) for looks in (4, 8)]
    out += [of((256, 512), True, "heavy", looks) for looks in (2, 4, 8)]
    return [*out, *(of((192, 256, 512), True, "heavy", looks) for looks in (4, 8))]


def turning_variants() -> list[Variant]:
    default = DetectorConfig(masks=False)
    return [
        *(Variant(replace(default, turned=turned)) for turned in ("always", "doubtful", "never")),
        Variant(replace(default, looks=1)),
        Variant(replace(default, landmarks="full")),
        Variant(replace(default, landmarks="full", looks=1)),
        Variant(replace(default, turned="never", landmarks="full", looks=1)),
    ]


def measured(
    people: list[Marked], tried: list[Variant], finder: RememberingMoveNet, refiners: dict[str, RememberingBlazePose]
) -> dict:
    """Figures of every variant on all of them."""
    rows: dict[str, list[list[float]]] = {variant.name: [] for variant in tried}
    networks = [finder, *refiners.values()]
    for number, marked in enumerate(people):
        photograph = read_photograph(marked.path)
        new = number == 0 or marked.path != people[number - 1].path
        if new:
            for network in networks:
                network.memory = {}
        for variant in tried:
            before = sum(network.seconds for network in networks)
            said = said_of(variant, photograph, finder, refiners)
            seconds = sum(network.seconds for network in networks) - before
            rows[variant.name].append([*marked.judged(said), new, len(said), marked.strangers(said), seconds])
        if number % 10 == 9:
            print(f"{number + 1} of {len(people)}", flush=True)
    return {name: figures(np.array(each)) for name, each in rows.items()}


def said_of(
    variant: Variant, photograph: np.ndarray, finder: RememberingMoveNet, refiners: dict[str, RememberingBlazePose]
) -> list[Said]:
    config = variant.config
    detector = PhotoDetector(config, finder, refiners[config.landmarks])
    if variant.refined:
        return [Said(person.found.box_xyxy, person.keypoints) for person in detector.looked_at(photograph)]
    return [Said(person.box_xyxy, Keypoints.read(COCO_17, person.px)) for person in detector._found(photograph)]


def figures(rows: np.ndarray) -> dict[str, Figure]:
    """The last three are of photographs, each counted once."""
    count, tenth, twentieth, found = rows[:, :4].T
    people, strangers, seconds = rows[rows[:, 4] > 0, 5:].T
    return {
        "pck_0.1": bootstrap(share, tenth, count),
        "pck_0.05": bootstrap(share, twentieth, count),
        "found_percent": mean_figure(100 * found),
        "people_per_photograph": mean_figure(people),
        "strangers_per_photograph": mean_figure(strangers),
        "seconds_per_photograph": mean_figure(seconds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--coco", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--people", type=int, default=150)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--turning", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sizes: tuple[BlazePoseSize, ...] = ("full", "heavy")
    refiners = {size: RememberingBlazePose(weights_file(blazepose_name(size), options.weights)) for size in sizes}
    json, _ = (weights_file(name, options.weights) for name in MOVENET)  # the json reads the other one beside it
    finder = RememberingMoveNet(json)
    tried = turning_variants() if options.turning else variants()
    results = {"coco": measured(list(of_coco(options.coco)), tried, finder, refiners)} if options.coco else {}
    results["lspet_validation"] = measured(list(of_lsp(options.photographs, options.people)), tried, finder, refiners)
    for data, of_variants in results.items():
        for name, each in of_variants.items():
            told = ", ".join(f"{key} {show(figure)}" for key, figure in each.items())
            print(f"{data}: {name}: {told}")
    write_json(options.out, {
        "command": f"python -m benchmarks.detector_agreement{' --turning' * options.turning} --photographs lspet --coco photos",
        "code": code_version(), "options": settings(options), "seed": "none: nothing is drawn but the intervals' resamples (0)",
        "machine": f"{options.threads} thread of {os.cpu_count()} CPU cores, which others used too", "results": results,
    })  # fmt: skip


if __name__ == "__main__":
    main()
