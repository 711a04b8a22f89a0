"""Play an environment in a way that can be repeated exactly, and compare what was seen."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from gymnasium import spaces

from wattloom.adapters import as_environment
from wattloom.environment import ActionSpace, Array, Environment, Snapshot, StepResult
from wattloom.spaces import action_shape

Seen: TypeAlias = dict[str, Array]  # what was seen at one moment: description to array, copies in front
Build: TypeAlias = Callable[[int], Environment]


def builder(factory: Any) -> Build:
    """Return a function of the number of copies; third-party classes are adapted."""
    return lambda num_envs: as_environment(factory, num_envs)


def snapshot_values(snapshot: Snapshot) -> Seen:
    """Return deep copies of everything in a snapshot, by description."""
    seen = {f"observation of agent '{name}'": np.array(value) for name, value in snapshot.observations.items()}
    if snapshot.state is not None:
        seen["central state"] = np.array(snapshot.state)
    for name, value in (snapshot.action_masks or {}).items():
        seen[f"action mask of agent '{name}'"] = np.array(value)
    for name, value in snapshot.observations.items():
        everywhere = np.ones(len(value), dtype=bool)  # where nobody is away, active may be None
        seen[f"activity of agent '{name}'"] = np.array((snapshot.active or {}).get(name, everywhere))
    return seen


def result_values(result: StepResult) -> Seen:
    """Return deep copies of everything in a step result, by description."""
    seen = snapshot_values(result.snapshot)
    seen |= {f"reward of agent '{name}'": np.array(value) for name, value in result.rewards.items()}
    seen |= {"terminated": np.array(result.terminated), "truncated": np.array(result.truncated)}
    seen |= {f"metric '{name}'": np.array(value) for name, value in result.metrics.items()}
    return seen


class Actor:
    """Random valid actions that depend on copy and step alone, so that every run can repeat them.

    Args:
        environment: Whose spaces.
        rows: Number of each copy in the numbering of the actions (a batch of one can play the part of copy 2).
        seed: Of the actions.
    """

    def __init__(self, environment: Environment, rows: Sequence[int] | None = None, seed: int = 0) -> None:
        self._agents = environment.agents
        self._streams = [np.random.default_rng([seed, row]) for row in (range(environment.num_envs) if rows is None else rows)]

    def act(self, snapshot: Snapshot) -> dict[str, Array]:
        """Draw one action a copy and agent."""
        actions = {}
        for spec in self._agents:
            masks = None if snapshot.action_masks is None else snapshot.action_masks.get(spec.name)
            drawn = [_draw(spec.action_space, stream, None if masks is None else masks[i]) for i, stream in enumerate(self._streams)]
            actions[spec.name] = np.stack(drawn).astype(spec.action_space.dtype)
        return actions


def play(environment: Environment, seed: Any, steps: int, actor: Actor | None = None) -> list[Seen]:
    """Reset to ``seed`` and take ``steps`` random steps, beginning anew what ends; return everything seen."""
    snapshot = environment.reset(seed=seed)
    return [snapshot_values(snapshot), *go_on(environment, snapshot, steps, actor or Actor(environment))]


def go_on(environment: Environment, snapshot: Snapshot, steps: int, actor: Actor) -> list[Seen]:
    """Take ``steps`` random steps from ``snapshot``, beginning anew what ends; return everything seen."""
    seen: list[Seen] = []
    for _ in range(steps):
        result = environment.step(actor.act(snapshot))
        seen.append(result_values(result))
        snapshot = result.snapshot
        if result.ended.any():
            snapshot = environment.reset(mask=result.ended)
            seen.append(snapshot_values(snapshot))
    return seen


def kept(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot of the caller's own memory."""
    return copy.deepcopy(snapshot)


def of_copy(seen: Sequence[Seen], row: int) -> list[Seen]:
    """Return what one copy went through: its row of every step, and of a reset only where its own episode had ended."""
    own: list[Seen] = []
    ended = True
    for moment in seen:
        is_step = "terminated" in moment
        if is_step or ended:
            own.append({name: value[row : row + 1] for name, value in moment.items()})
        ended = is_step and bool(moment["terminated"][row] | moment["truncated"][row])
    return own


def difference(first: Sequence[Seen], second: Sequence[Seen], row: int | None = None) -> str:
    """Say where two plays differ first, or return an empty text; ``row`` compares that copy of both alone."""
    one_by_one = zip(*((seen if row is None else of_copy(seen, row)) for seen in (first, second)), strict=False)
    for moment, (one, two) in enumerate(one_by_one):
        if one.keys() != two.keys():
            return f"an episode ends in one play alone, or {sorted(one.keys() ^ two.keys())[0]} is missing in one, at moment {moment}"
        for name in one:
            if not _equal(one[name], two[name]):
                return f"{name}{_where(one[name], two[name], row)} {f'at moment {moment}' if moment else 'after the reset'}"
    return ""


def _equal(a: Array, b: Array) -> bool:
    """Return whether two arrays are equal bit for bit (NaN equals NaN)."""
    return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _where(a: Array, b: Array, row: int | None) -> str:
    """Name the first copy that differs."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return f" ({a.dtype} {a.shape} and {b.dtype} {b.shape})"
    found = next(i for i in range(len(a)) if not _equal(np.asarray(a[i]), np.asarray(b[i])))
    return f" in copy {found if row is None else row}"


def _draw(space: ActionSpace, stream: np.random.Generator, mask: Array | None) -> Array:
    """Draw one valid action."""
    if isinstance(space, spaces.Box):
        low, high = np.maximum(space.low, -1e3), np.minimum(space.high, 1e3)
        return stream.uniform(low, high).astype(space.dtype).clip(space.low, space.high)
    counts = [int(space.n)] if isinstance(space, spaces.Discrete) else [int(n) for n in space.nvec]
    allowed = [np.ones(n, dtype=bool) for n in counts] if mask is None else np.split(mask, np.cumsum(counts)[:-1])
    chosen = [int(stream.choice(np.flatnonzero(one))) if one.any() else 0 for one in allowed]
    return np.asarray(chosen).reshape(action_shape(space)) + np.asarray(space.start)


def scribble(values: Mapping[str, Any] | None) -> None:
    """Overwrite every writeable array, as a careless caller might."""
    for value in (values or {}).values():
        if isinstance(value, np.ndarray) and value.flags.writeable:
            value[...] = 1 if value.dtype == np.bool_ else 77
