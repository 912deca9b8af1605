"""A frozen branch's features on disk: for sets that are larger than memory, and for the next run on the same pictures."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from hmr.files import partial_folder
from hmr.networks.conditions import Branch, Kept, conditions_in_parts, conditions_of
from hmr.networks.precision import fast_precision
from hmr.views import Views

_AT_ONCE = 1024


def identity(branch: Branch, views: Views) -> str:
    """What features follow from: the weights, the precision they are run in, the pictures, their cameras and prompts."""
    digest = hashlib.sha256(fast_precision(next(branch.parameters()).device).encode())
    # Eyes are no part of the state.
    digest.update(str(getattr(branch, "eyes", None) is not None).encode())
    for name, value in branch.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    digest.update("\n".join(views.key).encode())
    digest.update(views.K.numpy().tobytes())
    for start in range(0, len(views), _AT_ONCE):
        digest.update(views.rgb[start : start + _AT_ONCE].contiguous().numpy().tobytes())
    if views.prompts is not None:
        digest.update(views.prompts.keypoints_px.contiguous().numpy().tobytes())
    return digest.hexdigest()


def stored_conditions(branch: Branch[Kept], views: Views, folder: Path | None) -> Kept:
    """``conditions_of``, memory-mapped from ``folder``, made there first where they are not; None: in memory.

    Features of other weights or other pictures in the same folder are left alone.
    """
    if folder is None:
        return conditions_of(branch, views)
    out = folder / identity(branch, views)[:32]
    if not out.exists():
        with partial_folder(out) as partial:
            _write(branch, views, partial)
    names = [f.name for f in fields(branch.conditions_type)]
    return branch.conditions_type(*(torch.from_numpy(np.load(out / f"{name}.npy", mmap_mode="c")) for name in names))


def _write(branch: Branch, views: Views, folder: Path) -> None:
    files: dict[str, np.ndarray] = {}
    for rows, part in conditions_in_parts(branch, views):
        for f in fields(part):
            values = getattr(part, f.name).numpy()
            if f.name not in files:
                shape = (len(views), *values.shape[1:])
                files[f.name] = np.lib.format.open_memmap(folder / f"{f.name}.npy", "w+", np.float32, shape)
            files[f.name][rows] = values
