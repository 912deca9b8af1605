"""The same z-buffer pass in numba and in warp, on one machine in one run: depth pictures a second.

    pip install warp-lang && python -m benchmarks.raster_numba_warp --out benchmarks/results/raster_numba_warp.json

Only the depth pass, which is what a renderer spends its time on; warp runs on the CPU here and on CUDA where there is one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import warp as wp
from numba import njit, prange

from adhmr.world.domains import DOMAINS
from adhmr.world.make import make_samples
from hmr.files import code_version, write_json
from hmr.free_body import free_body
from hmr.rendering.rasterise import rasterise


@wp.kernel
def depth_of_faces(
    vertices: wp.array2d(dtype=wp.vec3),  # pyright: ignore[reportInvalidTypeForm]
    faces: wp.array(dtype=wp.vec3i),  # pyright: ignore[reportInvalidTypeForm]
    K: wp.array(dtype=wp.mat33),  # pyright: ignore[reportInvalidTypeForm]
    size: int,
    depth: wp.array3d(dtype=float),  # pyright: ignore[reportInvalidTypeForm]
):
    i, f = wp.tid()
    face = faces[f]
    a, b, c = vertices[i, face[0]], vertices[i, face[1]], vertices[i, face[2]]
    k = K[i]
    ax, ay = k[0, 0] * a[0] / a[2] + k[0, 2], k[1, 1] * a[1] / a[2] + k[1, 2]
    bx, by = k[0, 0] * b[0] / b[2] + k[0, 2], k[1, 1] * b[1] / b[2] + k[1, 2]
    cx, cy = k[0, 0] * c[0] / c[2] + k[0, 2], k[1, 1] * c[1] / c[2] + k[1, 2]
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if area >= -1.0e-9:
        return
    x0 = wp.max(int(wp.floor(wp.min(wp.min(ax, bx), cx) - 0.5)), 0)
    x1 = wp.min(int(wp.ceil(wp.max(wp.max(ax, bx), cx) + 0.5)), size)
    y0 = wp.max(int(wp.floor(wp.min(wp.min(ay, by), cy) - 0.5)), 0)
    y1 = wp.min(int(wp.ceil(wp.max(wp.max(ay, by), cy) + 0.5)), size)
    for y in range(y0, y1):
        for x in range(x0, x1):
            fx, fy = float(x) + 0.5, float(y) + 0.5
            wb = ((fx - ax) * (cy - ay) - (fy - ay) * (cx - ax)) / area
            wc = ((bx - ax) * (fy - ay) - (by - ay) * (fx - ax)) / area
            wa = 1.0 - wb - wc
            if wa >= 0.0 and wb >= 0.0 and wc >= 0.0:
                wp.atomic_min(depth, i, y, x, 1.0 / (wa / a[2] + wb / b[2] + wc / c[2]))


@njit(parallel=True)
def depth_by_numba(vertices, faces, K, size, out):
    for i in prange(len(vertices)):
        out[i] = rasterise(vertices[i], faces, K[i], size, size)[0]


def rate(run: Callable[[], np.ndarray], count: int, repeats: int = 3) -> tuple[float, np.ndarray]:
    result, best = run(), np.inf
    for _ in range(repeats):
        began = time.perf_counter()
        result = run()
        best = min(best, time.perf_counter() - began)
    return count / best, result


def measure(level: int, size: int, count: int) -> dict[str, float]:
    body = free_body(level)
    samples = make_samples(DOMAINS["source"], count, 64, 0, body, "x")
    vertices = body.posed(samples.label).vertices.numpy()
    faces = body.faces.numpy().astype(np.int32)
    K = np.diag([size / 64, size / 64, 1.0]).astype(np.float32) @ samples.K.numpy()
    device = "cuda" if wp.is_cuda_available() else "cpu"
    on_device = [
        wp.array(vertices, dtype=wp.vec3, device=device),
        wp.array(faces, dtype=wp.vec3i, device=device),
        wp.array(K, dtype=wp.mat33, device=device),
    ]

    def by_warp() -> np.ndarray:
        depth = wp.full((count, size, size), value=float("inf"), dtype=float, device=device)
        wp.launch(depth_of_faces, dim=(count, len(faces)), inputs=[*on_device, size, depth], device=device)
        return depth.numpy()

    def by_numba() -> np.ndarray:
        out = np.empty((count, size, size), dtype=np.float32)
        depth_by_numba(vertices, faces, K, size, out)
        return out

    (numba_rate, numba_depth), (warp_rate, warp_depth) = rate(by_numba, count), rate(by_warp, count)
    both = np.isfinite(numba_depth) & np.isfinite(warp_depth)
    return {
        "vertices": level, "size_px": size, "numba_per_second": round(numba_rate, 1), "warp_per_second": round(warp_rate, 1),
        "numba_over_warp": round(numba_rate / warp_rate, 2),
        "largest_difference_m": float(np.abs(numba_depth[both] - warp_depth[both]).max()), "warp_device": device,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=256)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    rows = [measure(level, size, args.count) for level in (1200, 6900) for size in (128, 256)]
    for row in rows:
        print(row)
    command = "python -m benchmarks.raster_numba_warp"
    write_json(args.out, {"command": command, "rows": rows, "threads": torch.get_num_threads(), "code": code_version()})


if __name__ == "__main__":
    main()
