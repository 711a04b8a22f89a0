"""The presets learn on the 33-bus feeder, more than any choice of reactive power alone can reach."""

import pytest

import wattloom
from wattloom.evaluation import evaluate_policy


@pytest.mark.slow
def test_the_default_grid_is_learned_in_a_tenth_of_the_presets_steps():
    """Reactive power alone, chosen with perfect foresight, loses 74.8 kW on these days and leaves 0.04 % of bus-steps outside the band.

    So early the batteries still give up more than they store; that they give it back is for the whole preset, see experiments/grid33.
    """
    run = wattloom.train(
        "experiment=grid33_sac_default", "runner.total_steps=20000", "evaluation.held_back=null", "checkpoint.every=null", "hooks=none"
    )
    environment = wattloom.make("grid", demand__profile="b", solar__profile="b", data_seed=1, num_envs=24)
    algorithm = run.algorithm(environment)
    found = evaluate_policy(environment, lambda copies: algorithm.policy(copies, explore=False), range(1000, 1024))
    assert found.metrics["losses_kw"].mean() < 74.0
    assert found.metrics["buses_outside"].mean() / 32 < 1e-3
