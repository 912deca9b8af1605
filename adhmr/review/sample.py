"""Labels that were drawn for a person to check, each as its picture and the label over it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from adhmr.scoring import ScoringJob
from data_cleaning.decode import Decoded
from data_cleaning.units import Unit, opened
from hmr.formats.labels.our_folder import OurFolder
from hmr.free_body import free_body
from hmr.rendering.overlay import BLUE, draw_body, draw_keypoints, enlarged


def unit_of_row(units: list[Unit], row: int) -> Unit:
    """The unit of that row alone, of all rows of all units."""
    for unit in units:
        if row < unit.stop - unit.start:
            return Unit(unit.root, unit.name, unit.start + row, unit.start + row + 1, unit.file_id)
        row -= unit.stop - unit.start
    raise IndexError(f"row {row} after the last")


def bones_over(decoded: Decoded, pixels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Of the first label the crop, the crop with its bones, and where its keypoints are in them (29, 2); None when it cannot be
    judged."""
    if decoded.views is None:
        return None
    factor = max(1, pixels // decoded.views.size)
    picture, _ = enlarged(decoded.views.rgb[0].permute(1, 2, 0).numpy(), np.eye(3), factor)
    xy = (decoded.uvd[0, :, :2].numpy() + 1) * picture.shape[0] / 2
    return picture, draw_keypoints(picture, xy, decoded.known[0].numpy(), BLUE, 2), xy


def _mesh_over(file: OurFolder, i: int, pixels: int) -> np.ndarray | None:
    samples = file.samples
    if not bool(samples.label.t_cam_root[i].isfinite().all() and samples.label.R_parent_joint[i].isfinite().all()):
        return None
    factor = max(1, pixels // samples.size)
    picture, K = enlarged(samples.rgb[i].permute(1, 2, 0).numpy(), samples.K[i].numpy(), factor)
    return np.concatenate([picture, draw_body(picture, samples.label[i], K, free_body(1200), BLUE, 0.7)], 1)


def drawn_labels(
    job: ScoringJob, units: list[Unit], rows: np.ndarray, pixels: int
) -> Iterator[tuple[str, np.ndarray | None]]:
    """Key and picture (None where it cannot be drawn) of each of ``rows``, in order. Meshes of our own sets, bones of others."""
    own: dict[str, OurFolder] = {}
    decoder = job.decoder(pixels)
    for row in rows:
        unit = unit_of_row(units, int(row))
        if unit.path.is_dir():
            if unit.name not in own:
                file = opened(unit.path, None)[0]
                assert isinstance(file, OurFolder)
                own[unit.name] = file
            yield own[unit.name].rows[unit.start], _mesh_over(own[unit.name], unit.start, pixels)
        else:
            decoded = decoder(unit)
            drawn = bones_over(decoded, pixels)
            yield decoded.rows[0].key, np.concatenate(drawn[:2], 1) if drawn is not None else None
