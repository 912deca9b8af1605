"""What a result says of how it was made."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any


def settings(options: Namespace) -> dict[str, Any]:
    """The options but for the folders and files of one machine."""
    return {name: value for name, value in vars(options).items() if not isinstance(value, Path)}
