"""The ``adhmr`` command. Each subcommand is a module with a dataclass of options and a ``run`` function."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import errno
import importlib
import io
import os
import re
import sys
import warnings

from hmr.training.preempted import PreemptedError

COMMANDS = {
    "demo": "run the whole loop on the embedded default and write report.html",
    "synth": "make pictures with exact labels, or pseudo-labels with hidden truth; draw a contact sheet",
    "train-generator": "train the diffusion generator on labelled pictures",
    "train-regressor": "train a deterministic regressor of bodies with hands and face",
    "train-prompted": "train a generator that is told keypoints instead of pictures",
    "train-photo-generator": "train a generator that is told keypoints and sees photographs through BlazePose",
    "train-scorer": "train HMR-Scorer on exactly labelled pictures",
    "train-photo-scorer": "train a scorer that is told keypoints and sees photographs through BlazePose",
    "predict": "propose and rank bodies for people in photographs",
    "view": "look at the bodies of a run of predict, or at two runs side by side",
    "rank": "score candidates of any source in their pictures",
    "pairs": "make winner/loser pairs from ranked candidates",
    "align": "finetune a generator by Diffusion-DPO",
    "check": "draw labels at random for a person to check",
    "score": "score labels of any format, in as many jobs as you like (phase one of cleaning)",
    "repair": "refine labels to their 2D keypoints before any is dropped",
    "clean": "keep or drop pseudo-labels by their score",
    "convert": "convert a released checkpoint (HMR-Scorer, ScoreNet, HypoNet)",
    "weights": "list or fetch the weights of the detectors that find people in photographs",
    "evaluate": "compare generators with every figure and its interval",
    "report": "write report.html for a demo's folder again",
}


def usage() -> str:
    lines = ["usage: adhmr COMMAND [--config FILE.yaml] [options]", "", "commands:"]
    lines += [f"  {name:16s} {text}" for name, text in COMMANDS.items()]
    return "\n".join([*lines, "", "adhmr COMMAND --help tells the options of a command. Start with: adhmr demo"])


def fail(message: str) -> int:
    print(f"adhmr: {message}", file=sys.stderr)
    return 2


def parse(name: str, arguments: list[str]):
    """Options of a command from flags and YAML. Exits with 2 and one line for a mistake."""
    from jsonargparse import ActionConfigFile, ArgumentParser  # pyright: ignore[reportPrivateImportUsage]

    module = importlib.import_module(f"adhmr.commands.{name.replace('-', '_')}")
    parser = ArgumentParser(prog=f"adhmr {name}", description=module.__doc__, exit_on_error=False)
    parser.add_argument(
        "--config", action=ActionConfigFile, help="a YAML file with the options below; flags override it"
    )
    parser.add_class_arguments(module.Options, fail_untyped=True)
    if {"-h", "--help"} & set(arguments):
        print(_plain_help(parser.format_help()))
        raise SystemExit(0)
    noise = io.StringIO()
    try:
        with contextlib.redirect_stderr(noise):
            named = _with_values(_with_names(arguments, getattr(module, "POSITIONAL", ())), _switches(module.Options))
            parsed = parser.parse_args([_underscored(argument) for argument in named])
        filled = parser.instantiate_classes(parsed)
        names = [field.name for field in dataclasses.fields(module.Options)]
        return module, module.Options(**{name: filled[name] for name in names})
    except Exception as error:
        known = [action.dest for action in parser._actions]
        raise ValueError(_first_line(str(error), known)) from None


def _plain_help(text: str) -> str:
    """Types by their names, and no title that is a class of ours."""
    text = re.sub(r"\n<class '[^']*Options'>:\n", "\n", text)
    text = re.sub(r"<class\s+'(?:[\w]+\.)*(\w+)'>", r"\1", text)
    return re.sub(r"(\w+)\.(Literal|Path)\b", r"\2", text).replace("NoneType", "none")


def _with_names(arguments: list[str], positional: tuple[str, ...]) -> list[str]:
    """The leading arguments that bear no name get those of ``positional``, in order."""
    named: list[str] = []
    for place, (name, argument) in enumerate(zip(positional, arguments, strict=False)):
        if argument.startswith("-"):
            return named + arguments[place:]
        named.append(f"--{name}={argument}")
    return named + arguments[len(named) :]


def _switches(options: type) -> set[str]:
    """Options that are true or false."""
    return {field.name for field in dataclasses.fields(options) if field.type in (bool, "bool")}


def _with_values(arguments: list[str], switches: set[str]) -> list[str]:
    """A switch that is followed by no value is true: --from_scratch is --from_scratch=true."""
    out = []
    for place, argument in enumerate(arguments):
        after = arguments[place + 1] if place + 1 < len(arguments) else "--"
        bare = argument.startswith("--") and argument[2:].replace("-", "_") in switches and after.startswith("--")
        out.append(f"{argument}=true" if bare else argument)
    return out


def _underscored(argument: str) -> str:
    """--encoder-from is --encoder_from; what follows an equals sign is left as it is."""
    name, equals, value = argument.partition("=")
    return f"--{name[2:].replace('-', '_')}{equals}{value}" if name.startswith("--") else argument


def _first_line(message: str, known: list[str]) -> str:
    """jsonargparse's message on one line, with the nearest known key where a key is unknown."""
    line = re.sub(r"<class '(\w+)'>", r"\1", " ".join(message.split())).replace("typing.Literal", "one of ")
    line = line.replace("Expected a list.", "Expected a list, as '[a,b]'.")
    for word in line.replace("'", " ").replace("--", " ").replace("=", " ").replace('"', " ").split():
        if word in known:
            continue
        near = difflib.get_close_matches(word, known, n=1, cutoff=0.75)
        if near and any(
            words in line.lower() for words in ("unrecognized", "not accepted", "unexpected", "not expected")
        ):
            return f"{line}; did you mean '{near[0]}'?"
    return line


#: Commands that go on where they were when the same line is given again.
RESUMABLE = (
    "demo",
    "train-generator",
    "train-regressor",
    "train-prompted",
    "train-photo-generator",
    "train-scorer",
    "train-photo-scorer",
    "align",
    "score",
    "repair",
)


def _check_device(options: object) -> None:
    """Of several processes on a machine each takes the GPU of its own number.

    Raises ValueError for a device that is not there.
    """
    device = getattr(options, "device", "cpu")
    if device == "cpu":
        return
    import torch

    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise ValueError(f"--device {device}: expected cpu or cuda") from None
    if kind != "cuda" or not torch.cuda.is_available():
        found = "no CUDA device is found on this machine" if kind == "cuda" else "expected cpu or cuda"
        raise ValueError(f"--device {device}: {found}; leave it out to run on the CPU")
    if device == "cuda" and "LOCAL_RANK" in os.environ:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))


def _speak_anywhere() -> None:
    """Words that a terminal's encoding does not have are written in other letters, and a closed output is none."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def main(argv: list[str] | None = None) -> int:
    _speak_anywhere()
    try:
        code = _main(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # `adhmr --help | head`
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        return 0


def _main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0
    name = arguments.pop(0)
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        return fail(f"unknown command '{name}'" + (f"; did you mean '{near[0]}'?" if near else "") + "\n\n" + usage())
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    warnings.filterwarnings("ignore", category=FutureWarning)
    try:
        module, options = parse(name, arguments)
        _check_device(options)
        result = module.run(options)
        return int(result or 0)
    except KeyboardInterrupt:
        print(f"\nadhmr: stopped; {_how_to_go_on(name)}", file=sys.stderr)
        return 130
    except PreemptedError as request:
        print(f"adhmr: {request}", file=sys.stderr)
        return 0
    except BrokenPipeError:
        raise
    except (ValueError, FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        return fail(str(error))
    except (OSError, RuntimeError) as error:
        if (what := _no_room(error)) is None:
            raise
        return fail(f"{what}; nothing was half-written; make room, then {_how_to_go_on(name)}")


def _how_to_go_on(name: str) -> str:
    if name in RESUMABLE:
        return "give the same command again, it goes on where it was"
    return "give the command again with another --out, or empty this one"


def _no_room(error: Exception) -> str | None:
    """Why nothing more can be written, or None when it is something else."""
    told = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "your disk quota is used up",
        errno.EFBIG: "a file would be larger than is allowed here",
    }
    number = getattr(error, "errno", None)
    if number in told:
        return told[number]
    # torch, safetensors and numpy report a failed write in words of their own.
    if any(words in str(error) for words in ("No space left", "PytorchStreamWriter", "requested and")):
        return "a file could not be written to its end (the disk is full, or a quota or limit is reached)"
    return None


if __name__ == "__main__":
    sys.exit(main())
