"""What holds for every registered algorithm that learns: same seed, same numbers; exact continuation; a module that acts as the policy does."""

import copy
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium import spaces

import wattloom
import wattloom.conf
from wattloom.build import build_algorithm
from wattloom.components.algorithms.csac import CSAC
from wattloom.components.algorithms.off_policy import OffPolicy
from wattloom.compose import compose
from wattloom.environment import AgentSpec, EnvironmentSpec, Snapshot
from wattloom.errors import ConfigError, UsageError
from wattloom.seeding import Seeds
from wattloom.spaces import choices, numbered_columns

WORLDS = {"choices": {"actions": "discrete"}, "boxes": {"actions": "continuous"}}
"""The data center's three agents of unequal observations, with Discrete(3) or Box actions."""

SMALL = {
    "hidden_sizes": "[8,8]",
    "batch_size": 8,
    "buffer_size": 64,
    "learning_starts": 8,
    "rollout_steps": 6,
    "epochs": 2,
    "critic_epochs": 2,
}
SWITCHES = {"normalize_observations": "true", "learning_rate_schedule": "linear"}


def learners():
    options = sorted(file.stem for file in (Path(wattloom.conf.__file__).parent / "algorithm").glob("*.yaml"))
    return [name for name in options if build_algorithm(compose([f"algorithm={name}"])).learns]


def small(name, switches=SWITCHES):
    """A small learner of the option ``name``, with exactly those keys of :data:`SMALL` that it has, and all of ``switches``."""
    keys = compose([f"algorithm={name}"]).config["algorithm"]
    chosen = {key: value for key, value in SMALL.items() if key in keys} | switches
    return build_algorithm(compose([f"algorithm={name}", *(f"algorithm.{key}={value}" for key, value in chosen.items())]))


@pytest.fixture(scope="module")
def worlds():
    return {key: wattloom.make("datacenter", num_envs=3, **changes) for key, changes in WORLDS.items()}


def serves(name, world):
    """Whether an algorithm takes the kind of actions of a world."""
    action = spaces.Discrete(3) if world == "choices" else spaces.Box(-1.0, 1.0, (1,), np.float32)
    seen = spaces.Box(-1.0, 1.0, (2,), np.float32)
    agents = tuple(AgentSpec(agent, seen, action, numbered_columns("x", 2), numbered_columns("u", 1)) for agent in "ab")
    try:
        small(name).setup(EnvironmentSpec(agents, 1), Seeds(1), 100)
    except ConfigError:
        return False
    return True


PAIRS = [(name, world) for name in learners() for world in WORLDS if serves(name, world)]
REPLAY = [(name, world) for name, world in PAIRS if isinstance(small(name), OffPolicy)]
CASES = {"-".join(pair): (*pair, SWITCHES) for pair in PAIRS} | {"-".join((*pair, "plain")): (*pair, {}) for pair in REPLAY}


@pytest.fixture(params=CASES.values(), ids=CASES)
def start(request, worlds, loop):
    """A function that starts the loop of one algorithm in one world."""
    name, world, switches = request.param
    return lambda: loop(small(name, switches), worlds[world], seed=5)


def saved(state):
    """What a checkpoint makes of it: tensors and plain values only."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_every_algorithm_serves_one_of_the_worlds():
    assert {name for name, _ in PAIRS} == set(learners())


def test_same_seed_same_numbers_and_exact_continuation(start, assert_same):
    whole = start().step(16)
    assert whole.reports
    halves = start().step(7)  # in the middle of a rollout
    state, environment = halves.state()
    state, environment = saved(state), copy.deepcopy(environment)
    continued = start()
    continued.restore(state, environment).step(9)
    assert_same(whole.state()[0], continued.state()[0])
    assert whole.reports[-1] == continued.reports[-1]


def test_a_module_acts_as_the_greedy_policy_does(start):
    run = start().step(14)
    if isinstance(run.algorithm, CSAC):
        with pytest.raises(UsageError, match="no network that could be exported"):
            run.algorithm.module(run.environment.agents[0].name)
        return
    algorithm, environment = run.algorithm, run.environment
    policy = algorithm.policy(environment.num_envs, explore=False)
    generator = np.random.default_rng(1)
    for _ in range(5):
        seen = {
            agent.name: (run.snapshot.observations[agent.name] + generator.normal(size=agent.observation_space.shape)).astype(np.float32)
            for agent in environment.agents
        }
        acted = policy.act(Snapshot(seen, run.snapshot.state))
        for agent in environment.agents:
            outputs = algorithm.module(agent.name)(torch.from_numpy(seen[agent.name]))
            assert next(iter(outputs)) == "action"
            action = outputs["action"].numpy()
            if choices(agent.action_space):
                np.testing.assert_array_equal(action, acted[agent.name])
            else:
                np.testing.assert_allclose(action, np.clip(acted[agent.name], agent.action_space.low, agent.action_space.high), atol=1e-6)
                assert agent.action_space.contains(action[0])


def test_a_module_is_a_copy(start, assert_same):
    run = start().step(8)
    if isinstance(run.algorithm, CSAC):
        return  # no agent has a policy of its own
    agent = run.environment.agents[0].name
    module = run.algorithm.module(agent)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    run.step(12)
    assert_same(before, dict(module.state_dict()))
