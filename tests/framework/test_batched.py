"""What every environment of ours inherits: seeds, masks, counters, checked actions and row-wise state."""

import copy

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils import seeding
from hypothesis import given, settings
from hypothesis import strategies as st

from wattloom.batched import BatchedEnvironment, Outcome
from wattloom.environment import AgentSpec, Environment, Snapshot
from wattloom.errors import ActionError, ConfigError, EnvironmentFault
from wattloom.spaces import columns


class Drift(BatchedEnvironment):
    """A noisy drift that terminates at 2 and is cut at the horizon."""

    def __init__(self, num_envs=1, horizon=10):
        agent = AgentSpec(
            "boat", spaces.Box(-np.inf, np.inf, (1,)), spaces.Box(-1, 1, (2,), np.float32), columns(["x"]), columns(["u", "v"])
        )
        super().__init__([agent], num_envs, horizon)
        self.arrays["x"] = np.zeros(num_envs)

    def _begin(self, copies, generators, options):
        self.arrays["x"][copies] = [g.uniform(-1, 1) for g in generators]

    def _advance(self, actions):
        noise = np.array([g.normal() for g in self._generators])
        self.arrays["x"] += actions["boat"].sum(axis=1) + 0.1 * noise
        return Outcome({"boat": -np.abs(self.arrays["x"])}, self.arrays["x"] > 2)

    def _observe(self):
        return Snapshot({"boat": self.arrays["x"][:, None].astype(np.float32)})


def push(env, value=0.0):
    return {"boat": np.full((env.num_envs, 2), value, dtype=np.float32)}


def seen(env):
    return env.arrays["x"].copy()


def test_is_an_environment():
    assert isinstance(Drift(), Environment)
    assert Drift().resume_promise == "state"


def test_copy_i_is_seeded_as_gymnasium_seeds_the_sum():
    env = Drift(3)
    env.reset(seed=7)
    np.testing.assert_array_equal(seen(env), [seeding.np_random(7 + i)[0].uniform(-1, 1) for i in range(3)])
    env.reset(seed=[4, None, 9])  # None continues the stream of copy 1
    stream = seeding.np_random(8)[0]
    stream.uniform(-1, 1)
    np.testing.assert_array_equal(
        seen(env), [seeding.np_random(4)[0].uniform(-1, 1), stream.uniform(-1, 1), seeding.np_random(9)[0].uniform(-1, 1)]
    )


def test_unseeded_environments_differ():
    one, two = Drift(2), Drift(2)
    one.reset()
    two.reset()
    assert len({*seen(one), *seen(two)}) == 4


@pytest.mark.parametrize("seed", [np.int64(4), np.uint8(4), [4, np.int32(5), 6], np.array([4, 5, 6])])
def test_seeds_may_be_integers_of_numpy(seed):
    one, two = Drift(3), Drift(3)
    one.reset(seed=4)
    two.reset(seed=seed)
    np.testing.assert_array_equal(seen(one), seen(two))


@pytest.mark.parametrize("seed", [1.5, "1", [1.0, 2.0, 3.0]])
def test_seeds_that_are_no_whole_numbers_are_refused(seed):
    with pytest.raises(EnvironmentFault, match=r"seed must be a whole number|1 seeds for 3 copies"):
        Drift(3).reset(seed=seed)


@pytest.mark.parametrize("seed", [[1, 2], -1, [1, -2, 3]])
def test_bad_seeds_are_refused(seed):
    with pytest.raises(EnvironmentFault, match="seeds"):
        Drift(3).reset(seed=seed)


def test_a_b_a_resets_are_bit_equal():
    env, plays = Drift(2), []
    for seed in (1, 2, 1):
        env.reset(seed=seed)
        plays.append([seen(env)] + [env.step(push(env, -0.1)).rewards["boat"].copy() for _ in range(5)])
    np.testing.assert_array_equal(plays[0], plays[2])
    assert (np.array(plays[0]) != np.array(plays[1])).all()


def test_seeds_count_only_in_the_mask():
    env = Drift(3)
    env.reset(seed=1)
    before = seen(env)
    env.reset(seed=50, mask=np.array([False, True, False]))
    assert seen(env)[1] == seeding.np_random(51)[0].uniform(-1, 1)
    np.testing.assert_array_equal(seen(env)[[0, 2]], before[[0, 2]])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), min_size=4, max_size=4), st.integers(0, 8), st.integers(0, 2**31))
def test_a_masked_reset_leaves_the_others_bit_equal(flags, steps, seed):
    touched, control, mask = Drift(4, None), Drift(4, None), np.array(flags)
    for env in (touched, control):
        env.reset(seed=seed)
        for _ in range(steps):
            env.step(push(env, -0.05))
    touched.reset(mask=mask)
    np.testing.assert_array_equal(touched.elapsed, np.where(mask, 0, steps))
    for _ in range(3):
        np.testing.assert_array_equal(seen(touched)[~mask], seen(control)[~mask])
        assert (seen(touched)[mask] != seen(control)[mask]).all()
        touched.step(push(touched, -0.05))
        control.step(push(control, -0.05))


@pytest.mark.parametrize("mask", [[True], np.array([1, 0, 1]), np.ones((3, 1), bool)])
def test_bad_masks_are_refused(mask):
    env = Drift(3)
    with pytest.raises(EnvironmentFault, match="reset mask must be bool"):
        env.reset(mask=mask)


def test_copy_0_of_64_equals_a_batch_of_one():
    many, one = Drift(64), Drift(1)
    many.reset(seed=3)
    one.reset(seed=3)
    for _ in range(25):
        a, b = many.step(push(many, 0.2)), one.step(push(one, 0.2))
        assert seen(many)[0] == seen(one)[0]
        assert (a.terminated[0], a.truncated[0]) == (b.terminated[0], b.truncated[0])
        many.reset(mask=a.ended)
        one.reset(mask=b.ended)


def test_an_end_in_the_step_of_the_horizon_is_terminated_and_not_truncated():
    env = Drift(200, horizon=1)
    env.reset(seed=1)
    result = env.step(push(env, 1.0))
    np.testing.assert_array_equal(result.terminated, env.arrays["x"] > 2)
    np.testing.assert_array_equal(result.truncated, ~result.terminated)
    assert 50 < result.terminated.sum() < 150  # both kinds are there
    assert result.ended.all()


def test_ended_and_unbegun_copies_cannot_step():
    env = Drift(3, horizon=2)
    with pytest.raises(EnvironmentFault, match=r"never reset copies \[0, 1, 2\]"):
        env.step(push(env))
    env.reset(seed=1, options={})
    env.reset(mask=np.array([False, True, False]))
    env.step(push(env, -0.5))
    env.reset(mask=np.array([False, True, False]))
    env.step(push(env, -0.5))
    with pytest.raises(EnvironmentFault, match=r"copies \[0, 2\]"):
        env.step(push(env))
    env.reset(mask=env.needs_reset)
    env.step(push(env))


def test_an_endless_environment_is_never_cut():
    env = Drift(1, horizon=None)
    env.reset(seed=1)
    assert not any(env.step(push(env, -0.1)).truncated.any() for _ in range(300))


@pytest.mark.parametrize(("key", "value"), [("num_envs", 0), ("horizon", 0)])
def test_sizes_below_one_name_the_key(key, value):
    with pytest.raises(ConfigError, match=f"env.{key} must be at least 1"):
        Drift(**{key: value})


def test_clips_are_counted_by_copy():
    env = Drift(3)
    env.reset(seed=1)
    counted = env.step({"boat": np.array([[2.0, -2.0], [1.0, -1.0], [0.0, 1.5]], dtype=np.float32)}).metrics["clipped_actions"]
    assert counted.tolist() == [2, 0, 1]


def test_a_saved_state_continues_bit_for_bit_and_is_independent():
    env = Drift(4)
    env.reset(seed=1)
    env.step(push(env, -0.1))
    state = env.get_state()
    kept = copy.deepcopy(state)
    first = [env.step(push(env, -0.1)).rewards["boat"].copy() for _ in range(5)]
    np.testing.assert_equal(state, kept)  # stepping did not touch it
    for target in (env, Drift(4)):
        target.set_state(state)
        np.testing.assert_array_equal([target.step(push(target, -0.1)).rewards["boat"] for _ in range(5)], first)
    np.testing.assert_equal(state, kept)


def test_rows_can_be_selected_swapped_and_branched():
    env = Drift(3)
    env.reset(seed=1)
    env.step(push(env, -0.1))
    state = env.get_state()

    def rows(tree, order):
        if isinstance(tree, dict):
            return {name: rows(value, order) for name, value in tree.items()}
        return tree[order] if isinstance(tree, np.ndarray) else [tree[i] for i in order]

    order = [2, 0, 0, 1, 2]
    branched = Drift(5)
    branched.set_state(rows(state, order))
    for _ in range(4):
        a, b = env.step(push(env, -0.1)), branched.step(push(branched, -0.1))
        np.testing.assert_array_equal(a.rewards["boat"][order], b.rewards["boat"])


def test_a_state_of_another_shape_is_refused():
    state = Drift(2).get_state()
    with pytest.raises(ConfigError, match="2 copies"):
        Drift(3).set_state(state)
    with pytest.raises(ConfigError, match=r"array 'x' of the state has shape \(2, 2\)"):
        Drift(2).set_state(state | {"arrays": {"x": np.zeros((2, 2))}})


class Shift(Drift):
    """A second agent works only while x is positive."""

    def __init__(self, num_envs=1):
        second = AgentSpec("crew", spaces.Box(-9, 9, (1,)), spaces.Discrete(2), columns(["x"]), columns(["row"]))
        BatchedEnvironment.__init__(self, [*Drift().agents, second], num_envs, 10)
        self.arrays["x"] = np.zeros(num_envs)

    def _observe(self):
        boat = super()._observe().observations["boat"]
        return Snapshot({"boat": boat, "crew": boat}, active={"crew": self.arrays["x"] > 0})


def test_rows_of_absent_agents_are_not_checked_also_after_a_restored_state():
    env = Shift(2)
    env.reset(seed=1)
    env.arrays["x"][:] = [1.0, -1.0]
    env._look()
    resumed = Shift(2)
    resumed.set_state(env.get_state())
    for one in (env, resumed):
        with pytest.raises(ActionError, match="'crew' in copy 0 is 7"):
            one.step(push(one) | {"crew": np.array([7, 0])})
        one.step(push(one) | {"crew": np.array([1, 7])})
