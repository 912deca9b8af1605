import json
from pathlib import Path

import numpy as np
import pytest
import torch

torch.set_num_threads(2)


@pytest.fixture(scope="session")
def official():
    """Read a fixture made from the released reference code; the test is skipped where they are not at hand."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "official" / "fixtures"

    def read(name: str) -> dict[str, np.ndarray]:
        if not (folder / name).exists():
            pytest.skip(f"{folder / name} is not here")
        with np.load(folder / name) as file:
            return {key: file[key] for key in file.files}

    return read


@pytest.fixture(scope="session")
def official_spec_content():
    """Read a list of names and shapes of a released checkpoint."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "official"

    def read(name: str) -> dict:
        if not (folder / name).exists():
            pytest.skip(f"{folder / name} is not here")
        return json.loads((folder / name).read_text())

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
