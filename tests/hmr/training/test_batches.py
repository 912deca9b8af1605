"""What a training loop is fed with does not depend on who loads it."""

import torch

from hmr.free_body import free_body
from hmr.networks.config import ImageBranchConfig
from hmr.networks.image_branch import ImageBranch
from hmr.training.batches import Dealing, RowNumbers, loaded, rows_of_step
from hmr.training.config import AugmentConfig, FitConfig
from hmr.training.run import TrainingRun
from hmr.training.train_branch import train_image_branch


def test_the_parts_of_a_step_are_its_rows():
    whole = [rows_of_step(step, 20, 6, 3) for step in range(2, 5)]
    dealt = list(loaded(RowNumbers(20), Dealing(6, 3, parts=6, first=2, own=2), range(2, 5), workers=0))
    assert [int(part) for part in dealt] == [int(x) for rows in whole for x in (rows[2], rows[3])]


def test_workers_load_the_same_in_the_same_order():
    dealing = Dealing(6, 0, parts=2, first=0, own=2)
    here, there = (list(loaded(RowNumbers(30), dealing, range(3, 9), workers)) for workers in (0, 2))
    assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))


def test_a_branch_trained_by_workers_on_augmented_pictures_is_the_same(small_world):
    def trained(workers: int) -> list[torch.Tensor]:
        torch.manual_seed(0)
        branch = ImageBranch(ImageBranchConfig(), 64)
        config = FitConfig(steps=2, batch_size=8, precision="no", workers=workers)
        augment = AugmentConfig(colour=0.3, scale=0.2, rotation_deg=20)
        train_image_branch(branch, small_world["source"], free_body(1200), config, TrainingRun(5), augment)
        return [p.detach() for p in branch.parameters()]

    alone = trained(0)
    assert all(torch.equal(a, b) for a, b in zip(alone, trained(2), strict=True))
