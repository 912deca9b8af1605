"""The folder of a run, opened: which photographs it is about, and each of them when it is asked for."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adhmr.loading import body_of, body_with_hands_of
from adhmr.option_types import BodyModelType
from adhmr.view.seen import SeenPerson, SeenPhotograph
from hmr.body import BodyModel
from hmr.body_codec import read_arrays
from hmr.files import read_json
from hmr.formats.predictions import is_prediction, predicted_people
from hmr.formats.smpl_parameters import stand_in
from hmr.photographs.folder import Photographs


@dataclass(frozen=True)
class Limits:
    """The most that is shown: people of a photograph (in the run's order) and candidates of each (the best)."""

    people: int = 10
    candidates: int = 20

    def __post_init__(self) -> None:
        for name in ("people", "candidates"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected --most_{name} of at least 1, got {getattr(self, name)}")


@dataclass(frozen=True)
class BodyFile:
    """The user's own body model, as commands are given it; nothing where bodies are free ones."""

    path: Path | None = None
    type: BodyModelType = "auto"

    def load(self, with_hands: bool) -> BodyModel:
        if self.path is None:
            return stand_in()
        return body_with_hands_of(self.path) if with_hands else body_of(self.path, self.type)


@dataclass(frozen=True)
class Run:
    """A folder that `adhmr predict --images` wrote.

    Attributes:
        folder: where it is.
        files: name of a photograph to the .npz of its people.
        photographs: where the photographs are now.
        scored_by: what tells its scorer from others; "" where that is not known.
        body: the user's own model, where bodies are of one.
    """

    folder: Path
    files: dict[str, Path]
    photographs: Photographs
    scored_by: str
    body: BodyModel

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    def seen(self, name: str, limits: Limits) -> SeenPhotograph | None:
        """None where this run has nobody in it. Raises ValueError that names a broken file."""
        if name not in self.files:
            return None
        path = self.files[name]
        found = predicted_people(_prediction(path), str(path), self.body)
        p, n = (min(a, b) for a, b in zip(found.score.shape, (limits.people, limits.candidates), strict=True))
        posed = found.model.posed(found.params[:p, :n])
        vertices, joints = posed.vertices.numpy(), posed.joints.numpy()
        people = tuple(
            SeenPerson(found.key[i], found.score[i, :n], found.expected_pve_mm[i, :n], vertices[i], joints[i])
            for i in range(p)
        )
        left_out = (found.score.shape[0] - p, found.score.shape[1] - n)
        faces, names = found.model.faces.numpy(), found.model.skeleton.joint_names
        return SeenPhotograph(name, self._picture(name), found.K.numpy(), people, left_out, faces, names)

    def _picture(self, name: str):
        """None where it is not there any more: its bodies can be looked at all the same."""
        try:
            return self.photographs.read(self.photographs.named(name))
        except ValueError:
            return None


def _prediction(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = dict(read_arrays(path))
    if not is_prediction(content):
        raise ValueError(
            f"{path}: expected what `adhmr predict --images` writes of a photograph, it has {sorted(content)[:6]}"
        )
    return content


def open_run(folder: Path, images: Path | None, body: BodyFile) -> Run:
    """images: where the photographs are; without it where they were when they were predicted.

    Raises ValueError for a folder that holds no predictions of photographs, or photographs that are gone.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected the folder that `adhmr predict --images` wrote, there is none")
    made = read_json(folder / "provenance.json") if (folder / "provenance.json").exists() else {}
    files = _files_by_photograph(folder)
    first = _prediction(next(iter(files.values())))
    photographs = _photographs(folder, images, made.get("config", {}).get("images"))
    scorer = str(made.get("config", {}).get("scorer", ""))
    scored_by = str(made.get("inputs", {}).get(scorer, ""))
    return Run(folder, files, photographs, scored_by, body.load("left_hand_pose" in first))


def _files_by_photograph(folder: Path) -> dict[str, Path]:
    """In the order of predictions.csv, which says what photograph each person is of."""
    table = folder / "predictions.csv"
    if not table.is_file():
        raise ValueError(f"{folder}: has no predictions.csv; expected the folder that `adhmr predict --images` wrote")
    with table.open(newline="", encoding="utf-8") as stream:
        rows = csv.DictReader(stream)
        if not {"image", "key"} <= set(rows.fieldnames or ()):
            raise ValueError(f"{table}: expected columns image and key, found {rows.fieldnames}")
        key_of_image: dict[str, str] = {}
        for row in rows:
            key_of_image.setdefault(row["image"], row["key"])
    found = {image: _file_of(folder, key) for image, key in key_of_image.items()}
    out = {image: path for image, path in found.items() if path is not None}
    if not out:
        raise ValueError(f"{folder}: predictions.csv names {len(found)} photographs, and none has its .npz here")
    return out


def _file_of(folder: Path, key: str) -> Path | None:
    """The .npz of a person: NAME.npz of the person NAME (who fills a photograph) or NAME-00 (in a box of it)."""
    for stem in (key, key.rpartition("-")[0]):
        path = folder / f"{stem}.npz"
        if stem and path.is_file() and key in read_arrays(path).get("key", ()):
            return path
    return None


def _photographs(folder: Path, images: Path | None, predicted_from: str | None) -> Photographs:
    if images is not None:
        return Photographs.at(images)
    if predicted_from is None:
        raise ValueError(f"{folder}: does not say where its photographs are; give --images, their folder")
    if not Path(predicted_from).exists():
        raise ValueError(
            f"the photographs of {folder} were in {predicted_from} (from where predict was run), which is not here; "
            f"give --images, their folder now"
        )
    return Photographs.at(Path(predicted_from))
