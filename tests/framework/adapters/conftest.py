"""A small multi-agent environment with everything that the contract allows: noise, masks, a central state, agents that leave."""

import numpy as np
import pytest
from gymnasium import spaces

from wattloom.batched import BatchedEnvironment, Outcome
from wattloom.environment import AgentSpec, Column, Snapshot
from wattloom.spaces import columns, numbered_columns


class Team(BatchedEnvironment):
    """Three agents push a noisy level: agent 0 to the end, agent 1 until the level passes ``leave``, agent 2 until step ``cut``."""

    reset_options = ("level",)

    def __init__(self, kind="box", num_envs=1, horizon=12, leave=0.8, cut=8, limit=3.0, shared_reward=False):
        self.kind, self.leave, self.cut, self.limit = kind, leave, cut, limit
        acts = {
            "box": (spaces.Box(-1, 1, (2,), np.float32), spaces.Box(-2, 1, (1,), np.float32), spaces.Box(0, 1, (1,), np.float32)),
            "discrete": (spaces.Discrete(3), spaces.MultiDiscrete([2, 3]), spaces.Discrete(2, start=4)),
            "mixed": (spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(3), spaces.MultiDiscrete([2, 2])),
        }[kind]
        sees = [spaces.Box(-9, 9, (size,), np.float32) for size in (2, 1, 3)]
        names = ("first", "second", "third")
        agents = [
            AgentSpec(n, s, a, numbered_columns("o", s.shape[0]), columns([f"a{k}" for k in range(a.shape[0] if a.shape else 1)]))
            for n, s, a in zip(names, sees, acts, strict=True)
        ]
        state_space = spaces.Box(-99, 99, (2,), np.float32)
        super().__init__(agents, num_envs, horizon, [Column("level", "m")], state_space, shared_reward, step_seconds=0.5)
        self.arrays = {"level": np.zeros(num_envs), "second": np.ones(num_envs, bool), "third": np.ones(num_envs, bool)}

    def _begin(self, copies, generators, options):
        start = np.array([g.uniform(-0.5, 0.5) for g in generators])
        self.arrays["level"][copies] = np.broadcast_to(options["level"], (self.num_envs,))[copies] if "level" in options else start
        self.arrays["second"][copies] = self.arrays["third"][copies] = True

    def _advance(self, actions):
        noise = np.array([g.normal(0.0, 0.3) for g in self._generators])
        push = sum(np.asarray(value, dtype=np.float64).reshape(self.num_envs, -1).sum(axis=1) for value in actions.values())
        push = push - {"box": 0.0, "discrete": 7.0, "mixed": 2.0}[self.kind]  # about zero on average
        second, third = self.arrays["second"], self.arrays["third"]
        level = self.arrays["level"] + 0.1 * push + noise
        self.arrays = {"level": level, "second": second & (level < self.leave), "third": third & (self.elapsed + 1 < self.cut)}
        rewards = {"first": -np.abs(level), "second": np.where(second, level, 0.0), "third": np.where(third, 1.0, 0.0)}
        if self.shared_reward:
            rewards = dict.fromkeys(rewards, -np.abs(level))
        return Outcome(rewards, np.abs(level) > self.limit, {"level": level.copy()}, {"second": second & ~self.arrays["second"]})

    def _observe(self):
        level = self.arrays["level"].astype(np.float32)
        seen = {"first": np.stack([level, level**2], 1).clip(-9, 9), "second": level[:, None], "third": np.stack([level] * 3, 1)}
        everyone = np.ones(self.num_envs, dtype=bool)
        active = {"first": everyone, "second": self.arrays["second"].copy(), "third": self.arrays["third"].copy()}
        masks = None
        if self.kind == "discrete":
            low = level < 0
            masks = {
                "first": np.stack([everyone, everyone, low], 1),
                "second": np.stack([everyone, ~low, everyone, low, low], 1),
                "third": np.stack([low, ~low], 1),
            }
        return Snapshot(seen, np.stack([level, self.elapsed.astype(np.float32)], 1), masks, active)


@pytest.fixture
def team():
    """The class of the test environment."""
    return Team
