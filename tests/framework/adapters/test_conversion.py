import functools

import gymnasium
import numpy as np
import pytest

from wattloom.adapters import GymnasiumEnv, PettingZooEnv, as_environment
from wattloom.components.envs.pendulum import Pendulum
from wattloom.errors import ConfigError


class Mine(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-1, 1, (1,))
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), 0.0, False, False, {}


def test_our_environments_pass_through():
    environment = Pendulum(num_envs=3)
    assert as_environment(environment) is environment
    assert as_environment(environment, 3) is environment
    with pytest.raises(ConfigError, match="num_envs=4, but Pendulum has 3 copies"):
        as_environment(environment, 4)


def test_classes_and_functions_are_called_for_as_many_copies_as_asked():
    assert as_environment(Pendulum, 5).num_envs == 5
    assert as_environment(functools.partial(Pendulum, horizon=3), 2).horizon == 3
    assert as_environment(Mine, 4).num_envs == 4
    assert as_environment(lambda num_envs: Mine(), 3).num_envs == 3
    assert as_environment(lambda: PettingZooEnv(Pendulum()), 2).num_envs == 2
    assert as_environment(Mine()).num_envs == 1


def test_one_object_cannot_be_several_copies():
    with pytest.raises(ConfigError, match="cannot be 2 copies"):
        as_environment(Mine(), 2)
    one = Mine()
    with pytest.raises(ConfigError, match="same environment twice"):
        as_environment(lambda: one, 2)
    with pytest.raises(ConfigError, match="at least 1"):
        as_environment(Mine, 0)


def test_copies_must_have_equal_spaces():
    sizes = iter([2, 3])
    with pytest.raises(ConfigError, match="equal agents and spaces"):
        as_environment(lambda: GymnasiumEnv(Pendulum(velocity=next(sizes) == 3)), 2)


def test_what_is_no_environment_says_what_to_derive_from():
    with pytest.raises(ConfigError, match="dict is no environment"):
        as_environment(dict)
    aec = pytest.importorskip("mpe2.simple_v3").env()
    with pytest.raises(ConfigError, match="aec_to_parallel"):
        as_environment(aec)
