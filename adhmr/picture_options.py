"""What a command is told of its pictures: a folder of our crops, or photographs and where their people are.

Imports nothing heavy, so that every --help is there at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from adhmr.option_types import DetectorKind
from hmr.detection.config import DetectorConfig


@dataclass(frozen=True, kw_only=True)
class PeopleOptions:
    """Where people of photographs are known from.

    Args:
        boxes: COCO json with person boxes of the photographs; keypoints in it are not looked at
        keypoints: of the photographs' people: COCO json, OpenPose's folder of NAME_keypoints.json, or a table (.csv: image,
            then POINT_x, POINT_y, POINT_c of each point)
        detector: own: MoveNet and BlazePose, whose weights are fetched at their first use; auto: that, where the generator is
            told keypoints and no file is given; none: without a file one person is assumed to fill each photograph
        detection: what the detector is told; masks are not looked at yet, so none are made
        offline: fetch nothing
        focal_px: focal length of the photographs in pixels; without it what EXIF says, or the diagonal
        intrinsics: [fx,fy,cx,cy] in pixels, or a json of such for each photograph's name; instead of focal_px
    """

    boxes: Path | None = None
    keypoints: Path | None = None
    detector: DetectorKind = "auto"
    detection: DetectorConfig = field(default_factory=lambda: DetectorConfig(masks=False))
    offline: bool = False
    focal_px: float | None = None
    intrinsics: list[float] | Path | None = None

    def check(self) -> None:
        """Raises ValueError for what cannot be meant."""
        if self.keypoints is not None and self.boxes is not None:
            raise ValueError("give --keypoints or --boxes, one of the two: a person's box comes with its keypoints")
        if self.focal_px is not None and not 0 < self.focal_px < float("inf"):
            raise ValueError(f"expected a focal length above 0 px, got {self.focal_px}")


@dataclass(frozen=True, kw_only=True)
class PictureOptions(PeopleOptions):
    """The pictures of a command.

    Args:
        data: folder with pictures.npy and labels.npz
        images: a folder of photographs, with its subfolders, one photograph, or (of predict) a video; give this or ``data``
    """

    data: Path | None = None
    images: Path | None = None

    def check(self) -> None:
        """Raises ValueError for both or none of data and images, and for what cannot be meant."""
        if (self.images is None) == (self.data is None):
            raise ValueError("give --images (photographs) or --data (our crops), one of the two")
        if self.data is not None and (given := self.about_photographs):
            raise ValueError(f"--{given[0]} is about photographs; with --data people are cut out already")
        super().check()

    @property
    def about_photographs(self) -> list[str]:
        """What is given that says something of photographs alone."""
        return [name for name in ("boxes", "keypoints", "focal_px", "intrinsics") if getattr(self, name) is not None]


@dataclass(frozen=True, kw_only=True)
class CutPictureOptions(PictureOptions):
    """The pictures of a command that looks at them more than once.

    Args:
        crops: folder where the people of photographs are kept, cut out once; without it ``crops`` beside --out
    """

    crops: Path | None = None

    def crops_folder(self, out: Path) -> Path:
        """out: what the command writes."""
        return self.crops if self.crops is not None else out.resolve().parent / "crops"


@dataclass(frozen=True, kw_only=True)
class LabelledPictureOptions:
    """What a command learns from: folders of labelled crops, labelled photographs, or both.

    Args:
        data: folders with pictures.npy and labels.npz; exact and pseudo-labels may be mixed
        labels: of photographs: a HumanData, 4D-Humans or CameraHMR .npz, or a folder of such files; --body_model says which
            body their parameters are of
        images: folder of the photographs of ``labels``
        label_kind: what ``labels`` are: pseudo, or mocap (exact)
        crops: folder where the people of photographs are kept, cut out once; without it ``crops`` beside --out
    """

    data: list[Path] = field(default_factory=list)
    labels: Path | None = None
    images: Path | None = None
    label_kind: Literal["pseudo", "mocap"] = "pseudo"
    crops: Path | None = None

    def check(self) -> None:
        """Raises ValueError for photographs without labels, labels without photographs, or neither those nor crops."""
        if (self.labels is None) != (self.images is None):
            raise ValueError("--labels and --images go together: the labels of photographs, and their folder")
        if not self.data and self.labels is None:
            raise ValueError(
                "expected at least one folder of labelled pictures (--data), or --labels and --images, got none"
            )

    def crops_folder(self, out: Path) -> Path:
        """out: what the command writes."""
        return self.crops if self.crops is not None else out.resolve().parent / "crops"
