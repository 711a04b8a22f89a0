"""Third-party single environments as our contract: true successors, named faults, resume by replay."""

import logging

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from wattloom.adapters import as_environment
from wattloom.environment import Environment
from wattloom.errors import EnvironmentFault


class Walk(gymnasium.Env):
    """A noisy walk that ends at 1; ``break_at`` makes one step misbehave in the way of ``fault``."""

    observation_space = spaces.Box(-10, 10, (2,), np.float64)
    action_space = spaces.Box(-1, 1, (1,), np.float64)

    def __init__(self, fault="", break_at=3, breaking_seed=None):
        self.fault, self.break_at, self.breaking_seed = fault, break_at, breaking_seed
        self.where, self.steps = 0.0, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seed, self.steps = seed, 0
        self.where = (options or {}).get("start", self.np_random.uniform(-0.5, 0.5))
        if self.fault == "global noise":
            self.where += np.random.default_rng().normal()
        return np.array([self.where, 0.0]), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self.steps += 1
        self.where += 0.3 * float(action[0]) + self.np_random.normal(0, 0.2)
        observation = np.array([self.where, float(self.steps)])
        reward, terminated, truncated = -abs(self.where), bool(self.where > 1), self.steps >= 8
        breaks = self.steps == self.break_at and (self.breaking_seed is None or self.seed == self.breaking_seed)
        if breaks and self.fault == "nan observation":
            observation[0] = np.nan
        if breaks and self.fault == "nan reward":
            reward = float("nan")
        if breaks and self.fault == "infinite reward":
            reward = -np.inf
        if breaks and self.fault == "raise":
            raise ZeroDivisionError("the pump is dry")
        if breaks and self.fault == "exit":
            raise SystemExit(0)
        if breaks and self.fault == "shape":
            observation = np.zeros(3)
        if breaks and self.fault == "old api":
            return observation, reward, terminated, {}
        if breaks and self.fault == "both flags":
            terminated = truncated = True
        return observation, reward, terminated, truncated, {"speed": 2.0 * self.steps}


def actions(env, stream):
    return {"agent": stream.uniform(-1, 1, (env.num_envs, 1)).astype(np.float32)}


def test_is_an_environment_of_ours_with_float32_observations():
    env = as_environment(Walk, 3)
    assert isinstance(env, Environment)
    spec = env.agents[0]
    assert (spec.observation_space.dtype, spec.action_space.dtype) == (np.float32, np.float32)
    snapshot = env.reset(seed=1)
    assert snapshot.observations["agent"].dtype == np.float32
    result = env.step(actions(env, np.random.default_rng(0)))
    assert result.rewards["agent"].dtype == np.float64


def test_first_episodes_are_seeded_as_gymnasium_does():
    env = as_environment(Walk, 3)
    snapshot = env.reset(seed=5)
    for i in range(3):
        np.testing.assert_array_equal(snapshot.observations["agent"][i], np.float32(Walk().reset(seed=5 + i)[0]))


def test_later_episodes_differ_and_the_successor_is_the_true_last_observation():
    env = as_environment(Walk, 2)
    stream = np.random.default_rng(1)
    starts = [env.reset(seed=5).observations["agent"].copy()]
    steps = np.zeros(2)
    for _ in range(40):
        result = env.step(actions(env, stream))
        steps += 1
        np.testing.assert_array_equal(result.snapshot.observations["agent"][:, 1], steps)  # entry 1 counts steps: a reset would show 0
        if result.ended.any():
            steps[result.ended] = 0
            starts.append(env.reset(mask=result.ended).observations["agent"].copy())
    first_entries = np.concatenate([start[start[:, 1] == 0, 0] for start in starts])
    assert len(np.unique(first_entries)) == len(first_entries) > 6


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("nan observation", "NaN observation"),
        ("nan reward", "reward that is not finite"),
        ("infinite reward", "reward that is not finite"),
        ("raise", "ZeroDivisionError: the pump is dry"),
        ("exit", "SystemExit: 0"),
        ("shape", r"observation of shape \(3,\), declared \(2,\)"),
        ("old api", "4 values from step"),
    ],
)
def test_a_fault_names_copy_step_and_cause(fault, text):
    env = as_environment(lambda: Walk(fault, breaking_seed=12), 3)
    env.reset(seed=10)
    stream = np.random.default_rng(0)
    env.step(actions(env, stream))
    env.step(actions(env, stream))
    with pytest.raises(EnvironmentFault, match=rf"copy 2 failed at step 3 of episode 0 \(seed 12\): .*{text}") as caught:
        env.step(actions(env, stream))
    assert caught.value.__cause__ is not None


def test_terminated_wins_over_truncated():
    env = as_environment(lambda: Walk("both flags"), 2)
    env.reset(seed=1)
    for _ in range(3):
        result = env.step({"agent": np.zeros((2, 1), dtype=np.float32)})
    assert result.terminated.tolist() == [True, True]
    assert result.truncated.tolist() == [False, False]


def test_an_ended_copy_waits_for_its_reset():
    env = as_environment(Walk)
    with pytest.raises(EnvironmentFault, match="reset"):
        env.step({"agent": np.zeros((1, 1), dtype=np.float32)})
    env.reset(seed=1)
    while not env.step({"agent": np.ones((1, 1), dtype=np.float32)}).ended.any():
        pass
    with pytest.raises(EnvironmentFault, match=r"ended or never reset copies \[0\]"):
        env.step({"agent": np.ones((1, 1), dtype=np.float32)})


def test_actions_beyond_the_bounds_are_clipped_and_counted():
    env = as_environment(Walk, 2)
    env.reset(seed=1)
    assert env.step({"agent": np.array([[5.0], [0.5]], dtype=np.float32)}).metrics["clipped_actions"].tolist() == [1, 0]


def test_metrics_are_read_from_info():
    env = as_environment(Walk, metrics={"speed": "m/s", "absent": "kW"})
    env.reset(seed=1)
    metrics = env.step({"agent": np.zeros((1, 1), dtype=np.float32)}).metrics
    assert metrics["speed"].tolist() == [2.0]
    assert np.isnan(metrics["absent"]).all()
    assert [(c.name, c.unit) for c in env.metric_columns][:2] == [("speed", "m/s"), ("absent", "kW")]


def test_options_reach_each_copy():
    env = as_environment(Walk, 3)
    shown = env.reset(seed=1, options={"start": np.array([0.1, 0.2, 0.3])}).observations["agent"]
    np.testing.assert_array_equal(shown[:, 0], np.float32([0.1, 0.2, 0.3]))


@pytest.mark.parametrize("played", [0, 1, 13, 20])
def test_a_replayed_state_continues_bit_for_bit(assert_same, played):
    env, stream = as_environment(Walk, 3), np.random.default_rng(3)
    result = None
    env.reset(seed=8, options={"start": -0.1})
    for _ in range(played):
        result = env.step(actions(env, stream))
        if result.ended.any():
            env.reset(mask=result.ended)
    state = env.get_state()
    resumed = as_environment(Walk, 3)
    resumed.set_state(state)
    assert resumed.resume_promise == "replay"
    for _ in range(25):
        action = actions(env, stream)
        one, two = env.step(action), resumed.step(action)
        assert_same([one.snapshot.observations, one.rewards, one.ended], [two.snapshot.observations, two.rewards, two.ended])
        if one.ended.any():
            assert_same(env.reset(mask=one.ended).observations, resumed.reset(mask=two.ended).observations)


def test_an_environment_that_does_not_reproduce_gives_one_warning_and_the_promise_episode(caplog):
    env = as_environment(lambda: Walk("global noise"), 3)
    env.reset(seed=1)
    env.step({"agent": np.zeros((3, 1), dtype=np.float32)})
    resumed = as_environment(lambda: Walk("global noise"), 3)
    with caplog.at_level(logging.WARNING, "wattloom"):
        resumed.set_state(env.get_state())
    assert resumed.resume_promise == "episode"
    assert len(caplog.records) == 1
    assert "does not come out the same" in caplog.text
    assert resumed.needs_reset.all()
    resumed.reset(mask=resumed.needs_reset)
    resumed.step({"agent": np.zeros((3, 1), dtype=np.float32)})


@pytest.mark.parametrize(
    "name", ["CartPole-v1", "MountainCarContinuous-v0", "Acrobot-v1", "Pendulum-v1", "FrozenLake-v1", "Taxi-v4", "Blackjack-v1"]
)
def test_gymnasiums_own_environments_resume_exactly(assert_same, name):
    make = lambda: gymnasium.make(name)  # noqa: E731
    env = as_environment(make, 2)
    snapshot = env.reset(seed=4)
    space = env.agents[0].action_space
    space.seed(0)
    for _ in range(17):
        result = env.step({"agent": np.stack([space.sample(), space.sample()])})
        if result.ended.any():
            snapshot = env.reset(mask=result.ended)
    resumed = as_environment(make, 2)
    resumed.set_state(env.get_state())
    assert resumed.resume_promise == "replay"
    for _ in range(10):
        action = {"agent": np.stack([space.sample(), space.sample()])}
        one, two = env.step(action), resumed.step(action)
        assert_same(one.snapshot.observations, two.snapshot.observations)
        if one.ended.any():
            assert_same(env.reset(mask=one.ended).observations, resumed.reset(mask=two.ended).observations)
    assert snapshot.observations["agent"].dtype == np.float32


def test_rows_of_a_state_can_be_swapped():
    env, stream = as_environment(Walk, 2), np.random.default_rng(3)
    env.reset(seed=1)
    env.step(actions(env, stream))
    state = env.get_state()
    swapped = {name: value[::-1] for name, value in state.items()}
    other = as_environment(Walk, 2)
    other.set_state(swapped)
    action = actions(env, stream)
    one, two = env.step(action), other.step({"agent": action["agent"][::-1]})
    np.testing.assert_array_equal(one.snapshot.observations["agent"], two.snapshot.observations["agent"][::-1])


class Spaces(gymnasium.Env):
    """Shows and takes one sample of the given spaces."""

    def __init__(self, observation_space, action_space):
        self.observation_space, self.action_space = observation_space, action_space
        self.taken = None

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self.taken = action
        return self.observation_space.sample(), 0.0, False, False, {}


def test_composite_observations_are_laid_end_to_end_and_named():
    space = spaces.Dict(
        {"speed": spaces.Box(0, 1, (2,)), "gear": spaces.Discrete(3), "pair": spaces.Tuple([spaces.Box(0, 1, ()), spaces.Discrete(2)])}
    )
    env = as_environment(Spaces(space, spaces.Discrete(2)))
    spec = env.agents[0]
    assert spec.observation_space.shape == (8,)
    assert [c.name for c in spec.observation_columns] == [
        "gear_0",
        "gear_1",
        "gear_2",
        "pair_0",
        "pair_1_0",
        "pair_1_1",
        "speed_0",
        "speed_1",
    ]
    shown = env.reset(seed=1).observations["agent"][0]
    assert shown[:3].sum() == 1
    assert shown[4:6].sum() == 1


def test_images_stay_uint8():
    env = as_environment(Spaces(spaces.Box(0, 255, (8, 9, 3), np.uint8), spaces.Discrete(2)))
    shown = env.reset(seed=1).observations["agent"]
    assert (shown.dtype, shown.shape) == (np.uint8, (1, 8, 9, 3))


@pytest.mark.parametrize(
    ("foreign", "action"),
    [
        (spaces.Discrete(3, start=-1), np.array([-1])),
        (spaces.MultiDiscrete([2, 3]), np.array([[1, 2]])),
        (spaces.MultiDiscrete([[2, 3], [4, 5]]), np.array([[1, 2, 3, 4]])),
        (spaces.MultiBinary(3), np.array([[1, 0, 1]])),
        (spaces.Box(-0.1, 0.1, (2, 2), np.float64), np.full((1, 4), 0.1, dtype=np.float32)),
        (spaces.Box(-1, 1, (), np.float32), np.array([[0.5]], dtype=np.float32)),
        (spaces.Dict({"a": spaces.Box(0, 1, (2,)), "b": spaces.Box(0, 1, (1,))}), np.array([[0.1, 0.2, 0.3]], dtype=np.float32)),
    ],
)
def test_actions_arrive_in_the_foreign_space(foreign, action):
    inner = Spaces(spaces.Box(-1, 1, (1,)), foreign)
    env = as_environment(inner)
    env.reset(seed=1)
    env.step({"agent": action})  # the foreign environment asserts that its space contains what it gets
    assert inner.taken is not None


def test_spaces_without_a_form_of_ours_are_refused():
    for action_space in (spaces.Text(5), spaces.Dict({"a": spaces.Discrete(2)}), spaces.Box(0, 5, (2,), np.int64)):
        with pytest.raises(Exception, match="not supported"):
            as_environment(Spaces(spaces.Box(-1, 1, (1,)), action_space))
    with pytest.raises(Exception, match="no flat form"):
        as_environment(Spaces(spaces.Sequence(spaces.Discrete(2)), spaces.Discrete(2)))
