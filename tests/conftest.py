import json
from pathlib import Path

import numpy as np
import pytest
import torch

torch.set_num_threads(2)
OFFICIAL = Path(__file__).resolve().parent / "fixtures" / "official"


@pytest.fixture(autouse=True)
def _nothing_is_fetched(monkeypatch):
    """Tests that need a detector's weights are skipped where they are not kept; none of them fetches any by the way."""
    monkeypatch.setenv("ADHMR_OFFLINE", "1")


@pytest.fixture(scope="session")
def official():
    """Read a fixture: numbers that the released reference code gave for weights made by a recipe (tests/fixtures/README.md)."""

    def read(name: str) -> dict[str, np.ndarray]:
        with np.load(OFFICIAL / name) as file:
            return {key: file[key] for key in file.files}

    return read


@pytest.fixture(scope="session")
def official_spec_content():
    """Read a list of names and shapes of a released checkpoint."""

    def read(name: str) -> dict:
        return json.loads((OFFICIAL / name).read_text())

    return read


@pytest.fixture(scope="session")
def official_spec(official_spec_content):
    """The (name, shape) pairs of a released checkpoint."""

    def read(name: str) -> list[tuple[str, tuple[int, ...]]]:
        return [(key, tuple(shape)) for key, shape, _ in official_spec_content(name)["state_dict"]]

    return read


@pytest.fixture(scope="session")
def small_world():
    """A few labelled pictures of each kind, 64 px."""
    from adhmr.world.domains import DOMAINS
    from adhmr.world.make import make_samples
    from hmr.free_body import free_body

    return {d: make_samples(DOMAINS[d], 16, 64, 3, free_body(1200), d) for d in ("source", "target")}
