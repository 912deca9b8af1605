"""What `adhmr predict` leaves of photographs, made without networks: a drawn person and noisy copies of it, nearer is better."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from PIL import Image

from adhmr.export.parameters import write_parameters
from adhmr.tables import write_table
from adhmr.world.poses import sample_poses
from hmr.body import FACING_CAMERA, BodyParams
from hmr.camera import default_K
from hmr.files import write_provenance
from hmr.free_body import free_body
from hmr.hypotheses import Hypotheses
from hmr.perturb import gaussian
from hmr.photographs.folder import output_names
from hmr.photographs.people import Person, crops
from hmr.prediction import Prediction
from hmr.rendering.overlay import draw_body


@dataclass(frozen=True)
class MadeUp:
    """people in each photograph, candidates of each, and how far they are off (radians); level: vertices of the free body."""

    people: int = 2
    candidates: int = 4
    sigma: float = 0.15
    level: int = 1200
    size_wh: tuple[int, int] = (160, 120)
    seed: int = 0


def true_bodies(made: MadeUp) -> BodyParams:
    """[p] side by side, 4 m away, facing the camera: the same for every seed."""
    p = made.people
    poses = sample_poses(np.random.default_rng(3), p, free_body(1200)).R_parent_joint
    x = torch.linspace(-0.8, 0.8, p) if p > 1 else torch.zeros(1)
    place = torch.stack([x, torch.zeros(p), torch.full((p,), 4.0)], -1)
    return BodyParams(FACING_CAMERA.expand(p, 3, 3), poses, torch.zeros(p, 10), place)


def predicted(photograph: np.ndarray, name: str, made: MadeUp) -> Prediction:
    (w, h), generator = made.size_wh, torch.Generator().manual_seed(made.seed)
    people = [
        Person(f"{name}-{i:02d}", (i * w / made.people, 0.0, (i + 1) * w / made.people, h)) for i in range(made.people)
    ]
    views = crops(photograph, people, 64, default_K(w, h))
    truth = true_bodies(made)
    sigma = made.sigma * torch.linspace(0.3, 1.0, made.candidates)[None].repeat(made.people, 1)
    noisy = gaussian(BodyParams.stack([truth] * made.candidates, 1), sigma, generator)
    place = noisy.t_cam_root + 0.6 * sigma[..., None] * torch.randn(noisy.t_cam_root.shape, generator=generator)
    candidates = Hypotheses(views.key, replace(noisy, t_cam_root=place), "free-body", "made up", made.seed)
    return Prediction.best_first(views, candidates, -sigma, 300 * sigma, None)


def make_run(out: Path, images: Path, names: list[str], made: MadeUp | None = None) -> Path:
    """The photographs (unless they are there) and the run's folder."""
    made = made or MadeUp()
    keys, model, (w, h), rows = output_names(names), free_body(made.level), made.size_wh, []
    for name in names:
        shade = np.linspace(150, 230, h).astype(np.uint8)[:, None, None]
        photograph = np.broadcast_to(shade, (h, w, 3)) * np.array([0.95, 1.0, 0.9])
        photograph = photograph.astype(np.uint8)
        for i in range(made.people):
            photograph = draw_body(
                photograph, true_bodies(made)[i], default_K(w, h).numpy(), model, (0.8, 0.55, 0.45), 1.0
            )
        (images / name).parent.mkdir(parents=True, exist_ok=True)
        if not (images / name).exists():
            Image.fromarray(photograph).save(images / name)
        prediction = predicted(photograph, keys[name], made)
        write_parameters(out / f"{keys[name]}.npz", prediction, np.zeros((made.people, 4)), model)
        rows += [{"image": name, "key": key, "rank": 1} for key in prediction.views.key]
    write_table(out, "predictions", pa.Table.from_pylist(rows))
    scorer = images.parent / "scorer"
    scorer.mkdir(exist_ok=True)
    (scorer / "config.json").write_text("{}")
    write_provenance(out, "predict", {"images": str(images), "scorer": str(scorer)}, made.seed, [scorer])
    return out
