"""A run as one html file that needs nothing else: no server, no network."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

from adhmr.view.compare import Comparison
from adhmr.view.pack import page_data
from hmr.files import write_atomically

_SCRIPTS = ("camera.js", "draw.js", "page.js")


def _part(name: str) -> str:
    return resources.files("adhmr.view").joinpath(name).read_text(encoding="utf-8")


def page(data: dict[str, Any]) -> str:
    """The page of what ``page_data`` gives. Names of files are strangers' text: they cannot end the script that they are in."""
    told = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    out = _part("page.html").replace("/*STYLE*/", _part("page.css"))
    out = out.replace("/*SCRIPT*/", "\n".join(_part(name) for name in _SCRIPTS))
    return out.replace("/*DATA*/null", told)


def write_page(runs: Comparison, out: Path, most_photographs: int) -> int:
    """How many photographs are in it. Raises ValueError for a name that is a folder's."""
    if out.is_dir():
        raise ValueError(
            f"{out}: expected an html file to write, this is a folder; give a name in it, as {out / 'view.html'}"
        )
    data = page_data(runs, most_photographs)
    with write_atomically(out) as partial:
        partial.write_text(page(data), encoding="utf-8")
    return len(data["photographs"])
