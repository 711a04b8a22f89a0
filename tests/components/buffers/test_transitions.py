"""What a step of an environment becomes in the replay: unequal agents, kept-apart flags, true successors, absent agents."""

import numpy as np
from gymnasium import spaces

from wattloom.algorithm import Transition
from wattloom.components.buffers.transitions import TransitionLayout
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


def test_central_state():
    agents = (agent("a", 3, 2),)
    spec = EnvironmentSpec(agents, 1, state_space=spaces.Box(-1, 1, (4,), np.float32))
    layout = TransitionLayout(spec, central_state=True)
    step, actions = transition(agents, [False], [False])
    step = Transition(
        Snapshot(step.snapshot.observations, np.ones((1, 4))),
        {},
        StepResult(
            Snapshot(step.result.snapshot.observations, np.full((1, 4), 2.0)),
            step.result.rewards,
            step.result.terminated,
            step.result.truncated,
            {},
        ),
    )
    rows = layout.rows(step, actions)
    assert layout.columns["state"] == layout.columns["next_state"] == 4
    assert rows["state"].tolist() == [[1.0] * 4]
    assert rows["next_state"].tolist() == [[2.0] * 4]
