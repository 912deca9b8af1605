"""A photograph's nodes in a viser scene, by run: /run0/photograph, /run0/person1/candidate3, /run0/person1/joints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import trimesh

from adhmr.view.compare import Sight
from adhmr.view.seen import SeenPerson, SeenPhotograph
from adhmr.view.values import score_colours, world_of_cam

#: Camera axes (y down, z forward) in the world (y up): half a turn about x, as viser's quaternions w x y z.
_WXYZ_WORLD_CAM = (0.0, 1.0, 0.0, 0.0)
#: Spheres of joints: vermilion, which no colour of the scores is near; at least as large as can be seen.
SPHERE_RGB, _SMALLEST_M = (213, 94, 0), 0.006
_FAINT, _ALIKE, _SEEN_THROUGH = 0.12, 0.4, 0.55
#: Length of the pyramid that marks the camera, metres.
_CAMERA_M = 0.25
#: Runs stand beside each other at this many widths of the wider photograph.
_APART = 1.08


@dataclass(frozen=True)
class Look:
    """What is shown of a photograph.

    Attributes:
        person: key, or None for all people.
        rank: of the candidate that is shown solid, from 0, the best.
        alike: all candidates alike, none solid.
        others: the other candidates, faintly.
        spread: spheres at the joints.
        picture: the photograph itself.
    """

    person: str | None = None
    rank: int = 0
    alike: bool = False
    others: bool = True
    spread: bool = False
    picture: bool = True

    def opacity(self, candidate: int, count: int) -> float | None:
        """Of a candidate of ``count``; None is solid, 0 is hidden."""
        if self.alike:
            return _ALIKE
        if candidate != min(self.rank, count - 1):
            return _FAINT if self.others else 0.0
        return _SEEN_THROUGH if self.spread else None


def run_offsets_m(shots: list[SeenPhotograph | None]) -> list[float]:
    """How far to the right each run stands, so that their photographs lie side by side."""
    widths = [float(np.ptp(shot.corners_cam[:, 0])) for shot in shots if shot is not None]
    return [run * _APART * max(widths) for run in range(len(shots))]


def frustum_lines(corners: np.ndarray, share: float) -> np.ndarray:
    """(12, 2, 3) ends of lines: the photograph's edges from its corners (4, 3), and the camera as the beginning of its frustum.

    Rays all the way would cross the bodies for whoever stands behind the camera. share: of the way that is drawn.
    """
    begun = share * corners
    edges = [(c[i], c[(i + 1) % 4]) for c in (corners, begun) for i in range(4)]
    return np.array([*edges, *((np.zeros(3), c) for c in begun)], dtype=np.float32)


class Nodes:
    """The scene of one photograph. ``server`` is viser's."""

    def __init__(self, server: Any, sight: Sight, titles: list[str]) -> None:
        self.scene, self.sight = server.scene, sight
        self.roots: list[Any] = []
        self.pictures: list[Any] = []
        self.candidates: dict[tuple[int, str, int], Any] = {}
        self.joints: dict[tuple[int, str], Any] = {}
        for run, (shot, x) in enumerate(zip(sight.shots, run_offsets_m(sight.shots), strict=True)):
            self.roots.append(self.scene.add_frame(f"/run{run}", show_axes=False, position=(x, 0.0, 0.0)))
            if shot is not None:
                self._photograph(run, shot, titles[run])
                for place, person in enumerate(shot.people):
                    self._person(run, place, person, shot.faces)

    def _photograph(self, run: int, shot: SeenPhotograph, title: str) -> None:
        corners = world_of_cam(shot.corners_cam)
        width, height = float(np.ptp(corners[:, 0])), float(np.ptp(corners[:, 1]))
        if shot.rgb is not None:
            self.pictures.append(
                self.scene.add_image(
                    f"/run{run}/photograph", shot.rgb, width, height,
                    wxyz=_WXYZ_WORLD_CAM, position=tuple(corners.mean(0)), cast_shadow=False, receive_shadow=False,
                )
            )  # fmt: skip
        points = frustum_lines(corners, _CAMERA_M / shot.depth_m)
        self.scene.add_line_segments(f"/run{run}/frustum", points, (90, 100, 115), thickness=0.008)
        title += "" if shot.rgb is not None else " (photograph not found)"
        self.scene.add_label(f"/run{run}/title", title, position=tuple(corners[:2].mean(0)), anchor="bottom-center")

    def _person(self, run: int, place: int, person: SeenPerson, faces: np.ndarray) -> None:
        colours = score_colours(person.score, self.sight.ends[run][person.key])
        vertices = world_of_cam(person.vertices_cam)
        for k in range(person.count):
            self.candidates[run, person.key, k] = self.scene.add_mesh_simple(
                f"/run{run}/person{place}/candidate{k}", vertices[k], faces,
                color=tuple(int(c) for c in colours[k]), cast_shadow=False, receive_shadow=False,
            )  # fmt: skip
        radius = np.maximum(person.joint_spread_mm / 1000, _SMALLEST_M).astype(np.float32)
        ball = trimesh.creation.icosphere(subdivisions=3, radius=1.0)
        self.joints[run, person.key] = self.scene.add_batched_meshes_simple(
            f"/run{run}/person{place}/joints", np.asarray(ball.vertices, np.float32), np.asarray(ball.faces),
            batched_wxyzs=np.tile(np.array([1.0, 0, 0, 0], np.float32), (len(radius), 1)),
            batched_positions=world_of_cam(person.joints_cam[0]), batched_scales=radius, batched_colors=SPHERE_RGB,
            opacity=0.6, cast_shadow=False, receive_shadow=False, visible=False,
        )  # fmt: skip

    def arrange(self, look: Look) -> None:
        """What the controls say."""
        for picture in self.pictures:
            picture.visible = look.picture
        for run, shot in enumerate(self.sight.shots):
            for person in shot.people if shot is not None else ():
                self._arrange_person(run, person, look)

    def _arrange_person(self, run: int, person: SeenPerson, look: Look) -> None:
        chosen = look.person in (None, person.key)
        for k in range(person.count):
            node, opacity = self.candidates[run, person.key, k], look.opacity(k, person.count)
            node.visible = chosen and opacity != 0.0
            node.opacity = opacity
        spheres = self.joints[run, person.key]
        spheres.batched_positions = world_of_cam(person.joints_cam[min(look.rank, person.count - 1)])
        spheres.visible = chosen and look.spread

    def remove(self) -> None:
        for root in self.roots:
            root.remove()
