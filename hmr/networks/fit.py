"""One training loop for every network of the house: accelerate, AdamW, warm-up and decay, EMA, stop and resume.

A trainer gives a loss as a function of rows (indices into its data) and a source of random numbers; the loop does the rest. Which
rows a step sees, and its random numbers, are functions of the seed and the step alone: a resumed run is the run that was
interrupted, and several processes (``accelerate launch``) or accumulated gradients are one process with the same batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import PartialState
from diffusers.training_utils import EMAModel
from torch import Tensor, nn

from hmr.networks.preemption import PreemptedError, preemption_asked
from hmr.networks.training_state import TrainingState, keep_states, load_state, save_state

Report = Callable[[int, int, dict[str, float]], None]


class BatchRandom:
    """Random numbers of one step. A batch is dealt out to ``parts`` (processes, and steps of gradient accumulation); numbers are
    drawn for the whole of it, and each part gets its own, so they do not depend on how many parts there are."""

    def __init__(self, seed: int, device: torch.device, part: int = 0, parts: int = 1) -> None:
        self.generator = torch.Generator(device=device).manual_seed(seed)
        self.device, self.part, self.parts = device, part, parts

    def deal(self, whole: Tensor) -> Tensor:
        """This part of something whose first axis is the batch."""
        return whole[self.part :: self.parts]

    def normal(self, count: int, *shape: int) -> Tensor:
        """Standard normal (count, ...) for ``count`` items of this part."""
        return self.deal(torch.randn(count * self.parts, *shape, generator=self.generator, device=self.device))

    def integers(self, high: int, count: int, *shape: int) -> Tensor:
        """Uniform in 0 .. high - 1, (count, ...)."""
        shape = (count * self.parts, *shape)
        return self.deal(torch.randint(0, high, shape, generator=self.generator, device=self.device))


Loss = Callable[[Tensor, BatchRandom], tuple[Tensor, dict[str, Tensor]]]


class Keeps(Protocol):
    """What a trainer must have kept beside the network to go on as if nothing had happened (a reference, say)."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class FitConfig:
    """steps: optimiser steps. batch_size: over all processes. lr: peak; linear warm-up for ``warmup`` of the steps, then cosine
    decay to zero.

    ema_decay: decay of the averaged weights (0: none). precision: "auto" is bf16 where the device is fast at it.
    gradient_accumulation_steps: parts that a process's batch is cut into, for memory; the result is the same.
    keep_last: training states that are kept on disk while the run lasts.
    """

    steps: int = 1000
    batch_size: int = 128
    lr: float = 1e-3
    warmup: float = 0.05
    weight_decay: float = 0.01
    grad_clip: float = 1.0
    ema_decay: float = 0.0
    precision: str = "auto"
    gradient_accumulation_steps: int = 1
    keep_last: int = 1


class TrainingDivergedError(ValueError):
    """A loss or a gradient that is not finite; the last good state is kept."""


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


class _Step(nn.Module):
    """A network and its loss in one module, so that DDP sees one forward pass, whatever a loss calls."""

    def __init__(self, network: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.network, self.loss = network, loss

    def forward(self, rows: Tensor, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        return self.loss(rows.cpu(), random)  # DDP moves tensors to its device; rows index data on the CPU


def _accelerator(device: torch.device, config: FitConfig, n_rows: int) -> Accelerator:
    # Precision is chosen here for each loop; accelerate's own setting is one for the whole process.
    accelerator = Accelerator(
        mixed_precision="no",
        cpu=device.type == "cpu",
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )
    parts = accelerator.num_processes * config.gradient_accumulation_steps
    if parts > 1 and min(config.batch_size, n_rows) % parts:
        raise ValueError(
            f"a batch of {min(config.batch_size, n_rows)} cannot be dealt out evenly to {accelerator.num_processes} processes "
            f"x {config.gradient_accumulation_steps} accumulation steps; choose a batch_size that can"
        )
    return accelerator


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
    keeps: Keeps | None = None,
    describe: Callable[[Tensor], str] | None = None,
) -> nn.Module:
    """Train ``model`` in place and return it; with EMA its weights are the averaged ones at the end.

    state_folder: where the training state is kept, and resumed from; removed at the end. stop_at: stop after that many
    steps with the state saved (for tests and for time limits). before_step: called with the number of each step before it.
    keeps: saved and restored with the state. describe: names the rows of a batch in an error.

    Raises TrainingDivergedError when the loss or its gradient is not finite (the state before that step is saved),
    PreemptedError after a SIGTERM (the state is saved), ValueError when there are no rows, or the batch cannot be dealt out.
    """
    if n_rows == 0:
        raise ValueError("there is nothing to train on: expected at least one sample, got none")
    device = next(model.parameters()).device
    accelerator = _accelerator(device, config, n_rows)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True)
    ema = (
        EMAModel(model.parameters(), decay=config.ema_decay, use_ema_warmup=True, power=3 / 4)
        if config.ema_decay
        else None
    )
    run = TrainingState(model, optimizer, ema, keeps, n_rows, seed, accelerator.num_processes)
    start = load_state(state_folder, run, device) if state_folder is not None else 0
    end = config.steps if stop_at is None else min(stop_at, config.steps)
    step_module = accelerator.prepare_model(_Step(model, loss_of_rows), device_placement=False)
    accumulation = config.gradient_accumulation_steps
    parts, first = accelerator.num_processes * accumulation, accelerator.process_index * accumulation

    def save(step: int) -> None:
        if state_folder is not None and accelerator.is_main_process:
            save_state(state_folder, run, step, config.keep_last)
        accelerator.wait_for_everyone()

    def stop_if(wrong: bool, what: str, step: int, rows: Tensor) -> None:
        if wrong:
            save(step)
            named = f" (batch: {describe(rows)})" if describe is not None else ""
            raise TrainingDivergedError(
                f"{what} at step {step}{named}: lower lr (now {config.lr}) and resume; the state before this step is kept"
            )

    model.train()
    for step in range(start, end):
        if before_step is not None:
            before_step(step)
        for group in optimizer.param_groups:
            group["lr"] = config.lr * learning_rate_share(step, config)
        batch = rows_of_step(step, n_rows, config.batch_size, seed)
        values: dict[str, Tensor] = {}
        for micro in range(accumulation):
            part = first + micro
            random = BatchRandom(seed * 7_368_787 + step, device, part, parts)
            torch.manual_seed(seed * 7_368_787 + step + 1_000_003 * part)  # dropout
            with autocast(device, config.precision), _synchronised(accelerator, step_module, micro == accumulation - 1):
                loss, logs = step_module(random.deal(batch), random)
                accelerator.backward(loss / accumulation)
            for name, value in {"loss": loss.detach(), **logs}.items():
                values[name] = values.get(name, 0.0) + value.detach().float().mean() / accumulation
        values = accelerator.reduce(values, "mean") if accelerator.num_processes > 1 else values  # pyright: ignore[reportAssignmentType]
        stop_if(not bool(torch.isfinite(values["loss"])), f"the loss is {float(values['loss'])}", step, batch)
        norm = accelerator.clip_grad_norm_(model.parameters(), config.grad_clip)
        if norm is not None:
            stop_if(not bool(torch.isfinite(norm)), f"the gradient's norm is {float(norm)}", step, batch)
            values["grad_norm"] = norm
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if ema is not None:
            ema.step(model.parameters())
        if step % 10 == 0 or step == end - 1:
            report(step + 1, config.steps, {name: float(value) for name, value in values.items()})
        if preemption_asked(accelerator):
            save(step + 1)
            raise PreemptedError(step + 1, config.steps, state_folder is not None)
        if (step + 1) % save_every == 0:
            save(step + 1)
    if end < config.steps:
        save(end)
        return model
    if ema is not None:
        ema.copy_to(model.parameters())
    if state_folder is not None and accelerator.is_main_process:
        keep_states(state_folder, 0)
    accelerator.wait_for_everyone()
    return model.eval()


def _synchronised(accelerator: Accelerator, step_module: nn.Module, last: bool):
    """Gradients of processes are averaged in the last part of a batch only."""
    return nullcontext() if last else accelerator.no_sync(step_module)


def is_main_process() -> bool:
    """Whether this process writes files and reports; the only one there is, usually."""
    return PartialState().is_main_process
