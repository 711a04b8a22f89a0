"""The presets learn: mean evaluation return above -200 (10 episodes on reset seeds 1000-1009) within 7,000 env steps."""

import pytest

import wattloom

LIMIT = ["runner.total_steps=7000", "evaluation.every=500", "checkpoint.every=null", "hooks=none"]


def best_return(preset, seed, *overrides):
    run = wattloom.train(f"experiment={preset}", f"seed={seed}", *LIMIT, *overrides)
    assert run.config["evaluation"]["seeds"] == 1000
    assert run.config["evaluation"]["episodes"] == 10
    assert run.summary.counters.env_steps == 7_000
    return run.summary.best_return


def test_small_networks_solve_the_pendulum():
    assert best_return("pendulum_td3_small", 1) > -200.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("preset", ["pendulum_td3", "pendulum_sac"])
def test_presets_solve_the_pendulum(preset, seed):
    assert best_return(preset, seed) > -200.0


@pytest.mark.slow
def test_copies_and_correlated_noise_learn_too():
    overrides = ["env.num_envs=4", "exploration=ornstein_uhlenbeck", "exploration.sigma=0.3", "exploration.dt=0.1"]
    assert best_return("pendulum_td3_small", 2, *overrides) > -200.0
