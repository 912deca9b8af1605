"""Views: square crops of pictures that keep the camera of the whole picture and how they were cut out of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self, TypeVar

import torch
from torch import Tensor

from hmr.body import BodyParams
from hmr.camera import Camera
from hmr.keypoint_sets import PROMPT_POINTS
from hmr.pictures import Pictures, Rows, StoredPictures, row_numbers


@dataclass(frozen=True)
class Prompts:
    """What somebody says of n views beside their pictures: a person's clicks, a detector's keypoints. None of it is truth.

    Attributes:
        keypoints_px: (n, 24, 3) of ``PROMPT_POINTS``: x, y in the view's pixels and a confidence in [0, 1]; 0: nothing is said.
        mask: (n, s, s) uint8, 255 where the person is; None: nothing is said.
    """

    keypoints_px: Tensor
    mask: Tensor | None = None

    def __post_init__(self) -> None:
        n = len(self.keypoints_px)
        if tuple(self.keypoints_px.shape) != (n, len(PROMPT_POINTS), 3):
            raise ValueError(
                f"Prompts.keypoints_px: expected (n, {len(PROMPT_POINTS)}, 3), got {tuple(self.keypoints_px.shape)}"
            )
        if self.mask is not None and (self.mask.ndim != 3 or len(self.mask) != n):
            raise ValueError(f"Prompts.mask: expected ({n}, s, s), got {tuple(self.mask.shape)}")

    def __len__(self) -> int:
        return len(self.keypoints_px)

    def __getitem__(self, rows: Tensor) -> Prompts:
        return self.map(lambda x: x[rows])

    def map(self, function: Callable[[Tensor], Tensor]) -> Prompts:
        return Prompts(function(self.keypoints_px), None if self.mask is None else function(self.mask))

    def mirrored(self, size: int) -> Prompts:
        """The same of the mirror images of views of ``size`` px: left is called right there."""
        px = self.keypoints_px[:, PROMPT_POINTS.mirrored]
        said = px[..., 2:] > 0
        px = torch.cat([(size - px[..., :1]) * said, px[..., 1:]], -1)
        return Prompts(px, None if self.mask is None else self.mask.flip(-1))

    @classmethod
    def nothing(cls, count: int) -> Prompts:
        """Of so many people of whom nothing is said."""
        return cls(torch.zeros(count, len(PROMPT_POINTS), 3))

    @staticmethod
    def cat(parts: list[Prompts]) -> Prompts:
        """Masks that are given of some only are left out."""
        masks = [part.mask for part in parts if part.mask is not None]
        return Prompts(
            torch.cat([p.keypoints_px for p in parts]), torch.cat(masks) if len(masks) == len(parts) else None
        )


@dataclass(frozen=True)
class Views:
    """n square crops, without anything that is known of the people in them.

    Attributes:
        key: n unique names.
        rgb: (n, 3, s, s) uint8, in memory or on disk: take rows of it rather than all.
        camera: of the n pictures that the crops were cut out of.
        A_view_picture: (n, 3, 3) homogeneous pixels of the picture to those of the crop.
        prompts: what somebody says of the crops, or None.
    """

    key: tuple[str, ...]
    rgb: Pictures
    camera: Camera
    A_view_picture: Tensor
    prompts: Prompts | None = None

    def __post_init__(self) -> None:
        n, name = len(self.key), type(self).__name__
        for field in fields(self):
            value = getattr(self, field.name)
            rows = len(value.K) if isinstance(value, Camera) else n if isinstance(value, BodyParams) else None
            rows = len(value) if isinstance(value, Tensor | StoredPictures | Prompts | tuple) else rows
            if rows is not None and rows != n:
                raise ValueError(f"{name}.{field.name}: expected {n} rows as there are keys, got {rows}")
        if self.rgb.ndim != 4 or self.rgb.shape[1] != 3 or self.rgb.shape[2] != self.rgb.shape[3]:
            raise ValueError(f"{name}.rgb: expected square pictures (n, 3, s, s), got {tuple(self.rgb.shape)}")
        if tuple(self.A_view_picture.shape) != (n, 3, 3):
            raise ValueError(f"{name}.A_view_picture: expected ({n}, 3, 3), got {tuple(self.A_view_picture.shape)}")

    @classmethod
    def whole(cls, key: tuple[str, ...], rgb: Pictures, K: Tensor) -> Views:
        """Square pictures (n, 3, s, s) with their cameras (n, 3, 3) that are no crops of anything larger."""
        return cls(key, rgb, Camera.of_squares(K, rgb.shape[-1]), torch.eye(3).expand(len(key), 3, 3))

    def __len__(self) -> int:
        return len(self.key)

    @property
    def size(self) -> int:
        """Side of the crops in pixels."""
        return self.rgb.shape[-1]

    @cached_property
    def K(self) -> Tensor:
        """(n, 3, 3) intrinsics of the crops, pixels."""
        with torch.autocast(self.camera.K.device.type, enabled=False):  # a camera in bf16 is off by pixels
            return self.A_view_picture @ self.camera.K

    def __getitem__(self, index: Rows) -> Self:
        rows = row_numbers(index, len(self))
        take = torch.from_numpy(rows)

        def taken(value: Any) -> Any:
            match value:
                case None | str():
                    return value
                case tuple():
                    return tuple(value[i] for i in rows)
                case StoredPictures():
                    return value.select(rows)
                case other:
                    return other[take]

        return type(self)(**{field.name: taken(getattr(self, field.name)) for field in fields(self)})

    def pictures(self, rows: Rows = slice(None)) -> Tensor:
        """(n, 3, s, s) float32 in [0, 1] of some rows."""
        return self.rgb[rows].float() / 255

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Apply one function to every tensor, of cameras, labels and prompts too (moving device, say). Reads all pictures."""

        def mapped(value: Any) -> Any:
            match value:
                case Tensor():
                    return function(value)
                case StoredPictures():
                    return function(value[:])
                case Camera() | Prompts() | BodyParams():
                    return value.map(function)
                case other:
                    return other

        return type(self)(**{field.name: mapped(getattr(self, field.name)) for field in fields(self)})

    @classmethod
    def cat(cls, parts: list[Self]) -> Self:
        """Raises ValueError when a field is given in some parts only."""

        def joined(name: str) -> Any:
            values = [getattr(part, name) for part in parts]
            if any(value is None for value in values):
                if any(value is not None for value in values):
                    raise ValueError(f"{cls.__name__}.{name} is given in some sets only; they cannot be joined")
                return None
            if any(isinstance(value, StoredPictures) for value in values):
                return StoredPictures.cat(values)
            match values[0]:
                case str():
                    return _one_of(f"{cls.__name__}.{name}", values)
                case tuple():
                    return tuple(v for value in values for v in value)
                case Tensor():
                    return torch.cat(values)
                case several:
                    return several.cat(values)

        return cls(**{field.name: joined(field.name) for field in fields(cls)})


def _one_of(name: str, values: list[str]) -> str:
    """What all say that say something. Raises ValueError when they say different things."""
    said = sorted(set(values) - {""})
    if len(said) > 1:
        raise ValueError(f"{name} is '{said[0]}' in some sets, '{said[1]}' in others; they cannot be joined")
    return said[0] if said else ""


def check_same_pictures(views: Views, key: tuple[str, ...]) -> None:
    """Raises ValueError unless ``key`` names the pictures of ``views`` in the same order."""
    if views.key != key:
        odd = next(
            (i for i, (a, b) in enumerate(zip(views.key, key, strict=False)) if a != b), min(len(views), len(key))
        )
        raise ValueError(
            f"pictures and candidates must have the same keys in the same order: {len(views)} pictures, {len(key)} sets of "
            f"candidates, the first difference at {odd}"
        )


def check_crop_size(what: str, trained_px: int, given_px: int) -> None:
    """Raises ValueError when pictures have another size than a network was trained on."""
    if trained_px != given_px:
        raise ValueError(
            f"this {what} was trained on {trained_px} px crops, the pictures are {given_px} px; make the set again with "
            f"--size {trained_px}"
        )


V = TypeVar("V", bound=Views)


def matched(views: V, keys: tuple[str, ...]) -> V:
    """The views named by ``keys``, in that order. Raises ValueError for duplicate keys or keys that are not there."""
    place = {key: i for i, key in enumerate(views.key)}
    if len(place) != len(views.key):
        raise ValueError(f"the pictures' keys are not unique: {len(views.key) - len(place)} come twice")
    if missing := [key for key in keys if key not in place]:
        raise ValueError(f"no pictures for {len(missing)} keys, the first: {missing[:3]}")
    return views[[place[key] for key in keys]]
