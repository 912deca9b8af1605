"""Each guard fires on the fault it is for, says so, and is silent on a healthy run."""

import dataclasses

import pytest

from dpo.config import GuardConfig
from dpo.guards import Checkup, first_reason
from dpo.watch import StoppedByGuardError, Watcher, load_checkups

HEALTHY = Checkup(0, 60.0, -80.0, 70.0, 90.0, -82.0, 0.5, -0.01)


def run_of(steps: int = 6, **drift: float) -> list[Checkup]:
    """A run that gets better, but for the fields in ``drift``, which change by so much each checkup."""
    better = {"energy_score_mm": -2.0, "mean_sample_mm": -3.0, "reward": 2.0, "held_out_reward": 2.0, "spread_mm": -1.0}
    out = []
    for i in range(steps):
        changes = {**better, **drift}
        values = {k: getattr(HEALTHY, k) + i * v for k, v in changes.items()}
        out.append(dataclasses.replace(HEALTHY, step=48 * i, **values))
    return out


def test_a_healthy_run_is_left_alone():
    history = run_of()
    assert all(first_reason(history[: i + 1], (), GuardConfig()) is None for i in range(len(history)))


@pytest.mark.parametrize(
    ("drift", "words"),
    [
        ({"energy_score_mm": 1.0}, "energy score on validation is above"),
        ({"mean_sample_mm": 0.5}, "mean sample is no better"),
        ({"spread_mm": -6.0}, "spread is left"),
        ({"margin": 1.0}, "nats"),
        ({"winner_above_reference": 0.02}, "likelihood displacement"),
        ({"held_out_reward": -1.0}, "exploited"),
    ],
)
def test_each_guard_fires(drift, words):
    reason = first_reason(run_of(**drift), (), GuardConfig())
    assert reason is not None
    assert words in reason


def test_consensus_pairs_that_do_as_well_stop_the_run():
    as_good = run_of(energy_score_mm=-3.0)
    reason = first_reason(run_of(), as_good, GuardConfig())
    assert reason is not None
    assert "consensus pairs do as well" in reason
    assert first_reason(run_of(), run_of(energy_score_mm=-0.5), GuardConfig()) is None


def test_a_watched_run_stops_with_the_best_weights(small_world, tmp_path):
    import torch

    from diffusion_hmr import Generator, GeneratorConfig
    from dpo.judges import random_judge
    from dpo.watch import Validation
    from hmr.free_body import free_body
    from hmr.networks.conditions import conditions_of

    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(sampling_steps=2))
    samples = small_world["source"][:4]
    validation = Validation(
        samples, conditions_of(generator.branch, samples), free_body(1200), random_judge(), candidates=4
    )
    watcher = Watcher(generator, validation, GuardConfig(check_every=2), tmp_path)
    before = {k: v.clone() for k, v in generator.denoiser.state_dict().items()}
    watcher.before_step(0)
    watcher.before_step(1)
    watcher.saw({"rewards/margins": 9.0, "errors/chosen_above_reference": -1.0})
    with torch.no_grad():
        generator.denoiser.network.joint_out.add_(0.3)  # samples become worse
    with pytest.raises(StoppedByGuardError, match=r"after 2 steps: .*nats"):
        watcher.before_step(2)
    assert [c.step for c in load_checkups(tmp_path)] == [0, 2]
    assert all(torch.equal(before[k], v) for k, v in generator.denoiser.state_dict().items())
