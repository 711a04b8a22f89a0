"""Which replay columns a step of an environment fills: one block an agent, of the agent's own widths, or the whole team side by side.

Terminated and truncated stay apart by construction: only ``terminated`` (the continuation is worth 0) is stored, the successor is the true last
observation, and a truncated row therefore bootstraps like any other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from wattloom.algorithm import Transition
from wattloom.environment import AgentSpec, Array, EnvironmentSpec, Snapshot
from wattloom.spaces import action_shape, choices


def stored_width(agent: AgentSpec) -> int:
    """Return the floats that one action takes: one a dimension of a Box, one a choice of discrete actions (one-hots)."""
    return sum(choices(agent.action_space)) or math.prod(action_shape(agent.action_space))


class TransitionLayout:
    """Columns ``AGENT/action, observation, next_observation, reward, terminated`` of every agent, in this order.

    With several agents each block also has ``active``: 0 where the agent did not take part in that step, so that a learner can leave it out. Agents
    with discrete actions also have ``mask`` and ``next_mask``: 1 where a choice is allowed.

    Args:
        spec: Declarations of the environment.
    """

    def __init__(self, spec: EnvironmentSpec) -> None:
        self._agents = tuple(agent.name for agent in spec.agents)
        self._choices = {agent.name: sum(choices(agent.action_space)) for agent in spec.agents if choices(agent.action_space)}
        self.masked = len(self._agents) > 1
        self.columns: dict[str, int] = {}
        for agent in spec.agents:
            observation = math.prod(agent.observation_space.shape)
            block = {"action": stored_width(agent), "observation": observation, "next_observation": observation}
            block |= {"reward": 1, "terminated": 1} | ({"active": 1} if self.masked else {})
            if agent.name in self._choices:
                block |= dict.fromkeys(("mask", "next_mask"), self._choices[agent.name])
            self.columns |= {f"{agent.name}/{name}": width for name, width in block.items()}

    def rows(self, transition: Transition, actions: Mapping[str, Array]) -> dict[str, Array]:
        """Return the value of every column, each ``(num_envs, …)``.

        Args:
            transition: One step of all copies.
            actions: What to store as action (scaled to ±1, or one-hots), agent name to ``(num_envs, n)``.
        """
        result, before, after = transition.result, transition.snapshot, transition.result.snapshot
        rows: dict[str, Array] = {}
        for name in self._agents:
            rows[f"{name}/observation"] = before.observations[name]
            rows[f"{name}/action"] = actions[name]
            rows[f"{name}/next_observation"] = after.observations[name]
            rows[f"{name}/reward"] = result.rewards[name]
            rows[f"{name}/terminated"] = terminated_of(name, transition)
            if self.masked:
                rows[f"{name}/active"] = active_of(name, before, len(result.terminated))
        return rows | mask_rows(self._choices, transition)


class TeamLayout:
    """The joint action, then the central state, side by side: what critics of the joint action read; then everything else.

    Columns: every agent's action (0 where it took no part); the state, then all observations; the same of the successor; rewards and terminations of
    each stream; who took part now and at the successor; masks of discrete agents. Where the environment declares no state, all observations side by side
    stand for it.

    Args:
        spec: Declarations of the environment.
        streams: True: every agent has a reward of its own; False: the team has one.

    Attributes:
        agents: Names in order.
        discrete: Names and numbers of choices of the agents with discrete actions.
        masked: Whether there are several agents, of which some may be absent.
        streams: Number of rewards.
    """

    def __init__(self, spec: EnvironmentSpec, streams: bool) -> None:
        self.agents = tuple(agent.name for agent in spec.agents)
        self.discrete = {agent.name: sum(choices(agent.action_space)) for agent in spec.agents if choices(agent.action_space)}
        self.masked = len(self.agents) > 1
        self._rewards = self.agents if streams else ("team",)
        self.streams = len(self._rewards)
        seen = {agent.name: math.prod(agent.observation_space.shape) for agent in spec.agents}
        self._central = spec.state_space is not None
        state = {"state": math.prod(spec.state_space.shape)} if spec.state_space is not None else {}
        self.columns = {f"{agent.name}/action": stored_width(agent) for agent in spec.agents}
        for prefix in ("", "next_"):
            self.columns |= {f"{prefix}{key}": width for key, width in state.items()}
            self.columns |= {f"{name}/{prefix}observation": width for name, width in seen.items()}
        for key in ("reward", "terminated"):
            self.columns |= {f"{name}/{key}": 1 for name in self._rewards}
        for prefix in ("", "next_"):
            self.columns |= {f"{name}/{prefix}active": 1 for name in self.agents if self.masked}
            self.columns |= {f"{name}/{prefix}mask": width for name, width in self.discrete.items()}

    @property
    def pair_span(self) -> tuple[str, str]:
        """First and last column of joint action and state."""
        return f"{self.agents[0]}/action", "state" if self._central else f"{self.agents[-1]}/observation"

    @property
    def next_state_span(self) -> tuple[str, str]:
        """First and last column of the successor's state."""
        return (
            ("next_state", "next_state") if self._central else (f"{self.agents[0]}/next_observation", f"{self.agents[-1]}/next_observation")
        )

    @property
    def reward_span(self) -> tuple[str, str]:
        """First and last column of the rewards."""
        return f"{self._rewards[0]}/reward", f"{self._rewards[-1]}/reward"

    @property
    def active_span(self) -> tuple[str, str]:
        """First and last column of who took part (masked layouts only)."""
        return f"{self.agents[0]}/active", f"{self.agents[-1]}/active"

    @property
    def terminated_span(self) -> tuple[str, str]:
        """First and last column of the terminations."""
        return f"{self._rewards[0]}/terminated", f"{self._rewards[-1]}/terminated"

    def rows(self, transition: Transition, actions: Mapping[str, Array]) -> dict[str, Array]:
        """Return the value of every column, each ``(num_envs, …)``; see :meth:`TransitionLayout.rows`.

        With one stream the team's reward is read from the first agent, after rewards were shared.
        """
        result, before, after = transition.result, transition.snapshot, transition.result.snapshot
        count = len(result.terminated)
        rows: dict[str, Array] = {}
        for prefix, snapshot in (("", before), ("next_", after)):
            if self._central and snapshot.state is not None:
                rows[f"{prefix}state"] = snapshot.state
            for name in self.agents:
                rows[f"{name}/{prefix}observation"] = snapshot.observations[name]
                rows[f"{name}/{prefix}active"] = active_of(name, snapshot, count)
        for name in self.agents:
            rows[f"{name}/action"] = actions[name] * rows[f"{name}/active"][:, None]
        for stream in self._rewards:
            rows[f"{stream}/reward"] = result.rewards[self.agents[0] if self.streams == 1 else stream]
            rows[f"{stream}/terminated"] = result.terminated if self.streams == 1 else terminated_of(stream, transition)
        return rows | mask_rows(self.discrete, transition)


def terminated_of(name: str, transition: Transition) -> Array:
    """Return bool ``(num_envs,)``: the agent's continuation is worth 0, because the episode terminated or the agent left."""
    left = transition.result.agent_terminated
    if left is None:
        return transition.result.terminated
    gone: Array = transition.result.terminated | left[name]
    return gone


def active_of(name: str, snapshot: Snapshot, count: int) -> Array:
    """Return ``(num_envs,)``: whether an agent takes part."""
    return np.ones(count) if snapshot.active is None else snapshot.active[name]


def mask_rows(discrete: Mapping[str, int], transition: Transition) -> dict[str, Array]:
    """Return ``AGENT/mask`` and ``AGENT/next_mask`` of discrete agents, ``(num_envs, choices)``; all True where there are no masks."""
    rows: dict[str, Array] = {}
    for prefix, snapshot in (("", transition.snapshot), ("next_", transition.result.snapshot)):
        for name, width in discrete.items():
            masks = snapshot.action_masks or {}
            rows[f"{name}/{prefix}mask"] = masks[name] if name in masks else np.ones((len(transition.result.terminated), width), dtype=bool)
    return rows
