import numpy as np
import pytest

from wattloom.components.envs.third_party import gymnasium_environment, pettingzoo_environment
from wattloom.errors import ConfigError


def test_any_registered_id_with_its_own_arguments():
    env = gymnasium_environment("MountainCarContinuous-v0", kwargs={"goal_velocity": 0.01}, max_episode_steps=3, num_envs=2)
    env.reset(seed=1)
    results = [env.step({"agent": np.zeros((2, 1), dtype=np.float32)}) for _ in range(3)]
    assert [bool(r.truncated.all()) for r in results] == [False, False, True]
    assert env.step_seconds == pytest.approx(1 / 30)


def test_pictures_where_asked():
    pytest.importorskip("pygame")
    env = gymnasium_environment("CartPole-v1", render_mode="rgb_array")
    env.reset(seed=1)
    picture = env.render(0)
    assert (picture.dtype, picture.shape[2]) == (np.uint8, 3)
    assert gymnasium_environment("CartPole-v1").render(0) is None


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"id": "CartPoll-v1"}, "knows no 'CartPoll-v1'; did you mean 'CartPole-v1'"),
        ({"id": "CartPole-v9"}, "CartPole-v9"),
        ({"id": "CartPole-v1", "kwargs": {"wheels": 3}}, "wheels"),
        ({"id": "no_such_module:CartPole-v1"}, "no_such_module"),
        ({"id": "CartPole-v1", "num_envs": 0}, "num_envs must be at least 1"),
    ],
)
def test_what_cannot_be_made_is_said(arguments, text):
    with pytest.raises(ConfigError, match=text):
        gymnasium_environment(**arguments)


def test_pettingzoo_by_target():
    pytest.importorskip("mpe2")
    env = pettingzoo_environment("mpe2.simple_spread_v3:parallel_env", kwargs={"N": 2, "max_cycles": 4}, num_envs=3)
    env.reset(seed=1)
    actions = {spec.name: np.zeros(3, dtype=np.int64) for spec in env.agents}
    results = [env.step(actions) for _ in range(4)]
    assert len(env.agents) == 2
    assert results[-1].truncated.all()
    with pytest.raises(ConfigError, match="max_cycels"):
        pettingzoo_environment("mpe2.simple_spread_v3:parallel_env", kwargs={"max_cycels": 4})


@pytest.mark.parametrize("target", ["no_such_module:parallel_env", "wattloom.spaces:parallel_env"])
def test_a_wrong_target_is_named(target):
    with pytest.raises(ConfigError, match="cannot import"):
        pettingzoo_environment(target)
    with pytest.raises(ConfigError, match="no environment"):
        pettingzoo_environment("collections:OrderedDict")
