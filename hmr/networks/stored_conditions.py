"""A frozen branch's features on disk: for sets that are larger than memory, and for the next run on the same pictures."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from hmr.files import partial_folder, write_own_atomically
from hmr.networks.conditions import Branch, Kept, PictureRows, conditions_of
from hmr.networks.precision import fast_precision
from hmr.views import Views

_AT_ONCE = 1024
#: Rows that a run which is stopped may lose.
_PART = 256


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


def stored_conditions(
    branch: Branch[Kept], views: Views, folder: Path | None, at: Callable[[float], None] = lambda share: None
) -> Kept:
    """``conditions_of``, memory-mapped from ``folder``, made there first where they are not; None: in memory.

    Features of other weights or other pictures in the same folder are left alone. Work that was stopped goes on where it was.

    at: called with the share that is done, where something has to be made.
    """
    if folder is None:
        return conditions_of(branch, views)
    out = folder / identity(branch, views)[:32]
    if not out.exists():
        _make(branch, views, out, at)
    names = [f.name for f in fields(branch.conditions_type)]
    return branch.conditions_type(*(torch.from_numpy(np.load(out / f"{name}.npy", mmap_mode="c")) for name in names))


def _make(branch: Branch, views: Views, out: Path, at: Callable[[float], None]) -> None:
    """Some rows at a time; each part is kept until the whole is there. Several processes share the parts."""
    unfinished = out.with_name(f"unfinished-{out.name}")
    parts = {start: unfinished / f"{start:09d}.npz" for start in range(0, len(views), _PART)}
    for start, path in parts.items():
        if out.exists():  # another process was faster
            return
        if not path.exists():
            _write_part(conditions_of(branch, views[start : start + _PART]), path)
        at(min(start + _PART, len(views)) / len(views))
    try:
        with partial_folder(out) as partial:
            _join(parts, len(views), partial)
    except FileNotFoundError:
        if not out.exists():
            raise
    shutil.rmtree(unfinished, ignore_errors=True)


def _write_part(part: PictureRows, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_own_atomically(path) as partial, partial.open("wb") as stream:
        np.savez(stream, **{f.name: getattr(part, f.name).numpy() for f in fields(part)})


def _join(parts: dict[int, Path], count: int, folder: Path) -> None:
    files: dict[str, np.ndarray] = {}
    for start, path in parts.items():
        with np.load(path, allow_pickle=False) as part:
            for name in part.files:
                values = part[name]
                if name not in files:
                    shape = (count, *values.shape[1:])
                    files[name] = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float32, shape)
                files[name][start : start + len(values)] = values
