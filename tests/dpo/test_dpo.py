import math
from contextlib import suppress

import pytest
import torch

from diffusion_hmr import Generator, GeneratorConfig
from dpo.align import AlignData, align, pair_errors
from dpo.config import AlignConfig
from dpo.family import LOSS_TYPES, pair_loss
from dpo.judges import fixed_pairs, pair_maker, random_judge
from dpo.lora import add_lora
from dpo.loss import (
    PairErrors,
    PartErrors,
    diffusion_dpo_loss,
    exo_pair_loss,
    hinge_loss,
    ipo_loss,
    kto_loss,
    preference_logs,
    released_dpo_loss,
    released_sft_loss,
    robust_loss,
    winner_sft_loss,
)
from dpo.pairs import PreferencePairs, choose_pairs, load_pairs, require_made_for, save_pairs
from dpo.reference import follow, frozen_copy
from hmr.free_body import free_body
from hmr.networks.conditions import conditions_of
from hmr.training.batch_random import BatchRandom
from hmr.training.config import FitConfig
from hmr.training.fit import TrainingDivergedError
from hmr.training.preempted import PreemptedError
from hmr.training.run import TrainingRun, to_one


def test_equation_5_by_hand():
    errors = PairErrors(*(torch.tensor([x]) for x in (0.10, 0.30, 0.12, 0.25)))
    # -beta ((0.10 - 0.12) - (0.30 - 0.25)) = 100 * 0.07 = 7
    assert float(diffusion_dpo_loss(errors, 100.0)) == pytest.approx(math.log(1 + math.exp(-7)), rel=1e-4)
    logs = preference_logs(errors, 100.0)
    assert float(logs["rewards/margins"]) == pytest.approx(7.0, rel=1e-4)
    assert float(logs["rewards/accuracies"]) == 1.0


@pytest.mark.official
@pytest.mark.parametrize("beta", [100, 5000])
def test_the_released_loss_is_reproduced(official, beta):
    f = {k: torch.from_numpy(v) for k, v in official("dpo_loss.npz").items()}

    def errors(kind: str, weight: torch.Tensor) -> PairErrors:
        noise = f[f"noise_{kind}"]

        def error(predicted: torch.Tensor) -> torch.Tensor:
            return ((predicted - noise).square() * weight).mean(1)

        return PairErrors(
            error(f[f"pred_{kind}"][:4]), error(f[f"pred_{kind}"][4:]),
            error(f[f"ref_{kind}"][:4]), error(f[f"ref_{kind}"][4:]),
        )  # fmt: skip

    joints = errors("j", f["vis_29"].flatten(1).float())
    twists = errors("t", f["twist_weight"].flatten(1).float())
    assert float(released_dpo_loss(joints, twists, beta).mean()) == pytest.approx(
        float(f[f"loss_beta{beta}"]), rel=1e-4
    )


@pytest.mark.official
def test_the_released_unpaired_and_supervised_losses_are_reproduced(official):
    f = {k: torch.from_numpy(v) for k, v in official("sft_kto_loss.npz").items()}
    weights = {"j": f["vis_29"].float(), "t": f["twist_weight"].float()}

    def squared(network: str, kind: str) -> torch.Tensor:
        return (f[f"{network}_{kind}"] - f[f"noise_{kind}"]).square() * weights[kind].flatten(1)

    for kind, name in (("j", "kto_joint"), ("t", "kto_twist")):
        reward = 100 * (squared("ref", kind).mean(1) - squared("pred", kind).mean(1))
        loss = kto_loss(reward, f["label_sgn"].bool(), reward.mean().clamp_min(0)).mean()
        assert float(loss) == pytest.approx(float(f[name]), rel=1e-4)
    in_2d = (f["pred_2d"] - f["gt_2d"]).square() * weights["j"][..., :2]
    shape = (f["pred_shape"] - f["target_beta"]).square()
    total = released_sft_loss(in_2d, shape, squared("pred", "j"), squared("pred", "t"))
    assert float(total) == pytest.approx(float(f["sft_total"]), rel=1e-4)


def errors_of(margin: float, winner: float = 0.0) -> PairErrors:
    """One pair whose rewards at beta 1 are ``winner`` and ``winner - margin`` nats."""
    errors = [torch.tensor([x], requires_grad=i < 2) for i, x in enumerate((-winner, margin - winner, 0.0, 0.0))]
    alike = PairErrors(*errors)
    return PairErrors(*errors, parts=PartErrors(alike, alike, alike))


@pytest.mark.parametrize("loss_type", LOSS_TYPES)
def test_every_loss_prefers_the_winner(loss_type):
    """At the start each of them makes winners likelier or losers less likely, and never the other way round."""
    errors = errors_of(0.0)
    pair_loss((loss_type,), (1.0,), 0.1)(errors, 1.0, torch.zeros(())).sum().backward()
    towards_winner = errors.policy_winner.grad
    from_loser = torch.zeros(1) if errors.policy_loser.grad is None else errors.policy_loser.grad
    assert float(towards_winner - from_loser) > 0


@torch.no_grad()
def test_losses_at_known_margins():
    half = errors_of(0.5)
    assert ipo_loss(half, 1.0).item() == 0.0
    assert float(hinge_loss(errors_of(2.0), 1.0)) == 0.0
    assert float(hinge_loss(half, 1.0)) == 0.5
    assert float(robust_loss(half, 1.0, 0.0)) == pytest.approx(float(diffusion_dpo_loss(half, 1.0)))
    # EXO is a KL divergence: zero where the policy's preference is the labels'.
    right = errors_of(math.log(0.9 / 0.1))
    assert float(exo_pair_loss(right, 1.0, 0.1)) == pytest.approx(0.0, abs=1e-6)


def test_a_mixture_is_the_weighted_sum():
    errors = errors_of(0.7, 0.2)
    mixed = pair_loss(("sigmoid", "sft"), (1.0, 0.3), 0.0)(errors, 2.0, torch.zeros(()))
    torch.testing.assert_close(mixed, diffusion_dpo_loss(errors, 2.0) + 0.3 * winner_sft_loss(errors, 2.0))


@pytest.mark.parametrize(
    ("types", "weights", "smoothing", "words"),
    [
        (("sigmiod",), (1.0,), 0.0, "did you mean 'sigmoid'"),
        (("sigmoid",), (1.0, 2.0), 0.0, "one weight for each"),
        (("exo_pair",), (1.0,), 0.0, "above 0"),
        (("robust",), (1.0,), 0.5, "below 0.5"),
        ((), (), 0.0, "at least one"),
    ],
)
def test_a_wrong_loss_is_refused_by_name(types, weights, smoothing, words):
    with pytest.raises(ValueError, match=words):
        pair_loss(types, weights, smoothing)


@pytest.fixture(scope="module")
def tiny(small_world):
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(sampling_steps=2))
    torch.nn.init.normal_(generator.denoiser.network.joint_out, std=0.1)
    samples = small_world["target"].unlabelled()
    return generator, samples, conditions_of(generator.branch, samples)


def test_at_the_start_policy_is_reference(tiny):
    generator, _, conditions = tiny
    reference = frozen_copy(generator.denoiser)
    assert reference is not generator.denoiser
    assert not any(p.requires_grad for p in reference.parameters())
    winner, loser = torch.randn(2, 16, 133, generator=torch.Generator().manual_seed(0))
    random = BatchRandom(1, torch.device("cpu"))
    errors = pair_errors(generator.denoiser, reference, conditions, (winner, loser), random)
    assert torch.allclose(diffusion_dpo_loss(errors, 100.0), torch.full((16,), math.log(2)), atol=1e-5)
    assert float(preference_logs(errors, 100.0)["rewards/accuracies"]) == pytest.approx(0.5)


def test_winners_come_from_the_top_and_losers_from_the_bottom():
    reward = torch.rand(50, 10, generator=torch.Generator().manual_seed(0))
    winner, loser = choose_pairs(reward, 3, torch.Generator().manual_seed(1))
    order = reward.argsort(1, descending=True)
    for i in range(50):
        assert set(winner[i].tolist()) == set(order[i, :3].tolist())
        assert set(loser[i].tolist()) == set(order[i, -3:].tolist())
    with pytest.raises(ValueError, match="at least 12 candidates"):
        choose_pairs(reward, 6, torch.Generator())


def test_pairs_survive_their_files_and_bad_ones_are_refused(tmp_path):
    pairs = PreferencePairs(
        ("a", "b"), torch.randn(2, 133), torch.randn(2, 133), torch.tensor([1.0, 2.0]), {"judge": "x"}
    )
    save_pairs(tmp_path / "p.parquet", pairs)
    back = load_pairs(tmp_path)
    assert back.key == pairs.key
    assert torch.equal(back.winner, pairs.winner)
    assert back.provenance == {"judge": "x"}
    with pytest.raises(ValueError, match="swapped"):
        PreferencePairs(("a",), torch.zeros(1, 133), torch.zeros(1, 133), torch.tensor([-1.0]), {})
    with pytest.raises(ValueError, match="winner that is the loser, the first of picture b"):
        PreferencePairs(("a", "b"), torch.eye(2, 133), torch.eye(2, 133)[[1, 1]], torch.ones(2), {})
    (tmp_path / "broken.parquet").write_bytes(b"no parquet")
    with pytest.raises(ValueError, match="parquet"):
        load_pairs(tmp_path / "broken.parquet")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"source": "generator-b"}, "another generator"),
        ({"size": "128"}, "another crop size"),
        ({"body": "smpl-neutral"}, "another body"),
    ],
)
def test_pairs_made_for_something_else_are_refused(said, words):
    def pairs(provenance):
        return PreferencePairs(("a",), torch.zeros(1, 133), torch.ones(1, 133), torch.ones(1), provenance)

    require_made_for(pairs({"source": "somebody's model", "size": "64"}), "generator-a", 64, "free-1200")
    with pytest.raises(ValueError, match=words):
        require_made_for(pairs(said), "generator-a", 64, "free-1200")


def run_align(tiny, folder, steps_at_once, **changes):
    """Some steps, or fewer and then the others."""
    import copy

    generator, samples, conditions = copy.deepcopy(tiny[0]), tiny[1], tiny[2]
    settings = {
        "fit": FitConfig(steps=4, batch_size=8, lr=1e-3, precision="no"),
        "candidates": 6,
        "pairs_per_picture": 3,
        "pictures_per_round": 8,
        "refresh_every": 2,
        "ref_model_sync_steps": 2,
    }
    config = AlignConfig(**{**settings, **changes})
    maker = pair_maker(samples, conditions, random_judge(), free_body(1200), config, "random")
    losses = {}
    for stop in steps_at_once:
        generator = generator if stop == steps_at_once[0] else copy.deepcopy(tiny[0])
        reports = to_one(lambda step, steps, v: losses.__setitem__(step, v["loss"]))
        run = TrainingRun(0, reports, folder, stop_at=stop)
        with suppress(PreemptedError):
            align(generator, AlignData(samples.key, conditions), maker, config, run)
    return generator, losses


@pytest.mark.parametrize(("stop", "alpha"), [(2, 1.0), (3, 1.0), (3, 0.6), (1, 0.0)])
def test_alignment_stopped_anywhere_and_resumed_is_the_same_run(tiny, tmp_path, stop, alpha):
    whole, losses = run_align(tiny, tmp_path / "a", [4], ref_model_mixup_alpha=alpha)
    resumed, resumed_losses = run_align(tiny, tmp_path / "b", [stop, 4], ref_model_mixup_alpha=alpha)
    assert losses[4] == resumed_losses[4]
    for a, b in zip(whole.denoiser.parameters(), resumed.denoiser.parameters(), strict=True):
        assert torch.equal(a, b)
    assert losses[1] == pytest.approx(math.log(2), abs=1e-4)


#: Losses of the first and the last step of ``run_align``; they move when what is learnt, or by how much, does.
GOLDEN = {1: 0.6931, 4: 0.8326}


def test_one_golden_trajectory(tiny, tmp_path):
    _, losses = run_align(tiny, tmp_path, [4])
    assert losses == pytest.approx(GOLDEN, rel=5e-3)


def test_a_reference_stays_or_follows():
    policy, reference = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    first = reference.weight.clone()
    follow(reference, policy, 0.0)
    assert torch.equal(reference.weight, first)
    follow(reference, policy, 0.6)
    torch.testing.assert_close(reference.weight, 0.6 * policy.weight + 0.4 * first)
    follow(reference, policy, 1.0)
    assert torch.equal(reference.weight, policy.weight)


def test_low_rank_adapters_change_the_linear_layers_only_and_leave_no_trace(tiny, tmp_path):
    pytest.importorskip("peft")
    base = tiny[0].denoiser
    tuned = run_align(tiny, tmp_path, [4], lora_rank=2)[0].denoiser
    assert list(tuned.state_dict()) == list(base.state_dict())
    changed = {k for k, v in base.state_dict().items() if not torch.equal(v, tuned.state_dict()[k])}
    assert changed
    linear = {f"{name}.weight" for name, module in base.named_modules() if isinstance(module, torch.nn.Linear)}
    assert changed <= linear
    for name in changed:
        difference = (tuned.state_dict()[name] - base.state_dict()[name]).double()
        assert torch.linalg.matrix_rank(difference, rtol=1e-3) <= 2
    with pytest.raises(ValueError, match="at least 1"):
        add_lora(torch.nn.Linear(1, 1), 0)


def test_a_loss_that_is_not_finite_names_the_pictures_and_keeps_the_state(tiny, tmp_path):
    generator, samples, conditions = tiny
    keys = samples.key[:4]
    states = torch.full((4, 133), torch.nan)
    pairs = PreferencePairs(keys, states, states, torch.ones(4), {})
    config = AlignConfig(fit=FitConfig(steps=4, batch_size=4), pictures_per_round=4, pairs_per_picture=1)
    data, maker = AlignData(samples.key, conditions), fixed_pairs(pairs, samples.key)
    with pytest.raises(TrainingDivergedError, match=f"pairs of .*{keys[0][:6]}.*lower lr"):
        align(generator, data, maker, config, TrainingRun(folder=tmp_path))
    assert (tmp_path / "training_state-0.pt").exists()


@pytest.mark.parametrize("accumulation", [2, 4])
@pytest.mark.parametrize("loss_type", LOSS_TYPES)
def test_a_batch_that_is_cut_up_is_the_same_batch(tiny, tmp_path, loss_type, accumulation):
    """Also for KTO, whose anchor is of the whole batch."""

    def run(parts: int) -> dict[int, float]:
        fit = FitConfig(steps=3, batch_size=8, lr=1e-3, precision="no", gradient_accumulation_steps=parts)
        return run_align(
            tiny,
            None,
            [3],
            fit=fit,
            loss_type=(loss_type,),
            label_smoothing=0.1,
            refresh_every=9,
            ref_model_sync_steps=9,
            beta=5.0,
        )[1]

    whole, parts = run(1), run(accumulation)
    assert whole[3] != whole[1]
    assert parts == pytest.approx(whole, rel=1e-3, abs=1e-5)
