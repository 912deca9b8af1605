"""Do noisy labels get better by refining them to noisy 2D keypoints, and does the anchor matter?

    python -m benchmarks.label_repair --demo adhmr-demo --out benchmarks/results/label_repair.json

Labels of shifted-domain pictures with Gaussian errors of their rotations; 2D keypoints with 2 px of noise in the paper's 256 px
crop (half a pixel of a 64 px one), given where they are seen. Scales were chosen on other pictures (--validation).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from adhmr.figures import bootstrap, mean_figure, percent_change, show
from adhmr.world.domains import DOMAINS
from adhmr.world.make import make_samples
from adhmr.world.pseudo_labels import Bias, biased_labels
from data_cleaning.config import RepairConfig
from data_cleaning.repair import PosePrior, refine, repair
from hmr.body import BodyParams
from hmr.files import code_version, write_json
from hmr.free_body import free_body
from hmr.metrics import body_errors_mm
from hmr.samples import Samples, load_samples
from scorer import Scorer

NOISE_PX_OF_256 = (2.0, 8.0)
BIASED = Bias(flipped=0.0)
SIGMAS = (0.1, 0.15, 0.25, 0.0)
"""Radians for each component of every rotation; 0 stands for the systematic errors of ``BIASED``: bodies lean, limbs are
pulled to rest."""
VARIANTS = {
    "anchor and prior": RepairConfig(),
    "no anchor": RepairConfig(anchor_rad=None, anchor_m=None, anchor_betas=None),
    "no anchor, no prior": RepairConfig(anchor_rad=None, anchor_m=None, anchor_betas=None, prior=0.0),
    "anchor on keypoints too": RepairConfig(anchor_m=0.1),
    "no prior": RepairConfig(prior=0.0),
}


def noisy(samples: Samples, sigma: float, noise_px_of_256: float, seed: int) -> Samples:
    """Exact labels made worse, and their keypoints with noise."""
    generator = torch.Generator().manual_seed(seed)
    seen = samples.keypoints_2d.clone()
    seen[..., :2] += noise_px_of_256 * samples.size / 256 * torch.randn(seen[..., :2].shape, generator=generator)
    wrong = BIASED if sigma == 0 else Bias(lean=0.0, prior=1.0, sigma=sigma, flipped=0.0)
    label = biased_labels(samples, seed, wrong).label
    return replace(samples, label=label, keypoints_2d=seen, label_kind=("pseudo",) * len(samples))


def pve_mm(label: BodyParams, truth: Samples, model) -> torch.Tensor:
    return body_errors_mm(model.posed(label), model.posed(truth.label))["pve"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=Path, required=True, help="folder of a finished `adhmr demo --from_scratch`")
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--validation", action="store_true", help="other pictures, to choose scales on")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    scorer, model = Scorer.from_pretrained(options.demo / "scorer"), free_body(1200)
    prior = PosePrior.fit(load_samples(options.demo / "data" / "source").label)
    seed = 91 if options.validation else 92
    truth = make_samples(DOMAINS["target"], options.pictures, scorer.crop_size, seed, model, f"repair-{seed}")
    rows = {}
    for sigma in SIGMAS:
        for noise in NOISE_PX_OF_256:
            given = noisy(truth, sigma, noise, seed)
            before = pve_mm(given.label, truth, model).numpy()
            found = {"before_mm": mean_figure(before)}
            for kind, variant in VARIANTS.items():
                config = replace(variant, keypoint_sigma_share=noise / 256)
                fitted = refine(given, model, prior, config)
                after = pve_mm(fitted, truth, model).numpy()
                found[f"{kind}, percent"] = bootstrap(percent_change, after, before)
            kept, better = repair(
                given, scorer, model, prior, replace(VARIANTS["anchor and prior"], keypoint_sigma_share=noise / 256)
            )
            found["kept where the scorer prefers it, percent"] = bootstrap(
                percent_change, pve_mm(kept.label, truth, model).numpy(), before
            )
            found["share the scorer prefers"] = mean_figure(better.double().numpy())
            name = f"{'biased' if sigma == 0 else f'sigma {sigma}'}, {noise:g} px"
            rows[name] = found
            print(f"{name}: " + "; ".join(f"{k} {show(v)}" for k, v in found.items()), flush=True)
    write_json(options.out, {
        "command": "python -m benchmarks.label_repair", "code": code_version(), "torch": torch.__version__,
        "machine": f"{torch.get_num_threads()} threads", "seed": seed, "config": str(RepairConfig()), "rows": rows,
    })  # fmt: skip


if __name__ == "__main__":
    main()
