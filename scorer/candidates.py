"""What a scorer is trained on: sets of candidates for labelled pictures, with their true errors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hmr.body import BodyModel, BodyParams
from hmr.displacement import displacement_mm, uvd_of
from hmr.hypotheses import Hypotheses
from hmr.metrics import body_errors_mm
from hmr.perturb import choose, gaussian, mirrored, shifted, wrong_limb, wrong_scale
from hmr.pose_state import crop_extent
from hmr.samples import Samples

QUALITIES = ("pve", "mpjpe", "pa_pve", "pa_mpjpe")
"""The errors that the paper's score learns to rank by (ADHMR section 4.2)."""


@dataclass(frozen=True)
class CandidateSets:
    """Set i: candidates uvd (m, 29, 3) of picture ``picture[i]`` with errors (m, 4) in mm, columns QUALITIES, and the
    displacement of every keypoint (m, 29) in mm. from_generator[i]: they are a generator's own samples."""

    picture: Tensor
    uvd: Tensor
    errors_mm: Tensor
    displacement_mm: Tensor
    from_generator: Tensor

    def __len__(self) -> int:
        return len(self.picture)

    @staticmethod
    def cat(parts: list[CandidateSets]) -> CandidateSets:
        return CandidateSets(*(torch.cat([getattr(p, k) for p in parts]) for k in CandidateSets.__dataclass_fields__))


def candidate_errors_mm(params: BodyParams, truth: BodyParams, model: BodyModel, chunk: int = 256) -> Tensor:
    """[b, n] bodies against [b] truths: (b, n, 4) errors in mm, columns QUALITIES."""
    rows = []
    for start in range(0, truth.batch_shape[0], chunk):
        part = slice(start, start + chunk)
        errors = body_errors_mm(model.posed(params[part]), model.posed(truth[part].map(lambda x: x[:, None])))
        rows.append(torch.stack([errors[q] for q in QUALITIES], -1))
    return torch.cat(rows)


def candidate_sets(
    samples: Samples, hypotheses: Hypotheses, model: BodyModel, from_generator: bool = True
) -> CandidateSets:
    """Candidates of labelled pictures; ``hypotheses`` are matched to ``samples`` by key.

    Raises ValueError for a key that is not among the samples, or keys of samples that come twice.
    """
    place = {key: i for i, key in enumerate(samples.key)}
    if len(place) < len(samples.key):
        raise ValueError(
            f"{len(samples.key) - len(place)} pictures have a key that another one has, so candidates cannot be told apart; "
            "expected unique keys over all sets that are used together"
        )
    unknown = [key for key in hypotheses.key if key not in place]
    if unknown:
        raise ValueError(f"hypotheses for pictures that are not in the set: {unknown[:3]} ({len(unknown)} in all)")
    picture = torch.tensor([place[key] for key in hypotheses.key])
    K, truth = samples.K[picture], samples.label[picture]
    uvd = uvd_of(hypotheses.params, K, samples.size, model)
    true_uvd = uvd_of(truth.reshape_batch(len(K), 1), K, samples.size, model)[:, 0]
    return CandidateSets(
        picture=picture,
        uvd=uvd,
        errors_mm=candidate_errors_mm(hypotheses.params, truth, model),
        displacement_mm=displacement_mm(uvd, true_uvd, crop_extent(truth.t_cam_root, K, samples.size)),
        from_generator=torch.full((len(picture),), from_generator),
    )


def noised_truth(
    samples: Samples, count: int, seed: int, max_sigma: float = 0.25, small: float = 0.0, gross: float = 0.0
) -> Hypotheses:
    """The paper's training candidates: the truth with Gaussian noise on its joints (section 4.2).

    Each candidate has its own magnitude, uniform up to ``max_sigma`` radians, so that a set spans good and bad. A share
    ``small`` has 0.3 of it, as labels usually have. A share ``gross`` has as little, and one realistic gross error: a wrong
    limb, left and right swapped, wrong scale, wrong place.
    """
    generator = torch.Generator().manual_seed(seed)
    n = len(samples)
    truth = samples.label.map(lambda x: x[:, None].expand(n, count, *x.shape[1:]))
    share = torch.rand(n, count, generator=generator)
    kind = torch.where(share < gross, torch.randint(1, 5, (n, count), generator=generator), 0)
    sigma = max_sigma * torch.rand(n, count, generator=generator) * torch.where(share < gross + small, 0.3, 1.0)
    params = gaussian(truth, sigma, generator)
    if gross > 0:
        options = [
            params,
            wrong_limb(params, generator, low=0.5),
            mirrored(params),
            wrong_scale(params, generator),
            shifted(params, generator, low=0.1),
        ]
        params = choose(kind, options)
    return Hypotheses(samples.key, params, "", "noised-truth", seed)
