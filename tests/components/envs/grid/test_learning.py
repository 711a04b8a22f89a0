"""The presets learn on the 33-bus feeder: more than any controller without batteries can reach, before the energy that was taken out is missing."""

import pytest

import wattloom
from wattloom.evaluation import evaluate_policy


@pytest.mark.slow
def test_the_default_grid_is_learned_in_a_fifth_of_the_presets_steps():
    """Reactive power alone, chosen with perfect foresight, loses 74 kW on such days, and cannot keep every bus within the band."""
    run = wattloom.train(
        "experiment=grid33_sac_default", "runner.total_steps=20000", "evaluation.held_back=null", "checkpoint.every=null", "hooks=none"
    )
    environment = wattloom.make("grid", demand__profile="b", solar__profile="b", data_seed=1, num_envs=24)
    algorithm = run.algorithm(environment)
    found = evaluate_policy(environment, lambda copies: algorithm.policy(copies, explore=False), range(1000, 1024))
    assert found.metrics["losses_kw"].mean() < 74.0
    assert found.metrics["buses_outside"].mean() / 32 < 1e-3
    assert found.figures["energy_left"].mean() > 2.5  # MWh, of 3 at the beginning
