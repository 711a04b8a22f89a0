"""Runs a baseline over a whole episode of a data center."""

from types import SimpleNamespace

import numpy as np
import pytest

import wattloom
from wattloom.environment import EnvironmentSpec
from wattloom.seeding import Seeds


@pytest.fixture
def run_episode():
    """Return sums of metrics ``(num_envs,)`` and what was seen and done in every step."""

    def run(environment, algorithm, options=None, seed=0):
        algorithm.setup(EnvironmentSpec.of(environment), Seeds(1), 1)
        if algorithm.privileged:
            algorithm.bind(environment)
        policy = algorithm.policy(environment.num_envs, explore=False)
        policy.reset()
        snapshot = environment.reset(seed=seed, options=options)
        sums, seen, done = {}, [], []
        for _ in range(environment.horizon):
            actions = policy.act(snapshot)
            seen.append({name: value.copy() for name, value in snapshot.observations.items()})
            done.append({name: np.array(value) for name, value in actions.items()})
            result = environment.step(actions)
            snapshot = result.snapshot
            for name, value in result.metrics.items():
                sums[name] = sums.get(name, 0.0) + value
        return SimpleNamespace(sums=sums, seen=seen, actions=done, policy=policy)

    return run


@pytest.fixture
def two_days():
    """Return a function that builds episodes of two days."""
    return lambda num_envs=2, **changes: wattloom.make("datacenter", num_envs=num_envs, location="ca", episode__days=2, **changes)
