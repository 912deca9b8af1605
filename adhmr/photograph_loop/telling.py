"""What a generator is told of the keypoints that the scorer is told. Told less it has to learn what they say."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import torch

from adhmr.option_types import Telling
from hmr.views import Prompts, Views

#: Marks of a person that are withheld where it is told fewer.
WITHHELD = 3


def as_told(views: Views, telling: Telling) -> Views:
    """Views as the generator is given them. Which marks of a person are withheld follows from its key, so that it is the same in
    every stage and however the work is cut up."""
    if telling == "all" or views.prompts is None:
        return views
    if telling == "nothing":
        return replace(views, prompts=None)
    px = views.prompts.keypoints_px.clone()
    for row, key in enumerate(views.key):
        marked = torch.nonzero(px[row, :, 2] > 0)[:, 0].numpy()
        seed = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest())
        px[row, np.random.default_rng(seed).permutation(marked)[:WITHHELD]] = 0
    return replace(views, prompts=Prompts(px))
