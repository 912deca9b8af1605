"""Look at the policy while it is aligned: checkups on validation pictures, the best weights kept, guards that stop the run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diffusion_hmr.protocol import PictureGenerator
from dpo.config import GuardConfig
from dpo.guards import Checkup, first_reason
from dpo.judges import Judge
from dpo.lora import load_merged, merged_state
from hmr.body import BodyModel
from hmr.files import read_json, write_atomically, write_json
from hmr.hypotheses import Hypotheses
from hmr.metrics import energy_score_mm, errors_of_hypotheses_mm, pairwise_distance_mm, pelvis_aligned, spread_mm
from hmr.networks.conditions import PictureRows
from hmr.samples import Samples
from hmr.views import Views

CHECKUPS_FILE = "checkups.json"


class StoppedByGuardError(Exception):
    """The run was stopped, and why. The generator holds the best weights that were seen."""


@dataclass(frozen=True)
class Validation:
    """Pictures that are not aligned on, with the base's conditions; labelled or not. held_out: a judge that does not train."""

    samples: Views
    conditions: PictureRows
    model: BodyModel
    judge: Judge
    held_out: Judge | None = None
    candidates: int = 10
    seed: int = 0


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def checkup(generator: PictureGenerator[Any], step: int, validation: Validation) -> Checkup:
    """What validation says of the generator; the same noise at each checkup."""
    v = validation
    params = generator.sample_bodies(v.conditions, v.samples.K, v.model, v.candidates, v.seed)
    hypotheses = Hypotheses(v.samples.key, params, v.model.family, "policy", v.seed)
    reward = float(v.judge(v.samples, hypotheses, v.seed).mean())
    held_out = None if v.held_out is None else float(v.held_out(v.samples, hypotheses, v.seed).mean())
    if not isinstance(v.samples, Samples):
        spreads = []
        for i in range(len(v.samples)):
            vertices, _ = pelvis_aligned(v.model.posed(params[i]))
            spreads.append(spread_mm(pairwise_distance_mm(vertices)))
        return Checkup(step, float(torch.stack(spreads).mean()), reward, held_out_reward=held_out)
    errors = errors_of_hypotheses_mm(params, v.samples.label, v.model)
    return Checkup(
        step=step,
        spread_mm=float(spread_mm(errors["pairwise"]).mean()),
        reward=reward,
        energy_score_mm=float(energy_score_mm(errors["pve"], errors["pairwise"]).mean()),
        mean_sample_mm=float(errors["mean_sample_pve"].mean()),
        held_out_reward=held_out,
    )


def badness(seen: Checkup) -> float:
    """What the best policy has least of: the energy score; without labels minus the reward of the judge that does not train, or
    of the one that does."""
    if seen.energy_score_mm is not None:
        return seen.energy_score_mm
    return -(seen.held_out_reward if seen.held_out_reward is not None else seen.reward)


def steps_from(step: int) -> Callable[[Checkup], float]:
    """How far a checkup is from a step: a control is taken where the run that it is for was best."""
    return lambda seen: abs(seen.step - step)


class Watcher:
    """Checkups every ``config.check_every`` steps; the best policy is the one of the least ``badness``."""

    def __init__(
        self,
        generator: PictureGenerator[Any],
        validation: Validation,
        config: GuardConfig,
        folder: Path,
        control: Sequence[Checkup] = (),
        badness: Callable[[Checkup], float] = badness,
    ) -> None:
        self.badness = badness
        self.generator, self.validation, self.config, self.folder, self.control = (
            generator, validation, config, folder, control,
        )  # fmt: skip
        self.history = load_checkups(folder) if (folder / CHECKUPS_FILE).exists() else []
        best = folder / "best.pt"
        self.best: dict[str, Tensor] = torch.load(best, weights_only=True) if best.exists() else {}
        self.margins: list[float] = []
        self.winners: list[float] = []

    def saw(self, values: dict[str, float]) -> None:
        """Logs of a step."""
        self.margins.append(values["rewards/margins"])
        self.winners.append(values["errors/chosen_above_reference"])

    def before_step(self, step: int) -> None:
        """Raises StoppedByGuardError; the best weights are in the generator then."""
        if step % self.config.check_every or (self.history and self.history[-1].step >= step):
            return
        self.look(step)
        reason = first_reason(self.history, self.control, self.config)
        if reason is not None:
            self.take_best()
            raise StoppedByGuardError(f"stopped after {step} steps: {reason}")

    def look(self, step: int) -> None:
        """One more checkup, written to the folder."""
        seen = checkup(self.generator, step, self.validation)
        seen = dataclasses.replace(seen, margin=_mean(self.margins), winner_above_reference=_mean(self.winners))
        self.margins, self.winners = [], []
        self.history.append(seen)
        if self.badness(seen) <= min(map(self.badness, self.history)):
            self.best = merged_state(self.generator.denoiser)
            with write_atomically(self.folder / "best.pt") as partial:
                torch.save(self.best, partial)
        write_json(self.folder / CHECKUPS_FILE, [dataclasses.asdict(c) for c in self.history])

    def take_best(self) -> Checkup:
        """The best weights into the generator; returns their checkup."""
        load_merged(self.generator.denoiser, self.best)
        return min(self.history, key=self.badness)


def load_checkups(folder: Path) -> list[Checkup]:
    """Of an earlier run. Raises ValueError when there are none."""
    path = folder / CHECKUPS_FILE
    if not path.exists():
        raise ValueError(f"{path}: expected the checkups of an alignment run, there are none; run it with --validation")
    return [Checkup(**values) for values in read_json(path)]
