import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import wattloom
from wattloom.adapters import GymnasiumVectorEnv
from wattloom.errors import ConfigError
from wattloom.registration import IDS, NAMESPACE, register_ids

ALL = [f"{NAMESPACE}/{name}" for name in IDS]
SHORT = {  # episodes that end within the test
    "pendulum": {"horizon": 6},
    "pendulum_no_velocity": {"horizon": 6},
    "datacenter": {"episode__days": 1, "episode__step_minutes": 60},
    "sustaindc": {},
    "grid": {},
    "neomflex": {},
}


def test_ids_exist_after_the_import_and_a_second_call_changes_nothing():
    assert wattloom.__version__
    before = dict(gymnasium.registry)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        register_ids()
    assert dict(gymnasium.registry) == before
    assert set(ALL) <= set(before)


@pytest.mark.parametrize("name", ALL)
def test_every_id_passes_gymnasiums_checker_with_its_spec(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*symmetric and normalized.*")  # a recommendation: actions are in physical units
        warnings.filterwarnings("ignore", message=".*value is -?infinity.*")  # a recommendation: the original's observations are unbounded
        check_env(gymnasium.make(name, disable_env_checker=True).unwrapped)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_every_id_made_as_a_vector_equals_sync_vector_env(name, mode):
    keywords = SHORT[IDS[name.removeprefix(f"{NAMESPACE}/")]]
    ours = gymnasium.make_vec(name, num_envs=3, autoreset_mode=mode, **keywords)
    theirs = SyncVectorEnv([lambda: gymnasium.make(name, **keywords)] * 3, autoreset_mode=mode)
    assert isinstance(ours, GymnasiumVectorEnv)
    np.testing.assert_array_equal(ours.reset(seed=1)[0], theirs.reset(seed=1)[0])
    ours.action_space.seed(1)
    for _ in range(60):
        action = ours.action_space.sample()
        mine, reference = ours.step(action), theirs.step(action)
        for a, b in zip(mine[:4], reference[:4], strict=True):
            np.testing.assert_array_equal(a, b)
        ended = mine[2] | mine[3]
        if mode == AutoresetMode.DISABLED and ended.any():
            ours.reset(options={"reset_mask": ended})
            theirs.reset(options={"reset_mask": ended.copy()})


def test_keywords_are_those_of_make_and_checked():
    env = gymnasium.make("wattloom/Pendulum-v0", mass=1.5, render_mode="rgb_array")
    assert env.unwrapped.environment.mass == 1.5
    env.reset(seed=1)
    assert env.render().shape == (256, 256, 3)
    with pytest.raises(ConfigError, match=r"did you mean 'env\.mass'"):
        gymnasium.make("wattloom/Pendulum-v0", mas=1.5)


def test_the_module_prefix_works_too():
    assert gymnasium.make("wattloom:wattloom/PendulumNoVelocity-v0").observation_space.shape == (2,)


def test_a_vector_time_limit_is_refused_and_a_single_one_wraps():
    with pytest.raises(ConfigError, match="horizon is the environment's own; pass horizon="):
        gymnasium.make_vec("wattloom/Pendulum-v0", num_envs=2, max_episode_steps=50)
    env = gymnasium.make("wattloom/Pendulum-v0", max_episode_steps=2)
    env.reset(seed=1)
    assert [env.step(np.zeros(1, np.float32))[3] for _ in range(2)] == [False, True]


def test_equal_ids_share_no_state():
    one, two = gymnasium.make("wattloom/Pendulum-v0"), gymnasium.make("wattloom/Pendulum-v0")
    one.reset(seed=1)
    two.reset(seed=2)
    assert one.unwrapped.environment is not two.unwrapped.environment
    assert one.unwrapped.environment.arrays["theta"] != two.unwrapped.environment.arrays["theta"]
