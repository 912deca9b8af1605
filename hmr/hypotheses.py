"""Sets of candidate bodies for pictures: from our generator, from a perturbation, or from anybody's model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hmr.body import BodyModel, BodyParams, give_body
from hmr.body_codec import arrays_of_bodies, bodies_of_arrays, read_arrays, write_arrays
from hmr.pictures import Rows
from hmr.views import Views


@dataclass(frozen=True)
class Hypotheses:
    """Candidates of b pictures. They are in the frame of the pictures' cameras, which the views keep.

    Attributes:
        key: of the b pictures.
        params: [b, n] bodies of any skeleton.
        body: family of the body model whose shape space and joints they are of (``BodyModel.family``).
        source: who made them.
        seed: with which seed.
    """

    key: tuple[str, ...]
    params: BodyParams
    body: str
    source: str
    seed: int

    def __post_init__(self) -> None:
        if len(self.params.batch_shape) != 2 or self.params.batch_shape[0] != len(self.key):
            raise ValueError(
                f"Hypotheses.params: expected [{len(self.key)}, n] bodies, got {tuple(self.params.batch_shape)}"
            )

    def __len__(self) -> int:
        return len(self.key)

    @property
    def count(self) -> int:
        """Candidates per picture."""
        return self.params.batch_shape[1]

    @staticmethod
    def cat(parts: list[Hypotheses]) -> Hypotheses:
        """Of several sets of pictures with as many candidates each; source and seed are the first one's."""
        return replace(
            parts[0],
            key=tuple(key for part in parts for key in part.key),
            params=BodyParams.cat([part.params for part in parts]),
        )

    def __getitem__(self, rows: Rows) -> Hypotheses:
        index = np.arange(len(self))[rows.numpy() if isinstance(rows, Tensor) else rows]
        take = torch.from_numpy(np.ascontiguousarray(index))
        return replace(self, key=tuple(self.key[i] for i in index), params=self.params[take])

    def reordered(self, order: Tensor) -> Hypotheses:
        """Each picture's candidates in another order, (b, m) numbers of them."""
        return replace(self, params=self.params[torch.arange(len(self))[:, None], order])


def require_body(hypotheses: Hypotheses, model: BodyModel, where: str) -> None:
    """Raises ValueError when candidates are of another body than ``model``: their betas mean something else there."""
    if hypotheses.body not in ("", model.family):
        raise ValueError(
            f"{where}: candidates are of the body '{hypotheses.body}', this is '{model.family}'; {give_body(hypotheses.body)}"
        )


def save_hypotheses(path: Path, hypotheses: Hypotheses, views: Views) -> None:
    """One .npz: rotation vectors, betas, metres, key, body, source, seed; and K of the views, to know them again by."""
    write_arrays(
        path,
        {
            **arrays_of_bodies(hypotheses.params),
            "K": views.K.numpy().astype(np.float32),
            "key": np.array(hypotheses.key, dtype=np.str_),
            "body": np.array(hypotheses.body),
            "source": np.array(hypotheses.source),
            "seed": np.array(hypotheses.seed),
        },
    )


def load_hypotheses(path: Path, views: Views | None = None) -> Hypotheses:
    """views: the pictures that they should be of; the cameras of those that are named must be the same.

    Raises ValueError naming the file and what is wrong with it.
    """
    arrays = read_arrays(path)
    if "key" not in arrays:
        raise ValueError(f"{path}: expected arrays of bodies, missing ['key']")
    params = bodies_of_arrays(arrays, str(path))
    if len(params.batch_shape) != 2:
        raise ValueError(
            f"{path}: 'global_orient' should be (pictures, candidates, 3), is {arrays['global_orient'].shape}"
        )
    for name, values in arrays.items():
        if values.dtype.kind == "f" and name != "K" and not np.isfinite(values).all():
            bad = np.unique(np.argwhere(~np.isfinite(values))[:, 0])[:5]
            raise ValueError(f"{path}: '{name}' has values that are not finite, first in rows {bad.tolist()}")
    key = tuple(str(k) for k in arrays["key"])
    if views is not None and "K" in arrays:
        _check_cameras(path, key, arrays["K"], views)
    return Hypotheses(
        key=key,
        params=params,
        body=str(arrays.get("body", "")),
        source=str(arrays.get("source", path.stem)),
        seed=int(arrays.get("seed", -1)),
    )


def _check_cameras(path: Path, key: tuple[str, ...], K: np.ndarray, views: Views) -> None:
    """Raises ValueError when candidates were made for other cameras than those of the pictures of the same keys."""
    place = {k: i for i, k in enumerate(views.key)}
    ours = [i for i, k in enumerate(key) if k in place]
    now = views.K[[place[key[i]] for i in ours]].numpy().reshape(len(ours), 9)
    off = np.abs(K[ours].reshape(len(ours), 9) - now).max(1, initial=0.0) > 1e-3 * np.abs(now).max(1, initial=1.0)
    if off.any():
        raise ValueError(
            f"{path}: {int(off.sum())} sets of candidates were made for other cameras than their pictures have, the first of "
            f"'{key[ours[int(off.argmax())]]}'; make them again for these pictures"
        )
