"""Cut the people out of photographs once, into folders of our crops, so that no later stage reads the photographs again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from adhmr.photographs.parts import SetsInParts
from adhmr.predicting import crops_of_shot, shots_of
from hmr.photographs.cameras import Cameras
from hmr.photographs.folder import Photographs, Skipped, output_names
from hmr.photographs.sources import PeopleSource
from hmr.samples import save_views
from hmr.views import Views

#: Photographs whose people are in memory together.
_AT_ONCE = 32


class Looking(Protocol):
    """Anything that looks at crops: a generator, a regressor, a scorer."""

    @property
    def crop_size(self) -> int: ...

    @property
    def crop_enlarge(self) -> float: ...


@dataclass(frozen=True)
class CropKind:
    """Side in pixels, and how many times a person's box a crop is."""

    size: int
    enlarge: float

    @classmethod
    def of(cls, network: Looking) -> CropKind:
        return cls(network.crop_size, network.crop_enlarge)


@dataclass(frozen=True)
class Cutting:
    """What is cut out of which photographs."""

    photographs: Photographs
    people: PeopleSource
    cameras: Cameras

    def into(self, folders: dict[CropKind, Path], unfinished: Path, made_from: dict[str, Any]) -> SetsInParts:
        """The crops of each kind, with prompts."""
        keys = list(output_names(self.photographs.names).items())

        def make_part(number: int, out: Path) -> list[Skipped]:
            shots, skipped = [], []
            some = dict(keys[number * _AT_ONCE : (number + 1) * _AT_ONCE])
            for _, shot, left_out in shots_of(self.photographs, some, self.people, self.cameras):
                skipped += left_out
                if shot is not None:
                    shots.append(shot)
            for place, kind in enumerate(folders):
                if shots:
                    crops = [crops_of_shot(shot, kind.size, kind.enlarge, True) for shot in shots]
                    save_views(out / str(place), Views.cat(crops))
            return skipped

        told = {folder: {**made_from, "crops": asdict(kind)} for kind, folder in folders.items()}
        return SetsInParts(told, unfinished, -(-len(keys) // _AT_ONCE), make_part)
