"""One training loop for every network of the house: accelerate, AdamW, warm-up and decay, EMA, stop and resume.

A trainer gives a loss as a function of rows (indices into its data) and a random generator; the loop does the rest. The
order of the rows is a function of the seed and the step alone, so a resumed run is the run that was interrupted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from diffusers.training_utils import EMAModel
from torch import Tensor, nn

from hmr.files import write_atomically

Loss = Callable[[Tensor, torch.Generator], tuple[Tensor, dict[str, Tensor]]]
Report = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True)
class FitConfig:
    """steps: optimiser steps. lr: peak; linear warm-up for ``warmup`` of the steps, then cosine decay to zero.

    ema_decay: decay of the averaged weights (0: none). precision: "auto" is bf16 where the device is fast at it.
    """

    steps: int = 1000
    batch_size: int = 128
    lr: float = 1e-3
    warmup: float = 0.05
    weight_decay: float = 0.01
    grad_clip: float = 1.0
    ema_decay: float = 0.0
    precision: str = "auto"


class TrainingDivergedError(ValueError):
    """A loss that is not finite; the last good state is kept."""


def fast_precision(device: torch.device) -> str:
    """ "bf16" where the device multiplies it natively, else "no"."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "no"
    native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return "bf16" if device.type == "cpu" and native() else "no"


def autocast(device: torch.device, precision: str = "auto") -> torch.autocast:
    chosen = fast_precision(device) if precision == "auto" else precision
    return torch.autocast(device.type, torch.bfloat16, enabled=chosen == "bf16")


def learning_rate_share(step: int, config: FitConfig) -> float:
    """Warm-up and cosine decay, as a share of the peak."""
    warm = max(round(config.warmup * config.steps), 1)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(config.steps - warm, 1)))


def rows_of_step(step: int, n_rows: int, batch_size: int, seed: int) -> Tensor:
    """The rows of one step: epochs are permutations, each a function of the seed and the epoch's number."""
    size = min(batch_size, n_rows)
    per_epoch = max(n_rows // size, 1)
    epoch, place = divmod(step, per_epoch)
    order = torch.randperm(n_rows, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
    return order[place * size : (place + 1) * size]


def _state_path(folder: Path) -> Path:
    return folder / "training_state.pt"


def fit(
    model: nn.Module,
    loss_of_rows: Loss,
    n_rows: int,
    config: FitConfig,
    seed: int,
    report: Report,
    state_folder: Path | None = None,
    save_every: int = 200,
    stop_at: int | None = None,
    before_step: Callable[[int], None] | None = None,
) -> nn.Module:
    """Train ``model`` in place and return it; with EMA its weights are the averaged ones at the end.

    state_folder: where the training state is kept, and resumed from; removed at the end. stop_at: stop after that many
    steps with the state saved (for tests and for time limits). before_step: called with the number of each step before it.

    Raises TrainingDivergedError when the loss is not finite, ValueError when there are no rows.
    """
    if n_rows == 0:
        raise ValueError("there is nothing to train on: expected at least one sample, got none")
    device = next(model.parameters()).device
    # Precision is chosen here for each loop; accelerate's own setting is one for the whole process.
    accelerator = Accelerator(mixed_precision="no", cpu=device.type == "cpu")
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True)
    ema = (
        EMAModel(model.parameters(), decay=config.ema_decay, use_ema_warmup=True, power=3 / 4)
        if config.ema_decay
        else None
    )
    start = 0
    if state_folder is not None and _state_path(state_folder).exists():
        state = torch.load(_state_path(state_folder), map_location=device, weights_only=True)
        if state["rows"] != n_rows or state["seed"] != seed:
            raise ValueError(
                f"{_state_path(state_folder)}: was made with {state['rows']} samples and seed {state['seed']}, "
                f"this run has {n_rows} and {seed}; choose another --out or remove it"
            )
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        if ema is not None:
            ema.load_state_dict(state["ema"])
        start = state["step"]
    end = config.steps if stop_at is None else min(stop_at, config.steps)

    def save(step: int) -> None:
        if state_folder is None:
            return
        with write_atomically(_state_path(state_folder)) as partial:
            torch.save(
                {
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "ema": ema.state_dict() if ema is not None else {},
                    "step": step,
                    "rows": n_rows,
                    "seed": seed,
                },
                partial,
            )

    model.train()
    for step in range(start, end):
        if before_step is not None:
            before_step(step)
        generator = torch.Generator(device=device).manual_seed(seed * 7_368_787 + step)
        torch.manual_seed(seed * 7_368_787 + step)  # dropout
        for group in optimizer.param_groups:
            group["lr"] = config.lr * learning_rate_share(step, config)
        with autocast(device, config.precision):
            loss, logs = loss_of_rows(rows_of_step(step, n_rows, config.batch_size, seed), generator)
        if not torch.isfinite(loss):
            raise TrainingDivergedError(
                f"the loss is {loss.item()} at step {step}: lower lr (now {config.lr}) and resume"
            )
        accelerator.backward(loss)
        norm = accelerator.clip_grad_norm_(model.parameters(), config.grad_clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if ema is not None:
            ema.step(model.parameters())
        if step % 10 == 0 or step == end - 1:
            values = {"loss": float(loss.detach()), **{k: float(v) for k, v in logs.items()}}
            if norm is not None:
                values["grad_norm"] = float(norm)
            report(step + 1, config.steps, values)
        if (step + 1) % save_every == 0:
            save(step + 1)
    if end < config.steps:
        save(end)
        return model
    if ema is not None:
        ema.copy_to(model.parameters())
    if state_folder is not None:
        _state_path(state_folder).unlink(missing_ok=True)
    return model.eval()
