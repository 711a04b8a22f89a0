"""Load shifting: a fluid queue with a deadline, conserved to the last digit.

Work is measured in capacity-steps. Cumulative accepted arrivals A (a ring) and cumulative executed work R give the queue q = A - R and the age of
everything in it, first in first out. In a step with demand w, flexible share f, capacity cap and action a in [-1, 1]:

    fixed work n = (1 - f) w runs first; what does not fit joins the arrivals r = f w + (n - min(n, cap))
    wish = (1 + min(a, 0)) r + max(a, 0) q          (-1 defers all, 0 passes through, +1 drains all)
    e = min(max(wish, due, q + r - Q_max), room left, q + r);   dropped = clip(q + r - e - Q_max, 0, r)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wattloom.components.envs.datacenter.protocol import ActionKind, Control, Inputs, Site, State, Work, three_way, unit_interval
from wattloom.environment import Array, Column
from wattloom.errors import ConfigError

LEVELS = np.array([-1.0, 0.0, 1.0])  # defer, pass, process
AGE_SHARES = 5


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
        w, done, added, t = inputs.demand, state["queue_done"], state["queue_added"], state["queue_time"]
        fixed = (1.0 - self.flexible_share) * w
        fixed_run = np.minimum(fixed, capacity)
        arrivals = self.flexible_share * w + (fixed - fixed_run)
        left = capacity - fixed_run
        queue = added - done
        waiting = queue + arrivals
        slots = np.arange(len(t)) * self._ring
        ring = state["queue_ring"].reshape(-1)

        due = ring.take(slots + (t + 1 - self.deadline) % self._ring) - done
        wanted = (1.0 + np.minimum(wish, 0.0)) * arrivals + np.maximum(wish, 0.0) * queue
        wanted = np.maximum(np.maximum(wanted, due), np.maximum(waiting - self.limit, 0.0))
        executed = np.minimum(np.minimum(wanted, left), waiting)
        dropped = np.minimum(np.maximum(waiting - executed - self.limit, 0.0), arrivals)

        added = added + (arrivals - dropped)
        done = done + executed
        ring[slots + (t + 1) % self._ring] = added
        overdue = np.maximum(due - executed, 0.0)
        state.update(queue_added=added, queue_done=done, queue_time=t + 1)
        return Work(fixed_run + executed, np.maximum(added - done, 0.0), dropped, overdue, arrivals, {"executed": executed})

    def view(self, state: State) -> Array:
        """Return queue over its limit, shares of its work by age, work due within an hour and overdue work over the limit, ``(num_envs, 8)``."""
        done, t = state["queue_done"], state["queue_time"]
        slots = (np.arange(len(t)) * self._ring)[:, None] + (t[:, None] - self._back) % self._ring
        older = np.maximum(state["queue_ring"].reshape(-1).take(slots) - done[:, None], 0.0)
        queue = np.maximum(state["queue_added"] - done, 0.0)
        out = np.empty((len(t), 8))
        out[:, 0] = queue / self.limit
        share = older[:, :4] / np.maximum(queue, 1e-9)[:, None]
        out[:, 1] = queue > 1e-9
        out[:, 2:6] = share
        out[:, 1:5] -= share
        out[:, 6:] = older[:, 4:] / self.limit
        return out
