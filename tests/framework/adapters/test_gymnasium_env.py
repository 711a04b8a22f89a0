import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env

from wattloom.adapters import GymnasiumEnv
from wattloom.components.envs.pendulum import Pendulum
from wattloom.errors import ActionError, ConfigError


def official_check(env):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*symmetric and normalized.*")  # a recommendation: torques are in N m
        warnings.filterwarnings("ignore", message=".*not within the observation space.*min.*")
        warnings.filterwarnings("ignore", message=".*alternative render modes.*")  # needs a spec; covered by the registered ids
        check_env(env)


@pytest.mark.parametrize("velocity", [True, False])
def test_pendulum_passes_gymnasiums_checker(velocity):
    official_check(GymnasiumEnv(Pendulum(velocity=velocity)))


@pytest.mark.parametrize("kind", ["box", "discrete"])
def test_several_agents_pass_gymnasiums_checker_flat(team, kind):
    official_check(GymnasiumEnv(team(kind)))


@pytest.mark.parametrize("kind", ["box", "discrete", "mixed"])
def test_several_agents_pass_gymnasiums_checker_as_dict(team, kind):
    env = GymnasiumEnv(team(kind), dict=True)
    assert isinstance(env.action_space, spaces.Dict)
    official_check(env)


def test_pendulum_equals_gymnasiums_own_through_the_face(assert_same):
    ours, theirs = GymnasiumEnv(Pendulum()), gymnasium.make("Pendulum-v1")
    for episode_seed in (3, None):  # the second episode continues the stream
        assert_same(ours.reset(seed=episode_seed)[0], theirs.reset(seed=episode_seed)[0])
        ended = False
        while not ended:
            theirs.action_space.seed(episode_seed)
            action = theirs.action_space.sample()
            mine, reference = ours.step(action), theirs.step(action)
            assert_same(mine[0], reference[0])
            assert mine[1] == pytest.approx(reference[1], abs=1e-9)
            assert mine[2:4] == reference[2:4]
            ended = mine[3]


def test_slices_name_the_flat_entries(team):
    layout = GymnasiumEnv(team("box")).layout
    assert [(s.agent, s.start, s.stop) for s in layout.observation_slices] == [("first", 0, 2), ("second", 2, 3), ("third", 3, 6)]
    assert [(s.agent, s.start, s.stop) for s in layout.action_slices] == [("first", 0, 2), ("second", 2, 3), ("third", 3, 4)]
    assert [c.name for c in layout.action_slices[0].columns] == ["a0", "a1"]


def test_flat_observation_holds_every_agents_entries_in_order(team):
    environment = team("box")
    env = GymnasiumEnv(environment)
    env.reset(seed=2)
    observation, _, _, _, info = env.step(env.action_space.sample())
    level = np.float32(environment.arrays["level"][0])
    np.testing.assert_array_equal(observation, np.array([level, level**2, level, level, level, level], dtype=np.float32))
    assert info["level"] == environment.arrays["level"][0]
    assert info["active"].shape == (3,)


def test_discrete_agents_act_by_one_multidiscrete_counted_from_zero(team):
    env = GymnasiumEnv(team("discrete", horizon=3))
    assert env.action_space == spaces.MultiDiscrete([3, 2, 3, 2])
    _, info = env.reset(seed=1)
    assert info["action_mask"].shape == (10,)
    parts = env.layout.split(np.array([[2, 1, 2, 0]]))
    assert {name: value.tolist() for name, value in parts.items()} == {"first": [2], "second": [[1, 2]], "third": [4]}
    env.step(np.array([2, 1, 2, 1]))
    with pytest.raises(ActionError, match=r"'third' in copy 0 is 6, outside 4\.\.5"):
        env.step(np.array([2, 1, 2, 2]))


def test_mixed_actions_have_no_flat_form(team):
    with pytest.raises(ConfigError, match="dict=True"):
        GymnasiumEnv(team("mixed"))


def test_reward_is_the_sum_or_the_shared_one(team):
    for shared in (False, True):
        twin, env = team("box", shared_reward=shared), GymnasiumEnv(team("box", shared_reward=shared))
        twin.reset(seed=4)
        env.reset(seed=4)
        action = np.array([0.1, -0.2, 0.3, 0.4], dtype=np.float32)
        expected = twin.step({"first": action[None, :2], "second": action[None, 2:3], "third": action[None, 3:]}).rewards
        total = expected["first"][0] if shared else sum(value[0] for value in expected.values())
        assert env.step(action)[1] == total


def test_options_reach_the_environment(team):
    env = GymnasiumEnv(team("box"))
    observation, _ = env.reset(options={"level": 0.25})
    assert observation[0] == 0.25
    with pytest.raises(ConfigError, match="did you mean 'level'"):
        env.reset(options={"levle": 0.25})


def test_frames_are_played_in_simulated_time(team):
    assert GymnasiumEnv(Pendulum()).metadata["render_fps"] == 20
    assert GymnasiumEnv(team()).metadata["render_fps"] == 2
    env = GymnasiumEnv(Pendulum(), render_mode="rgb_array")
    env.reset(seed=1)
    assert env.render().shape == (256, 256, 3)
    with pytest.raises(ConfigError, match="render_mode"):
        GymnasiumEnv(Pendulum(), render_mode="ansi")


def test_a_batch_is_no_single_environment():
    with pytest.raises(ConfigError, match="num_envs=2"):
        GymnasiumEnv(Pendulum(num_envs=2))


def test_observations_are_the_callers_own(team):
    env = GymnasiumEnv(team("box"))
    first, _ = env.reset(seed=1)
    kept = first.copy()
    env.step(env.action_space.sample())
    np.testing.assert_array_equal(first, kept)
