"""Third-party vector environments, whatever their autoreset mode, never hand out a reset observation as a successor."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv

from wattloom.adapters import GymnasiumEnv, GymnasiumVectorEnv, as_environment
from wattloom.adapters.copies import Copies
from wattloom.adapters.vector_copies import VectorCopies
from wattloom.components.envs.pendulum import Pendulum
from wattloom.errors import ConfigError, EnvironmentFault


class Hidden(gymnasium.vector.VectorWrapper):
    """A vector environment that cannot be taken apart."""


def counting(team, num_envs, mode, limit=0.7):
    """Team's central clock is not visible to Gymnasium, so wrap: the level tells episodes apart."""
    return Hidden(SyncVectorEnv([lambda: GymnasiumEnv(team("box", horizon=6, limit=limit))] * num_envs, autoreset_mode=mode))


@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.DISABLED])
def test_successors_and_resets_equal_the_environments_themselves(team, assert_same, mode):
    vector = as_environment(counting(team, 3, mode))
    assert isinstance(vector, VectorCopies)
    singles = [GymnasiumEnv(team("box", horizon=6, limit=0.7)) for _ in range(3)]
    shown = vector.reset(seed=5).observations["agent"]
    for i, single in enumerate(singles):
        np.testing.assert_array_equal(shown[i], single.reset(seed=5 + i)[0])
    stream, ends = np.random.default_rng(0), 0
    for _ in range(40):
        action = stream.uniform(0, 1, (3, 4)).astype(np.float32)
        result = vector.step({"agent": action})
        for i, single in enumerate(singles):
            observation, reward, terminated, truncated, _ = single.step(action[i])
            assert_same(result.snapshot.observations["agent"][i], observation)
            assert (result.rewards["agent"][i], result.terminated[i], result.truncated[i]) == (
                reward,
                terminated,
                truncated and not terminated,
            )
        if result.ended.any():
            ends += int(result.ended.sum())
            shown = vector.reset(mask=result.ended).observations["agent"]
            for i in np.flatnonzero(result.ended):
                np.testing.assert_array_equal(shown[i], singles[i].reset()[0])
    assert ends > 6


def test_next_step_serves_copies_that_end_together_and_refuses_others(team):
    vector = as_environment(counting(team, 2, AutoresetMode.NEXT_STEP, limit=99.0))
    vector.reset(seed=1)
    for _ in range(2):
        for _ in range(6):
            result = vector.step({"agent": np.zeros((2, 4), dtype=np.float32)})
        assert result.truncated.all()
        vector.reset(mask=result.ended)
    with pytest.raises(EnvironmentFault, match=r"AutoresetMode\.DISABLED"):
        vector.reset(mask=np.array([True, False]))


def test_same_step_cannot_seed_single_copies(team):
    vector = as_environment(counting(team, 2, AutoresetMode.SAME_STEP))
    vector.reset(seed=1)
    with pytest.raises(EnvironmentFault, match="cannot begin an episode"):
        vector.reset(mask=np.array([True, False]), seed=3)


def test_a_sync_vector_env_is_taken_apart_and_keeps_the_promise_replay():
    env = as_environment(gymnasium.make_vec("CartPole-v1", num_envs=3, vectorization_mode="sync"))
    assert isinstance(env, Copies)
    assert (env.num_envs, env.resume_promise) == (3, "replay")


def test_our_own_vector_face_is_unwrapped():
    inner = Pendulum(num_envs=4)
    assert as_environment(GymnasiumVectorEnv(inner)) is inner


def test_worker_processes_serve_and_their_errors_are_named():
    vector = AsyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 2, autoreset_mode=AutoresetMode.DISABLED, context="spawn")
    env = as_environment(vector)
    try:
        env.reset(seed=1)
        ended = 0
        for _ in range(60):
            result = env.step({"agent": np.ones(2, dtype=np.int64)})
            if result.ended.any():
                ended += 1
                env.reset(mask=result.ended)
        assert ended >= 2
        vector.processes[0].terminate()
        vector.processes[0].join()
        with pytest.raises(EnvironmentFault, match=r"AsyncVectorEnv failed at step 61: \w+"):
            env.step({"agent": np.ones(2, dtype=np.int64)})
    finally:
        vector.close(terminate=True)


class Broken(VectorEnv):
    """Two copies; copy 1 returns nonsense."""

    def __init__(self, reward=0.0, observation=0.0, declared=True):
        self.num_envs, self.value, self.reward = 2, observation, reward
        self.metadata = {"autoreset_mode": AutoresetMode.DISABLED} if declared else {}
        self.single_observation_space = gymnasium.spaces.Box(-1, 1, (1,))
        self.single_action_space = gymnasium.spaces.Discrete(2)
        self.observation_space = gymnasium.vector.utils.batch_space(self.single_observation_space, 2)

    def reset(self, *, seed=None, options=None):
        return np.zeros((2, 1), np.float32), {}

    def step(self, actions):
        flags = np.zeros(2, dtype=bool)
        return np.array([[0.0], [self.value]], np.float32), np.array([0.0, self.reward]), flags, flags, {}


@pytest.mark.parametrize(
    ("broken", "text"), [({"reward": np.nan}, "copy 1 .*not finite"), ({"observation": np.nan}, "copy 1 .*NaN observation")]
)
def test_nonsense_names_the_copy(broken, text):
    env = as_environment(Broken(**broken))
    env.reset(seed=1)
    with pytest.raises(EnvironmentFault, match=text):
        env.step({"agent": np.zeros(2, dtype=np.int64)})


def test_an_undeclared_autoreset_mode_is_refused():
    with pytest.raises(ConfigError, match="autoreset_mode"):
        as_environment(Broken(declared=False))


def test_a_resumed_vector_environment_begins_new_episodes(caplog):
    env = as_environment(Broken())
    env.reset(seed=1)
    env.set_state(env.get_state())
    assert env.resume_promise == "episode"
    assert env.needs_reset.all()
    assert "promise 'episode'" in caplog.text
