"""Candidates of a prompted generator for people in pictures, as a scorer for photographs is to judge them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from adhmr.world.people import People
from diffusion_hmr import Generator
from hmr.body import BodyModel, BodyParams
from hmr.displacement import displacement_mm, uvd_of
from hmr.fit_to_marks import fit_to_marks
from hmr.networks.branch_loss import Targets
from hmr.networks.conditions import Conditions
from hmr.networks.lit_branch import LitBranch
from hmr.networks.prompt_branch import PromptBranch, in_px
from hmr.pose_state import PoseState, crop_extent
from hmr.training.batch_random import BatchRandom
from hmr.training.config import LitMarks
from hmr.training.lit_people import LitBatch, LitPeople
from scorer.candidates import CandidateSets, candidate_errors_mm
from scorer.train_lit import JudgedLitPeople

_AT_ONCE = 256
#: What a generator is told when its candidates are judged: seldom nothing, there is little to judge then.
_TOLD = LitMarks(nothing=0.02)


@torch.no_grad()
def conditions_of_batch(generator: Generator, batch: LitBatch) -> Conditions:
    """What a generator makes of people who are shown to it, as far as it looks. Raises ValueError where it is told nothing."""
    branch = generator.branch
    if isinstance(branch, LitBranch):
        return branch.conditions(*batch.inputs)
    if isinstance(branch, PromptBranch):
        return branch.conditions(batch.marks, batch.towards)
    raise ValueError("expected a generator that is told keypoints")


@torch.no_grad()
def judged_people(
    people: People, lit: LitPeople, generator: Generator, model: BodyModel, count: int, seed: int,
    at: Callable[[float], None],
) -> JudgedLitPeople:  # fmt: skip
    """``count`` candidates for each, told the same marks as the scorer will be: half of them as they are drawn, as in alignment,
    half of them moved to the marks, as in ``predict``.

    Raises ValueError for a generator that is told nothing.
    """
    parts: list[tuple[Tensor, CandidateSets, Tensor]] = []
    lit = replace(lit, marks=_TOLD)
    size = generator.crop_size
    scale = torch.diag(torch.tensor([size, size, 1.0]))
    for start in range(0, len(lit), _AT_ONCE):
        rows = torch.arange(start, min(start + _AT_ONCE, len(lit)))
        batch = lit.load(rows, BatchRandom(seed + start, torch.device("cpu")))
        marks, K = batch.marks, scale @ people.K[rows]
        drawn = generator.sample_bodies(conditions_of_batch(generator, batch), K, model, count, seed + start)
        half = count // 2
        params = _side_by_side(drawn[:, :half], fit_to_marks(drawn[:, half:], in_px(marks, size), K, model))
        sets = _sets(params, people.label[rows], K, size, model)
        parts.append((marks, sets, _in_plane_mm(sets.uvd, batch.targets)))
        at(float(rows[-1] + 1) / len(lit))
    sets = replace(CandidateSets.cat([part for _, part, _ in parts]), picture=torch.arange(len(lit)))
    marks, in_plane_mm = torch.cat([part for part, _, _ in parts]), torch.cat([part for _, _, part in parts])
    return JudgedLitPeople(lit, marks, sets, in_plane_mm)


def _in_plane_mm(uvd: Tensor, truth: Targets) -> Tensor:
    """(b, n, 29)"""
    true_uv = PoseState.unpack(truth.state).uvd[:, None, :, :2]
    return 500 * truth.extent[:, None, None] * (uvd[..., :2] - true_uv).norm(dim=-1)


def _side_by_side(left: BodyParams, right: BodyParams) -> BodyParams:
    """[b, m] and [b, n] bodies to [b, m + n]."""
    both = BodyParams.cat([part.map(lambda x: x.transpose(0, 1)) for part in (left, right)])
    return both.map(lambda x: x.transpose(0, 1))


def _sets(params: BodyParams, truth: BodyParams, K: Tensor, size: int, model: BodyModel) -> CandidateSets:
    """[b, n] candidates of b people, in crops of ``size`` px."""
    uvd = uvd_of(params, K, size, model)
    true_uvd = uvd_of(truth.reshape_batch(len(K), 1), K, size, model)[:, 0]
    return CandidateSets(
        picture=torch.arange(len(K)),
        uvd=uvd,
        errors_mm=candidate_errors_mm(params, truth, model),
        displacement_mm=displacement_mm(uvd, true_uvd, crop_extent(truth.t_cam_root, K, size)),
        from_generator=torch.ones(len(K), dtype=torch.bool),
    )
