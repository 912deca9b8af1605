"""A released generator is aligned as ours is: small networks of the released layout, random weights."""

import copy
import math
from contextlib import suppress
from dataclasses import replace

import pytest
import torch
from small_released import small_released_generator

from diffusion_hmr import Generator, GeneratorConfig
from dpo.align import AlignData, Replay, align, marked_dimensions, pair_errors
from dpo.config import AlignConfig, GuardConfig
from dpo.family import pair_loss
from dpo.judges import fixed_pairs, pair_maker, random_judge
from dpo.lora import add_lora, load_merged, merge_lora, merged_state
from dpo.loss import PairErrors, PartErrors, released_dpo_loss, released_marked_dpo_loss
from dpo.pairs import load_pairs, require_state_kind, save_pairs
from dpo.reference import frozen_copy
from dpo.watch import Validation, Watcher
from hmr.free_body import free_body
from hmr.networks.conditions import conditions_of
from hmr.training.batch_random import BatchRandom
from hmr.training.config import FitConfig
from hmr.training.preempted import PreemptedError
from hmr.training.run import TrainingRun, to_one

BODY = free_body(1200)
CONFIG = AlignConfig(
    fit=FitConfig(steps=4, batch_size=4, lr=1e-3, precision="no"),
    candidates=4,
    pairs_per_picture=1,
    pictures_per_round=4,
    refresh_every=2,
    ref_model_sync_steps=2,
    diversity=0.0,
)


@pytest.fixture(scope="module")
def seen(small_world):
    """A released generator, unlabelled pictures, and what its branch says of them."""
    generator = small_released_generator(BODY.family)
    views = small_world["target"][:4].unlabelled()
    return generator, views, conditions_of(generator.branch, views)


def aligned(seen, folder, stops, config=CONFIG, replay=None):
    """The generator after some steps, or fewer and then the others; and the losses."""
    losses = {}
    generator = seen[0]
    for stop in stops:
        generator = copy.deepcopy(seen[0])
        maker = pair_maker(seen[1], seen[2], random_judge(), BODY, config, "random")
        run = TrainingRun(0, to_one(lambda step, steps, v: losses.__setitem__(step, v["loss"])), folder, stop_at=stop)
        with suppress(PreemptedError):
            align(generator, AlignData(seen[1].key, seen[2], replay), maker, config, run)
    return generator, losses


def changed(before: torch.nn.Module, after: torch.nn.Module) -> set[str]:
    now = after.state_dict()
    assert now.keys() == before.state_dict().keys()
    return {name for name, value in before.state_dict().items() if not torch.equal(value, now[name])}


def test_two_steps_then_resumed_to_four_is_four_at_once(seen, tmp_path):
    whole, losses = aligned(seen, tmp_path / "a", [4])
    resumed, resumed_losses = aligned(seen, tmp_path / "b", [2, 4])
    assert losses[1] == pytest.approx(math.log(2), abs=1e-5)
    assert losses[4] == resumed_losses[4]
    assert not changed(whole.denoiser, resumed.denoiser)
    assert changed(seen[0].denoiser, whole.denoiser)
    assert not changed(seen[0].branch, whole.branch)


def test_pairs_hold_the_samples_themselves_in_the_released_scaling(seen, tmp_path):
    generator, views, conditions = seen
    pairs = pair_maker(views, conditions, random_judge(), BODY, CONFIG, "random")(generator, torch.arange(4), 5)
    drawn = generator.draw(conditions, views.K, BODY, CONFIG.candidates, 5)
    for i, key in enumerate(pairs.key):
        of_picture = drawn.states[views.key.index(key)]
        assert (of_picture == pairs.winner[i]).all(1).any()
        assert (of_picture == pairs.loser[i]).all(1).any()
    save_pairs(tmp_path / "pairs-0.parquet", pairs)
    back = load_pairs(tmp_path)
    assert back.state_kind == generator.state_kind != Generator.state_kind
    assert back.provenance == pairs.provenance
    assert torch.equal(back.winner, pairs.winner)
    require_state_kind(back, generator.state_kind)
    with pytest.raises(ValueError, match="'released-uvd-and-twists', this generator diffuses 'uvd-and-twists'"):
        require_state_kind(back, Generator.state_kind)


def test_offline_pairs_of_the_other_kind_are_refused_and_of_its_own_are_aligned_on(seen, tmp_path):
    generator, views, conditions = seen
    data = AlignData(views.key, conditions)
    pairs = pair_maker(views, conditions, random_judge(), BODY, CONFIG, "random")(generator, torch.arange(4), 5)
    own = copy.deepcopy(generator)
    align(own, data, fixed_pairs(pairs, views.key), CONFIG, TrainingRun())
    assert changed(generator.denoiser, own.denoiser)
    other = replace(pairs, state_kind=Generator.state_kind)
    with pytest.raises(ValueError, match="make them again"):
        align(copy.deepcopy(generator), data, fixed_pairs(other, views.key), CONFIG, TrainingRun())


@pytest.mark.parametrize(("loss_type", "at_the_start"), [("released", 2), ("released_marked", 2), ("sigmoid", 1)])
def test_the_losses_of_the_released_code_are_options_of_every_generator(seen, tmp_path, loss_type, at_the_start):
    _, losses = aligned(seen, None, [4], replace(CONFIG, loss_type=(loss_type,), beta=100.0))
    assert losses[1] == pytest.approx(at_the_start * math.log(2), abs=1e-5)
    assert losses[4] != losses[1]


def test_the_released_loss_by_hand():
    def errors(*values):
        return PairErrors(*(torch.tensor([x]) for x in values))

    joints, twists, marked = errors(0.1, 0.3, 0.12, 0.25), errors(0.5, 0.4, 0.4, 0.4), errors(0.02, 0.05, 0.03, 0.04)
    # Half of beta times (reference - policy) of winner minus loser: 50 (0.02 + 0.05), 50 (-0.1), 50 (0.01 + 0.01).
    softplus = [math.log1p(math.exp(-margin)) for margin in (3.5, -5.0, 1.0)]
    assert float(released_dpo_loss(joints, twists, 100.0)) == pytest.approx(softplus[0] + softplus[1], rel=1e-5)
    assert float(released_marked_dpo_loss(marked, 100.0)) == pytest.approx(softplus[2] + math.log(2), rel=1e-5)
    named = replace(joints, parts=PartErrors(joints, twists, marked))
    for name, value in (("released", softplus[0] + softplus[1]), ("released_marked", softplus[2] + math.log(2))):
        assert float(pair_loss((name,), (1.0,), 0.0)(named, 100.0, torch.zeros(()))) == pytest.approx(value, rel=1e-5)


def test_errors_by_parts_add_up_and_marks_leave_depths_leaves_and_twists_out(seen):
    generator, _, conditions = seen
    winner, loser = torch.randn(2, 4, 133, generator=torch.Generator().manual_seed(0))
    reference = frozen_copy(generator.denoiser)
    errors = pair_errors(
        generator.denoiser, reference, conditions, (winner, loser), BatchRandom(1, torch.device("cpu"))
    )
    assert errors.parts is not None
    mean = (87 * errors.parts.keypoints.policy_winner + 46 * errors.parts.twists.policy_winner) / 133
    torch.testing.assert_close(mean, errors.policy_winner)
    assert (errors.parts.marked.policy_winner < errors.parts.keypoints.policy_winner).all()
    marked = marked_dimensions().view(29, 3)
    assert marked[:24, :2].all()
    assert int(marked.sum()) == 48


def test_the_same_objective_corrupts_trains_and_samples(seen):
    """A denoiser that says the noise that was added leads back to what it was added to."""
    objective = seen[0].denoiser.objective
    x_0, noise = torch.randn(2, 1, 3, 133, dtype=torch.float64)
    x_t, target = objective.corrupt(x_0, noise, torch.full((1, 3), 999))
    assert target is noise
    torch.testing.assert_close(objective.integrate(lambda x, t: noise, x_t), x_0)
    weights = objective.weights("min_snr", torch.arange(1000))
    assert float(weights.mean()) == pytest.approx(1, abs=1e-5)


def test_labels_are_replayed_in_the_released_scaling(seen, small_world, tmp_path):
    generator = seen[0]
    labelled = small_world["source"][:4]
    states = generator.states_of(labelled.label.reshape_batch(4, 1), labelled.K, BODY)[:, 0]
    ours = Generator(GeneratorConfig()).states_of(labelled.label.reshape_batch(4, 1), labelled.K, BODY)[:, 0]
    torch.testing.assert_close(states, 50 * ours)  # metres behind the pelvis too: 2 m are 100
    replay = Replay(conditions_of(generator.branch, labelled), states)
    _, losses = aligned(seen, None, [4], replace(CONFIG, replay_batch=4), replay)
    assert losses[1] > 1


def test_dropout_is_off_unless_it_is_asked_for(seen):
    _, losses = aligned(seen, None, [4], replace(CONFIG, disable_dropout=False))
    assert losses[1] != pytest.approx(math.log(2), abs=1e-5)


def test_adapters_reach_attention_and_masked_layers_and_leave_no_trace(seen, tmp_path):
    pytest.importorskip("peft")
    base = seen[0].denoiser
    tuned = aligned(seen, tmp_path / "a", [4], replace(CONFIG, lora_rank=2))[0].denoiser
    names = changed(base, tuned)
    assert {"decoder.blocks.0.self_attention.in_proj_weight", "decoder.blocks.1.cross_attention.out_proj.weight",
            "keypoints_in.linear.weight", "twists_out.linear.weight", "decoder.blocks.0.ffn_in.weight"} <= names  # fmt: skip
    assert all(name.endswith("weight") for name in names)
    for name in names:
        off = (tuned.state_dict()[name] - base.state_dict()[name]).double()
        assert torch.linalg.matrix_rank(off, rtol=1e-3) <= 2
    resumed = aligned(seen, tmp_path / "b", [2, 4], replace(CONFIG, lora_rank=2))[0].denoiser
    assert not changed(tuned, resumed)


def test_weights_with_adapters_are_kept_merged_and_taken_back(seen):
    pytest.importorskip("peft")
    policy = copy.deepcopy(seen[0].denoiser)
    before = {name: value.clone() for name, value in policy.state_dict().items()}
    add_lora(policy, 2)
    kept = merged_state(policy)
    assert kept.keys() == before.keys()
    with torch.no_grad():
        for name, parameter in policy.named_parameters():
            if ".lora_" in name:
                parameter.fill_(0.1)
    load_merged(policy, kept)
    merge_lora(policy)
    for name, value in policy.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_validation_watches_it(seen, tmp_path):
    generator, views, conditions = copy.deepcopy(seen[0]), seen[1], seen[2]
    validation = Validation(views, conditions, BODY, random_judge(), candidates=3)
    watcher = Watcher(generator, validation, GuardConfig(check_every=2), tmp_path)
    maker = pair_maker(views, conditions, random_judge(), BODY, CONFIG, "random")
    align(generator, AlignData(views.key, conditions), maker, CONFIG, TrainingRun(), lambda step: watcher.look(step))
    assert len(watcher.history) == 4
    assert watcher.take_best().spread_mm > 0


@pytest.mark.parametrize("accumulation", [2, 4])
def test_a_batch_that_is_cut_up_is_the_same_batch(seen, accumulation):
    def run(parts: int):
        fit = replace(CONFIG.fit, steps=3, gradient_accumulation_steps=parts)
        return aligned(seen, None, [3], replace(CONFIG, fit=fit, refresh_every=9, loss_type=("released",)))[1]

    assert run(accumulation) == pytest.approx(run(1), rel=1e-3, abs=1e-5)
