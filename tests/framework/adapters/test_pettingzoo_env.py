import warnings

import numpy as np
import pytest
from pettingzoo.test import parallel_api_test, parallel_seed_test

from wattloom.adapters import PettingZooEnv
from wattloom.components.envs.pendulum import Pendulum
from wattloom.errors import ConfigError


@pytest.mark.parametrize("kind", ["box", "mixed"])
def test_passes_pettingzoos_tests_with_agents_that_leave(team, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_api_test(PettingZooEnv(team(kind)), num_cycles=60)
        parallel_seed_test(lambda: PettingZooEnv(team(kind)), num_cycles=60)


def test_pendulum_passes_pettingzoos_tests():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_api_test(PettingZooEnv(Pendulum()), num_cycles=250)
        parallel_seed_test(lambda: PettingZooEnv(Pendulum()), num_cycles=250)


def test_an_agent_with_value_zero_terminates_and_one_that_is_cut_truncates(team):
    seen = set()
    for seed in range(12):
        env = PettingZooEnv(team("box", horizon=12, leave=0.4, limit=2.5))
        env.reset(seed=seed)
        while env.agents:
            live = list(env.agents)
            observations, rewards, terminated, truncated, _ = env.step({name: env.action_space(name).sample() * 0.1 for name in live})
            assert set(observations) == set(rewards) == set(terminated) == set(live)
            left = set(live) - set(env.agents)
            assert left == {name for name in live if terminated[name] or truncated[name]}
            assert not any(terminated[name] and truncated[name] for name in live)
            if env.agents:
                seen |= {("second", "terminated") for name in left if name == "second" and terminated[name]}
                seen |= {("third", "truncated") for name in left if name == "third" and truncated[name]}
    assert seen == {("second", "terminated"), ("third", "truncated")}


def test_masks_and_central_state(team):
    env = PettingZooEnv(team("discrete"))
    _, infos = env.reset(seed=3)
    assert env.state().shape == env.state_space.shape == (2,)
    for name in env.agents:
        env.action_space(name).seed(1)
    for _ in range(6):
        actions = {name: env.action_space(name).sample(mask=infos[name]["action_mask"]) for name in env.agents}
        _, _, _, _, infos = env.step(actions)
    with pytest.raises(NotImplementedError, match="Pendulum has no central state"):
        PettingZooEnv(Pendulum()).state()


def test_an_action_belongs_to_an_agent_that_is_there(team):
    env = PettingZooEnv(team("box"))
    env.reset(seed=1)
    with pytest.raises(ConfigError, match="live agent 'third'"):
        env.step({"first": np.zeros(2, np.float32), "second": np.zeros(1, np.float32)})
    actions = {name: env.action_space(name).sample() for name in env.agents}
    with pytest.raises(ConfigError, match="'thirds', and there is no such agent; did you mean 'third'"):
        env.step(actions | {"thirds": actions["third"]})
    with pytest.raises(ConfigError, match="num_envs=2"):
        PettingZooEnv(team("box", num_envs=2))
