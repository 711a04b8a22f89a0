"""Load shifting: a fluid queue with a deadline, conserved to the last digit.

Work is measured in capacity-steps. Cumulative accepted arrivals A (a ring) and cumulative executed work R give the queue q = A - R and the age of
everything in it, first in first out. In a step with demand w, flexible share f, capacity cap and action a in [-1, 1]:

    fixed work n = (1 - f) w runs first; what does not fit joins the arrivals r = f w + (n - min(n, cap))
    wish = (1 + min(a, 0)) r + max(a, 0) q          (-1 defers all, 0 passes through, +1 drains all)
    e = min(max(wish, due, q + r - Q_max), room left, q + r);   dropped = clip(q + r - e - Q_max, 0, r)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from wattloom.components.envs.datacenter.protocol import ActionKind, Control, Inputs, Site, State, Work, three_way, unit_interval
from wattloom.components.physics.compiled import compiled, constants, law, quickest
from wattloom.environment import Array, Column
from wattloom.errors import ConfigError

LEVELS = np.array([-1.0, 0.0, 1.0])  # defer, pass, process


class QueueConstants(NamedTuple):
    """Constants of the queue.

    Attributes:
        flexible: f.
        limit: Q_max, capacity-steps.
    """

    flexible: float
    limit: float


@law
def queue_step(p: QueueConstants, wish: Array, w: Array, capacity: Array, queue: Array, due: Array) -> tuple[Array, ...]:
    """Return what a step runs and keeps, in capacity-steps.

    Args:
        p: Constants.
        wish: a, -1 .. 1.
        w: Demand of the step.
        capacity: Share of IT that may run.
        queue: q before the step.
        due: Work in the queue that passes its deadline unless it runs now; may be negative.

    Returns:
        Fixed work run, flexible work executed, dropped, overdue afterwards, and flexible work that arrived.
    """
    fixed = (1.0 - p.flexible) * w
    fixed_run = np.minimum(fixed, capacity)
    arrivals = p.flexible * w + (fixed - fixed_run)
    waiting = queue + arrivals
    wanted = (1.0 + np.minimum(wish, 0.0)) * arrivals + np.maximum(wish, 0.0) * queue
    wanted = np.maximum(np.maximum(wanted, due), np.maximum(waiting - p.limit, 0.0))
    executed = np.minimum(np.minimum(wanted, capacity - fixed_run), waiting)
    dropped = np.minimum(np.maximum(waiting - executed - p.limit, 0.0), arrivals)
    return fixed_run, executed, dropped, np.maximum(due - executed, 0.0), arrivals


def queue_rows(
    p: QueueConstants, wish: Array, w: Array, capacity: Array, deadline: int, ring: Array, added: Array, done: Array, time: Array
) -> tuple[Array, ...]:
    """Advance every copy's ring (A at slot t mod length), A, R and t in place.

    Returns:
        Utilisation, queue, dropped, overdue, arrivals, executed, ``(num_envs,)`` each.
    """
    copies, slots = np.arange(len(time)), ring.shape[1]
    due = ring[copies, (time + 1 - deadline) % slots] - done
    fixed_run, executed, dropped, overdue, arrivals = queue_step(p, wish, w, capacity, added - done, due)
    added += arrivals - dropped
    done += executed
    time += 1
    ring[copies, time % slots] = added
    return fixed_run + executed, np.maximum(added - done, 0.0), dropped, overdue, arrivals, executed


@compiled
def queue_loop(
    p: QueueConstants, wish: Array, w: Array, capacity: Array, deadline: int, ring: Array, added: Array, done: Array, time: Array
) -> Array:
    """Do what :func:`queue_rows` does, copy by copy; ``(6, num_envs)``."""
    out, slots = np.empty((6, len(time))), ring.shape[1]
    for i in range(len(time)):
        due = ring[i, (time[i] + 1 - deadline) % slots] - done[i]
        fixed_run, executed, dropped, overdue, arrivals = queue_step(p, wish[i], w[i], capacity[i], added[i] - done[i], due)
        added[i] += arrivals - dropped
        done[i] += executed
        time[i] += 1
        ring[i, time[i] % slots] = added[i]
        out[0, i], out[1, i], out[2, i] = fixed_run + executed, max(added[i] - done[i], 0.0), dropped
        out[3, i], out[4, i], out[5, i] = overdue, arrivals, executed
    return out


def view_rows(limit: float, back: Array, ring: Array, added: Array, done: Array, time: Array) -> Array:
    """Return the queue as agents see it, ``(num_envs, 8)``; ``back``: steps that the view looks back in the ring, ``(6,)``."""
    older = np.maximum(ring[np.arange(len(time))[:, None], (time[:, None] - back) % ring.shape[1]] - done[:, None], 0.0)
    queue = np.maximum(added - done, 0.0)
    out = np.empty((len(time), 8))
    out[:, 0] = queue / limit
    share = older[:, :4] / np.maximum(queue, 1e-9)[:, None]
    out[:, 1] = queue > 1e-9
    out[:, 2:6] = share
    out[:, 1:5] -= share
    out[:, 6:] = older[:, 4:] / limit
    return out


@compiled
def view_loop(limit: float, back: Array, ring: Array, added: Array, done: Array, time: Array) -> Array:
    """Do what :func:`view_rows` does, copy by copy."""
    out, slots = np.empty((len(time), 8)), ring.shape[1]
    for i in range(len(time)):
        queue = max(added[i] - done[i], 0.0)
        out[i, 0] = queue / limit
        out[i, 1] = 1.0 if queue > 1e-9 else 0.0
        for k in range(4):
            share = max(ring[i, (time[i] - back[k]) % slots] - done[i], 0.0) / max(queue, 1e-9)
            out[i, k + 2] = share
            out[i, k + 1] -= share
        for k in range(4, 6):
            out[i, k + 2] = max(ring[i, (time[i] - back[k]) % slots] - done[i], 0.0) / limit
    return out


@dataclass
class FluidQueue:
    """Flexible work waits up to a deadline.

    Attributes:
        flexible_share: Share of the demand that may wait.
        deadline_h: h, longest wait.
        queue_limit_h: h, most work that waits, in hours of full capacity.

    Raises:
        ConfigError: A value out of range.
    """

    flexible_share: float = 0.3
    deadline_h: float = 24.0
    queue_limit_h: float = 6.0

    def __post_init__(self) -> None:
        if not 0 <= self.flexible_share <= 1:
            raise ConfigError(f"load_shifting.flexible_share={self.flexible_share}: give a share of 0 .. 1")
        if self.deadline_h <= 0 or self.queue_limit_h <= 0:
            raise ConfigError(f"load_shifting.deadline_h={self.deadline_h}, queue_limit_h={self.queue_limit_h}: give positive hours")

    def bind(self, site: Site) -> None:
        """Count the deadline in steps."""
        steps = self.deadline_h / site.step_hours
        self.deadline = round(steps)
        if self.deadline < 1 or abs(steps - self.deadline) > 1e-9:
            raise ConfigError(f"load_shifting.deadline_h={self.deadline_h} is no whole number of steps of {site.step_seconds:g} s")
        self.limit = self.queue_limit_h / site.step_hours
        self._constants = constants(QueueConstants, self.flexible_share, self.limit)
        self._step, self._look = quickest(queue_rows, queue_loop), quickest(view_rows, view_loop)
        self._ring = self.deadline + 2
        ages = np.array([6.0, 12.0, 18.0, 24.0]) / site.step_hours
        ages = np.minimum(np.round(ages).astype(np.int64), self._ring - 1)
        hour = min(max(round(1.0 / site.step_hours), 1), self.deadline - 1)
        self._back = np.concatenate([ages, [self.deadline - hour, self.deadline]])  # steps back in the ring that the view looks

    def control(self, kind: ActionKind) -> Control:
        """Return defer, pass, process; or a number: -1 defers all new work, +1 drains the queue."""
        self._discrete = kind == "discrete"
        if self._discrete:
            return three_way(Column("shift", "1"), ("defer", "pass", "process"))
        return unit_interval(Column("shift", "1"))

    def initial(self, num_envs: int) -> State:
        """Return the ring A, the executed work R and the time."""
        return {
            "queue_ring": np.zeros((num_envs, self._ring)),  # A(t) at slot t mod (D + 2), capacity-steps
            "queue_added": np.zeros(num_envs),
            "queue_done": np.zeros(num_envs),
            "queue_time": np.zeros(num_envs, dtype=np.int64),
        }

    def begin(self, state: State, copies: Array) -> None:
        """Start with an empty queue."""
        for name in ("queue_ring", "queue_added", "queue_done", "queue_time"):
            state[name][copies] = 0

    def execute(self, state: State, inputs: Inputs, action: Array, capacity: Array | float) -> Work:
        """Take in the demand of a step and run a share of it."""
        wish = LEVELS.take(action) if self._discrete else action
        room = capacity if isinstance(capacity, np.ndarray) else np.full(len(wish), float(capacity))
        before = (state["queue_ring"], state["queue_added"], state["queue_done"], state["queue_time"])
        run, queue, dropped, overdue, arrivals, executed = self._step(self._constants, wish, inputs.demand, room, self.deadline, *before)
        return Work(run, queue, dropped, overdue, arrivals, {"executed": executed})

    def view(self, state: State) -> Array:
        """Return queue over its limit, shares of its work by age, work due within an hour and overdue work over the limit, ``(num_envs, 8)``."""
        view: Array = self._look(
            self.limit, self._back, state["queue_ring"], state["queue_added"], state["queue_done"], state["queue_time"]
        )
        return view
