"""A lit generator whose features learn when it is finetuned, with eyes that are made up."""

import copy

import pytest
import torch

from diffusion_hmr import Generator, GeneratorConfig
from diffusion_hmr.looking import LookingGenerator
from dpo.align import AlignData, align
from dpo.config import AlignConfig
from dpo.judges import on_policy, pairs_of_drawn, random_judge, with_others
from hmr.detection.remembered import RememberingEyes
from hmr.networks.conditions import conditions_of
from hmr.training.config import FitConfig
from hmr.training.run import TrainingRun
from hmr.views import Views
from tests.support.lit import BLOCKS, BODY, LIT, made_up_sight

CONFIG = GeneratorConfig(size=32, lit=LIT, denoiser=BLOCKS)
ALIGN = AlignConfig(
    FitConfig(steps=3, batch_size=6, lr=1e-2, weight_decay=0.0), candidates=4, pairs_per_picture=1, replay_weight=0
)  # fmt: skip
N = 6


@pytest.fixture
def generator():
    torch.manual_seed(0)
    generator = Generator(CONFIG).eval()
    generator.branch.eyes = RememberingEyes(lambda some: made_up_sight(len(some)))
    return generator


@pytest.fixture
def views():
    K = torch.tensor([[40.0, 0, 16], [0, 40, 16], [0, 0, 1]]).expand(N, 3, 3)
    rgb = torch.randint(0, 256, (N, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return Views.whole(tuple("abcdefgh"[:N]), rgb, K)


def maker(generator, views, conditions):
    draw = on_policy(views, conditions, BODY, ALIGN.candidates)
    return pairs_of_drawn(views, draw, random_judge(), BODY, ALIGN, "random")


def test_it_begins_as_the_generator_that_it_is_of(generator, views):
    looking = LookingGenerator(generator)
    looked = conditions_of(looking.branch, views)
    ours, theirs = looking.branch.conditions(looked), conditions_of(generator.branch, views)
    for name, value in vars(ours).items():
        assert torch.allclose(value, getattr(theirs, name), atol=1e-5), name
    drawn, own = (
        of.draw(seen, views.K, BODY, 3, 0)
        for of, seen in ((looking, looked), (generator, looking.branch.conditions(looked)))
    )  # fmt: skip
    assert torch.equal(drawn.states, own.states)


def test_denoiser_and_features_learn_and_the_estimate_stays(generator, views):
    base = copy.deepcopy(generator)
    looking = LookingGenerator(generator)
    looked = conditions_of(looking.branch, views)
    align(looking, AlignData(views.key, looked), maker(looking, views, looked), ALIGN, TrainingRun(0))
    before, after = (conditions_of(one.branch, views) for one in (base, generator))
    assert torch.equal(before.own, after.own)
    assert torch.equal(before.own_scale, after.own_scale)
    assert (before.memory - after.memory).abs().max() > 1e-3
    assert (before.local - after.local).abs().max() > 1e-3
    was, now = (torch.cat([p.flatten() for p in one.denoiser.parameters()]) for one in (base, generator))
    assert not torch.equal(was, now)


def test_one_that_does_not_look_has_nothing_to_learn_there():
    with pytest.raises(ValueError, match="that looks"):
        LookingGenerator(Generator(GeneratorConfig(size=32, prompts=LIT.prompts, denoiser=BLOCKS)))


def test_candidates_of_somebody_else_are_judged_beside_the_policys(generator, views):
    seen = conditions_of(generator.branch, views)
    others = generator.draw(seen, views.K, BODY, 1, 99)
    own = on_policy(views, seen, BODY, ALIGN.candidates)
    rows = torch.tensor([4, 1])
    both = with_others(own, others)(generator, rows, 5)
    assert both.states.shape[1] == ALIGN.candidates + 1
    assert torch.equal(both.states[:, -1], others.states[rows, 0])
    assert torch.equal(both.states[:, :-1], own(generator, rows, 5).states)

    def last_wins(part, hypotheses, seed):
        reward = torch.zeros(hypotheses.params.batch_shape)
        reward[:, -1] = 1
        return reward

    pairs = pairs_of_drawn(views, with_others(own, others), last_wins, BODY, ALIGN, "last")(generator, rows, 5)
    assert pairs.key == (views.key[4], views.key[1])
    assert torch.equal(pairs.winner, others.states[rows, 0])
