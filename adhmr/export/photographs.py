"""The people of photographs into a folder, in the formats that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import Tensor

from adhmr.export.bvh import write_body_bvh
from adhmr.export.human_data import LabelledPeople, write_human_data
from adhmr.export.kinds import checked_exports
from adhmr.export.meshes import write_mesh
from adhmr.export.motion import BodyMotion
from adhmr.export.overlay import write_overlay
from adhmr.export.parameters import write_parameters
from adhmr.export.skinned_glb import write_skinned_glb
from adhmr.export.smpl import smpl_family, write_smpl_parameters
from hmr.body import BodyModel
from hmr.prediction import Prediction


@dataclass(frozen=True)
class PhotographPeople:
    """What was found in a photograph.

    Attributes:
        image: its path in the folder of photographs.
        name: what its files begin with; those of a person with the person's key.
        rgb: (h, w, 3) uint8.
        boxes_xyxy: (p, 4) pixels.
        prediction: of p people.
    """

    image: str
    name: str
    rgb: np.ndarray
    boxes_xyxy: np.ndarray
    prediction: Prediction

    def motions(self) -> dict[str, BodyMotion]:
        """Key of each person to their estimate, standing still."""
        return {key: BodyMotion.still(self.prediction.estimate[i]) for i, key in enumerate(self.prediction.views.key)}


@dataclass
class PhotographExporter:
    """Writes each photograph's files as it comes, and what is of all photographs at the end.

    Raises ValueError for exports that are not known, or that bodies of this model do not have.

    Attributes:
        out: folder.
        model: of the bodies.
        exports: names of EXPORTS.
    """

    out: Path
    model: BodyModel
    exports: Sequence[str]
    _writers: dict[str, Callable[[PhotographPeople], None]] = field(init=False)
    _labelled: list[LabelledPeople] = field(init=False, default_factory=list)
    _posed: tuple[PhotographPeople, Tensor] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.exports = checked_exports(self.exports)
        if "smpl" in self.exports:
            smpl_family(self.model)
        self._writers = {
            "npz": self._npz,
            "png": self._png,
            "skinned_glb": self._skinned_glb,
            "bvh": self._bvh,
            "smpl": self._smpl,
            "human_data": self._human_data,
            **{suffix: self._meshes(suffix) for suffix in ("obj", "ply", "glb")},
        }

    def _file(self, name: str, ending: str) -> Path:
        """Names of photographs may hold dots, so an ending is put behind, never in the place of another."""
        return self.out / f"{name}{ending}"

    def _vertices_cam(self, people: PhotographPeople) -> Tensor:
        """(p, v, 3) of the estimates; made once for all formats of a photograph."""
        if self._posed is None or self._posed[0] is not people:
            self._posed = people, self.model.posed(people.prediction.estimate).vertices
        return self._posed[1]

    def add(self, people: PhotographPeople) -> None:
        for name in self.exports:
            self._writers[name](people)

    def finish(self) -> None:
        """Write what is of all photographs; nothing where nobody was found."""
        if self._labelled:
            write_human_data(self.out / "human_data.npz", self._labelled, self.model)

    def _npz(self, people: PhotographPeople) -> None:
        write_parameters(self._file(people.name, ".npz"), people.prediction, people.boxes_xyxy, self.model)

    def _png(self, people: PhotographPeople) -> None:
        vertices_cam = self._vertices_cam(people)
        write_overlay(self._file(people.name, ".png"), people.rgb, people.prediction, vertices_cam, self.model.faces)

    def _meshes(self, suffix: str) -> Callable[[PhotographPeople], None]:
        def write(people: PhotographPeople) -> None:
            for i, key in enumerate(people.prediction.views.key):
                write_mesh(self._file(key, f".{suffix}"), self._vertices_cam(people)[i], self.model.faces)

        return write

    def _skinned_glb(self, people: PhotographPeople) -> None:
        """A file for each person, and where there are several one for all of them."""
        motions, camera = people.motions(), people.prediction.views.camera[0]
        for key, motion in motions.items():
            write_skinned_glb(self._file(key, ".skinned.glb"), {key: motion}, self.model, camera)
        if len(motions) > 1:
            write_skinned_glb(self._file(people.name, ".skinned.glb"), motions, self.model, camera)

    def _bvh(self, people: PhotographPeople) -> None:
        for key, motion in people.motions().items():
            write_body_bvh(self._file(key, ".bvh"), motion, self.model)

    def _smpl(self, people: PhotographPeople) -> None:
        for key, motion in people.motions().items():
            write_smpl_parameters(self._file(key, ".smpl.npz"), motion, self.model)

    def _human_data(self, people: PhotographPeople) -> None:
        found = people.prediction
        K = found.views.camera.K[0]
        self._labelled.append(LabelledPeople(people.image, people.boxes_xyxy, found.estimate, K))
