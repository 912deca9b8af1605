"""One training loop for every network of the house: accelerate, AdamW, warm-up and decay, EMA, stop and resume.

A trainer gives its data and a loss as a function of what was loaded and a source of random numbers; the loop does the rest. Which
rows a step sees, and its random numbers, are functions of the seed and the step alone: a resumed run is the run that was
interrupted, and several processes (``accelerate launch``) or accumulated gradients are one process with the same batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from diffusers.training_utils import EMAModel
from torch import Tensor, nn

from hmr.networks.precision import autocast
from hmr.training.batch_random import BatchRandom
from hmr.training.batches import Batches, Dealing, loaded, rows_of_step, seed_of_step
from hmr.training.config import FitConfig
from hmr.training.preempted import PreemptedError
from hmr.training.preemption import preemption_asked, sigterm_is_a_request
from hmr.training.run import TrainingRun, marks_of
from hmr.training.sharding import BeforeSharding, deal_out, is_sharded, whole
from hmr.training.state import TrainingState, keep_states, load_state, save_state

#: What was loaded for some rows, and random numbers, to a loss and what is logged beside it.
Loss = Callable[[Any, BatchRandom], tuple[Tensor, dict[str, Tensor]]]


class Keeps(Protocol):
    """What a trainer must have kept beside the network to go on as if nothing had happened (a reference, say)."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class TrainingDivergedError(ValueError):
    """A loss or a gradient that is not finite; the last good state is kept."""


def learning_rate_share(step: int, config: FitConfig) -> float:
    """Warm-up and cosine decay, as a share of the peak."""
    warm = max(round(config.warmup * config.steps), 1)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(config.steps - warm, 1)))


class _Step(nn.Module):
    """A network and its loss in one module, so that DDP sees one forward pass, whatever a loss calls."""

    def __init__(self, network: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.network, self.loss = network, loss

    def forward(self, batch: Callable[[], Any], random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        return self.loss(batch(), random)  # a function, since DDP moves tensors, and rows index data on the CPU


@dataclass(frozen=True)
class Hooks:
    """What a trainer may add to the loop.

    Attributes:
        before_step: called with the number of each step before it; may raise to stop.
        after_step: called with what was logged of a step, averaged over the whole batch, the same in every process.
        keeps: saved and restored with the state.
        describe: names the rows of a batch in an error.
    """

    before_step: Callable[[int], None] = lambda step: None
    after_step: Callable[[dict[str, Tensor]], None] = lambda values: None
    keeps: Keeps | None = None
    describe: Callable[[Tensor], str] = lambda rows: f"{len(rows)} rows, the first {rows[:5].tolist()}"


def fit(
    model: nn.Module, loss: Loss, data: Batches, config: FitConfig, run: TrainingRun, hooks: Hooks | None = None
) -> nn.Module:
    """Train ``model`` in place and return it; with EMA its weights are the averaged ones at the end.

    The training state is kept in ``run.folder``, resumed from there, and removed at the end.

    Raises TrainingDivergedError when the loss or its gradient is not finite (the state before that step is saved),
    PreemptedError after a SIGTERM or at ``run.stop_at`` (the state is saved), ValueError when there are no rows, the
    batch cannot be dealt out, or the state in the folder is of another run.
    """
    if len(data) == 0:
        raise ValueError("there is nothing to train on: expected at least one sample, got none")
    loop = _Loop(model, loss, len(data), config, run, hooks or Hooks())
    start = load_state(run.folder, loop.state, loop.device) if run.folder is not None else 0
    end = config.steps if run.stop_at is None else min(run.stop_at, config.steps)
    model.train()
    batches = loaded(data, loop.dealing, range(start, end), config.workers)
    with sigterm_is_a_request():
        for step in range(start, end):
            loop.step(step, batches, last=step == end - 1)
            if preemption_asked(loop.accelerator):
                loop.save(step + 1)
                raise PreemptedError(step + 1, config.steps, run.folder is not None)
            if (step + 1) % run.save_every == 0:
                loop.save(step + 1)
    if end < config.steps:
        loop.save(end)
        raise PreemptedError(end, config.steps, run.folder is not None)
    return loop.finished()


class _Loop:
    """One call of ``fit``."""

    def __init__(
        self, model: nn.Module, loss: Loss, n_rows: int, config: FitConfig, run: TrainingRun, hooks: Hooks
    ) -> None:
        self.model, self.config, self.seed, self.n_rows = model, config, run.seed, n_rows
        self.report, self.folder, self.hooks = run.report, run.folder, hooks
        self.device = next(model.parameters()).device
        # Precision is chosen here for each loop; accelerate's own setting is one for the whole process.
        self.accelerator = Accelerator(
            mixed_precision="no",
            cpu=self.device.type == "cpu",
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
        )
        self.processes = self.accelerator.num_processes
        accumulation = config.gradient_accumulation_steps
        first = self.accelerator.process_index * accumulation
        self.dealing = Dealing(config.batch_size, run.seed, self.processes * accumulation, first, accumulation)
        batch = min(config.batch_size, n_rows)
        if batch % self.dealing.parts:
            raise ValueError(
                f"a batch of {batch} cannot be dealt out evenly to {self.processes} processes x "
                f"{config.gradient_accumulation_steps} accumulation steps; choose a batch_size that can"
            )
        self.before, self.step_module = BeforeSharding.of(model), self._prepared(_Step(model, loss))
        self.sharded = is_sharded(model)
        # Sharding replaces the parameters, so the optimiser comes after it.
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True
        )
        self.ema = None
        if config.ema_decay:
            self.ema = EMAModel(model.parameters(), decay=config.ema_decay, use_ema_warmup=True, power=3 / 4)
        marks = {"rows": str(n_rows), "processes": str(self.processes), **marks_of(config, run)}
        self.state = TrainingState(model, self.optimizer, self.ema, hooks.keeps, marks)

    def _prepared(self, step_module: nn.Module) -> nn.Module:
        """For the processes that there are: as it is, copied to each (DDP), or dealt out (FSDP2)."""
        if self.config.shard and self.processes > 1:
            deal_out(step_module, self.device)
            return step_module
        return self.accelerator.prepare_model(step_module, device_placement=False)

    def save(self, step: int) -> None:
        if self.folder is not None:
            content = self.state.content(step)
            if self.accelerator.is_main_process:
                save_state(self.folder, content, step, self.config.keep_last)
        self.accelerator.wait_for_everyone()

    def step(self, step: int, batches: Iterator[Any], last: bool) -> None:
        """One optimiser step."""
        self.hooks.before_step(step)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.lr * learning_rate_share(step, self.config)
        values = self.gradients(step, batches)
        norm = self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.grad_clip)
        values["grad_norm"] = torch.zeros(()) if norm is None else whole(norm)
        for name in ("loss", "grad_norm"):
            if not bool(torch.isfinite(values[name])):
                self.diverged(f"{name} is {float(values[name])}", step)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.ema is not None:
            self.ema.step(self.model.parameters())
        self.hooks.after_step(values)
        if step % 10 == 0 or last:
            self.report(step + 1, self.config.steps, {name: float(value) for name, value in values.items()})

    def gradients(self, step: int, batches: Iterator[Any]) -> dict[str, Tensor]:
        """Of the whole batch, dealt out; returns its loss and logs, averaged over the parts."""
        step_seed, accumulation = seed_of_step(step, self.seed), self.dealing.own
        values: dict[str, Tensor] = {}
        for micro in range(accumulation):
            part, batch = self.dealing.first + micro, next(batches)
            random = BatchRandom(step_seed, self.device, part, self.dealing.parts)
            torch.manual_seed(step_seed + 1_000_003 * part)  # dropout
            # Gradients of processes are averaged in the last part only.
            last = micro == accumulation - 1
            with nullcontext() if last or self.sharded else self.accelerator.no_sync(self.step_module):
                with autocast(self.device, self.config.precision):
                    loss, logs = self.step_module(lambda batch=batch: batch, random)
                self.accelerator.backward(loss / accumulation)
            for name, value in {"loss": loss, **logs}.items():
                values[name] = values.get(name, 0.0) + value.detach().float() / accumulation
        return values if self.processes == 1 else self.accelerator.reduce(values, "mean")  # pyright: ignore[reportReturnType]

    def diverged(self, what: str, step: int) -> None:
        """Keep the state before the step, and stop."""
        self.save(step)
        batch = rows_of_step(step, self.n_rows, self.config.batch_size, self.seed)
        raise TrainingDivergedError(
            f"{what} at step {step} (batch: {self.hooks.describe(batch)}): lower lr (now {self.config.lr}) and resume; the state "
            "before this step is kept"
        )

    def finished(self) -> nn.Module:
        if self.ema is not None:
            self.ema.copy_to(self.model.parameters())
        if self.sharded:
            self.before.restore()
        if self.folder is not None and self.accelerator.is_main_process:
            keep_states(self.folder, 0)
        self.accelerator.wait_for_everyone()
        return self.model.eval()
