"""Eyes that remember: the same view is looked at once, whoever asks for it, and however often."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch

from hmr.sight import Sight
from hmr.views import Views

#: Views that are remembered, at 110 kB each.
_MOST = 4096


class RememberingEyes:
    """What is seen in a view, by its pixels and what is said of it; in half precision, as networks learnt it."""

    def __init__(self, eyes: Callable[[Views], Sight], most: int = _MOST) -> None:
        self.eyes, self.most = eyes, most
        self._seen: OrderedDict[bytes, Sight] = OrderedDict()

    def __call__(self, views: Views) -> Sight:
        """In full precision, whatever the networks around are run in."""
        with torch.autocast("cpu", enabled=False):
            return self._seen_in(views)

    def __deepcopy__(self, memo: dict[int, Any]) -> RememberingEyes:
        """Copies of a network look through the same eyes."""
        return self

    def _seen_in(self, views: Views) -> Sight:
        marks = _digests(views)
        new = [i for i, mark in enumerate(marks) if mark not in self._seen]
        looked = self.eyes(views[new]).small() if new else None
        fresh = {} if looked is None else {marks[i]: looked[place : place + 1] for place, i in enumerate(new)}
        sights = [fresh[mark] if mark in fresh else self._seen[mark] for mark in marks]
        for mark, sight in zip(marks, sights, strict=True):
            self._seen[mark] = sight
            self._seen.move_to_end(mark)
        while len(self._seen) > self.most:
            self._seen.popitem(last=False)
        return Sight.cat(sights).large() if sights else Sight.nothing(0)


def _digests(views: Views) -> list[bytes]:
    """Of each view: its pixels, and what is said of it."""
    pixels = torch.as_tensor(views.rgb[:]).contiguous().numpy()
    said = None if views.prompts is None else views.prompts.keypoints_px.contiguous().numpy()
    out = []
    for i in range(len(views)):
        digest = hashlib.blake2b(pixels[i].tobytes(), digest_size=16)
        if said is not None:
            digest.update(said[i].tobytes())
        out.append(digest.digest())
    return out
