"""What a long run raises when it was asked to stop and has saved its state. Catching it imports nothing heavy."""

from __future__ import annotations


class PreemptedError(Exception):
    """The run was asked to stop. step: how many steps are done, of ``steps``; saved: whether they are on disk."""

    def __init__(self, step: int, steps: int, saved: bool) -> None:
        what = (
            "the state is saved, the same command continues"
            if saved
            else "nothing was saved, there was no folder for it"
        )
        super().__init__(f"stopped by request after step {step} of {steps}; {what}")
        self.step = step
