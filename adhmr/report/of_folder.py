"""The page of a demo's folder, whichever demo wrote it."""

from __future__ import annotations

from pathlib import Path

from adhmr.demo.packaged.config import KIND
from adhmr.report import packaged_page, page
from hmr.files import read_json


def write_report_of(out: Path, examples: int) -> Path:
    """Its path. Raises ValueError when a stage's files are missing."""
    packaged = read_json(out / "demo.json")["identity"].get("kind") == KIND
    return (packaged_page if packaged else page).write_report(out, examples)
