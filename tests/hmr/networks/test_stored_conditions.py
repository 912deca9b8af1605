"""Features of a frozen branch on disk."""

from dataclasses import fields

import pytest
import torch

from hmr.networks import stored_conditions as module
from hmr.networks.conditions import conditions_of
from hmr.networks.config import ImageBranchConfig
from hmr.networks.image_branch import ImageBranch
from hmr.networks.stored_conditions import stored_conditions


@pytest.fixture
def branch():
    torch.manual_seed(0)
    return ImageBranch(ImageBranchConfig(), 64).eval()


def test_features_on_disk_are_those_in_memory(branch, small_world, tmp_path):
    views = small_world["source"]
    kept, fresh = stored_conditions(branch, views, tmp_path), conditions_of(branch, views)
    for field in fields(fresh):
        assert torch.equal(getattr(kept, field.name), getattr(fresh, field.name))
    assert torch.equal(kept[torch.tensor([3, 1])].own, fresh.own[[3, 1]])


def test_they_are_made_once_for_each_branch_and_set(branch, small_world, tmp_path, monkeypatch):
    views = small_world["source"]
    stored_conditions(branch, views, tmp_path)
    written = []
    write = module._write
    monkeypatch.setattr(module, "_write", lambda *given: (written.append(given), write(*given)))
    stored_conditions(branch, views, tmp_path)
    assert not written
    stored_conditions(branch, views[:8], tmp_path)
    with torch.no_grad():
        branch.bearing.bias += 1
    changed = stored_conditions(branch, views, tmp_path)
    assert len(written) == 2
    assert torch.equal(changed.memory, conditions_of(branch, views).memory)
    assert len(list(tmp_path.iterdir())) == 3


def test_half_written_features_are_not_taken(branch, small_world, tmp_path, monkeypatch):
    def breaks(*given: object) -> None:
        raise OSError("disk full")

    write = module._write
    monkeypatch.setattr(module, "_write", breaks)
    with pytest.raises(OSError, match="disk full"):
        stored_conditions(branch, small_world["source"], tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(module, "_write", write)
    assert len(stored_conditions(branch, small_world["source"], tmp_path)) == 16
