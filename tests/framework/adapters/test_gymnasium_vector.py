"""The vector face equals Gymnasium's SyncVectorEnv over single faces, step by step, in every autoreset mode."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from wattloom.adapters import GymnasiumEnv, GymnasiumVectorEnv, as_environment
from wattloom.components.envs.pendulum import Pendulum
from wattloom.errors import ConfigError

COPIES = 5


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("kind", ["box", "discrete", "dict"])
def test_equals_sync_vector_env_with_copies_that_end_at_different_steps(team, assert_same, mode, kind):
    arguments = {"kind": "mixed" if kind == "dict" else kind, "horizon": 9, "limit": 1.2}
    ours = GymnasiumVectorEnv(team(num_envs=COPIES, **arguments), autoreset_mode=mode, dict=kind == "dict")
    theirs = SyncVectorEnv([lambda: GymnasiumEnv(team(**arguments), dict=kind == "dict")] * COPIES, autoreset_mode=mode)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    ours.action_space.seed(1)
    assert_same(ours.reset(seed=7), theirs.reset(seed=7))
    ends = {"terminated": 0, "truncated": 0}
    for step in range(61):
        action = ours.action_space.sample()
        mine, reference = ours.step(action), theirs.step(action)
        assert_same(mine, reference, f"step {step}")
        ends["terminated"] += mine[2].sum()
        ends["truncated"] += mine[3].sum()
        ended = mine[2] | mine[3]
        if mode == AutoresetMode.DISABLED and ended.any():
            assert_same(ours.reset(options={"reset_mask": ended}), theirs.reset(options={"reset_mask": ended.copy()}))
    assert min(ends.values()) > 0  # both kinds of end were seen


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_pendulum_equals_sync_vector_env(assert_same, mode):
    ours = GymnasiumVectorEnv(Pendulum(num_envs=COPIES, horizon=7), autoreset_mode=mode)
    theirs = SyncVectorEnv([lambda: GymnasiumEnv(Pendulum(horizon=7))] * COPIES, autoreset_mode=mode)
    ours.action_space.seed(2)
    assert_same(ours.reset(seed=3), theirs.reset(seed=3))
    apart = np.array([True, False, True, False, False])
    assert_same(ours.reset(options={"reset_mask": apart}), theirs.reset(options={"reset_mask": apart.copy()}))
    for step in range(61):
        action = 1.5 * ours.action_space.sample()  # some beyond the bounds
        mine = ours.step(action)
        assert_same(mine, theirs.step(action), f"step {step}")
        ended = mine[2] | mine[3]
        if mode == AutoresetMode.DISABLED and ended.any():
            assert_same(ours.reset(options={"reset_mask": ended}), theirs.reset(options={"reset_mask": ended.copy()}))


def test_an_environment_that_keeps_more_than_its_arrays_stands_still_exactly_too(team, assert_same):
    class Worn(team):
        def __init__(self, **keywords):
            super().__init__(**keywords)
            self.wear = np.zeros(self.num_envs)

        def _advance(self, actions):
            outcome = super()._advance(actions)
            self.wear = self.wear + 0.01
            self.arrays["level"] = self.arrays["level"] - self.wear
            return outcome

        def get_state(self):
            return super().get_state() | {"wear": self.wear.copy()}

        def set_state(self, state):
            super().set_state(state)
            self.wear = np.array(state["wear"])

    ours = GymnasiumVectorEnv(Worn(num_envs=COPIES, limit=1.2))
    theirs = SyncVectorEnv([lambda: GymnasiumEnv(Worn(limit=1.2))] * COPIES)
    ours.action_space.seed(1)
    assert_same(ours.reset(seed=7), theirs.reset(seed=7))
    for step in range(40):
        action = ours.action_space.sample()
        assert_same(ours.step(action), theirs.step(action), f"step {step}")


def test_third_party_copies_behind_our_face_stand_still_exactly():
    env = GymnasiumVectorEnv(as_environment(lambda: gymnasium.make("CartPole-v1"), 3))
    env.reset(seed=1)
    begun = 0
    for _ in range(60):
        waiting = env._ended
        observation, reward, terminated, truncated, _ = env.step(np.ones(3, dtype=np.int64))
        begun += waiting.sum()
        assert (np.abs(observation[waiting]) <= 0.05).all()  # CartPole starts in +-0.05
        np.testing.assert_array_equal(reward, np.where(waiting, 0.0, 1.0))
        assert not (terminated | truncated)[waiting].any()
    assert begun > 9


def test_next_step_is_the_default_as_in_gymnasium():
    assert GymnasiumVectorEnv(Pendulum()).metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP


def test_next_step_ignores_the_action_of_a_beginning_copy(team):
    env = GymnasiumVectorEnv(team("box", num_envs=3, limit=0.4))
    env.reset(seed=1)
    begun = 0
    for _ in range(30):
        actions = np.zeros((3, 4), dtype=np.float32)
        actions[env._ended] = np.nan
        begun += env._ended.sum()
        env.step(actions)
    assert begun > 0


def test_time_limit_keyword_is_refused():
    with pytest.raises(ConfigError, match="horizon"):
        GymnasiumVectorEnv(Pendulum(), max_episode_steps=100)


def test_reset_masks_are_checked_as_gymnasium_does():
    env = GymnasiumVectorEnv(Pendulum(num_envs=2), autoreset_mode="Disabled")
    env.reset(seed=1)
    for mask, error in (([True, False], TypeError), (np.array([False, False]), ValueError), (np.array([True]), ValueError)):
        with pytest.raises(error):
            env.reset(options={"reset_mask": mask})


def test_gymnasiums_vector_wrappers_work():
    env = gymnasium.wrappers.vector.RecordEpisodeStatistics(GymnasiumVectorEnv(Pendulum(num_envs=2, horizon=5)))
    env.reset(seed=1)
    for _ in range(5):
        infos = env.step(np.zeros((2, 1), dtype=np.float32))[4]
    assert infos["episode"]["l"].tolist() == [5, 5]


def test_renders_every_copy():
    env = GymnasiumVectorEnv(Pendulum(num_envs=2), render_mode="rgb_array")
    env.reset(seed=1)
    assert [frame.shape for frame in env.render()] == [(256, 256, 3)] * 2
    assert GymnasiumVectorEnv(Pendulum(num_envs=2)).render() == (None, None)
