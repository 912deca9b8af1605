"""Predict the people of a video into a folder: frame by frame, then their bodies over time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from adhmr.export.colours import colour_of
from adhmr.export.film import write_film
from adhmr.export.kinds import DEFAULT_VIDEO_EXPORTS
from adhmr.export.motion import BodyMotion
from adhmr.export.motions import MotionExporter
from adhmr.export.parameters import write_parameters
from adhmr.photographs.smoothing import smoothed
from adhmr.photographs.write import Written, rows_of
from adhmr.predicting import Predictor, Shot, predictions_of
from adhmr.tables import Rows
from hmr.body import BodyModel, BodyParams
from hmr.camera import Camera
from hmr.photographs.cameras import Cameras
from hmr.photographs.folder import Skipped
from hmr.photographs.sources import PeopleSource
from hmr.photographs.tracks import Tracker
from hmr.photographs.video import Frame, Video
from hmr.prediction import Prediction
from hmr.rendering.overlay import draw_body

#: Of the whole time; drawing has the rest.
_SHARE_OF_PREDICTING = 0.9


@dataclass(frozen=True)
class VideoTask:
    """What is asked of a video.

    Attributes:
        video: the file.
        every: of so many frames one is looked at.
        smooth_s: standard deviation of the window that bodies are smoothed with over time, seconds; None: they are not.
        exports: names of VIDEO_EXPORTS.
    """

    video: Video
    every: int = 1
    smooth_s: float | None = None
    exports: Sequence[str] = DEFAULT_VIDEO_EXPORTS

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"--every: expected at least 1, got {self.every}")
        if self.smooth_s is not None and not 0 < self.smooth_s < float("inf"):
            raise ValueError(f"--smooth: expected a window above 0 seconds, got {self.smooth_s}")

    @property
    def frames_per_s(self) -> Fraction:
        """Of those that are looked at."""
        return self.video.frames_per_s / self.every

    @property
    def frames(self) -> int:
        """That are looked at, as far as the file says how many it has."""
        return -(-self.video.count // self.every)


@dataclass(frozen=True)
class FrameShot(Shot):
    """A frame of a video.

    Attributes:
        number: of the frame in the file.
        time_s: seconds after the first frame.
        track: who each person is; the same number in all frames.
    """

    number: int = 0
    time_s: float = 0.0
    track: tuple[int, ...] = ()

    @property
    def places(self) -> list[int]:
        """Somebody's candidates are drawn alike in all frames."""
        return list(self.track)


@dataclass
class Track:
    """The chosen bodies of one person: frame numbers, seconds, and a body for each (no batch axes)."""

    number: list[int] = field(default_factory=list)
    time_s: list[float] = field(default_factory=list)
    body: list[BodyParams] = field(default_factory=list)

    def motion(self) -> BodyMotion:
        return BodyMotion(BodyParams.stack(self.body), torch.tensor(self.time_s, dtype=torch.float64))


@dataclass
class Watched:
    """A video while it is looked at: the shots of its frames, and what was left out.

    Attributes:
        looked, empty: frames that were looked at, and those of them in which nobody is.
        camera: of the frames; None before the first one.
    """

    task: VideoTask
    people: PeopleSource
    cameras: Cameras
    at: Callable[[float], None]
    skipped: list[Skipped] = field(default_factory=list)
    looked: int = 0
    empty: int = 0
    camera: Camera | None = None

    def shots(self) -> Iterator[FrameShot]:
        tracker = Tracker()
        for frame in self.task.video.frames(self.task.every):
            if isinstance(frame, Skipped):
                self.skipped.append(frame)
                continue
            shot = self._shot(frame, tracker)
            self.looked += 1
            self.empty += not shot.people
            self.at(_SHARE_OF_PREDICTING * self.looked / max(self.task.frames, self.looked))
            if shot.people:
                yield shot

    def _shot(self, frame: Frame, tracker: Tracker) -> FrameShot:
        name, (h, w) = self.task.video.name_of(frame.number), frame.rgb.shape[:2]
        if self.camera is None:
            K = self.cameras.K_of(self.task.video.path.name, (w, h))
            self.camera = Camera(K, torch.tensor([w, h]))
        people, skipped = self.people.people_of(name, name, frame.rgb)
        # People come and go in a video: that nobody is in a frame is no mistake, and is counted.
        self.skipped += [s for s in skipped if people or s.what != name]
        track = tracker.follow(np.array([person.box_xyxy for person in people]))
        known = [replace(person, key=f"{name}-{t:02d}") for person, t in zip(people, track, strict=True)]
        return FrameShot(name, frame.rgb, known, self.camera.K, frame.number, frame.time_s, tuple(track))


def predict_video_into(
    out: Path,
    task: VideoTask,
    people: PeopleSource,
    predictor: Predictor,
    cameras: Cameras,
    at: Callable[[float], None],
) -> Written:
    """What ``task.exports`` names (adhmr.export.kinds). at: called with the share that is done.

    Pictures are not kept: the film is drawn while the video is decoded a second time.
    Raises ValueError for a video of which no frame can be decoded.
    """
    watched = Watched(task, people, cameras, at)
    tracks: dict[int, Track] = {}
    rows = Rows()
    for shot, prediction in predictions_of(predictor, watched.shots()):
        if "npz" in task.exports:
            boxes = np.array([person.box_xyxy for person in shot.people])
            write_parameters(out / f"{shot.name}.npz", prediction, boxes, predictor.body)
        rows.add(_rows(shot, prediction))
        _remember(tracks, shot, prediction)
    motions = {t: _motion(track, task.smooth_s) for t, track in sorted(tracks.items())}
    name = task.video.path.stem
    if motions and watched.camera is not None:
        exporter = MotionExporter(out, name, predictor.body, watched.camera, float(1 / task.frames_per_s))
        exporter.write({f"{name}-{t:02d}": motion for t, motion in motions.items()}, task.exports)
        if "mp4" in task.exports:
            film = _drawn(watched, {t: (tracks[t].number, motions[t]) for t in motions}, predictor.body)
            write_film(out / f"{name}.mp4", film, task.frames_per_s)
    told = f"{len(tracks)} people in {watched.looked} frames (nobody in {watched.empty})"
    return Written(rows, [*people.skipped, *cameras.skipped, *watched.skipped], told)


def _rows(shot: FrameShot, prediction: Prediction) -> list[dict[str, Any]]:
    """As of photographs, with the frame and who it is."""
    track = dict(zip(prediction.views.key, shot.track, strict=True))
    of_frame = {"frame": shot.number, "time_s": shot.time_s}
    return [{**row, **of_frame, "track": track[row["key"]]} for row in rows_of(shot.name, prediction)]


def _remember(tracks: dict[int, Track], shot: FrameShot, prediction: Prediction) -> None:
    for i, t in enumerate(shot.track):
        track = tracks.setdefault(t, Track())
        track.number.append(shot.number)
        track.time_s.append(shot.time_s)
        # A copy: a view would keep everything that was predicted with it.
        track.body.append(prediction.estimate[i].map(lambda x: x.clone()))


def _motion(track: Track, smooth_s: float | None) -> BodyMotion:
    return track.motion() if smooth_s is None else smoothed(track.motion(), smooth_s)


def _drawn(
    watched: Watched, motions: dict[int, tuple[list[int], BodyMotion]], model: BodyModel
) -> Iterator[np.ndarray]:
    """Every frame that is looked at with its people, the far ones first. motions: frame numbers and bodies of each track."""
    assert watched.camera is not None
    of_frame: dict[int, list[tuple[int, int]]] = {}
    for t, (numbers, _) in motions.items():
        for row, number in enumerate(numbers):
            of_frame.setdefault(number, []).append((t, row))
    K, drawn = watched.camera.K.numpy(), 0
    for frame in watched.task.video.frames(watched.task.every):
        if isinstance(frame, Skipped):
            continue
        bodies = [(t, motions[t][1].bodies[row]) for t, row in of_frame.get(frame.number, [])]
        picture = frame.rgb
        for t, body in sorted(bodies, key=lambda each: -float(each[1].t_cam_root[2])):
            picture = draw_body(picture, body, K, model, colour_of(t), opacity=0.75)
        drawn += 1
        watched.at(_SHARE_OF_PREDICTING + (1 - _SHARE_OF_PREDICTING) * drawn / max(watched.looked, drawn))
        yield picture
