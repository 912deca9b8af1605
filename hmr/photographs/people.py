"""Where the people are: COCO boxes, and crops with their own exact cameras."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from hmr.camera import default_K, square_crop_affine
from hmr.files import read_json
from hmr.samples import Samples, nothing_known


@dataclass(frozen=True)
class Person:
    """key: unique. box_xyxy: in pixels of the upright photograph."""

    key: str
    box_xyxy: tuple[float, float, float, float]


@dataclass(frozen=True)
class Skipped:
    """Something that could not be done, and why."""

    what: str
    reason: str


def coco_boxes(path: Path) -> dict[str, list[tuple[str, list[float]]]]:
    """File name to [(annotation id, box x y w h)] of the people in a COCO json (crowds left out).

    Raises ValueError when the file is not COCO's format.
    """
    content = read_json(path)
    try:
        names = {image["id"]: image["file_name"] for image in content["images"]}
        people: dict[str, list[tuple[str, list[float]]]] = {name: [] for name in names.values()}
        for note in content["annotations"]:
            if note.get("iscrowd", 0) or note.get("category_id", 1) != 1 or note["image_id"] not in names:
                continue
            people[names[note["image_id"]]].append((str(note.get("id", len(people))), list(note["bbox"])))
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: expected COCO annotations (images with id and file_name, annotations with image_id and bbox): "
            f"missing {error}"
        ) from None
    return people


def people_of(
    image: Path, width: int, height: int, boxes: dict[str, list[tuple[str, list[float]]]] | None
) -> tuple[list[Person], list[Skipped]]:
    """The people of one photograph. Without boxes one person is assumed to fill it."""
    if boxes is None:
        return [Person(image.stem, (0.0, 0.0, float(width), float(height)))], []
    if image.name not in boxes:
        return [], [Skipped(image.name, "not in the boxes file")]
    people, skipped = [], []
    for number, (note, box) in enumerate(boxes[image.name]):
        name = f"{image.name} annotation {note}"
        if len(box) != 4 or not np.isfinite(box).all():
            skipped.append(Skipped(name, f"box {box} is not four finite numbers"))
            continue
        x, y, w, h = box
        if w < 2 or h < 2:
            skipped.append(Skipped(name, f"box of {w:g} x {h:g} px has no area"))
        elif x >= width or y >= height or x + w <= 0 or y + h <= 0:
            skipped.append(Skipped(name, f"box {[round(v) for v in box]} is outside the {width} x {height} picture"))
        else:
            people.append(Person(f"{image.stem}-{number:02d}", (x, y, x + w, y + h)))
    return people, skipped


def _square(photograph: np.ndarray, left: int, top: int, width: int) -> Image.Image:
    """Black where it is outside. Of a large photograph with many people each copies its own part only."""
    h, w = photograph.shape[:2]
    x0, y0 = min(max(left, 0), w - 1), min(max(top, 0), h - 1)
    part = photograph[y0 : max(top + width, y0 + 1), x0 : max(left + width, x0 + 1)]
    return Image.fromarray(part).crop((left - x0, top - y0, left - x0 + width, top - y0 + width))


def crops(
    photograph: np.ndarray, people: list[Person], size: int, focal_px: float | None
) -> tuple[Samples, torch.Tensor]:
    """Square crops of people with the cameras of those crops, and K (3, 3) of the photograph.

    Without a focal length the photograph's diagonal is assumed.
    """
    h, w = photograph.shape[:2]
    K = default_K(w, h)
    if focal_px is not None:
        K[0, 0] = K[1, 1] = focal_px
    rgb, cameras = [], []
    for person in people:
        A = square_crop_affine(torch.tensor(person.box_xyxy), size)
        side = size / float(A[0, 0])
        x0, y0 = (-A[:2, 2] / A[0, 0]).tolist()
        left, top, width = round(x0), round(y0), max(round(side), 2)
        # Whole pixels, so that the picture and the camera agree exactly.
        exact = torch.tensor(
            [[size / width, 0, -left * size / width], [0, size / width, -top * size / width], [0, 0, 1.0]]
        )
        crop = _square(photograph, left, top, width).resize((size, size), Image.Resampling.BICUBIC, reducing_gap=3)
        rgb.append(torch.from_numpy(np.array(crop)).permute(2, 0, 1))
        cameras.append(exact @ K)
    keys = tuple(person.key for person in people)
    return nothing_known(keys, torch.stack(rgb), torch.stack(cameras)), K
