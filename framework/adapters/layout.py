"""How several agents become one observation and one action for single-agent libraries, and back.

Flat: observations are laid end to end in agent order; actions become one Box where every agent acts by Box, one MultiDiscrete where every agent
chooses, counted from 0 (a Dict action passes Gymnasium's checkers, yet most libraries refuse it). ``as_dict=True`` keeps one entry an agent instead.
A single agent keeps its own spaces, images included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from wattloom.environment import ActionSpace, AgentSpec, Array, Column, Snapshot
from wattloom.errors import ConfigError
from wattloom.spaces import action_shape, choices


@dataclass(frozen=True, slots=True)
class Slice:
    """Where one agent's entries stand in a flat array: ``[start:stop]``, with the columns' names and units."""

    agent: str
    start: int
    stop: int
    columns: tuple[Column, ...]


class JointLayout:
    """The joint spaces of ``agents`` and the way between joint and per-agent arrays; all arrays have the copies in front.

    Args:
        agents: Agent specifications in order.
        as_dict: Dict spaces with one entry an agent instead of flat ones.

    Attributes:
        observation_space: Space of one copy's joint observation.
        action_space: Space of one copy's joint action.
        observation_slices: One slice an agent of the flat observation.
        action_slices: One slice an agent of the flat action.

    Raises:
        ConfigError: Box and discrete actions are mixed, which has no flat form.
    """

    def __init__(self, agents: Sequence[AgentSpec], as_dict: bool = False) -> None:
        self._agents = tuple(agents)
        self._as_dict = as_dict
        self._single = len(self._agents) == 1
        self.observation_slices = _slices(self._agents, [int(np.prod(s.observation_space.shape)) for s in self._agents], "observation")
        self.action_slices = _slices(self._agents, [max(1, int(np.prod(action_shape(s.action_space)))) for s in self._agents], "action")
        if as_dict:
            self.observation_space: spaces.Space[Any] = spaces.Dict({s.name: s.observation_space for s in self._agents})
            self.action_space: spaces.Space[Any] = spaces.Dict({s.name: s.action_space for s in self._agents})
        elif self._single:
            self.observation_space, self.action_space = self._agents[0].observation_space, self._agents[0].action_space
        else:
            self.observation_space = _flat_observations(self._agents)
            self.action_space = _flat_actions(self._agents)

    def join(self, snapshot: Snapshot) -> Any:
        """Return the joint observation of all copies, as arrays of the caller's own."""
        if self._as_dict:
            return {s.name: np.array(snapshot.observations[s.name]) for s in self._agents}
        if self._single:
            return np.array(snapshot.observations[self._agents[0].name])
        parts = [np.asarray(snapshot.observations[s.name]) for s in self._agents]
        return np.concatenate([p.reshape(len(p), -1) for p in parts], axis=1).astype(self.observation_space.dtype, copy=False)

    def split(self, actions: Any) -> dict[str, Array]:
        """Return the actions of all copies by agent; scalars of Discrete agents get shape ``(num_envs,)``."""
        if self._as_dict:
            return {s.name: np.asarray(actions[s.name]) for s in self._agents}
        joint = np.asarray(actions)
        if self._single:
            return {self._agents[0].name: joint}
        return {
            spec.name: _part(spec.action_space, joint[:, part.start : part.stop])
            for spec, part in zip(self._agents, self.action_slices, strict=True)
        }

    def join_masks(self, snapshot: Snapshot) -> Array | None:
        """Return the action masks laid end to end, bool ``(num_envs, sum of choices)``, or None; agents without a mask may do anything."""
        if snapshot.action_masks is None:
            return None
        return np.concatenate([np.asarray(snapshot.action_masks[s.name]) for s in self._agents if s.name in snapshot.action_masks], axis=1)


def rows(joint: Any, index: int | Array) -> Any:
    """Return one copy (int) or some copies (index array) of a joint observation."""
    if isinstance(joint, Mapping):
        return {name: np.array(value[index]) for name, value in joint.items()}
    return np.array(joint[index])


def batch_of_one(action: Any) -> Any:
    """Put the axis of copies in front of one copy's joint action."""
    if isinstance(action, Mapping):
        return {name: np.asarray(value)[None] for name, value in action.items()}
    return np.asarray(action)[None]


def common_reward(agents: Sequence[AgentSpec], rewards: Mapping[str, Array], shared: bool) -> Array:
    """Return float64 ``(num_envs,)``: the one common reward where it is shared, else the sum over agents."""
    values = [np.asarray(rewards[spec.name], dtype=np.float64) for spec in agents]
    return values[0].copy() if shared else np.sum(values, axis=0)


def _slices(agents: Sequence[AgentSpec], sizes: Sequence[int], which: str) -> tuple[Slice, ...]:
    """Lay the agents end to end."""
    ends = np.cumsum(sizes)
    columns = [spec.observation_columns if which == "observation" else spec.action_columns for spec in agents]
    return tuple(
        Slice(spec.name, int(end) - size, int(end), names) for spec, size, end, names in zip(agents, sizes, ends, columns, strict=True)
    )


def _flat_observations(agents: Sequence[AgentSpec]) -> spaces.Box:
    """Return one Box over all observations; uint8 only where every agent sees uint8."""
    boxes = [spec.observation_space for spec in agents]
    dtype: Any = np.uint8 if all(box.dtype == np.uint8 for box in boxes) else np.float32
    low = np.concatenate([box.low.ravel().astype(dtype) for box in boxes])
    high = np.concatenate([box.high.ravel().astype(dtype) for box in boxes])
    return spaces.Box(low, high, dtype=dtype)


def _flat_actions(agents: Sequence[AgentSpec]) -> spaces.Space[Any]:
    """Return one Box, or one MultiDiscrete, over all actions."""
    boxes = [spec.action_space for spec in agents if isinstance(spec.action_space, spaces.Box)]
    if len(boxes) == len(agents):
        low = np.concatenate([box.low.ravel() for box in boxes])
        return spaces.Box(low, np.concatenate([box.high.ravel() for box in boxes]), dtype=np.float32)
    if boxes:
        kinds = ", ".join(f"{spec.name}: {type(spec.action_space).__name__}" for spec in agents)
        raise ConfigError(f"agents that mix Box and discrete actions have no flat action ({kinds}); pass dict=True for Dict spaces")
    return spaces.MultiDiscrete([count for spec in agents for count in choices(spec.action_space)])


def _part(space: ActionSpace, action: Array) -> Array:
    """Return one agent's share of a flat action in its own space; flat choices count from 0, because libraries assume so."""
    if isinstance(space, spaces.Box):
        return action
    own: Array = action.astype(np.int64).reshape(len(action), *action_shape(space)) + space.start
    return own
