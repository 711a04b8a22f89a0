"""The tasks of SustainDC's queue in a step: how many wait, run and are dropped, and the ages of those that wait, for one copy or for all.

The age of every task is known without a list: tasks are numbered in order of arrival, A(t) counts those added until step t, R those removed, and a ring
indexed by task number holds the running sum of arrival steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wattloom.components.physics.compiled import compiled, law
from wattloom.environment import Array

DAY = 96  # steps of 15 min
RING = 128  # steps of A(t) kept, more than 97
TASKS = 1024  # tasks of the stamp ring, at least the queue limit plus one step's arrivals
BATCH = np.arange(1, 21)  # at most 20 tasks arrive in a step
AGES = np.array([0, 24, 48, 72, 96])  # steps
CEILING = 90  # tasks a step, up to which overdue and queued tasks are run


@law
def tasks(limit: int, action: Any, fixed: Any, flexible: Any, overdue: Any, queued: Any) -> tuple[Any, Any, Any, Any]:
    """Return tasks forced to run, deferred, dropped and processed; ``action`` 0 defers, 1 passes, 2 processes."""
    room = np.maximum(CEILING - fixed - flexible, 0)
    forced = np.minimum(overdue, room)
    room, queued = room - forced, queued - forced
    deferred = (action == 0) * np.minimum(flexible, limit - queued)
    dropped = (action == 0) * flexible - deferred
    processed = (action == 2) * np.minimum(np.minimum(flexible, room), queued)
    return forced, deferred, dropped, processed


def advance(
    limit: int, action: Array, w: Array, step: Array, added: Array, removed: Array, history: Array, stamps: Array, view: Array
) -> tuple[Array, Array]:
    """Run one step of every copy; A, R and the rings change in place.

    Args:
        limit: Tasks that may wait.
        action: 0 .. 2, ``(num_envs,)``.
        w: Demand, share of capacity.
        step: t.
        added: A, tasks.
        removed: R, tasks.
        history: A(t) by step, ``(num_envs, RING)``.
        stamps: Sum of arrival steps of the tasks before a number, ``(num_envs, TASKS)``.
        view: Written: oldest and mean age in days, queue over its limit, five age shares, ``(num_envs, 8)``.

    Returns:
        Utilisation ``(num_envs,)``, and counts ``(5, num_envs)``: waiting, dropped, processed, overdue and arrived tasks.
    """
    fixed, flexible = np.ceil(w * 0.8 * 100).astype(np.int64), np.floor(w * 0.2 * 100).astype(np.int64)
    rows = np.arange(len(step))
    overdue = np.maximum(history[rows, (step - DAY - 1) % RING] - removed, 0)
    queued = added - removed
    forced, deferred, dropped, processed = tasks(limit, action, fixed, flexible, overdue, queued)
    removed += forced + processed
    _append(deferred, rows, step, added, history, stamps)
    _look(limit, rows, step, added, removed, history, stamps, view)
    step += 1
    u = (
        flexible - deferred + processed + forced
    ) / 100 + fixed / 100  # in this order: the truncation of the tasks computed sees the last bit
    return u, np.stack([queued - forced + deferred - processed, dropped, processed, overdue, flexible])


def _append(deferred: Array, rows: Array, step: Array, added: Array, history: Array, stamps: Array) -> None:
    """Number the new tasks and remember their arrival step."""
    who = np.flatnonzero(deferred)
    if len(who):
        flat, batch = stamps.reshape(-1), BATCH[: int(deferred.max())]
        base, number, now = who * TASKS, added[who], step[who]
        total = flat.take(base + number % TASKS)
        flat[base[:, None] + (number[:, None] + batch) % TASKS] = total[:, None] + batch * now[:, None]
    added += deferred
    history[rows, step % RING] = added


def _look(limit: int, rows: Array, step: Array, added: Array, removed: Array, history: Array, stamps: Array, view: Array) -> None:
    """Write the observation entries of the queue after the action."""
    count = added - removed
    some = np.maximum(count, 1)
    first = stamps[rows, removed % TASKS]
    view[:, 0] = (count > 0) * (step - (stamps[rows, (removed + 1) % TASKS] - first)) / DAY
    view[:, 1] = (count > 0) * (step - (stamps[rows, added % TASKS] - first) / some) / DAY
    view[:, 2] = count / limit
    until = history[rows[:, None], (step[:, None] - AGES) % RING] - removed[:, None]
    until = np.maximum(until, 0)  # tasks of at least 0, 24 .. 96 steps of age
    view[:, 3:] = until / some[:, None]
    view[:, 3:7] -= view[:, 4:8]
    view[:, 7] = until[:, 4] > 0


@compiled
def advance_loop(
    limit: int, action: Array, w: Array, step: Array, added: Array, removed: Array, history: Array, stamps: Array, view: Array
) -> tuple[Array, Array]:
    """Do what :func:`advance` does, copy by copy."""
    n = len(step)
    u, counts = np.empty(n), np.empty((5, n), dtype=np.int64)
    for i in range(n):
        t, fixed, flexible = step[i], int(np.ceil(w[i] * 0.8 * 100)), int(np.floor(w[i] * 0.2 * 100))
        overdue, queued = max(history[i, (t - DAY - 1) % RING] - removed[i], 0), added[i] - removed[i]
        forced, deferred, dropped, processed = tasks(limit, action[i], fixed, flexible, overdue, queued)
        removed[i] += forced + processed
        total = stamps[i, added[i] % TASKS]
        for k in range(1, deferred + 1):
            stamps[i, (added[i] + k) % TASKS] = total + k * t
        added[i] += deferred
        history[i, t % RING] = added[i]
        count = added[i] - removed[i]
        some, first = max(count, 1), stamps[i, removed[i] % TASKS]
        view[i, 0] = (t - (stamps[i, (removed[i] + 1) % TASKS] - first)) / DAY if count > 0 else 0.0
        view[i, 1] = (t - (stamps[i, added[i] % TASKS] - first) / some) / DAY if count > 0 else 0.0
        view[i, 2] = count / limit
        for k in range(5):
            view[i, 3 + k] = max(history[i, (t - AGES[k]) % RING] - removed[i], 0) / some
        oldest = view[i, 7] > 0
        for k in range(4):
            view[i, 3 + k] -= view[i, 4 + k]
        view[i, 7] = 1.0 if oldest else 0.0
        step[i] = t + 1
        u[i] = (flexible - deferred + processed + forced) / 100 + fixed / 100
        counts[0, i], counts[1, i], counts[2, i] = queued - forced + deferred - processed, dropped, processed
        counts[3, i], counts[4, i] = overdue, flexible
    return u, counts
