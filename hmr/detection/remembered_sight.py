"""What eyes saw of the last views, so that a frozen network does not look at the same person twice."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable

import torch

from hmr.sight import Sight
from hmr.views import Views

#: Of a quarter of a megabyte each.
_MOST = 1000


class RememberedSight:
    """A callable as ``eyes``. People are known by their pixels and by what is said of them, not by their keys."""

    def __init__(self, eyes: Callable[[Views], Sight], most: int = _MOST) -> None:
        """most: views that are remembered; those that were not asked for longest are forgotten first."""
        self.eyes, self.most = eyes, most
        self._seen: OrderedDict[bytes, Sight] = OrderedDict()

    def __call__(self, views: Views) -> Sight:
        marks = [_mark(views, row) for row in range(len(views))]
        there = {mark: self._seen[mark] for mark in marks if mark in self._seen}
        new = {mark: row for row, mark in enumerate(marks) if mark not in there}
        if new:
            sight = self.eyes(views[list(new.values())])
            there |= {mark: sight[i : i + 1].map(torch.clone) for i, mark in enumerate(new)}
        for mark in marks:
            self._seen[mark] = there[mark]
            self._seen.move_to_end(mark)
        while len(self._seen) > self.most:
            self._seen.popitem(last=False)
        return Sight.cat([there[mark] for mark in marks]) if marks else Sight.nothing(0)


def _mark(views: Views, row: int) -> bytes:
    digest = hashlib.sha256(views.rgb[row].contiguous().numpy().tobytes())
    if views.prompts is not None:
        digest.update(views.prompts.keypoints_px[row].contiguous().numpy().tobytes())
    return digest.digest()
