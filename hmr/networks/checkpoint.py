"""A network in a folder: ``model.safetensors`` and ``config.json``. Loading runs no code from the files."""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, Literal, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from hmr.files import code_version, read_json, write_atomically, write_json
from hmr.networks.compact import compacted, unpacked

T = TypeVar("T")


def config_from_dict(cls: type[T], values: dict[str, Any], where: str = "") -> T:
    """A (nested) dataclass from a dictionary. An unknown key fails by name and suggests the nearest one."""
    hints = get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(cls)]  # pyright: ignore[reportArgumentType]
    for key in values:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else f"; known are {names}"
            raise ValueError(f"{where or cls.__name__}: unknown key '{key}'{hint}")
    place = where or cls.__name__
    return cls(**{key: _checked(value, hints[key], f"{place}.{key}") for key, value in values.items()})


def _checked(value: Any, hint: Any, where: str) -> Any:
    """A value of a JSON or YAML file as its annotation says. Raises ValueError that names where it is and what was expected."""
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    for option in options:
        try:
            return _as(value, option, where)
        except TypeError:
            continue
    expected = " or ".join(_told(option) for option in options)
    raise ValueError(f"{where}: expected {expected}, got {value!r}")


def _told(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(str, get_args(hint)))
    return getattr(hint, "__name__", str(hint))


def _as(value: Any, hint: Any, where: str) -> Any:
    """Raises TypeError when the value is of another type, ValueError when something inside it is wrong."""
    origin = get_origin(hint)
    if hint is Any:
        return value
    if hint is None or hint is type(None):
        if value is not None:
            raise TypeError
        return None
    if origin is Literal:
        if value not in get_args(hint):
            raise TypeError
        return value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise TypeError
        return config_from_dict(hint, value, where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise TypeError
        inner = get_args(hint)
        hints = [inner[0]] * len(value) if inner[-1] is ... else inner
        if len(hints) != len(value):
            raise TypeError
        return tuple(_checked(v, h, f"{where}[{i}]") for i, (v, h) in enumerate(zip(value, hints, strict=True)))
    plain: Any = origin or hint
    if plain is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, plain) or (plain is int and isinstance(value, bool)):
        raise TypeError
    return value


def without_downloads(config: T) -> T:
    """The same configuration, however deep, with no ``pretrained`` weights to fetch: a checkpoint has its own."""
    changes: dict[str, Any] = {}
    for f in dataclasses.fields(config):  # pyright: ignore[reportArgumentType]
        value = getattr(config, f.name)
        if f.name == "pretrained":
            changes[f.name] = False
        elif dataclasses.is_dataclass(value):
            changes[f.name] = without_downloads(value)
    return dataclasses.replace(config, **changes)  # pyright: ignore[reportArgumentType]


def save_network(
    folder: Path, kind: str, network: nn.Module, config: Any, extra: dict[str, Any] | None = None, compact: bool = False
) -> None:
    """kind: which class the checkpoint belongs to, checked when it is loaded. compact: see ``hmr.networks.compact``."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    with write_atomically(folder / "model.safetensors") as partial:
        save_file(compacted(weights) if compact else weights, partial)
    write_json(
        folder / "config.json",
        {
            "kind": kind,
            "config": dataclasses.asdict(without_downloads(config)),
            "code": code_version(),
            **(extra or {}),
        },
    )


_OF_THE_HUB = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")


def weights_at(name: Path | str, packaged: Path | None = None) -> Path:
    """The folder of a checkpoint: a folder, the name of one that comes with the package (in ``packaged``), or a name on the
    Hugging Face Hub (owner/name or owner/name@revision), which is fetched.

    Raises ValueError when there is none.
    """
    folder, text = Path(name), str(name)
    known = sorted(p.name for p in packaged.iterdir() if p.is_dir()) if packaged is not None else []
    # A folder of photographs may well be called as packaged weights are.
    if folder.exists() and ((folder / "config.json").exists() or text not in known):
        return folder
    if packaged is not None and text in known:
        return packaged / text
    if (match := _OF_THE_HUB.fullmatch(text)) and not folder.parent.exists():
        from huggingface_hub import snapshot_download

        try:
            files = ["config.json", "model.safetensors"]
            return Path(snapshot_download(match["repository"], revision=match["revision"], allow_patterns=files))
        except Exception as error:  # of the network, of names, of rights: many kinds
            raise ValueError(f"{text}: no such folder, and not to be had from the Hugging Face Hub ({error})") from None
    told = f", one of {', '.join(known)}" if known else ""
    raise ValueError(
        f"{text}: expected a checkpoint's folder{told}, or a name on the Hugging Face Hub (owner/name@revision)"
    )


def kind_of(folder: Path) -> str | None:
    """Which class a checkpoint belongs to; None when there is no checkpoint."""
    path = folder / "config.json"
    return read_json(path).get("kind") if path.exists() else None


def read_config(folder: Path, kind: str, cls: type[T]) -> tuple[T, dict[str, Any]]:
    """The configuration of a checkpoint of one kind. Raises ValueError that says what came instead."""
    if not (folder / "config.json").exists():
        raise ValueError(f"{folder}: expected a {kind} checkpoint (config.json and model.safetensors), there is none")
    content = read_json(folder / "config.json")
    if content.get("kind") != kind:
        raise ValueError(f"{folder}: expected a checkpoint of kind '{kind}', this one is '{content.get('kind')}'")
    return config_from_dict(cls, content["config"], f"{folder / 'config.json'}"), content


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        return unpacked(load_file(path))
    except (FileNotFoundError, SafetensorError, OSError) as error:
        raise ValueError(f"{path}: could not be read as safetensors ({error})") from None


def misfits(network: nn.Module, weights: Mapping[str, Tensor]) -> tuple[list[str], list[str], list[str]]:
    """Names that ``weights`` lack, that the network does not know, and whose shapes differ."""
    own = network.state_dict()
    shapes = [k for k in own.keys() & weights.keys() if own[k].shape != weights[k].shape]
    return sorted(own.keys() - weights.keys()), sorted(weights.keys() - own.keys()), sorted(shapes)


def _fill(network: nn.Module, weights: dict[str, Tensor], path: Path, may_lack: tuple[str, ...] = ()) -> None:
    missing, unknown, misshapen = misfits(network, weights)
    missing = [name for name in missing if not name.startswith(may_lack or "\0")]
    if missing or unknown or misshapen:
        raise ValueError(
            f"{path}: does not fit its configuration: missing {missing[:5]}, unknown {unknown[:5]}, "
            f"other shapes {misshapen[:5]}; the checkpoint is of another configuration"
        )
    network.load_state_dict(weights, strict=not may_lack)


def load_weights(folder: Path, network: nn.Module, may_lack: tuple[str, ...] = ()) -> None:
    """Strictly: every key must match in name and shape; but names that begin with one of ``may_lack`` may be missing."""
    path = folder / "model.safetensors"
    _fill(network, _read_weights(path), path, may_lack)


def load_part(folder: Path, name: str, network: nn.Module) -> None:
    """The part ``name`` of a checkpoint of any kind, as strictly."""
    path = folder / "model.safetensors"
    weights = _read_weights(path)
    _fill(network, {k.removeprefix(f"{name}."): v for k, v in weights.items() if k.startswith(f"{name}.")}, path)


class Pretrained(nn.Module):
    """A network that lies in a folder with its configuration. Subclasses name the checkpoint's kind and configuration."""

    kind: ClassVar[str]
    config_type: ClassVar[type]
    packaged: ClassVar[Path | None] = None
    config: Any

    def save_pretrained(self, folder: Path, compact: bool = False) -> None:
        """compact: for weights that travel; see ``hmr.networks.compact``."""
        save_network(folder, self.kind, self, self.config, compact=compact)

    @classmethod
    def from_pretrained(cls, name: Path | str) -> Self:
        """From a folder, by the name of weights that come with the package, or from the Hub; see ``weights_at``.

        Raises ValueError for a checkpoint of another kind or configuration.
        """
        folder = weights_at(name, cls.packaged)
        config, _ = read_config(folder, cls.kind, cls.config_type)
        network = cls(config)
        load_weights(folder, network)
        return network.eval()


def json_round_trip(config: Any) -> dict[str, Any]:
    """A configuration as plain JSON values."""
    return json.loads(json.dumps(dataclasses.asdict(config)))
