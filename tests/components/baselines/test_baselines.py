"""Reference lines: uniform over every kind of space, neutral actions, and a controller that stands the pendulum up."""

import numpy as np
import pytest
from gymnasium import spaces

from wattloom.components.baselines.random import Random
from wattloom.components.baselines.swing_up import SwingUp
from wattloom.components.baselines.zero import Zero
from wattloom.components.envs.pendulum import Pendulum
from wattloom.environment import AgentSpec, EnvironmentSpec, Snapshot
from wattloom.errors import ConfigError
from wattloom.seeding import Seeds
from wattloom.spaces import numbered_columns

SPACES = {
    "box": spaces.Box(np.array([-2.0, 0.0]), np.array([3.0, 1.0]), dtype=np.float32),
    "half open": spaces.Box(np.array([0.0]), np.array([np.inf]), dtype=np.float32),
    "discrete": spaces.Discrete(3, start=5),
    "several": spaces.MultiDiscrete([2, 4], start=[0, 10]),
}


def policy_of(algorithm, num_envs, seed=1):
    box = spaces.Box(-1, 1, (1,), np.float32)
    agents = tuple(AgentSpec(name, box, space, numbered_columns("x", 1), ()) for name, space in SPACES.items())
    algorithm.setup(EnvironmentSpec(agents, num_envs), Seeds(seed), 100)
    return algorithm.policy(num_envs, explore=False)


def nothing(num_envs, masks=None):
    return Snapshot({name: np.zeros((num_envs, 1), np.float32) for name in SPACES}, action_masks=masks)


@pytest.mark.parametrize("kind", [Random, Zero])
def test_every_action_lies_in_its_space(kind):
    actions = policy_of(kind(), 50).act(nothing(50))
    for name, space in SPACES.items():
        assert len(actions[name]) == 50
        assert all(space.contains(action) for action in actions[name]), name


def test_random_is_uniform():
    actions = policy_of(Random(), 9_000).act(nothing(9_000))
    assert np.histogram(actions["box"][:, 0], 5, (-2, 3))[0].min() > 1_650  # of 1,800
    assert np.bincount(actions["discrete"] - 5).tolist() == pytest.approx([3_000] * 3, rel=0.06)
    assert np.bincount(actions["several"][:, 1] - 10).tolist() == pytest.approx([2_250] * 4, rel=0.08)


def test_random_takes_allowed_choices_only():
    masks = {"discrete": np.tile([True, False, True], (600, 1)), "several": np.tile([False, True, True, False, False, True], (600, 1))}
    actions = policy_of(Random(), 600).act(nothing(600, masks))
    assert set(actions["discrete"]) == {5, 7}
    assert set(map(tuple, actions["several"])) == {(1, 10), (1, 13)}


def test_random_seeds_and_continues():
    policy, other = policy_of(Random(), 3), policy_of(Random(), 3, seed=2)
    policy.reset(seeds=[4, 5, 6])
    policy.act(nothing(3))
    other.load_state_dict(policy.state_dict())
    continued = other.act(nothing(3))
    assert all(np.array_equal(action, continued[name]) for name, action in policy.act(nothing(3)).items())
    alone = policy_of(Random(), 1, seed=9)
    policy.reset(seeds=[4, 5, 6])
    alone.reset(seeds=[6])
    assert np.array_equal(policy.act(nothing(3))["box"][2], alone.act(nothing(1))["box"][0])


def test_zero_is_neutral():
    actions = policy_of(Zero(), 2).act(nothing(2))
    assert actions["box"].tolist() == [[0.0, 0.0]] * 2
    assert actions["discrete"].tolist() == [6, 6]
    assert actions["several"].tolist() == [[0, 11]] * 2


def play(algorithm, environment, seed):
    algorithm.setup(EnvironmentSpec.of(environment), Seeds(1), 1)
    policy, snapshot = algorithm.policy(environment.num_envs, explore=False), environment.reset(seed=seed)
    returns = np.zeros(environment.num_envs)
    for _ in range(200):
        result = environment.step(policy.act(snapshot))
        snapshot, returns = result.snapshot, returns + result.rewards["pendulum"]
    return returns, snapshot.observations["pendulum"]


def test_swing_up_stands_from_every_start():
    returns, last = play(SwingUp(), Pendulum(num_envs=200), 5_000)
    assert returns.mean() > -165.0
    assert (last[:, 0] > 0.999).all()
    assert (np.abs(last[:, 2]) < 0.05).all()


def test_swing_up_beats_doing_nothing_and_noise():
    returns = {kind: play(kind(), Pendulum(num_envs=50), 5_000)[0].mean() for kind in (SwingUp, Zero, Random)}
    assert returns[SwingUp] > -165.0 > -900.0 > max(returns[Zero], returns[Random])


def test_swing_up_pumps_energy_below_and_restores_above():
    controller = SwingUp()
    hanging = controller.torque(np.array([np.pi, np.pi]), np.array([0.5, -0.5]))
    assert hanging[0] > 0 > hanging[1]
    assert controller.torque(np.array([0.1]), np.array([0.0]))[0] < -controller.top_energy * 0.1


def test_swing_up_needs_the_whole_state():
    with pytest.raises(ConfigError, match="use env=pendulum"):
        SwingUp().setup(EnvironmentSpec.of(Pendulum(velocity=False)), Seeds(1), 1)
    with pytest.raises(ConfigError, match=r"algorithm\.mass must be greater than 0"):
        SwingUp(mass=0.0)
