"""Where the people are: boxes in COCO files, and crops that keep the photograph's camera."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from hmr.camera import Camera, square_crop_affine
from hmr.files import read_json
from hmr.keypoint_sets import PROMPT_POINTS, Keypoints
from hmr.photographs.coco_keypoints import box_of_keypoints, keypoints_of_coco
from hmr.photographs.folder import Photographs, Skipped
from hmr.views import Prompts, Views

#: Times the picture; a box that is larger is a mistake, and its crop would fill the memory.
LARGEST_BOX = 10


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody in a photograph, and what is said of them beside the picture.

    Attributes:
        key: unique.
        box_xyxy: in pixels of the upright photograph.
        keypoints: in the same pixels, or None.
        mask: (h, w) in [0, 1] over the photograph, or None.
    """

    key: str
    box_xyxy: tuple[float, float, float, float]
    keypoints: Keypoints | None = None
    mask: np.ndarray | None = None


def check_box(box_xyxy: tuple[float, float, float, float], width: int, height: int) -> None:
    """Raises ValueError for a box that is not finite, has no area, is outside the picture, or far larger than it."""
    if not np.isfinite(box_xyxy).all():
        raise ValueError(f"its box {list(box_xyxy)} is not finite")
    x0, y0, x1, y1 = box_xyxy
    if x1 - x0 < 2 or y1 - y0 < 2:
        raise ValueError(f"its box of {x1 - x0:g} x {y1 - y0:g} px has no area")
    if x0 >= width or y0 >= height or x1 <= 0 or y1 <= 0:
        raise ValueError(f"its box {[round(v) for v in box_xyxy]} is outside the {width} x {height} picture")
    if max(x1 - x0, y1 - y0) > LARGEST_BOX * max(width, height):
        raise ValueError(
            f"its box is {max(x1 - x0, y1 - y0):.0f} px, {LARGEST_BOX} times the {width} x {height} picture and more"
        )


def check_person(person: Person, photograph: np.ndarray) -> None:
    """What is said of somebody must be of this photograph (h, w, 3).

    Raises ValueError for a box that is none (``check_box``), keypoints of which none is in the picture, or a mask of another
    size.
    """
    h, w = photograph.shape[:2]
    check_box(person.box_xyxy, w, h)
    if person.keypoints is not None and person.keypoints.count:
        x, y = person.keypoints.px[person.keypoints.px[:, 2] > 0, :2].T
        if not ((x >= 0) & (x <= w) & (y >= 0) & (y <= h)).any():
            raise ValueError(f"none of its keypoints is in the {w} x {h} picture; they may be another picture's")
    if person.mask is not None and person.mask.shape != (h, w):
        said = " x ".join(map(str, person.mask.shape[::-1]))
        raise ValueError(f"its mask is {said} px, the picture {w} x {h}: it is another picture's")


@dataclass
class AnnotatedPhotograph:
    """What a COCO file says of one photograph: ids with their annotations, and the size that it should have."""

    notes: list[tuple[str, Any]] = field(default_factory=list)
    size_wh: tuple[int, int] | None = None


@dataclass(frozen=True)
class PeopleFile:
    """The people of a COCO json, by the photograph's path in its folder; and what of the file could not be used."""

    path: Path
    photographs: dict[str, AnnotatedPhotograph]
    skipped: list[Skipped]
    with_keypoints: bool = False

    def people_of(self, name: str, key: str, photograph: np.ndarray) -> tuple[list[Person], list[Skipped]]:
        """As ``PeopleSource``."""
        if name not in self.photographs:
            return [], [Skipped(name, f"not in {self.path.name}")]
        annotated, (h, w) = self.photographs[name], photograph.shape[:2]
        if annotated.size_wh is not None and annotated.size_wh != (w, h):
            said = " x ".join(map(str, annotated.size_wh))
            return [], [
                Skipped(name, f"is {w} x {h} px, {self.path.name} says {said}: its boxes are of another picture")
            ]
        people, skipped = [], []
        for number, (id, note) in enumerate(annotated.notes):
            try:
                person = self._person(f"{key}-{number:02d}", note)
                check_person(person, photograph)
                if any(_is_again(person, other) for other in people):
                    raise ValueError("says the same as an annotation before it")
                people.append(person)
            except ValueError as error:
                skipped.append(Skipped(f"{name} annotation {id}", str(error)))
        return people, skipped or ([] if people else [Skipped(name, f"no people in {self.path.name}")])

    def _person(self, key: str, note: dict[str, Any]) -> Person:
        """Raises ValueError that says what is wrong."""
        keypoints = keypoints_of_coco(note) if self.with_keypoints else None
        if note.get("bbox") is None and self.with_keypoints and note.get("keypoints") is not None:
            if keypoints is None:
                raise ValueError("it has no box, and none of its keypoints is marked; two are needed")
            return Person(key, box_of_keypoints(keypoints), keypoints)
        return Person(key, _xyxy(note.get("bbox")), keypoints)


def _is_again(person: Person, other: Person) -> bool:
    """Whether somebody was annotated twice: the same box, and the same keypoints where there are some. Boxes that merely overlap
    may be of two people."""
    if person.box_xyxy != other.box_xyxy or (person.keypoints is None) != (other.keypoints is None):
        return False
    if person.keypoints is None or other.keypoints is None:
        return True
    return person.keypoints.of is other.keypoints.of and np.array_equal(person.keypoints.px, other.keypoints.px)


def _xyxy(box: Any) -> tuple[float, float, float, float]:
    """COCO's x y w h. Raises ValueError for anything else."""
    try:
        x, y, w, h = (float(v) for v in box)
    except (TypeError, ValueError):
        raise ValueError(f"its box {box!r} is not four numbers x y w h") from None
    return x, y, x + w, y + h


def read_people(path: Path, photographs: Photographs, with_keypoints: bool = False) -> PeopleFile:
    """The people of a COCO json (crowds left out), their photographs found as every command finds them.

    with_keypoints: of their annotations; without it they are not looked at.

    Raises ValueError when the file is not COCO's format.
    """
    content = read_json(path)
    if not isinstance(content, dict) or not all(isinstance(content.get(k), list) for k in ("images", "annotations")):
        raise ValueError(
            f"{path}: expected COCO annotations (images with id and file_name, annotations with image_id and bbox)"
        )
    of_people = _person_categories(content.get("categories"))
    found: dict[str, AnnotatedPhotograph] = {}
    by_id: dict[str, AnnotatedPhotograph] = {}
    skipped: list[Skipped] = []
    for i, image in enumerate(content["images"]):
        try:
            name = photographs.named(str(image["file_name"]))
            size = (int(image["width"]), int(image["height"])) if image.get("width") and image.get("height") else None
            by_id[str(image["id"])] = found.setdefault(name, AnnotatedPhotograph(size_wh=size))
        except (KeyError, TypeError, AttributeError) as error:
            skipped.append(Skipped(f"{path.name} image {i}", f"needs an id and a file_name ({error!r})"))
        except ValueError as error:
            # A file of a whole dataset beside a few of its photographs is usual: what is not here is not a mistake.
            if photographs.only is None and len(content["images"]) <= len(photographs.names):
                skipped.append(Skipped(f"{path.name} image {i}", str(error)))
    for i, note in enumerate(content["annotations"]):
        try:
            if note.get("iscrowd", 0) or str(note.get("category_id", "1")) not in of_people:
                continue
            if (annotated := by_id.get(str(note["image_id"]))) is not None:
                annotated.notes.append((str(note.get("id", i)), note))
        except (KeyError, TypeError, AttributeError) as error:
            skipped.append(Skipped(f"{path.name} annotation {i}", f"is not an annotation with an image_id ({error!r})"))
    return PeopleFile(path, found, skipped, with_keypoints)


def _person_categories(categories: Any) -> set[str]:
    """Ids of the categories named person; COCO's 1 where the file has no names."""
    if not isinstance(categories, list):
        return {"1"}
    named = {
        str(c["id"]): str(c["name"]).lower() for c in categories if isinstance(c, dict) and {"id", "name"} <= set(c)
    }
    return {number for number, name in named.items() if name in ("person", "human", "pedestrian")} if named else {"1"}


def _square(photograph: np.ndarray, left: int, top: int, width: int) -> Image.Image:
    """Of a photograph, or a mask. Black where it is outside. Of a large one with many people each copies its own part only."""
    h, w = photograph.shape[:2]
    x0, y0 = min(max(left, 0), w - 1), min(max(top, 0), h - 1)
    part = photograph[y0 : max(top + width, y0 + 1), x0 : max(left + width, x0 + 1)]
    return Image.fromarray(part).crop((left - x0, top - y0, left - x0 + width, top - y0 + width))


def crops(photograph: np.ndarray, people: list[Person], size: int, K: Tensor, enlarge: float = 1.2) -> Views:
    """Square crops, ``enlarge`` times their boxes, of people in a photograph (h, w, 3) uint8 with the camera K (3, 3), pixels.

    Raises ValueError for what is said of another picture (``check_person``).
    """
    h, w = photograph.shape[:2]
    rgb, affine, squares = [], [], []
    for person in people:
        check_person(person, photograph)
        A = square_crop_affine(torch.tensor(person.box_xyxy, dtype=torch.float32), size, enlarge)
        side = size / float(A[0, 0])
        x0, y0 = (-A[:2, 2] / A[0, 0]).tolist()
        left, top, width = round(x0), round(y0), max(round(side), 2)
        # Whole pixels, so that the picture and the camera agree exactly.
        affine.append(
            torch.tensor([[size / width, 0, -left * size / width], [0, size / width, -top * size / width], [0, 0, 1.0]])
        )
        crop = _square(photograph, left, top, width).resize((size, size), Image.Resampling.BICUBIC, reducing_gap=3)
        rgb.append(torch.from_numpy(np.array(crop)).permute(2, 0, 1))
        squares.append((left, top, width))
    n = len(people)
    camera, A = Camera(K.float().expand(n, 3, 3), torch.tensor([w, h]).expand(n, 2)), torch.stack(affine)
    prompts = prompts_of(people, A, _masks_of(people, squares, size))
    return Views(tuple(person.key for person in people), torch.stack(rgb), camera, A, prompts)


def _masks_of(people: list[Person], squares: list[tuple[int, int, int]], size: int) -> Tensor | None:
    """(n, size, size) uint8, 255 where the person is; None where somebody has none, as ``Prompts.cat`` has it."""
    masks = [person.mask for person in people if person.mask is not None]
    if not masks or len(masks) < len(people):
        return None
    cut = [
        _square(mask.astype(np.float32, copy=False), *square).resize(
            (size, size), Image.Resampling.BILINEAR, reducing_gap=3
        )
        for mask, square in zip(masks, squares, strict=True)
    ]
    return torch.from_numpy(np.stack([np.asarray(mask) for mask in cut])).clamp(0, 1).mul(255).round().to(torch.uint8)


def prompts_of(people: list[Person], A_view_picture: Tensor, mask: Tensor | None = None) -> Prompts | None:
    """What is said of people, in their crops' pixels; None where nothing is said of anybody.

    mask: (n, s, s) uint8 of the crops.
    """
    if mask is None and all(person.keypoints is None for person in people):
        return None
    nothing = Keypoints(PROMPT_POINTS, np.zeros((len(PROMPT_POINTS), 3), np.float32))
    said = [nothing if p.keypoints is None else p.keypoints.taken_to(PROMPT_POINTS) for p in people]
    px = torch.from_numpy(np.stack([keypoints.px for keypoints in said]))
    xy = px[..., :2] @ A_view_picture[:, :2, :2].transpose(1, 2) + A_view_picture[:, None, :2, 2]
    return Prompts(torch.cat([xy * (px[..., 2:] > 0), px[..., 2:]], -1), mask)
