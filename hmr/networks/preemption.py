"""A cluster that wants its machine back sends SIGTERM: a run saves its state, and says how to go on."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from types import FrameType

import torch
from accelerate import Accelerator


class PreemptedError(Exception):
    """The run was asked to stop. step: how many steps are done and saved, of ``steps``."""

    def __init__(self, step: int, steps: int, saved: bool) -> None:
        what = (
            "the state is saved, and the same command continues"
            if saved
            else "nothing was saved: it had no folder to save to"
        )
        super().__init__(f"stopped by SIGTERM after step {step} of {steps}; {what}")
        self.step = step


class _Asked:
    yes = False


@contextmanager
def sigterm_is_a_request():
    """Within it SIGTERM only makes ``preemption_asked`` true. For the main thread of a command."""

    def ask(number: int, frame: FrameType | None) -> None:
        del number, frame
        _Asked.yes = True

    before = signal.signal(signal.SIGTERM, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        _Asked.yes = False


def preemption_asked(accelerator: Accelerator) -> bool:
    """Whether any process got a SIGTERM; all of them agree on the answer."""
    if accelerator.num_processes == 1:
        return _Asked.yes
    anyone = torch.tensor([float(_Asked.yes)], device=accelerator.device)
    return float(accelerator.reduce(anyone, "sum")) > 0  # pyright: ignore[reportArgumentType]
