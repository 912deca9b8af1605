"""Files that are never half-written, and the provenance that goes beside every artefact."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def is_first_process() -> bool:
    """Of several processes of one run (``accelerate launch`` and torchrun number them) only the first writes and reports."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def _partial_file(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` (same suffix, unlike in other processes and on other machines), gone at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{socket.gethostname()}-{os.getpid()}-{path.name}")
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def _as_umask_says(path: Path) -> None:
    """Some libraries (safetensors) make files that nobody else may read, whatever the umask."""
    umask = os.umask(0)
    os.umask(umask)
    path.chmod(0o666 & ~umask)


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder (same suffix); rename it to ``path`` only when the block succeeded.

    In a process that is not the first of its run the file is thrown away: the first one writes the same.
    """
    with _partial_file(path) as partial:
        yield partial
        if is_first_process():
            _as_umask_says(partial)
            partial.replace(path)


@contextmanager
def partial_folder(folder: Path) -> Iterator[Path]:
    """A new folder that gets its final name when the block ends well; one that somebody else made meanwhile is kept."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".partial-{socket.gethostname()}-{os.getpid()}-{folder.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        try:
            partial.rename(folder)
        except OSError:
            if not folder.exists():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def write_own_atomically(path: Path) -> Iterator[Path]:
    """As ``write_atomically``, for files that no other process writes: workers of a job array may be numbered too."""
    with _partial_file(path) as partial:
        yield partial
        _as_umask_says(partial)
        partial.replace(path)


def write_json(path: Path, content: Any) -> None:
    """Atomically, with a fixed key order, so that equal content is equal bytes."""
    with write_atomically(path) as partial:
        partial.write_text(json.dumps(content, indent=2, sort_keys=True, default=str) + "\n")


def read_json(path: Path) -> Any:
    """Raises ValueError that names the file when it is missing or not JSON."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise ValueError(f"{path}: expected a JSON file, there is none") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: expected JSON, could not read it ({error})") from None


def sha256_of(path: Path) -> str:
    """Of a file, or of a folder's files by name."""
    digest = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        digest.update(str(file.relative_to(path)).encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


_ENDS = 1 << 20


def fingerprint(path: Path) -> str:
    """Of a file, or of a folder's files by name: from sizes and both ends, so that many gigabytes need not be read for it."""
    digest = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        size = file.stat().st_size
        digest.update(f"{file.relative_to(path) if path.is_dir() else ''}:{size};".encode())
        with file.open("rb") as stream:
            digest.update(stream.read(_ENDS))
            stream.seek(max(0, size - _ENDS))
            digest.update(stream.read(_ENDS))
    return digest.hexdigest()[:16]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Within it no other run can write to ``folder``; the lock goes with the process. Of several processes of one run only the
    first takes it.

    Raises ValueError when another run has it.
    """
    if not is_first_process():
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(
                f"{folder.parent}: another run is writing to it; wait for that, or choose another --out"
            ) from None
        yield


def code_version() -> dict[str, str]:
    """The installed version and, in a checkout, the commit."""
    try:
        version = importlib.metadata.version("adhmr")
    except importlib.metadata.PackageNotFoundError:
        version = "not installed"
    root = Path(__file__).resolve().parents[1]
    commit = "unknown"
    if (root / ".git").exists():
        done = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
        commit = done.stdout.strip() or "unknown"
    return {"version": version, "commit": commit}


def write_provenance(out: Path, command: str, config: Mapping[str, Any], seed: int | None, inputs: list[Path]) -> None:
    """``provenance.json`` beside an artefact: resolved configuration, seed, version, commit, hashes of the inputs."""
    write_json(
        out / "provenance.json",
        {
            "command": command,
            "config": dict(config),
            "seed": seed,
            "code": code_version(),
            "inputs": {str(p): sha256_of(p) for p in inputs if p.exists()},
        },
    )


def new_folder(out: Path) -> Path:
    """An empty folder to write to. Raises ValueError when it already holds something."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out}: expected a folder to write to, this is a file")
    if out.exists() and any(out.iterdir()):
        raise ValueError(f"{out}: is not empty; choose another --out, or empty it first")
    out.mkdir(parents=True, exist_ok=True)
    return out


def new_folder_beside(out: Path, kept: str) -> Path:
    """As ``new_folder``, but a subfolder ``kept`` of an earlier try may be there, and is used again."""
    if out.is_dir() and [p.name for p in out.iterdir()] == [kept]:
        return out
    return new_folder(out)


def checkpoint_folder(out: Path) -> Path:
    """A folder for a training run: empty, or this run's own unfinished one (it holds ``unfinished``), which is continued.

    Raises ValueError for a folder with anything else in it.
    """
    if not (out / "unfinished").is_dir() or (out / "config.json").exists():
        new_folder(out)
        (out / "unfinished").mkdir(exist_ok=True)
    return out
