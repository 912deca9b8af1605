"""One mesh to depth, faces and barycentric coordinates: a z-buffer in numba."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def rasterise(vertices, faces, K, width, height):
    """One mesh (v, 3) in the camera frame to depth (h, w; inf where empty), face index (-1) and barycentrics (h, w, 2)."""
    depth = np.full((height, width), np.inf, dtype=np.float32)
    index = np.full((height, width), -1, dtype=np.int32)
    bary = np.zeros((height, width, 2), dtype=np.float32)
    px = np.empty(vertices.shape[0], dtype=np.float32)
    py = np.empty(vertices.shape[0], dtype=np.float32)
    for v in range(vertices.shape[0]):
        z = max(vertices[v, 2], np.float32(1e-3))
        px[v] = (K[0, 0] * vertices[v, 0] + K[0, 1] * vertices[v, 1]) / z + K[0, 2]
        py[v] = (K[1, 1] * vertices[v, 1]) / z + K[1, 2]
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        if vertices[a, 2] <= 0.05 or vertices[b, 2] <= 0.05 or vertices[c, 2] <= 0.05:
            continue
        ax, ay, bx, by, cx, cy = px[a], py[a], px[b], py[b], px[c], py[c]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area >= -1e-9:  # turned away: outward faces are counter-clockwise, which y down makes negative
            continue
        x0 = max(int(np.floor(min(ax, bx, cx) - 0.5)), 0)
        x1 = min(int(np.ceil(max(ax, bx, cx) + 0.5)), width)
        y0 = max(int(np.floor(min(ay, by, cy) - 0.5)), 0)
        y1 = min(int(np.ceil(max(ay, by, cy) + 0.5)), height)
        za, zb, zc = 1 / vertices[a, 2], 1 / vertices[b, 2], 1 / vertices[c, 2]
        inv = 1 / area
        for y in range(y0, y1):
            fy = y + np.float32(0.5)
            for x in range(x0, x1):
                fx = x + np.float32(0.5)
                wb = ((fx - ax) * (cy - ay) - (fy - ay) * (cx - ax)) * inv
                wc = ((bx - ax) * (fy - ay) - (by - ay) * (fx - ax)) * inv
                wa = 1 - wb - wc
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                z = 1 / (wa * za + wb * zb + wc * zc)
                if z < depth[y, x]:
                    depth[y, x] = z
                    index[y, x] = f
                    bary[y, x, 0] = wb
                    bary[y, x, 1] = wc
    return depth, index, bary
