"""Deterministic weights and inputs that the reference fixtures were made with: no trained weights are needed."""

import zlib

import numpy as np
import torch


def normal(name: str, *shape: int, scale: float = 1.0) -> torch.Tensor:
    random = np.random.RandomState(zlib.crc32(f"input:{name}".encode()) & 0xFFFFFFFF)
    return torch.from_numpy((random.standard_normal(shape) * scale).astype(np.float32))


def recipe_weights(names_and_shapes) -> dict[str, torch.Tensor]:
    """The deterministic weights that the fixtures were made with (no trained weights are needed)."""
    out = {}
    for key, shape in names_and_shapes:
        n = np.random.RandomState(zlib.crc32(key.encode()) & 0xFFFFFFFF).standard_normal(shape)
        if key.endswith("num_batches_tracked"):
            out[key] = torch.zeros(shape, dtype=torch.int64)
            continue
        if key.endswith("running_var"):
            n = 1 + 0.1 * np.abs(n)
        elif len(shape) >= 2:
            n = n / np.sqrt(max(1, np.prod(shape[1:])))
        else:
            n = 0.02 * n + (1 if key.endswith("weight") else 0)
        out[key] = torch.from_numpy(np.asarray(n, dtype=np.float32))
    return out
