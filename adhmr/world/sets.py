"""Sets of pictures in folders: exact labels, or pseudo-labels with the truth hidden beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adhmr.world.domains import DOMAINS
from adhmr.world.hidden_truth import save_hidden_truth
from adhmr.world.make import make_samples
from adhmr.world.make_expressive import Scene, make_expressive_samples
from adhmr.world.pseudo_hands import mixed_expressive_labels, save_hidden_hand_truth
from adhmr.world.pseudo_labels import Bias, biased_labels, mixed_labels
from hmr.free_body import free_body, free_body_with_hands
from hmr.samples import Samples, save_samples


@dataclass(frozen=True)
class Wanted:
    """domain: name of one of DOMAINS. labels: exact, biased or mixed. size: pixels. vertices: of the body."""

    domain: str
    labels: str
    count: int
    size: int
    vertices: int
    seed: int


def write_set(wanted: Wanted, out: Path, prefix: str) -> Samples:
    """A set of 24-joint bodies."""
    body = free_body(wanted.vertices)
    samples = make_samples(DOMAINS[wanted.domain], wanted.count, wanted.size, wanted.seed, body, prefix)
    if wanted.labels == "biased":
        samples = biased_labels(samples, wanted.seed, Bias())
    elif wanted.labels == "mixed":
        samples, truth = mixed_labels(samples, wanted.seed, body)
        save_hidden_truth(out / "hidden-truth.npz", truth)
    save_samples(out, samples)
    return samples


def write_set_with_hands(wanted: Wanted, out: Path, prefix: str, upper_body: bool) -> Samples:
    """A set of bodies with hands and face; labels are exact or mixed."""
    body = free_body_with_hands(6900 if wanted.vertices == 6900 else 2500)
    scene = Scene(DOMAINS[wanted.domain], upper_body=upper_body)
    samples, _ = make_expressive_samples(scene, wanted.count, wanted.size, wanted.seed, body, prefix)
    if wanted.labels == "mixed":
        samples, truth = mixed_expressive_labels(samples, wanted.seed, body.smpl)
        save_hidden_hand_truth(out / "hidden-truth.npz", truth)
    save_samples(out, samples)
    return samples
