"""A small world for learners: an environment of given widths without physics, and transitions of it."""

import numpy as np
import pytest
from gymnasium import spaces

from wattloom.algorithm import Transition
from wattloom.batched import BatchedEnvironment, Outcome
from wattloom.environment import AgentSpec, EnvironmentSpec, Snapshot
from wattloom.seeding import Seeds
from wattloom.spaces import numbered_columns


class Drift(BatchedEnvironment):
    """Every agent sees a random walk pushed by its own action; the reward is minus the squared distance from 0."""

    def __init__(self, agents=(("a", 3, 1),), num_envs=1, horizon=20, limit=np.inf, low=-2.0, high=3.0):
        specs = tuple(
            AgentSpec(
                name,
                spaces.Box(-np.inf, np.inf, (width,), np.float32),
                spaces.Box(low, high, (actions,), np.float32),
                numbered_columns("x", width),
                numbered_columns("u", actions),
            )
            for name, width, actions in agents
        )
        super().__init__(specs, num_envs, horizon)
        self.limit = limit
        self.arrays = {name: np.zeros((num_envs, width)) for name, width, _ in agents}

    def _begin(self, copies, generators, options):
        for i, generator in zip(copies, generators, strict=True):
            for x in self.arrays.values():
                x[i] = generator.normal(size=x.shape[1])

    def _advance(self, actions):
        for name, x in self.arrays.items():
            self.arrays[name] = 0.9 * x + 0.1 * actions[name].sum(1, keepdims=True)
        norms = {name: (x**2).sum(1) for name, x in self.arrays.items()}
        return Outcome({name: -n for name, n in norms.items()}, terminated=next(iter(norms.values())) > self.limit)

    def _observe(self):
        return Snapshot({name: x.astype(np.float32) for name, x in self.arrays.items()})


class Loop:
    """What the runner does, without files and hooks; its whole state can be saved and restored."""

    def __init__(self, algorithm, environment, seed=1):
        self.algorithm, self.environment = algorithm, environment
        algorithm.setup(EnvironmentSpec.of(environment), Seeds(seed).child("algorithm"), 10_000)
        self.policy = algorithm.policy(environment.num_envs, explore=True)
        self.policy.reset()
        self.snapshot = environment.reset(seed=Seeds(seed).integer("environment"))
        self.reports = []
        self.transitions = []

    def step(self, count=1):
        for _ in range(count):
            actions = self.policy.act(self.snapshot)
            result = self.environment.step(actions)
            self.transitions.append(Transition(self.snapshot, actions, result))
            self.algorithm.observe(self.transitions[-1])
            report = self.algorithm.update()
            if report is not None:
                self.reports.append((report.updates, report.total_updates, report.read()))
            self.snapshot = result.snapshot
            if result.ended.any():
                self.snapshot = self.environment.reset(mask=result.ended)
                self.policy.reset(mask=result.ended)
        return self

    def state(self):
        return {"algorithm": self.algorithm.state_dict(), "policy": self.policy.state_dict()}, self.environment.get_state()

    def restore(self, state, environment_state):
        self.environment.set_state(environment_state)
        self.snapshot = self.environment._observe()
        self.algorithm.load_state_dict(state["algorithm"])
        self.policy.load_state_dict(state["policy"])
        return self


@pytest.fixture
def drift():
    return Drift


@pytest.fixture
def loop():
    return Loop
