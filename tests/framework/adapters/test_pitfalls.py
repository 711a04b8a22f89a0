"""The thirteen ways in which vector environments mislead learners, and what this contract does about each (the environments' side)."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from wattloom.adapters import GymnasiumEnv, GymnasiumVectorEnv, PettingZooEnv, as_environment
from wattloom.components.envs.pendulum import Pendulum
from wattloom.errors import EnvironmentFault


class Clock(gymnasium.Env):
    """Shows how many steps its episode is old; ends by itself at ``length``, or is cut there."""

    observation_space = gymnasium.spaces.Box(0, 1e6, (1,), np.float32)
    action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, length=4, cut=False):
        self.length, self.cut, self.age, self.resets = length, cut, 0, []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.age = 0
        self.resets.append(seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.age += 1
        ended = self.age >= self.length
        return np.full(1, self.age, np.float32), 1.0, ended and not self.cut, ended and self.cut, {}


class Opaque(gymnasium.vector.VectorWrapper):
    """A vector environment that cannot be taken apart."""


def clocks(lengths, mode=AutoresetMode.NEXT_STEP, cut=False):
    return SyncVectorEnv([lambda length=length: Clock(length, cut) for length in lengths], autoreset_mode=mode)


def rows(env, steps):
    """Return what a learner would store: (first entry, successor, terminated, truncated) of every step of every copy."""
    snapshot, stored = env.reset(seed=1), []
    for _ in range(steps):
        before = snapshot.observations["agent"][:, 0].copy()
        result = env.step({"agent": np.zeros((env.num_envs, 1), np.float32)})
        after = result.snapshot.observations["agent"][:, 0]
        stored += zip(before.tolist(), after.tolist(), result.terminated.tolist(), result.truncated.tolist(), strict=True)
        snapshot = env.reset(mask=result.ended) if result.ended.any() else result.snapshot
    return stored


def one_each(lengths, cut=False):
    """Return copies of different lengths."""
    left = iter(lengths)
    return as_environment(lambda: Clock(next(left), cut), len(lengths))


SOURCES = {
    "single environments": one_each,
    "next step": lambda lengths, cut: as_environment(clocks(lengths, cut=cut)),
    "same step": lambda lengths, cut: as_environment(Opaque(clocks(lengths, AutoresetMode.SAME_STEP, cut))),
    "disabled": lambda lengths, cut: as_environment(Opaque(clocks(lengths, AutoresetMode.DISABLED, cut))),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("cut", [False, True])
def test_pitfall_01_no_reset_transition_reaches_a_learner(source, cut):
    stored = rows(SOURCES[source]([3, 4], cut), 12)
    assert len(stored) == 24  # an episode of L steps costs L rows, not L + 1
    assert all(after == before + 1 for before, after, _, _ in stored)


@pytest.mark.parametrize("source", SOURCES)
def test_pitfall_02_the_successor_of_the_last_step_is_the_true_last_observation(source):
    for cut in (False, True):
        ends = [row for row in rows(SOURCES[source]([3, 4], cut), 12) if row[2] or row[3]]
        assert [after for _, after, _, _ in ends] == [3, 4, 3, 4, 3, 3, 4]


@pytest.mark.parametrize("source", SOURCES)
def test_pitfall_03_terminated_and_truncated_are_kept_apart(source):
    for cut in (False, True):
        ends = [row[2:] for row in rows(SOURCES[source]([3, 4], cut), 12) if row[2] or row[3]]
        assert set(ends) == {(not cut, cut)}
    assert all(row[2:] == (False, False) for row in rows(as_environment(lambda: Clock(99)), 20))


def test_pitfall_04_ended_copies_wait_and_a_masked_reset_begins_only_them():
    env = one_each([2, 5])
    env.reset(seed=1)
    action = {"agent": np.zeros((2, 1), np.float32)}
    env.step(action)
    assert env.step(action).ended.tolist() == [True, False]
    with pytest.raises(EnvironmentFault, match=r"copies \[0\]"):
        env.step(action)
    assert env.reset(mask=np.array([True, False])).observations["agent"][:, 0].tolist() == [0, 2]


def test_pitfall_05_seeds_are_given_once_and_every_episode_is_another():
    env = Pendulum(num_envs=2, horizon=3)
    starts = [env.reset(seed=5).observations["pendulum"].copy()]
    for _ in range(4):
        for _ in range(3):
            result = env.step({"pendulum": np.zeros((2, 1), np.float32)})
        starts.append(env.reset(mask=result.ended).observations["pendulum"].copy())
    assert len(np.unique(np.concatenate(starts), axis=0)) == 10
    np.testing.assert_array_equal(starts[0], np.concatenate([Pendulum().reset(seed=s).observations["pendulum"] for s in (5, 6)]))
    inner = Clock(2)
    rows(as_environment(inner), 8)
    assert len(set(inner.resets)) == len(inner.resets) == 5  # a third-party episode has a seed of its own, never the same again


def test_pitfall_06_what_was_handed_out_is_not_overwritten_by_the_next_step():
    shared = SyncVectorEnv([Clock] * 2, copy=False, autoreset_mode=AutoresetMode.DISABLED)
    for env in (as_environment(Opaque(shared)), as_environment(Clock, 2)):
        env.reset(seed=1)
        handed = [env.step({"agent": np.zeros((2, 1), np.float32)}).snapshot.observations["agent"] for _ in range(3)]
        assert [h[0, 0] for h in handed] == [1, 2, 3]
    ours = GymnasiumVectorEnv(Pendulum(num_envs=2))
    first, _ = ours.reset(seed=1)
    kept = first.copy()
    ours.step(np.zeros((2, 1), np.float32))
    np.testing.assert_array_equal(first, kept)


def test_pitfall_07_wrappers_see_true_lengths_and_time_limits_sit_inside():
    env = gymnasium.wrappers.vector.RecordEpisodeStatistics(GymnasiumVectorEnv(Pendulum(num_envs=2, horizon=4)))
    env.reset(seed=1)
    lengths = [
        infos["episode"]["l"].tolist() for *_, infos in (env.step(np.zeros((2, 1), np.float32)) for _ in range(9)) if "episode" in infos
    ]
    assert lengths == [[4, 4], [4, 4]]
    limited = as_environment(lambda: gymnasium.wrappers.TimeLimit(Clock(99), 3), 2)
    assert [row[1] for row in rows(limited, 6) if row[3]] == [3, 3, 3, 3]
    autoreset = as_environment(lambda: gymnasium.wrappers.Autoreset(Clock(3)))  # a wrapper that resets by itself changes nothing
    assert [row[:2] for row in rows(autoreset, 6)] == [(0, 1), (1, 2), (2, 3)] * 2


def test_pitfall_08_infos_of_copies_that_lack_them_are_masked(team):
    env = GymnasiumVectorEnv(team("box", num_envs=4, limit=0.6), autoreset_mode=AutoresetMode.SAME_STEP)
    env.reset(seed=1)
    mixed = 0
    for _ in range(20):
        *_, terminated, truncated, infos = env.step(np.zeros((4, 4), np.float32))
        ended = terminated | truncated
        np.testing.assert_array_equal(infos.get("_level", np.zeros(4, bool)), ~ended)
        if ended.any():
            np.testing.assert_array_equal(infos["_final_obs"], ended)
            np.testing.assert_array_equal(infos["final_info"]["_level"], ended)
            mixed += not ended.all()
    assert mixed > 0


def test_pitfall_09_the_first_new_observation_shows_at_a_known_moment():
    env = as_environment(lambda: Clock(3))
    env.reset(seed=1)
    action = {"agent": np.zeros((1, 1), np.float32)}
    results = [env.step(action) for _ in range(3)]
    assert results[-1].ended.tolist() == [True]  # forget the memory of these copies now,
    assert env.reset(mask=results[-1].ended).observations["agent"][0, 0] == 0  # because this is the next thing a policy sees


def test_pitfall_10_a_failing_copy_is_named_with_its_step_and_workers_need_no_fork():
    class Fails(Clock):
        def step(self, action):
            if self.age == 2 and self.resets[0] == 3:
                raise RuntimeError("sensor lost")
            return super().step(action)

    env = as_environment(Fails, 4)
    env.reset(seed=1)
    for _ in range(2):
        env.step({"agent": np.zeros((4, 1), np.float32)})
    with pytest.raises(EnvironmentFault, match=r"copy 2 failed at step 3 .*RuntimeError: sensor lost") as caught:
        env.step({"agent": np.zeros((4, 1), np.float32)})
    assert isinstance(caught.value.__cause__, RuntimeError)
    workers = AsyncVectorEnv([lambda: GymnasiumEnv(Pendulum())] * 2, context="spawn")  # our faces can be made in another process
    try:
        here = SyncVectorEnv([lambda: GymnasiumEnv(Pendulum())] * 2)
        np.testing.assert_array_equal(workers.reset(seed=1)[0], here.reset(seed=1)[0])
    finally:
        workers.close()


def test_pitfall_11_agents_keep_their_place_when_others_leave(team):
    env = as_environment(lambda: PettingZooEnv(team("box", leave=0.2, cut=3)), 3)
    names = [spec.name for spec in env.agents]
    env.reset(seed=1)
    shapes, away = set(), 0
    for step in range(11):
        result = env.step({s.name: np.zeros((3, *s.action_space.shape), np.float32) for s in env.agents})
        shapes.add(tuple((name, result.snapshot.observations[name].shape) for name in names))
        if result.snapshot.active is not None:
            away += sum(int((~flags).sum()) for flags in result.snapshot.active.values())
            assert not step >= 3 or result.ended.any() or not result.snapshot.active["third"].any()
        assert set(result.rewards) == set(names)
    assert len(shapes) == 1
    assert away > 10


def test_pitfall_12_types_are_the_same_for_every_source(team):
    for env in (
        Pendulum(num_envs=2),
        team("box", num_envs=2),
        as_environment(Clock, 2),
        as_environment(Opaque(clocks([3, 3], AutoresetMode.DISABLED))),
    ):
        snapshot = env.reset(seed=1)
        result = env.step({s.name: np.zeros((2, *s.action_space.shape), np.float64) for s in env.agents})
        for name in snapshot.observations:
            assert snapshot.observations[name].dtype == result.snapshot.observations[name].dtype == np.float32
            assert result.rewards[name].dtype == np.float64
        assert (result.terminated.dtype, result.truncated.dtype) == (np.bool_, np.bool_)
        assert all(value.dtype == np.float64 for value in result.metrics.values())


def test_pitfall_13_an_evaluation_environment_of_its_own_disturbs_nothing():
    def play(evaluating):
        env, other, seen = Pendulum(num_envs=2, horizon=7), Pendulum(num_envs=5, horizon=7), []
        env.reset(seed=1)
        for step in range(20):
            result = env.step({"pendulum": np.full((2, 1), 0.5, np.float32)})
            seen.append(result.snapshot.observations["pendulum"].copy())
            if evaluating and step % 3 == 0:
                other.reset(seed=100)
                other.step({"pendulum": np.ones((5, 1), np.float32)})
            if result.ended.any():
                env.reset(mask=result.ended)
        return np.array(seen)

    np.testing.assert_array_equal(play(True), play(False))
