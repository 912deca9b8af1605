"""A stage of a training that has ended is not done again when the whole is given once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from safetensors.torch import load_model, save_model
from torch import nn

from hmr.files import read_json, write_atomically, write_json
from hmr.training.run import TrainingRun, check_marks


def once(network: nn.Module, train: Callable[[], object], marks: Mapping[str, str], run: TrainingRun) -> None:
    """``train`` fills ``network``; where it had ended in the run's folder its weights are read instead.

    marks: what the stage is known by. Raises ValueError when what ended there was of other marks.
    """
    finished = run.folder / "finished.safetensors" if run.folder is not None else None
    if finished is not None and finished.exists():
        check_marks(finished, read_json(finished.with_suffix(".json")), marks)
        load_model(network, finished)
        return
    train()
    if finished is not None:
        with write_atomically(finished) as partial:
            save_model(network, str(partial))
        write_json(finished.with_suffix(".json"), dict(marks))
