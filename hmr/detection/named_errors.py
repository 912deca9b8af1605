"""One kind of error for files of networks that are not what they say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: A file that is not what it says may break anything that is computed from its numbers.
_BROKEN = (
    ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError,
)  # fmt: skip


@contextmanager
def errors_named(path: Path, kind: str) -> Iterator[None]:
    """Whatever is wrong with an untrusted file becomes a ValueError that names it and the kind of file that was expected."""
    try:
        yield
    except FileNotFoundError:
        raise ValueError(f"{path}: expected {kind}, there is no such file") from None
    except _BROKEN as error:
        told = " ".join(str(error).split())[:200]
        raise ValueError(f"{path}: expected {kind} of the kinds known here, could not use it ({told})") from None
