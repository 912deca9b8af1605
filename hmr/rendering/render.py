"""A small z-buffer renderer: posed meshes to finished pictures, one picture a task, all cores.

Everything random comes in as arguments or as integer hashes of (seed, place), so that the same seed gives the same bytes
whatever the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit, prange

from hmr.rendering.rasterise import rasterise

SUPERSAMPLING = 2


@dataclass(frozen=True)
class Looks:
    """What a batch of n pictures looks like, apart from the bodies. All float32 unless said.

    vertex_rgb (n, v, 3); stripe (n, v, 4): amplitude, phase and the two texture coordinates of each vertex's garment.
    light_direction (n, 3) unit, towards the light; light_rgb (n, 3); ambient (n,).
    backdrop (n, 4, 3): colours of the four corners. clutter (n,). noise (n,). seed (n,) int64.
    occluders (n, k, 9): kind (0 none, 1 box, 2 ellipse), centre x y, half sizes, angle, r, g, b (pixels, [0, 1]).
    objects: the same for things behind the body.
    """

    vertex_rgb: np.ndarray
    stripe: np.ndarray
    light_direction: np.ndarray
    light_rgb: np.ndarray
    ambient: np.ndarray
    backdrop: np.ndarray
    clutter: np.ndarray
    noise: np.ndarray
    occluders: np.ndarray
    objects: np.ndarray
    seed: np.ndarray


@njit(cache=True, inline="always")
def _hash(seed, x, y):
    """A number in [0, 1) from three integers (a 32-bit mix)."""
    h = (
        np.uint32(seed) * np.uint32(2654435761)
        ^ np.uint32(x) * np.uint32(2246822519)
        ^ np.uint32(y) * np.uint32(3266489917)
    )
    h = (h ^ (h >> np.uint32(15))) * np.uint32(2246822519)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(3266489917)
    h = h ^ (h >> np.uint32(16))
    return np.float32(h & np.uint32(0xFFFFFF)) * np.float32(1.0 / 16777216.0)


@njit(cache=True, inline="always")
def _value_noise(seed, x, y):
    """Smooth noise in [0, 1) on the integer lattice."""
    ix, iy = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - ix, y - iy
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    top = _hash(seed, ix, iy) * (1 - fx) + _hash(seed, ix + 1, iy) * fx
    bottom = _hash(seed, ix, iy + 1) * (1 - fx) + _hash(seed, ix + 1, iy + 1) * fx
    return top * (1 - fy) + bottom * fy


@njit(cache=True)
def _vertex_normals(vertices, faces):
    normals = np.zeros((vertices.shape[0], 3), dtype=np.float32)
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = (vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2])
        wx, wy, wz = (vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2])
        nx, ny, nz = uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx
        for v in (a, b, c):
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz
    for v in range(vertices.shape[0]):
        length = np.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2) + 1e-12
        normals[v, 0] /= length
        normals[v, 1] /= length
        normals[v, 2] /= length
    return normals


@njit(cache=True)
def _shade(vertices, faces, K, size, vertex_rgb, stripe, light_direction, light_rgb, ambient):
    """Covered colour, summed over sub-pixels (s, s, 3), and coverage in [0, 1] (s, s)."""
    big = size * SUPERSAMPLING
    K_big = K * np.float32(SUPERSAMPLING)
    normals = _vertex_normals(vertices, faces)
    _, index, bary = rasterise(vertices, faces, K_big, big, big)
    rgb = np.zeros((size, size, 3), dtype=np.float32)
    cover = np.zeros((size, size), dtype=np.float32)
    share = np.float32(1.0 / SUPERSAMPLING**2)
    for y in range(big):
        for x in range(big):
            f = index[y, x]
            if f < 0:
                continue
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            wb, wc = bary[y, x, 0], bary[y, x, 1]
            wa = 1 - wb - wc
            lit = np.float32(0.0)
            for k in range(3):
                lit += (wa * normals[a, k] + wb * normals[b, k] + wc * normals[c, k]) * light_direction[k]
            lit = ambient + (1 - ambient) * max(lit, np.float32(0.0))
            amplitude = wa * stripe[a, 0] + wb * stripe[b, 0] + wc * stripe[c, 0]
            pattern = np.float32(1.0)
            if amplitude > 1e-3:
                s = wa * stripe[a, 2] + wb * stripe[b, 2] + wc * stripe[c, 2]
                t = wa * stripe[a, 3] + wb * stripe[b, 3] + wc * stripe[c, 3]
                pattern += amplitude * np.sin(s + stripe[a, 1]) * np.cos(t)
            sy, sx = y // SUPERSAMPLING, x // SUPERSAMPLING
            cover[sy, sx] += share
            for k in range(3):
                albedo = wa * vertex_rgb[a, k] + wb * vertex_rgb[b, k] + wc * vertex_rgb[c, k]
                rgb[sy, sx, k] += share * albedo * pattern * lit * light_rgb[k]
    return rgb, cover


@njit(cache=True, inline="always")
def _inside(thing, x, y):
    if thing[0] == 0:
        return False
    c, s = np.cos(thing[5]), np.sin(thing[5])
    dx, dy = x - thing[1], y - thing[2]
    u, v = (c * dx + s * dy) / thing[3], (-s * dx + c * dy) / thing[4]
    if thing[0] == 1:
        return abs(u) < 1 and abs(v) < 1
    return u * u + v * v < 1


@njit(cache=True)
def _finish(rgb, cover, backdrop, clutter, objects, occluders, noise, seed, out):
    """Composite body, backdrop, things behind and before, noise; write uint8 (s, s, 3)."""
    size = out.shape[0]
    for y in range(size):
        fy = (y + 0.5) / size
        for x in range(size):
            fx = (x + 0.5) / size
            texture = np.float32(0.0)
            if clutter > 0:
                texture = 0.55 * _value_noise(seed, fx * 5, fy * 5) + 0.3 * _value_noise(seed + 1, fx * 13, fy * 13)
                texture += 0.25 * _value_noise(seed + 2, fx * 31, fy * 31) - 0.55
            hit, behind = -1, -1
            for k in range(occluders.shape[0]):
                if _inside(occluders[k], x + 0.5, y + 0.5):
                    hit = k
            if hit < 0 and cover[y, x] < 1:
                for k in range(objects.shape[0]):
                    if _inside(objects[k], x + 0.5, y + 0.5):
                        behind = k
            for k in range(3):
                top = backdrop[0, k] * (1 - fx) + backdrop[1, k] * fx
                bottom = backdrop[2, k] * (1 - fx) + backdrop[3, k] * fx
                value = top * (1 - fy) + bottom * fy
                tint = 0.7 + 0.6 * _hash(seed, 77, k)
                value += clutter * texture * tint
                if behind >= 0:
                    value = objects[behind, 6 + k] * (0.85 + 0.4 * texture)
                value = rgb[y, x, k] + (1 - cover[y, x]) * value
                if hit >= 0:
                    value = occluders[hit, 6 + k] * (0.9 + 0.4 * texture)
                # Two uniform numbers make noise that is bell-shaped enough.
                grain = _hash(seed + 11, x * 3 + k, y) + _hash(seed + 12, x * 3 + k, y) - 1
                value += noise * 2.45 * grain
                out[y, x, k] = np.uint8(min(max(value, 0.0), 1.0) * 255 + 0.5)


@njit(cache=True, parallel=True)
def _render_batch(
    vertices, faces, K, size, vertex_rgb, stripe, light_direction, light_rgb, ambient, backdrop, clutter, noise,
    occluders, objects, seed, out,
):  # fmt: skip
    for i in prange(vertices.shape[0]):
        rgb, cover = _shade(
            vertices[i], faces, K[i], size, vertex_rgb[i], stripe[i], light_direction[i], light_rgb[i], ambient[i]
        )
        _finish(rgb, cover, backdrop[i], clutter[i], objects[i], occluders[i], noise[i], seed[i], out[i])


def render(vertices: np.ndarray, faces: np.ndarray, K: np.ndarray, size: int, looks: Looks) -> np.ndarray:
    """(n, v, 3) float32 camera-frame metres, (f, 3) int, (n, 3, 3) to finished pictures (n, size, size, 3) uint8."""
    out = np.empty((len(vertices), size, size, 3), dtype=np.uint8)
    _render_batch(
        np.ascontiguousarray(vertices, dtype=np.float32), np.ascontiguousarray(faces, dtype=np.int32),
        np.ascontiguousarray(K, dtype=np.float32), size, looks.vertex_rgb, looks.stripe, looks.light_direction,
        looks.light_rgb, looks.ambient, looks.backdrop, looks.clutter, looks.noise, looks.occluders, looks.objects,
        looks.seed, out,
    )  # fmt: skip
    return out
