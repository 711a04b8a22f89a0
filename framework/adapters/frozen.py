"""Step some copies of a batch while others stand still: what Gymnasium's NEXT_STEP mode asks for in the step after an end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from gymnasium import spaces

from wattloom.batched import BatchedEnvironment
from wattloom.environment import ActionSpace, Array, Environment, Snapshot, StepResult
from wattloom.spaces import action_shape


def step_but(environment: Environment, actions: Mapping[str, Array], frozen: Array, before: Snapshot) -> StepResult:
    """Step every copy except those of ``frozen``, whose actions are ignored.

    The whole batch steps and the frozen rows are then put back, which the row-wise state of the contract makes exact (of ours only those rows are
    saved, unless a class keeps more than its arrays). An environment that can leave copies out by itself offers ``step_active(actions, active)``
    and is asked for that.

    Args:
        environment: The batch; no copy awaits a reset.
        actions: By agent, copies in front.
        frozen: Bool ``(num_envs,)``.
        before: The snapshot before the step.

    Returns:
        The result with the frozen rows' earlier observations, reward 0, flags False and metrics 0.
    """
    own = getattr(environment, "step_active", None)
    if own is not None:
        result: StepResult = own(actions, ~frozen)
        return result
    harmless = _with_harmless_rows(environment, actions, frozen, before)
    if isinstance(environment, BatchedEnvironment) and type(environment).get_state is BatchedEnvironment.get_state:
        copies = np.flatnonzero(frozen)
        rows = environment.get_rows(copies)
        result = environment.step(harmless)
        environment.put_rows(copies, rows)
    else:
        saved = environment.get_state()
        result = environment.step(harmless)
        environment.set_state(_merge(environment.get_state(), saved, frozen))
    return StepResult(
        _merge_snapshot(result.snapshot, before, frozen),
        {name: np.where(frozen, 0.0, value) for name, value in result.rewards.items()},
        result.terminated & ~frozen,
        result.truncated & ~frozen,
        {name: np.where(frozen, 0.0, value) for name, value in result.metrics.items()},
        None if result.agent_terminated is None else {name: value & ~frozen for name, value in result.agent_terminated.items()},
    )


def _with_harmless_rows(environment: Environment, actions: Mapping[str, Array], frozen: Array, before: Snapshot) -> dict[str, Array]:
    """Replace the frozen rows of ``actions``, which may hold anything, by a valid action."""
    valid: dict[str, Array] = {}
    for spec in environment.agents:
        action = np.array(actions[spec.name])
        masks = None if before.action_masks is None else before.action_masks.get(spec.name)
        for i in np.flatnonzero(frozen):
            action[i] = valid_action(spec.action_space, None if masks is None else masks[i])
        valid[spec.name] = action
    return valid


def valid_action(space: ActionSpace, mask: Array | None = None) -> Array:
    """Return an action that is always allowed: zero clipped into a Box, the first allowed choice otherwise."""
    if isinstance(space, spaces.Box):
        return np.clip(np.zeros(space.shape, dtype=space.dtype), space.low, space.high)
    if mask is None:
        return np.full(action_shape(space), space.start) if isinstance(space, spaces.Discrete) else np.array(space.start)
    if isinstance(space, spaces.Discrete):
        return np.asarray(space.start + int(np.argmax(mask)))
    ends = np.cumsum(space.nvec)
    return np.array([start + int(np.argmax(mask[end - n : end])) for n, end, start in zip(space.nvec, ends, space.start, strict=True)])


def _merge(new: Any, old: Any, keep_old: Array) -> Any:
    """Return the tree ``new`` with the rows of ``keep_old`` taken from ``old``; every leaf has one row a copy."""
    if isinstance(new, Mapping):
        return {name: _merge(value, old[name], keep_old) for name, value in new.items()}
    if isinstance(new, np.ndarray):
        shape = (len(keep_old),) + (1,) * (new.ndim - 1)
        return np.where(keep_old.reshape(shape), old, new)
    return [old[i] if keep_old[i] else new[i] for i in range(len(keep_old))]


def _merge_snapshot(new: Snapshot, old: Snapshot, keep_old: Array) -> Snapshot:
    """Return ``new`` with the rows of ``keep_old`` as they were."""
    parts: dict[str, Any] = {}
    for name in (f.name for f in fields(new)):
        value = getattr(new, name)
        parts[name] = None if value is None else _merge(value, value if getattr(old, name) is None else getattr(old, name), keep_old)
    return Snapshot(**parts)
