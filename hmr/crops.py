"""Square crops with labels, whatever body the labels are of; and their pictures in a folder."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from hmr.files import write_atomically

LABEL_KINDS = ("mocap", "synthetic", "pseudo", "none")


class Bodies(Protocol):
    """Parameters of n bodies."""

    def __getitem__(self, index: Any) -> Self: ...

    @staticmethod
    def cat(parts: list[Any]) -> Any: ...


Label = TypeVar("Label", bound=Bodies)


@dataclass(frozen=True)
class LabelledCrops(Generic[Label]):
    """key: n unique names. rgb: (n, 3, s, s) uint8. K: (n, 3, 3) of the crop, pixels. label: bodies in the camera frame.

    label_kind: one of LABEL_KINDS; "none" promises that ``label`` is not looked at (it holds NaN).
    keypoints_2d: (n, k, 3) x, y in crop pixels and a confidence in [0, 1] (0: outside or hidden by something).
    """

    key: tuple[str, ...]
    rgb: Tensor
    K: Tensor
    label: Label
    label_kind: tuple[str, ...]
    keypoints_2d: Tensor

    def __post_init__(self) -> None:
        n, name = len(self.key), type(self).__name__
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Tensor) and len(value) != n:
                raise ValueError(f"{name}.{field.name}: expected {n} rows as there are keys, got {len(value)}")
        if unknown := set(self.label_kind) - set(LABEL_KINDS):
            raise ValueError(f"{name}.label_kind: expected one of {LABEL_KINDS}, got {sorted(unknown)}")

    def __len__(self) -> int:
        return len(self.key)

    @property
    def size(self) -> int:
        """Side of the crops in pixels."""
        return self.rgb.shape[-1]

    def __getitem__(self, index: slice | Tensor | np.ndarray | list[int]) -> Self:
        rows = np.arange(len(self))[index.numpy() if isinstance(index, Tensor) else index]
        take = torch.from_numpy(np.ascontiguousarray(rows))

        def taken(value: Any) -> Any:
            return tuple(value[i] for i in rows) if isinstance(value, tuple) else value[take]

        return type(self)(*(taken(getattr(self, field.name)) for field in fields(self)))

    def pictures(self) -> Tensor:
        """(n, 3, s, s) float32 in [0, 1]."""
        return self.rgb.float() / 255

    @classmethod
    def cat(cls, parts: list[Self]) -> Self:
        def joined(values: list[Any]) -> Any:
            match values[0]:
                case tuple():
                    return tuple(v for value in values for v in value)
                case Tensor():
                    return torch.cat(values)
                case bodies:
                    return bodies.cat(values)

        return cls(*(joined([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def arrays(self) -> dict[str, np.ndarray]:
        """What a file of labels holds beside the bodies."""
        return {
            "K": self.K.numpy().astype(np.float32),
            "key": np.array(self.key, dtype=np.str_),
            "label_kind": np.array(self.label_kind, dtype=np.str_),
            "keypoints_2d": self.keypoints_2d.numpy().astype(np.float32),
        }


#: What ``LabelledCrops.arrays`` writes and ``crop_fields`` reads.
CROP_ARRAYS = frozenset(("K", "key", "label_kind", "keypoints_2d"))


def crop_fields(arrays: dict[str, np.ndarray], rgb: Tensor) -> dict[str, Any]:
    """Everything of crops but their label, from the arrays of a file of labels."""
    return {
        "key": tuple(str(k) for k in arrays["key"]),
        "rgb": rgb,
        "K": torch.from_numpy(arrays["K"]),
        "label_kind": tuple(str(k) for k in arrays["label_kind"]),
        "keypoints_2d": torch.from_numpy(arrays["keypoints_2d"]),
    }


def write_pictures(folder: Path, rgb: Tensor) -> None:
    """(n, 3, s, s) uint8 to ``pictures.npy`` (n, s, s, 3)."""
    with write_atomically(folder / "pictures.npy") as partial, partial.open("wb") as stream:
        np.save(stream, rgb.permute(0, 2, 3, 1).contiguous().numpy())


def read_pictures(folder: Path) -> Tensor:
    """The inverse. Raises ValueError naming the file when it is missing or broken."""
    try:
        pictures = np.load(folder / "pictures.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{folder / 'pictures.npy'}: expected pictures (n, s, s, 3) uint8: {error}") from None
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()
