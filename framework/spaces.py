"""Small helpers over Gymnasium spaces: sizes, scaling and the check that every action passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from wattloom.environment import ActionSpace, AgentSpec, Array, Column
from wattloom.errors import ActionError


def action_shape(space: ActionSpace) -> tuple[int, ...]:
    """Return the shape of one action: ``(n,)`` for Box, ``()`` for Discrete, ``(k,)`` for MultiDiscrete."""
    return () if isinstance(space, spaces.Discrete) else tuple(space.shape)


def choices(space: ActionSpace) -> tuple[int, ...]:
    """Return the number of choices of each discrete dimension; empty for Box."""
    if isinstance(space, spaces.Discrete):
        return (int(space.n),)
    if isinstance(space, spaces.MultiDiscrete):
        return tuple(int(n) for n in space.nvec)
    return ()


def middle_and_half(space: spaces.Box) -> tuple[Array, Array]:
    """Return middle and half width of each entry, float32 ``(n,)``; 0 and 1 where a bound is infinite or the range empty."""
    low, high = space.low.reshape(-1), space.high.reshape(-1)
    bounded = np.isfinite(low) & np.isfinite(high) & (high > low)
    low, high = np.where(bounded, low, -1.0), np.where(bounded, high, 1.0)
    return ((low + high) / 2.0).astype(np.float32), ((high - low) / 2.0).astype(np.float32)


def columns(names: Sequence[str], unit: str = "1") -> tuple[Column, ...]:
    """Return one column of ``unit`` a name."""
    return tuple(Column(name, unit) for name in names)


def numbered_columns(prefix: str, count: int) -> tuple[Column, ...]:
    """Return ``prefix_0 …`` for spaces that name nothing."""
    return tuple(Column(f"{prefix}_{i}", "") for i in range(count))


class ActionChecker:
    """Turns raw actions into checked ones: right shape, finite, in range; Box actions are clipped and counted.

    Args:
        agents: Agent specifications in order.
        num_envs: Number of copies.
    """

    def __init__(self, agents: Sequence[AgentSpec], num_envs: int) -> None:
        self._agents = {spec.name: spec.action_space for spec in agents}
        self._num_envs = num_envs
        self._shapes = {name: (num_envs, *action_shape(space)) for name, space in self._agents.items()}
        self._bounds = {
            name: (np.broadcast_to(space.low, self._shapes[name]), np.broadcast_to(space.high, self._shapes[name]))
            for name, space in self._agents.items()
            if isinstance(space, spaces.Box)
        }
        self._ranges = {name: _range(space) for name, space in self._agents.items() if not isinstance(space, spaces.Box)}
        self._expected = [(name, self._shapes[name], self._ranges.get(name)) for name in self._agents]

    def __call__(self, actions: Mapping[str, Any], active: Mapping[str, Array] | None = None) -> tuple[dict[str, Array], Array]:
        """Return the checked actions by agent and the number of clipped entries a copy, float64 ``(num_envs,)``.

        A row within bounds is handed on as it came (no copy is made), so an environment that keeps actions must copy them.

        Args:
            actions: By agent, copies in front.
            active: Rows that count, bool ``(num_envs,)`` by agent; the others may hold anything and become a valid action. None: all count.

        Raises:
            ActionError: A missing agent, a wrong shape, NaN or an index out of range; names agent and copy.
        """
        clipped = np.zeros(self._num_envs)
        checked: dict[str, Array] = {}
        for name, shape, choice in self._expected:
            if name not in actions:
                raise ActionError(f"no action for agent '{name}'; got {sorted(actions)}")
            raw = np.asarray(actions[name])
            if raw.shape != shape:
                raise ActionError(f"action of agent '{name}' has shape {raw.shape}, expected {shape}")
            if raw.dtype.kind not in "fiub":
                raise ActionError(f"action of agent '{name}' must be numbers, not {raw.dtype}")
            if active is not None and name in active and not active[name].all():
                raw = _with_valid_rows(raw, ~active[name], self._agents[name])
            checked[name] = self._box(name, raw, clipped) if choice is None else _discrete(name, raw, *choice)
        return checked, clipped

    def _box(self, name: str, raw: Array, clipped: Array) -> Array:
        """Clip a Box action in its own precision and count clipped entries into ``clipped``."""
        low, high = self._bounds[name]
        value = raw if raw.dtype == low.dtype else raw.astype(low.dtype)
        inside = (value >= low) & (value <= high)
        if inside.all():
            return value
        if np.isnan(value).any():
            copy = int(np.flatnonzero(np.isnan(value.reshape(self._num_envs, -1)).any(axis=1))[0])
            raise ActionError(f"action of agent '{name}' is NaN in copy {copy}: {value[copy]}")
        clipped += (~inside).reshape(self._num_envs, -1).sum(axis=1)
        bounded: Array = np.clip(value, low, high)
        return bounded


def _range(space: spaces.Discrete | spaces.MultiDiscrete) -> tuple[Array, Array]:
    """Return the first choice of each dimension and the one after the last."""
    start = np.asarray(space.start)
    return start, start + np.asarray(space.n if isinstance(space, spaces.Discrete) else space.nvec)


def _discrete(name: str, raw: Array, start: Array, stop: Array) -> Array:
    """Check integer actions against their ranges."""
    if raw.dtype.kind not in "iu":
        raise ActionError(f"action of agent '{name}' must be integers, not {raw.dtype}")
    bad = (raw < start) | (raw >= stop)
    if np.count_nonzero(bad):
        copy = int(np.argwhere(bad)[0][0])
        raise ActionError(f"action of agent '{name}' in copy {copy} is {raw[copy]}, outside {start.tolist()}..{(stop - 1).tolist()}")
    checked: Array = raw.astype(np.int64, copy=False)
    return checked


def _with_valid_rows(raw: Array, idle: Array, space: ActionSpace) -> Array:
    """Replace the rows of ``idle`` by an action that every space has: zero clipped into a Box, the first choice otherwise."""
    changed = raw.copy()
    changed[idle] = np.clip(np.zeros(space.shape), space.low, space.high) if isinstance(space, spaces.Box) else space.start
    return changed
