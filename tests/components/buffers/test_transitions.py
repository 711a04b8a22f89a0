"""What a step of an environment becomes in the replay: unequal agents, kept-apart flags, true successors, absent agents."""

import numpy as np
import pytest
from gymnasium import spaces

from wattloom.algorithm import Transition
from wattloom.components.buffers.replay import ReplayBuffer
from wattloom.components.buffers.transitions import TeamLayout, TransitionLayout
from wattloom.environment import AgentSpec, EnvironmentSpec, Snapshot, StepResult
from wattloom.spaces import numbered_columns


def agent(name, observation, action):
    box = spaces.Box(-np.inf, np.inf, (observation,), np.float32)
    return AgentSpec(name, box, spaces.Box(-1, 1, (action,), np.float32), numbered_columns("x", observation), numbered_columns("u", action))


def transition(agents, terminated, truncated, **extra):
    copies = len(terminated)
    before = Snapshot({a.name: np.zeros((copies, *a.observation_space.shape)) for a in agents}, active=extra.get("active"))
    after = Snapshot({a.name: np.full((copies, *a.observation_space.shape), 9.0) for a in agents})
    rewards = {a.name: np.full(copies, float(i)) for i, a in enumerate(agents)}
    result = StepResult(after, rewards, np.array(terminated), np.array(truncated), {}, extra.get("agent_terminated"))
    return Transition(before, {}, result), {a.name: np.full((copies, a.action_space.shape[0]), 0.5) for a in agents}


def test_one_agent_has_no_mask():
    agents = (agent("a", 3, 2),)
    layout = TransitionLayout(EnvironmentSpec(agents, 2))
    assert layout.columns == {"a/action": 2, "a/observation": 3, "a/next_observation": 3, "a/reward": 1, "a/terminated": 1}


def test_terminated_and_truncated_stay_apart():
    agents = (agent("a", 3, 2),)
    step, actions = transition(agents, [True, False, False], [False, True, False])
    rows = TransitionLayout(EnvironmentSpec(agents, 3)).rows(step, actions)
    assert rows["a/terminated"].tolist() == [True, False, False]
    assert (rows["a/next_observation"] == 9.0).all()


def test_unequal_agents_who_leave_or_sit_out():
    agents = (agent("a", 3, 2), agent("b", 5, 1))
    step, actions = transition(
        agents,
        [False, True],
        [False, False],
        active={"a": np.array([True, True]), "b": np.array([False, True])},
        agent_terminated={"a": np.array([True, False]), "b": np.array([False, False])},
    )
    layout = TransitionLayout(EnvironmentSpec(agents, 2))
    rows = layout.rows(step, actions)
    assert rows["a/terminated"].tolist() == [True, True]
    assert rows["b/terminated"].tolist() == [False, True]
    assert rows["b/active"].tolist() == [False, True]
    assert rows["b/reward"].tolist() == [1.0, 1.0]
    assert set(rows) == set(layout.columns)
    assert all(rows[name].reshape(2, -1).shape[1] == width for name, width in layout.columns.items())


def choosing(name, observation, space):
    box = spaces.Box(-np.inf, np.inf, (observation,), np.float32)
    return AgentSpec(name, box, space, numbered_columns("x", observation), numbered_columns("u", 1))


def team_step(state=True, masks=None, active=None):
    """Copy 0 terminates; what is seen afterwards is 9 everywhere."""
    before = Snapshot({"a": np.ones((2, 3)), "b": np.full((2, 5), 2.0)}, np.full((2, 4), 5.0) if state else None, masks, active)
    after = Snapshot({"a": np.full((2, 3), 9.0), "b": np.full((2, 5), 9.0)}, np.full((2, 4), 9.0) if state else None)
    left = {"a": np.array([False, True]), "b": np.zeros(2, bool)}
    result = StepResult(after, {"a": np.full(2, 7.0), "b": np.full(2, 8.0)}, np.array([True, False]), np.zeros(2, bool), {}, left)
    return Transition(before, {}, result), {"a": np.full((2, 2), 0.5), "b": np.eye(3)[[1, 2]]}


TEAM = (agent("a", 3, 2), choosing("b", 5, spaces.Discrete(3)))


@pytest.mark.parametrize("state", [True, False])
@pytest.mark.parametrize("streams", [True, False])
def test_a_team_s_joint_action_and_state_lie_side_by_side(state, streams):
    space = spaces.Box(-1, 1, (4,), np.float32) if state else None
    layout = TeamLayout(EnvironmentSpec(TEAM, 2, state_space=space), streams)
    buffer = ReplayBuffer(layout.columns, 10, 4)
    active = {"a": np.array([True, True]), "b": np.array([True, False])}
    rows = layout.rows(*team_step(state, {"b": np.array([[True, False, True]] * 2)}, active))
    assert set(rows) == set(layout.columns)
    buffer.add(rows)
    buffer.batch = buffer._rows[:2].clone()
    seen = [5.0] * 4 if state else [1.0] * 3 + [2.0] * 5
    assert buffer.span(*layout.pair_span).tolist() == [[0.5, 0.5, 0, 1, 0, *seen], [0.5, 0.5, 0, 0, 0, *seen]]  # b is absent in copy 1
    assert buffer.span(*layout.next_state_span).tolist() == [[9.0] * len(seen)] * 2
    assert buffer.span(*layout.reward_span).tolist() == ([[7.0, 8.0]] * 2 if streams else [[7.0]] * 2)
    assert buffer.span(*layout.terminated_span).tolist() == ([[1.0, 1.0], [1.0, 0.0]] if streams else [[1.0], [0.0]])
    assert buffer.span(*layout.active_span).tolist() == [[1.0, 1.0], [1.0, 0.0]]
    assert buffer.column("b/mask").tolist() == [[1.0, 0.0, 1.0]] * 2
    assert buffer.column("b/next_mask").tolist() == [[1.0] * 3] * 2


def test_choices_are_stored_as_one_hots_with_their_masks():
    layout = TransitionLayout(EnvironmentSpec((choosing("b", 5, spaces.MultiDiscrete([2, 3])),), 1))
    assert layout.columns["b/action"] == layout.columns["b/mask"] == layout.columns["b/next_mask"] == 5
