"""The ``adhmr`` command. Each subcommand is a module with a dataclass of options and a ``run`` function."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import importlib
import io
import os
import sys
import warnings

from hmr.training.preempted import PreemptedError

COMMANDS = {
    "demo": "run the whole loop on the embedded default and write report.html",
    "synth": "make pictures with exact labels, or pseudo-labels with hidden truth; draw a contact sheet",
    "train-generator": "train the diffusion generator on labelled pictures",
    "train-regressor": "train a deterministic regressor of bodies with hands and face",
    "train-scorer": "train HMR-Scorer on exactly labelled pictures",
    "predict": "propose and rank bodies for people in photographs",
    "rank": "score candidates of any source in their pictures",
    "pairs": "make winner/loser pairs from ranked candidates",
    "align": "finetune a generator by Diffusion-DPO",
    "check": "draw labels at random for a person to check",
    "score": "score labels of any format, in as many jobs as you like (phase one of cleaning)",
    "repair": "refine labels to their 2D keypoints before any is dropped",
    "clean": "keep or drop pseudo-labels by their score",
    "convert": "convert a released checkpoint (HMR-Scorer, ScoreNet, HypoNet)",
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
    noise = io.StringIO()
    try:
        with contextlib.redirect_stderr(noise):
            parsed = parser.parse_args([_underscored(argument) for argument in arguments])
        filled = parser.instantiate_classes(parsed)
        names = [field.name for field in dataclasses.fields(module.Options)]
        return module, module.Options(**{name: filled[name] for name in names})
    except Exception as error:
        known = [action.dest for action in parser._actions]
        raise ValueError(_first_line(str(error), known)) from None


def _underscored(argument: str) -> str:
    """--encoder-from is --encoder_from; what follows an equals sign is left as it is."""
    name, equals, value = argument.partition("=")
    return f"--{name[2:].replace('-', '_')}{equals}{value}" if name.startswith("--") else argument


def _first_line(message: str, known: list[str]) -> str:
    """jsonargparse's message on one line, with the nearest known key where a key is unknown."""
    line = " ".join(message.split())
    for word in line.replace("'", " ").replace("--", " ").replace("=", " ").replace('"', " ").split():
        if word in known:
            continue
        near = difflib.get_close_matches(word, known, n=1, cutoff=0.75)
        if near and ("unrecognized" in line.lower() or "not accepted" in line.lower() or "unexpected" in line.lower()):
            return f"{line}; did you mean '{near[0]}'?"
    return line


def _own_gpu(options: object) -> None:
    """Of several processes on a machine each takes the GPU of its own number."""
    if getattr(options, "device", "") == "cuda" and "LOCAL_RANK" in os.environ:
        import torch

        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))


def main(argv: list[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
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
        _own_gpu(options)
        result = module.run(options)
        return int(result or 0)
    except KeyboardInterrupt:
        print(
            "\nadhmr: stopped; demo, train-*, align, score and repair (of files) go on when the same command is given again",
            file=sys.stderr,
        )
        return 130
    except PreemptedError as request:
        print(f"adhmr: {request}", file=sys.stderr)
        return 0
    except (ValueError, FileNotFoundError, NotADirectoryError, PermissionError) as error:
        return fail(str(error))
    except (OSError, RuntimeError) as error:
        # torch and safetensors report a failed write as a RuntimeError of their own.
        if getattr(error, "errno", None) == 28 or "No space left" in str(error) or "PytorchStreamWriter" in str(error):
            return fail("the disk is full; free some space and give the same command again, nothing was half-written")
        raise


if __name__ == "__main__":
    sys.exit(main())
