"""Files .json of labels: EFT, NeuralAnnot, COCO and COCO-WholeBody, ADHMR's pairs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hmr.camera import default_K
from hmr.files import read_json, write_atomically
from hmr.formats.labels.label_file import NotJudgeableError, ParameterModel, copy_whole
from hmr.formats.person_candidate import ROW_ERRORS, PersonCandidate, Unreadable, reason_of
from hmr.formats.smpl_parameters import keypoints_of_parameters
from hmr.photographs.folder import PictureSource, pinhole
from hmr.skeleton import NUM_KEYPOINTS


def _write_json_like(path: Path, content: Any) -> None:
    """Numbers come back as they were read: Python writes the shortest text that means the same double."""
    with write_atomically(path) as partial, partial.open("w") as stream:
        json.dump(content, stream)


def _kept(items: list[Any], keep: np.ndarray) -> list[Any]:
    return [item for item, kept in zip(items, keep, strict=True) if kept]


def _candidate(
    image: str, where: str, parameters: tuple[Any, ...], K: torch.Tensor, body: ParameterModel
) -> PersonCandidate:
    points = keypoints_of_parameters(*(np.asarray(p) for p in parameters), model=body.model)
    return PersonCandidate(image, "label", where, points, torch.ones(NUM_KEYPOINTS, dtype=torch.bool), K, body.by)


@dataclass
class EftFile:
    """data[] of {parm_pose 24×3×3, parm_shape, parm_cam, bbox_scale, bbox_center, annotId, imageName}."""

    path: Path
    content: dict[str, Any] = field(repr=False)
    format_name: str = "EFT"

    @property
    def rows(self) -> tuple[str, ...]:
        return tuple(str(i) for i in range(len(self.content["data"])))

    def write(self, keep: np.ndarray, out: Path) -> None:
        if keep.all():
            return copy_whole(self.path, out)
        return _write_json_like(out, {**self.content, "data": _kept(self.content["data"], keep)})

    def bodies(
        self, start: int, stop: int, photographs: PictureSource, body: ParameterModel
    ) -> Iterator[PersonCandidate | Unreadable]:
        """Weak perspective, s X + t in half sides of a box of 200 bbox_scale px, is a place under its diagonal."""
        for i in range(start, stop):
            where = f"{self.path}, row {i}"
            try:
                item = self.content["data"][i]
                image = photographs.named(str(item["imageName"]))
                K = default_K(*photographs.size_wh(image))
                (s, tx, ty), side = (float(v) for v in item["parm_cam"]), 200.0 * float(item["bbox_scale"])
                z = 2 * float(K[0, 0]) / (s * side)
                centre = (np.asarray(item["bbox_center"], dtype=float) - K[:2, 2].numpy()) * z / float(K[0, 0])
                pose = np.asarray(item["parm_pose"])
                t = np.array([tx / s + centre[0], ty / s + centre[1], z])
                yield _candidate(image, where, (pose[0], pose[1:], item["parm_shape"], t), K, body)
            except ROW_ERRORS as error:
                yield Unreadable(where, reason_of(error))


@dataclass
class NeuralAnnotFile:
    """{annotation id: {smplx_param or smpl_param, cam_param}}. Its photographs are those of a COCO file with the same ids."""

    path: Path
    content: dict[str, Any] = field(repr=False)
    coco: Path | None = None
    format_name: str = "NeuralAnnot"

    @property
    def rows(self) -> tuple[str, ...]:
        return tuple(self.content)

    def write(self, keep: np.ndarray, out: Path) -> None:
        if keep.all():
            return copy_whole(self.path, out)
        return _write_json_like(out, {k: self.content[k] for k in _kept(list(self.content), keep)})

    @cached_property
    def _image_of(self) -> dict[str, str]:
        """Annotation id to file name. Raises ValueError without a COCO file."""
        if self.coco is None:
            raise NotJudgeableError(
                f"{self.path}: NeuralAnnot names no photographs; give --coco, the COCO file with the same ids"
            )
        content = read_json(self.coco)
        names = {image["id"]: image["file_name"] for image in content["images"]}
        return {str(a["id"]): names[a["image_id"]] for a in content["annotations"] if a["image_id"] in names}

    def bodies(
        self, start: int, stop: int, photographs: PictureSource, body: ParameterModel
    ) -> Iterator[PersonCandidate | Unreadable]:
        image_of = self._image_of
        for key in self.rows[start:stop]:
            where = f"{self.path}, annotation {key}"
            try:
                item = self.content[key]
                image = photographs.named(image_of[key])
                if "smplx_param" in item:
                    p = item["smplx_param"]
                    parameters = (p["root_pose"], p["body_pose"], p["shape"], p["trans"])
                else:
                    p = item["smpl_param"]
                    pose = np.asarray(p["pose"], dtype=float).reshape(-1)
                    parameters = (pose[:3], pose[3:], p["shape"], p["trans"])
                camera = item["cam_param"]
                K = pinhole((camera["focal"][0], camera["focal"][1]), (camera["princpt"][0], camera["princpt"][1]))
                yield _candidate(image, where, parameters, K, body)
            except ROW_ERRORS as error:
                yield Unreadable(where, reason_of(error))


@dataclass
class CocoFile:
    """Annotations are filtered; every image stays. There are 2D keypoints alone, so a scorer of bodies cannot judge them."""

    path: Path
    content: dict[str, Any] = field(repr=False)
    format_name: str = "COCO"

    @property
    def rows(self) -> tuple[str, ...]:
        return tuple(str(a.get("id", i)) for i, a in enumerate(self.content["annotations"]))

    def write(self, keep: np.ndarray, out: Path) -> None:
        if keep.all():
            return copy_whole(self.path, out)
        return _write_json_like(out, {**self.content, "annotations": _kept(self.content["annotations"], keep)})

    def bodies(
        self, start: int, stop: int, photographs: PictureSource, body: ParameterModel
    ) -> Iterator[PersonCandidate | Unreadable]:
        raise NotJudgeableError(f"{self.path}: {self.format_name} has 2D keypoints and no bodies to judge")


@dataclass
class PairsFile:
    """ADHMR's winner and loser pairs, a list; each is two bodies in a crop, and not a label."""

    path: Path
    content: list[Any] = field(repr=False)
    format_name: str = "ADHMR pairs"

    @property
    def rows(self) -> tuple[str, ...]:
        return tuple(str(i) for i in range(len(self.content)))

    def write(self, keep: np.ndarray, out: Path) -> None:
        return copy_whole(self.path, out) if keep.all() else _write_json_like(out, _kept(self.content, keep))

    def bodies(
        self, start: int, stop: int, photographs: PictureSource, body: ParameterModel
    ) -> Iterator[PersonCandidate | Unreadable]:
        raise NotJudgeableError(f"{self.path}: {self.format_name} are no labels to judge")


def json_file(path: Path, coco: Path | None) -> EftFile | NeuralAnnotFile | CocoFile | PairsFile:
    """By what is in it. Raises ValueError that says what was expected."""
    content = read_json(path)
    if isinstance(content, list) and all(isinstance(c, dict) and "w_joints" in c for c in content[:3]):
        return PairsFile(path, content)
    if isinstance(content, dict):
        if isinstance(content.get("annotations"), list) and "images" in content:
            return CocoFile(path, content)
        if isinstance(content.get("data"), list):
            return EftFile(path, content)
        first = next(iter(content.values()), None)
        if isinstance(first, dict) and ("smplx_param" in first or "smpl_param" in first):
            return NeuralAnnotFile(path, content, coco)
    raise ValueError(f"{path}: expected EFT, NeuralAnnot, COCO or ADHMR pairs, found {type(content).__name__}")
