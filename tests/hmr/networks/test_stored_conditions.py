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
    make = module._make
    monkeypatch.setattr(module, "_make", lambda *given: (written.append(given), make(*given)))
    stored_conditions(branch, views, tmp_path)
    assert not written
    stored_conditions(branch, views[:8], tmp_path)
    with torch.no_grad():
        branch.bearing.bias += 1
    changed = stored_conditions(branch, views, tmp_path)
    assert len(written) == 2
    assert torch.equal(changed.memory, conditions_of(branch, views).memory)
    assert len(list(tmp_path.iterdir())) == 3


def test_work_that_was_stopped_goes_on(branch, small_world, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PART", 6)
    views, made = small_world["source"], []

    def made_of(branch, some):
        if len(made) == 2:
            raise OSError("disk full")
        made.append(some.key)
        return conditions_of(branch, some)

    monkeypatch.setattr(module, "conditions_of", made_of)
    with pytest.raises(OSError, match="disk full"):
        stored_conditions(branch, views, tmp_path)
    [unfinished] = tmp_path.iterdir()
    assert unfinished.name.startswith("unfinished-")
    monkeypatch.setattr(
        module, "conditions_of", lambda branch, some: (made.append(some.key), conditions_of(branch, some))[1]
    )
    shares: list[float] = []
    kept = stored_conditions(branch, views, tmp_path, shares.append)
    assert [len(keys) for keys in made] == [6, 6, 4]
    assert shares == [6 / 16, 12 / 16, 1]
    assert torch.allclose(kept.memory, conditions_of(branch, views).memory, atol=1e-2)
    [folder] = tmp_path.iterdir()
    assert folder.name in unfinished.name


def test_half_written_features_are_not_taken(branch, small_world, tmp_path, monkeypatch):
    def breaks(*given: object) -> None:
        raise OSError("disk full")

    join = module._join
    monkeypatch.setattr(module, "_join", breaks)
    with pytest.raises(OSError, match="disk full"):
        stored_conditions(branch, small_world["source"], tmp_path)
    assert [path.name.startswith("unfinished-") for path in tmp_path.iterdir()] == [True]
    monkeypatch.setattr(module, "_join", join)
    assert len(stored_conditions(branch, small_world["source"], tmp_path)) == 16
