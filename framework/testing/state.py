"""Faults of saving and restoring: a saved state continues bit for bit, and its rows are independent of each other."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from wattloom.environment import Environment
from wattloom.testing.finding import Finding
from wattloom.testing.session import Actor, Build, Seen, difference, play, result_values, snapshot_values


def check_state(build: Build, steps: int) -> Iterator[Finding]:
    """Save, go on, restore into a fresh environment and go on again; then restore with the copies in another order."""
    original = build(3)
    play(original, 41, steps)
    if getattr(original, "resume_promise", "state") == "episode":
        return
    state = original.get_state()
    bad = list(_bad_leaves(state, 3))
    if bad:
        yield Finding("state-rows-invalid", f"leaves of get_state() must have one row a copy; these have not: {bad[:5]}")
        return
    saved = copy.deepcopy(state)
    once = _continue(original, steps, [0, 1, 2])
    again = build(3)
    again.set_state(saved)
    if where := difference(once, _continue(again, steps, [0, 1, 2])):
        yield Finding("state-not-restored", f"a fresh environment continues differently from the saved state: {where}")
        return
    aliased = build(3)
    aliased.set_state(state)
    if where := difference(once, _continue(aliased, steps, [0, 1, 2])):
        yield Finding("state-aliases-environment", f"the state changed while the environment went on: {where}")
    order = [2, 0, 1]
    shuffled = build(3)
    shuffled.set_state(_selected(saved, order))
    other = _continue(shuffled, steps, order)
    for place, row in enumerate(order):
        if where := difference(_rows(once, row), _rows(other, place)):
            yield Finding("state-rows-not-independent", f"copy {row} restored as copy {place} goes on differently: {where}")
            return


def _continue(environment: Environment, steps: int, rows: Sequence[int]) -> list[Seen]:
    """Reset what has ended (the same copies in every restored environment) and take random steps; every step of every copy is recorded."""
    nobody = np.zeros(environment.num_envs, dtype=bool)
    snapshot = environment.reset(mask=np.array(getattr(environment, "needs_reset", nobody), dtype=bool))
    actor = Actor(environment, rows, seed=5)
    seen = [snapshot_values(snapshot)]
    for _ in range(steps):
        result = environment.step(actor.act(snapshot))
        seen.append(result_values(result))
        snapshot = environment.reset(mask=result.ended)
        seen.append(snapshot_values(snapshot))
    return seen


def _rows(seen: Sequence[Seen], row: int) -> list[Seen]:
    """Return one copy's row of every moment."""
    return [{name: value[row : row + 1] for name, value in moment.items()} for moment in seen]


def _selected(tree: Any, rows: Sequence[int]) -> Any:
    """Return the rows of every leaf."""
    if isinstance(tree, Mapping):
        return {name: _selected(value, rows) for name, value in tree.items()}
    return tree[list(rows)] if isinstance(tree, np.ndarray) else [copy.deepcopy(tree[i]) for i in rows]


def _bad_leaves(tree: Any, num_envs: int, path: str = "") -> Iterator[str]:
    """Name the leaves that are neither an array nor a list with one row a copy."""
    if isinstance(tree, Mapping):
        for name, value in tree.items():
            yield from _bad_leaves(value, num_envs, f"{path}.{name}" if path else str(name))
    elif not (isinstance(tree, np.ndarray) and tree.ndim and len(tree) == num_envs) and not (
        isinstance(tree, list) and len(tree) == num_envs
    ):
        yield path
