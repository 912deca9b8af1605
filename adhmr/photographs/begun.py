"""The pictures that a run began with: a folder of photographs may change while it runs, the run does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from adhmr.photographs.cut import CropKind
from adhmr.photographs.given import GivenPictures, Networks
from adhmr.photographs.parts import Made
from hmr.files import read_json, write_json
from hmr.photographs.folder import Photographs, Skipped

BEGUN_FILE = "pictures.json"


def remember(folder: Path, given: GivenPictures) -> None:
    """Kept in ``folder``, unless it was before."""
    path = folder / BEGUN_FILE
    if path.exists() or not given.folders:
        return
    kinds = [
        {"size": kind.size, "enlarge": kind.enlarge, "folder": str(crops.resolve())}
        for kind, crops in given.folders.items()
    ]
    skipped = [[s.what, s.reason] for s in given.skipped]
    content = {"kinds": kinds, "names": given.names, "photograph_of": given.photograph_of, "skipped": skipped}
    write_json(path, content)


def require_no_other_run(out: Path) -> None:
    """Raises ValueError for the folder of a run that holds photographs out, for one that does not."""
    if (out / "unfinished" / BEGUN_FILE).exists():
        raise ValueError(
            f"{out}: holds a stopped run with held-out photographs; go on as it began, or choose another --out"
        )


def begun_pictures(folder: Path, images: Path, networks: Networks, tell: Callable[[str], None]) -> GivenPictures | None:
    """What was kept in ``folder``; None where nothing was, its crops are gone, or other networks look at them.

    Photographs that came since are skipped; those that are gone are used as they were cut out.
    """
    path = folder / BEGUN_FILE
    if not path.exists():
        return None
    content = read_json(path)
    folders = {CropKind(kind["size"], kind["enlarge"]): Path(kind["folder"]) for kind in content["kinds"]}
    if set(folders) != set(networks.kinds) or not all(crops.exists() for crops in folders.values()):
        return None
    made = {kind: Made.load(folders[kind]) for kind in networks.kinds}
    first = made[networks.kinds[0]]
    skipped = [Skipped(what, reason) for what, reason in content["skipped"]]
    given = GivenPictures(
        first.folder, first.views, skipped, {kind: one.views for kind, one in made.items()}, content["photograph_of"],
        content["names"], folders,
    )  # fmt: skip
    came, gone = _changes(given.names, images)
    tell(f"{len(first.views)} people of {len(given.names)} photographs, as the run began with them")
    if gone:
        tell(
            f"note: {len(gone)} of the photographs are gone since ({gone[0]}); their people are used as they were cut out"
        )
    late = [Skipped(name, "came after the run had begun") for name in came]
    return replace(given, skipped=[*given.skipped, *late])


def _changes(names: list[str], images: Path) -> tuple[list[str], list[str]]:
    """Photographs that came since, and that are gone."""
    now = Photographs.at(images).names if images.exists() else []
    return sorted(set(now) - set(names)), sorted(set(names) - set(now))
