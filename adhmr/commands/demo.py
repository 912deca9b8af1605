"""Run the whole loop on the embedded default: train a generator and a scorer in the synthetic world, align the generator
by Diffusion-DPO, clean a pseudo-labelled set, evaluate everything with its controls, and write metrics.json and
report.html. The same command continues a run that was stopped."""

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
        budget: quick takes minutes on 2 cores; full under an hour, with three finetuning seeds; tiny seconds (a smoke test)
        seed: everything random follows from it
        log: where curves go; files are always written
        threads: CPU threads (0: all)
    """

    out: Path = Path("adhmr-demo")
    budget: Literal["quick", "full", "tiny"] = "quick"
    seed: int = 0
    log: Log = "files"
    threads: int = 0


def run(options: Options) -> int:
    import torch

    from adhmr.demo.main import run_demo

    torch.set_num_threads(options.threads or torch.get_num_threads())
    run_demo(options.out, options.budget, options.seed, options.log)
    return 0
