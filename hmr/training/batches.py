"""What a training loop is fed with: rows of its data, loaded ahead by worker processes where that pays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from hmr.training.batch_random import BatchRandom

_CPU = torch.device("cpu")


class Batches(Protocol):
    """Data of ``len`` rows."""

    def __len__(self) -> int: ...

    def load(self, rows: Tensor, random: BatchRandom) -> Any:
        """What a loss is given for some rows, on the CPU. May run in another process; random: numbers of its own."""
        ...


@dataclass(frozen=True)
class RowNumbers:
    """For a loss that knows its data: it is given the numbers of its rows."""

    count: int

    def __len__(self) -> int:
        return self.count

    def load(self, rows: Tensor, random: BatchRandom) -> Tensor:
        del random
        return rows


def rows_of_step(step: int, n_rows: int, batch_size: int, seed: int) -> Tensor:
    """The rows of one step: epochs are permutations, each a function of the seed and the epoch's number."""
    size = min(batch_size, n_rows)
    per_epoch = max(n_rows // size, 1)
    epoch, place = divmod(step, per_epoch)
    order = torch.randperm(n_rows, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
    return order[place * size : (place + 1) * size]


def seed_of_step(step: int, seed: int) -> int:
    return seed * 7_368_787 + step


@dataclass(frozen=True)
class Dealing:
    """How steps are cut into parts.

    Attributes:
        parts: of a batch, over all processes.
        first: this process's first part.
        own: how many it has.
    """

    batch_size: int
    seed: int
    parts: int
    first: int
    own: int


class _Parts(Dataset):
    """Item i is part i mod own of step i div own."""

    def __init__(self, data: Batches, dealing: Dealing) -> None:
        self.data, self.dealing = data, dealing

    def __getitem__(self, item: int) -> Any:
        d = self.dealing
        step, part = divmod(item, d.own)
        # Another stream than the loss's, which draws from the step's seed itself.
        random = BatchRandom(seed_of_step(step, d.seed) + 500_009, _CPU, d.first + part, d.parts)
        return self.data.load(random.deal(rows_of_step(step, len(self.data), d.batch_size, d.seed)), random)


def loaded(data: Batches, dealing: Dealing, steps: range, workers: int) -> Iterator[Any]:
    """This process's parts of the steps, in order. What they hold does not depend on ``workers``."""
    parts, items = _Parts(data, dealing), range(steps.start * dealing.own, steps.stop * dealing.own)
    if workers == 0:
        return map(parts.__getitem__, items)
    # Forked, since memory-mapped pictures must not be sent to each worker. A generator of its own: else the global one moves on.
    own = torch.Generator()
    loader = DataLoader(
        parts, batch_size=None, sampler=items, num_workers=workers, prefetch_factor=4, collate_fn=_as_it_is,
        multiprocessing_context="fork", generator=own,
    )  # fmt: skip
    return iter(loader)


def _as_it_is(batch: Any) -> Any:
    return batch
