"""A cluster that wants its machine back sends SIGTERM: a run saves its state, and says how to go on."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from types import FrameType

import torch
from accelerate import Accelerator


class _Asked:
    yes = False


@contextmanager
def sigterm_is_a_request():
    """Within it SIGTERM only makes ``preemption_asked`` true. Outside the main thread, where Python handles no signals, nothing
    changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

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
