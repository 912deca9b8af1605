"""Train an image branch on labelled pictures, and run one over a set of pictures."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_model, save_model
from torch import Tensor

from hmr.body import BodyModel
from hmr.camera import bearing
from hmr.files import write_atomically
from hmr.networks.fit import BatchRandom, FitConfig, Report, autocast, fit
from hmr.networks.image_branch import Conditions, ImageBranch, Targets, estimate_loss
from hmr.samples import Samples


def train_image_branch(
    branch: ImageBranch,
    samples: Samples,
    model: BodyModel,
    config: FitConfig,
    seed: int,
    report: Report,
    state_folder: Path | None = None,
) -> ImageBranch:
    """On exact or pseudo-labels alike: a label is a label here. Resumes from ``state_folder``, also when it had finished."""
    finished = state_folder / "finished.safetensors" if state_folder is not None else None
    if finished is not None and finished.exists():
        load_model(branch, finished)
        return branch
    targets, towards = Targets.of(samples, model), bearing(samples.K, samples.size)
    device = next(branch.parameters()).device

    def loss(rows: Tensor, random: BatchRandom) -> tuple[Tensor, dict[str, Tensor]]:
        del random
        rgb = samples.rgb[rows].to(device).float() / 255
        _, _, own = branch(rgb, towards[rows].to(device))
        return estimate_loss(own, targets[rows].to(device))

    fit(branch, loss, len(samples), config, seed, report, state_folder)
    if finished is not None:
        with write_atomically(finished) as partial:
            save_model(branch, str(partial))
    return branch


def split_rows(count: int, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """A random share of the rows, and the others; both in their own order. Raises ValueError when one of them is empty."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    cut = round(share * count)
    if not 0 < cut < count:
        raise ValueError(f"a share of {share:g} of {count} pictures leaves nothing on one side; expected more pictures")
    return order[:cut].sort().values, order[cut:].sort().values


@torch.no_grad()
def conditions_of(branch: ImageBranch, samples: Samples, batch_size: int = 256) -> Conditions:
    """The frozen branch over all pictures; features are kept on the CPU, in float32."""
    branch.eval()
    device = next(branch.parameters()).device
    towards = bearing(samples.K, samples.size)
    parts = []
    for start in range(0, len(samples), batch_size):
        rows = slice(start, start + batch_size)
        with autocast(device):
            part = branch.conditions(samples.rgb[rows].to(device).float() / 255, towards[rows].to(device))
        parts.append(part.map(lambda x: x.float().cpu()))
    return Conditions.cat(parts)
