"""Write report.html for the folder of a finished demo again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """
    Args:
        out: the demo's folder
        examples: pictures with hypotheses that the page shows
    """

    out: Path = Path("adhmr-demo")
    examples: int = 8


def run(options: Options) -> None:
    from adhmr.progress import console
    from adhmr.report.of_folder import write_report_of

    console.print(f"wrote {write_report_of(options.out, options.examples)}")
