"""Small worlds of several agents: matrix games, and a crew of unequal shapes that may be masked, leave, or be cut."""

import contextlib

import numpy as np
import pytest
import torch
from gymnasium import spaces

from wattloom.batched import BatchedEnvironment, Outcome
from wattloom.environment import AgentSpec, Snapshot
from wattloom.spaces import numbered_columns

CREW = {
    "a": (4, spaces.Discrete(3)),
    "b": (3, spaces.MultiDiscrete([2, 3])),
    "c": (4, spaces.Box(-2.0, 3.0, (2,), np.float32)),
    "d": (4, spaces.Discrete(3)),
}


def spec_of(name, width, space, group=""):
    size = 1 if isinstance(space, spaces.Discrete) else space.shape[0]
    seen = spaces.Box(-np.inf, np.inf, (width,), np.float32)
    return AgentSpec(name, seen, space, numbered_columns("x", width), numbered_columns("u", size), (), group)


class MatrixGame(BatchedEnvironment):
    """One step an episode: the agents choose a row, a column …, and all earn that entry of the payoff."""

    def __init__(self, payoff, num_envs=8, horizon=1, group=""):
        self.payoff = np.asarray(payoff, dtype=np.float64)
        agents = [spec_of(f"player_{i}", 1, spaces.Discrete(n), group) for i, n in enumerate(self.payoff.shape)]
        super().__init__(agents, num_envs, horizon, shared_reward=True)

    def _begin(self, copies, generators, options):
        pass

    def _advance(self, actions):
        earned = self.payoff[tuple(actions[spec.name] for spec in self.agents)]
        return Outcome(dict.fromkeys((spec.name for spec in self.agents), earned))

    def _observe(self):
        return Snapshot({spec.name: np.ones((self.num_envs, 1), np.float32) for spec in self.agents})


class Crew(BatchedEnvironment):
    """Random walks pushed by the own action; each agent earns minus its squared distance from 0."""

    def __init__(
        self,
        names="abcd",
        num_envs=3,
        horizon=7,
        limit=np.inf,
        state=True,
        masks=False,
        leaving=False,
        groups=None,
        start_at=0.0,
        scale=1.0,
    ):
        specs = tuple(spec_of(name, *CREW[name], (groups or {}).get(name, "")) for name in names)
        width = sum(CREW[name][0] for name in names)
        central = spaces.Box(-np.inf, np.inf, (width + 1,), np.float32) if state else None
        super().__init__(specs, num_envs, horizon, state_space=central)
        self.limit, self.masks, self.leaving, self.start_at, self.scale = limit, masks, leaving, start_at, scale
        self.arrays = {name: np.zeros((num_envs, CREW[name][0])) for name in names}

    def _begin(self, copies, generators, options):
        for i, generator in zip(copies, generators, strict=True):
            for x in self.arrays.values():
                x[i] = self.start_at + generator.normal(size=x.shape[1])

    def _advance(self, actions):
        before = self._observe().active or {name: np.ones(self.num_envs, bool) for name in self.arrays}
        for name, x in self.arrays.items():
            push = np.asarray(actions[name], dtype=np.float64).reshape(self.num_envs, -1).sum(1, keepdims=True)
            self.arrays[name] = 0.9 * x + 0.2 * (push - 1.0)
        norms = {name: (x**2).mean(1) for name, x in self.arrays.items()}
        left = None
        if self.leaving and "c" in norms:
            left = {name: np.zeros(self.num_envs, bool) for name in norms}
            left["c"] = (self.elapsed + 1 == 3) & before["c"]
        rewards = {name: -self.scale * n * before[name] for name, n in norms.items()}
        return Outcome(rewards, next(iter(norms.values())) > self.limit, agent_terminated=left)

    def _observe(self):
        seen = {name: x.astype(np.float32) for name, x in self.arrays.items()}
        state = np.concatenate([*seen.values(), self.elapsed[:, None] / 10.0], axis=1).astype(np.float32)
        masks = None
        if self.masks:
            masks = {name: np.ones((self.num_envs, n), bool) for name, n in (("a", 3), ("b", 5), ("d", 3)) if name in seen}
            masks["a"][:, 0] = self.arrays["a"][:, 0] < 0.0
            masks["b"][:, 3] = False
        active = None
        if self.leaving:
            active = {name: np.ones(self.num_envs, bool) for name in seen}
            active["c"] = self.elapsed < 3  # left with value 0
            active["b"] = self.elapsed < 5  # cut
        return Snapshot(seen, state if self.state_space is not None else None, masks, active)


@pytest.fixture
def crew():
    return Crew


@pytest.fixture
def matrix_game():
    return MatrixGame


@contextlib.contextmanager
def floats_of(dtype):
    """Learners built inside hold and compute everything in ``dtype``."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(usual)


@pytest.fixture
def in_precision():
    return floats_of
