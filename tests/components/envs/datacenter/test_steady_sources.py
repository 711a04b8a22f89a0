"""Sources that never change have no spread that anything could be divided by."""

import numpy as np
import pytest

from wattloom.build import build_environment
from wattloom.compose import compose

STEADY = ["workload=constant", "workload.value=0.5", "carbon=constant", "weather=constant", "price=constant"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("words", [["env=datacenter"], ["env=sustaindc", "episode.weather_noise_c=0"]], ids=["datacenter", "sustaindc"])
def test_everything_stays_finite(words):
    environment = build_environment(compose([*words, *STEADY]), num_envs=2)
    snapshot = environment.reset(seed=1)
    for _ in range(20):
        for agent in environment.agents:
            assert all(agent.observation_space.contains(row) for row in snapshot.observations[agent.name])
        result = environment.step({agent.name: np.array([0, 2]) for agent in environment.agents})
        snapshot = result.snapshot
        assert all(np.isfinite(values).all() for values in (*result.rewards.values(), *result.metrics.values()))
        np.testing.assert_allclose(environment.record.inputs.demand, 0.5)
