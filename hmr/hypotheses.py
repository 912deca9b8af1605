"""Sets of candidate bodies for pictures: from our generator, from a perturbation, or from anybody's model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hmr.body import BodyParams
from hmr.samples import body_params_arrays, body_params_from_arrays, read_arrays, write_arrays
from hmr.skeleton import NUM_TWISTS


@dataclass(frozen=True)
class Hypotheses:
    """params: [b, n] bodies for the b pictures named by ``key``, each in the frame of its crop's camera K (b, 3, 3).

    source: who made them. seed: with which seed.
    """

    key: tuple[str, ...]
    params: BodyParams
    K: Tensor
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
        return Hypotheses(
            tuple(key for part in parts for key in part.key),
            BodyParams.cat([part.params for part in parts]),
            torch.cat([part.K for part in parts]),
            parts[0].source,
            parts[0].seed,
        )

    def __getitem__(self, rows: slice | list[int] | Tensor | np.ndarray) -> Hypotheses:
        index = np.arange(len(self))[rows.numpy() if isinstance(rows, Tensor) else rows]
        take = torch.from_numpy(np.ascontiguousarray(index))
        return Hypotheses(tuple(self.key[i] for i in index), self.params[take], self.K[take], self.source, self.seed)


def save_hypotheses(path: Path, hypotheses: Hypotheses) -> None:
    """One .npz: axis-angle rotations, betas, metres, K, key, source, seed."""
    write_arrays(
        path,
        {
            **body_params_arrays(hypotheses.params),
            "K": hypotheses.K.numpy(),
            "key": np.array(hypotheses.key, dtype=np.str_),
            "source": np.array(hypotheses.source),
            "seed": np.array(hypotheses.seed),
        },
    )


def load_hypotheses(path: Path) -> Hypotheses:
    """Raises ValueError naming the file and what is wrong with it."""
    arrays = read_arrays(path)
    missing = {"global_orient", "body_pose", "betas", "t_cam_root", "K", "key"} - set(arrays)
    if missing:
        raise ValueError(f"{path}: expected arrays of bodies, missing {sorted(missing)}")
    shape = arrays["global_orient"].shape[:2]
    expected = {
        "global_orient": (3,),
        "body_pose": (NUM_TWISTS, 3),
        "betas": arrays["betas"].shape[2:],
        "t_cam_root": (3,),
    }
    for name, last in expected.items():
        if arrays[name].shape != (*shape, *last):
            raise ValueError(
                f"{path}: '{name}' should be {(*shape, *last)} (pictures, candidates, …), is {arrays[name].shape}"
            )
        if not np.isfinite(arrays[name]).all():
            bad = np.unique(np.argwhere(~np.isfinite(arrays[name]))[:, 0])[:5]
            raise ValueError(f"{path}: '{name}' has values that are not finite, first in rows {bad.tolist()}")
    return Hypotheses(
        key=tuple(str(k) for k in arrays["key"]),
        params=body_params_from_arrays(arrays),
        K=torch.from_numpy(arrays["K"]),
        source=str(arrays.get("source", path.stem)),
        seed=int(arrays.get("seed", -1)),
    )
