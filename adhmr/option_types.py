"""Types that options of several commands have. Imports nothing heavy, so that every --help is there at once."""

from __future__ import annotations

from typing import Literal

#: Where training curves go; files are always written.
Log = Literal["files", "wandb"]
#: Which body a file holds; "auto": what the file is, by its joints.
BodyModelType = Literal["auto", "smpl", "smplh", "smplx"]
#: The body of a person that is drawn and exported: the best by score, or the weighted mean on SO(3).
EstimateKind = Literal["best", "weighted_mean"]

#: What of the keypoints that the scorer is told the generator is told too: all, all but three of each person, or none.
Telling = Literal["all", "fewer", "nothing"]

#: Who finds people in photographs: auto: the house's own detector, where keypoints are needed and none are given.
DetectorKind = Literal["auto", "own", "none"]
