"""A user's class is accepted wherever an environment is expected, whichever of the usual kinds it is."""

from typing import ClassVar

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from pettingzoo import ParallelEnv

import wattloom
from wattloom.adapters import GymnasiumVectorEnv
from wattloom.registry import REGISTRY
from wattloom.testing import check_environment

SEES, ACTS = spaces.Box(-99, 99, (1,), np.float32), spaces.Box(-1, 1, (1,), np.float32)


class Single(gymnasium.Env):
    observation_space, action_space = SEES, ACTS

    def __init__(self, gain: float = 1.0):
        self.gain, self.where, self.age = gain, 0.0, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.where, self.age = self.np_random.uniform(-1, 1), 0
        return np.array([self.where], np.float32), {}

    def step(self, action):
        self.where, self.age = self.where + self.gain * float(action[0]), self.age + 1
        return np.array([self.where], np.float32), -abs(self.where), False, self.age >= 20, {}


class Vector(VectorEnv):
    metadata: ClassVar = {"autoreset_mode": AutoresetMode.DISABLED}

    def __init__(self, num_envs: int = 1, gain: float = 1.0):
        self.num_envs, self.gain, self.where = num_envs, gain, np.zeros(num_envs)
        self.single_observation_space, self.single_action_space = SEES, ACTS
        self.observation_space, self.action_space = batch_space(SEES, num_envs), batch_space(ACTS, num_envs)

    def reset(self, *, seed=None, options=None):
        self.where = np.zeros(self.num_envs)
        return self.where[:, None].astype(np.float32), {}

    def step(self, actions):
        self.where = self.where + self.gain * actions[:, 0]
        flags = np.zeros(self.num_envs, dtype=bool)
        return self.where[:, None].astype(np.float32), -np.abs(self.where), flags, flags.copy(), {}


class Pair(ParallelEnv):
    def __init__(self, gain: float = 1.0):
        self.possible_agents, self.gain = ["left", "right"], gain
        self.inner = {name: Single(gain) for name in self.possible_agents}

    def observation_space(self, agent):
        return SEES

    def action_space(self, agent):
        return ACTS

    def reset(self, seed=None, options=None):
        self.agents = list(self.possible_agents)
        shown = {name: env.reset(seed=None if seed is None else seed + k)[0] for k, (name, env) in enumerate(self.inner.items())}
        return shown, {name: {} for name in self.agents}

    def step(self, actions):
        results = {name: self.inner[name].step(action) for name, action in actions.items()}
        parts = [{name: result[k] for name, result in results.items()} for k in range(5)]
        self.agents = [name for name in self.agents if not parts[3][name]]
        return tuple(parts)


@pytest.fixture(params=[Single, Vector, Pair])
def registered(request):
    """Register the class under a name for one test."""
    REGISTRY.add("env", "strangers", request.param)
    yield request.param
    REGISTRY.remove("env", "strangers")


def test_made_by_name_with_its_own_keys(registered):
    environment = wattloom.make("strangers", num_envs=3, gain=0.5)
    assert environment.num_envs == 3
    before = environment.reset(seed=1)
    after = environment.step({spec.name: np.ones((3, 1), np.float32) for spec in environment.agents}).snapshot
    for spec in environment.agents:
        np.testing.assert_allclose(after.observations[spec.name] - before.observations[spec.name], 0.5, atol=1e-6)


def test_goes_out_again_through_our_faces(registered):
    face = GymnasiumVectorEnv(wattloom.make("strangers", num_envs=2))
    observation, _ = face.reset(seed=1)
    assert face.observation_space.contains(observation)
    for _ in range(25):
        observation, *_ = face.step(face.action_space.sample())
        assert face.observation_space.contains(observation)


@pytest.mark.parametrize("kind", [Single, Pair])
def test_keeps_the_contract(kind):
    assert check_environment(kind) == []
