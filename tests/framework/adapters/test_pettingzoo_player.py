"""PettingZoo environments as our contract: fixed order, masks, agents that leave."""

import functools
from typing import ClassVar

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo import ParallelEnv

from wattloom.adapters import PettingZooEnv, as_environment
from wattloom.errors import ConfigError, EnvironmentFault


class Relay(ParallelEnv):
    """Agents c, a, b leave one after the other; the last one is cut at step 5. Masks come inside the observation."""

    metadata: ClassVar = {"render_fps": 4}

    def __init__(self, fault=False):
        self.possible_agents = ["c", "a", "b"]
        self.fault = fault

    @functools.cache  # noqa: B019
    def observation_space(self, agent):
        return spaces.Dict({"observation": spaces.Box(-9, 9, (2,), np.float32), "action_mask": spaces.MultiBinary(3)})

    @functools.cache  # noqa: B019
    def action_space(self, agent):
        return spaces.Discrete(3)

    def reset(self, seed=None, options=None):
        self.stream = np.random.default_rng(seed)
        self.agents, self.steps, self.sent = list(self.possible_agents), 0, []
        return self._show(), {name: {} for name in self.agents}

    def step(self, actions):
        self.steps += 1
        self.sent.append(set(actions))
        out = {"c": self.steps == 2, "a": self.steps == 4}
        live = self.agents
        dead = {name: out.get(name, False) for name in live}
        cut = dict.fromkeys(live, self.steps == 5)
        shown = self._show()
        rewards = {name: float("nan") if self.fault and self.steps == 3 else 1.0 for name in live}
        self.agents = [name for name in live if not (dead[name] or cut[name])]
        return shown, rewards, dead, cut, {name: {} for name in live}

    def _show(self):
        return {
            name: {
                "observation": np.array([self.steps, self.stream.random()], np.float32),
                "action_mask": np.array([1, 0, self.steps % 2], np.int8),
            }
            for name in reversed(self.agents)
        }


def zeros(env):
    return {spec.name: np.zeros(env.num_envs, dtype=np.int64) for spec in env.agents}


def test_agents_keep_their_order_and_leave_with_value_zero_or_by_a_cut():
    inner = Relay()
    env = as_environment(inner)
    snapshot = env.reset(seed=1)
    assert [spec.name for spec in env.agents] == ["c", "a", "b"]
    assert snapshot.active is None
    assert snapshot.action_masks["a"].tolist() == [[True, False, False]]
    assert env.step_seconds == 0.25
    results = [env.step(zeros(env)) for _ in range(5)]
    assert results[1].agent_terminated["c"].tolist() == [True]
    assert results[1].agent_terminated["a"].tolist() == [False]
    assert results[2].snapshot.active == {"c": [False], "a": [True], "b": [True]}
    assert results[2].agent_terminated is None
    assert inner.sent[2:] == [{"a", "b"}, {"a", "b"}, {"b"}]  # nothing is sent for those that left
    np.testing.assert_array_equal(results[3].snapshot.observations["c"], results[1].snapshot.observations["c"])  # its last one
    assert results[2].rewards["c"].tolist() == [0.0]
    assert [r.ended[0] for r in results] == [False, False, False, False, True]
    assert results[4].truncated.tolist() == [True]  # b was cut: its successor is worth something
    assert results[4].snapshot.active == {"c": [False], "a": [False], "b": [True]}


def test_actions_of_agents_that_left_are_ignored():
    env = as_environment(Relay())
    env.reset(seed=1)
    for _ in range(2):
        env.step(zeros(env))
    env.step(zeros(env) | {"c": np.array([99])})
    with pytest.raises(EnvironmentFault, match="'b' in copy 0"):
        env.step(zeros(env) | {"b": np.array([99])})


def test_a_nan_reward_names_copy_and_step():
    env = as_environment(lambda: Relay(fault=True), 2)
    env.reset(seed=1)
    env.step(zeros(env))
    env.step(zeros(env))
    with pytest.raises(EnvironmentFault, match=r"copy 0 failed at step 3 .*not finite"):
        env.step(zeros(env))


def test_replay_restores_an_episode_in_which_agents_have_left(assert_same):
    env = as_environment(Relay, 2)
    env.reset(seed=1)
    for _ in range(3):
        env.step(zeros(env))
    resumed = as_environment(Relay, 2)
    resumed.set_state(env.get_state())
    for _ in range(2):
        one, two = env.step(zeros(env)), resumed.step(zeros(resumed))
        assert_same(
            [one.snapshot.observations, one.snapshot.active, one.ended], [two.snapshot.observations, two.snapshot.active, two.ended]
        )
    assert resumed.resume_promise == "replay"


def test_our_face_and_back_is_the_same_environment(team, assert_same):
    direct, around = team("mixed", leave=0.3), as_environment(PettingZooEnv(team("mixed", leave=0.3)))
    first, second = direct.reset(seed=6), around.reset(seed=6)
    assert_same([first.observations, first.state], [second.observations, second.state])
    for step in range(12):
        rng = np.random.default_rng(step)
        action = {
            "first": rng.uniform(-1, 1, (1, 2)).astype(np.float32),
            "second": rng.integers(0, 3, 1),
            "third": rng.integers(0, 2, (1, 2)),
        }
        one = direct.step(action)
        live = second.active
        two = around.step(action)
        second = two.snapshot
        for name in ("first", "second", "third"):
            if live is None or live[name][0]:
                assert_same([one.snapshot.observations[name], one.rewards[name]], [two.snapshot.observations[name], two.rewards[name]])
        assert_same([one.terminated, one.truncated], [two.terminated, two.truncated])
        if one.ended.any():
            break
    assert step > 4


def test_mpe_environments_serve_with_their_central_state():
    spread = pytest.importorskip("mpe2.simple_spread_v3")
    env = as_environment(spread.parallel_env, 2, shared_reward=True)
    snapshot = env.reset(seed=1)
    assert env.shared_reward
    assert {spec.group for spec in env.agents} == {"agent"}
    assert snapshot.state.shape == (2, *env.state_space.shape)
    results = [env.step(zeros(env)) for _ in range(25)]
    assert [bool(result.truncated.all()) for result in results] == [False] * 24 + [True]


def without(name, **instead):
    """A class like Relay that leaves ``name`` to PettingZoo's base class, or has something else in its place."""
    body = {key: value for key, value in vars(Relay).items() if key not in (name, "__dict__", "__weakref__")}
    return type("Unfinished", (ParallelEnv,), body | instead)


@pytest.mark.filterwarnings("ignore:Your environment should override")  # PettingZoo says it too, before it fails
@pytest.mark.parametrize(
    ("name", "instead", "message"),
    [
        ("__init__", {}, "Unfinished has no possible_agents: list the names of all its agents"),
        ("__init__", {"possible_agents": ["a", "a"]}, "possible_agents must name every agent once"),
        ("__init__", {"possible_agents": []}, "possible_agents must name every agent once"),
        ("step", {}, "Unfinished has no method step of its own"),
        ("reset", {}, "Unfinished has no method reset of its own"),
        ("action_space", {}, r"Unfinished.action_space\('c'\) must return the space of the agent's actions"),
        ("observation_space", {"observation_space": lambda self, agent: None}, r"Unfinished.observation_space\('c'\) must return"),
    ],
)
def test_what_an_environment_leaves_out_is_named(name, instead, message):
    with pytest.raises(ConfigError, match=message):
        as_environment(without(name, **instead))


def shortened(part):
    """Relay's step without the entry of agent c in one of its five mappings."""

    def step(self, actions):
        returned = Relay.step(self, actions)
        returned[part].pop("c")
        return returned

    return step


@pytest.mark.parametrize(
    ("name", "call", "message"),
    [
        ("reset", lambda self, seed=None, options=None: Relay.reset(self, seed)[0], "dict from reset\\(\\), where PettingZoo's API has 2"),
        ("step", lambda self, actions: Relay.step(self, actions)[:4], "4 values from step\\(\\), where PettingZoo's API has 5"),
        ("step", shortened(0), "no observation of agent 'c', which takes part"),
        ("step", shortened(1), "no reward of agent 'c', which takes part"),
    ],
)
def test_what_a_call_leaves_out_is_named(name, call, message):
    environment = as_environment(without(name, **{name: call}))
    if name == "step":
        environment.reset(seed=1)
    with pytest.raises(EnvironmentFault, match=message):
        environment.reset(seed=1) if name == "reset" else environment.step(zeros(environment))
