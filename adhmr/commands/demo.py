"""The main job on the embedded default. With the package's weights it begins with bodies of people in photographs that it
makes itself, then runs the loop: pairs, alignment with controls, cleaning, metrics.json and report.html. With --from_scratch it
trains a generator and a scorer in the synthetic world first, and all else follows from those. The same command continues a run
that was stopped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from adhmr.option_types import Log


@dataclass(frozen=True)
class Options:
    """
    Args:
        out: folder to write; a demo's own unfinished folder is continued, any other that is not empty is refused
        from_scratch: train everything instead of starting from the package's weights
        budget: quick takes minutes on 2 cores; tiny seconds (a smoke test); full, which goes with from_scratch, under an hour,
            with three finetuning seeds
        seed: everything random follows from it
        log: where curves go; files are always written
        threads: CPU threads (0: all)
    """

    out: Path = Path("adhmr-demo")
    from_scratch: bool = False
    budget: Literal["quick", "full", "tiny"] = "quick"
    seed: int = 0
    log: Log = "files"
    threads: int = 0


def run(options: Options) -> int:
    if options.budget == "full" and not options.from_scratch:
        raise ValueError(
            "--budget full trains everything and goes with --from_scratch; give both, or leave --budget out for the loop from "
            "the package's weights"
        )
    _use_threads(options.threads)
    if options.from_scratch:
        from adhmr.demo.main import run_demo

        run_demo(options.out, options.budget, options.seed, options.log)
    else:
        from adhmr.demo.packaged.main import run_packaged_demo

        run_packaged_demo(options.out, options.budget, options.seed, options.log)
    return 0


def _use_threads(count: int) -> None:
    """count: 0: as many as torch takes by itself. When numba's threads start, which render pictures, torch is set to all cores:
    they are started first."""
    import numba
    import torch

    threads = count or torch.get_num_threads()
    numba.set_num_threads(min(threads, numba.get_num_threads()))
    torch.set_num_threads(threads)
