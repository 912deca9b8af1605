"""The people of a video over time, in the formats that were asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adhmr.export.bvh import write_body_bvh
from adhmr.export.motion import BodyMotion
from adhmr.export.skinned_glb import write_skinned_glb
from adhmr.export.smpl import write_smpl_parameters
from hmr.body import BodyModel
from hmr.camera import Camera


@dataclass(frozen=True)
class MotionExporter:
    """Writes motions of people, each with one build, since a skeleton has one.

    Attributes:
        out: folder.
        name: what the video's files begin with.
        model: of the bodies.
        camera: of the video (no batch axes).
        frame_time_s: between two bodies of a BVH, which has even times; gaps are filled.
    """

    out: Path
    name: str
    model: BodyModel
    camera: Camera
    frame_time_s: float

    def write(self, motions: Mapping[str, BodyMotion], exports: Sequence[str]) -> None:
        """Name of each person to their motion."""
        built = {person: motion.one_build() for person, motion in motions.items()}
        for person, motion in built.items():
            if "skinned_glb" in exports:
                write_skinned_glb(self._file(person, ".skinned.glb"), {person: motion}, self.model, self.camera)
            if "bvh" in exports:
                write_body_bvh(self._file(person, ".bvh"), motion.evenly(self.frame_time_s), self.model)
            if "smpl" in exports:
                write_smpl_parameters(self._file(person, ".smpl.npz"), motions[person], self.model)
        if "skinned_glb" in exports and len(built) > 1:
            write_skinned_glb(self._file(self.name, ".skinned.glb"), built, self.model, self.camera)

    def _file(self, name: str, ending: str) -> Path:
        """Names of videos may hold dots, so an ending is put behind."""
        return self.out / f"{name}{ending}"
