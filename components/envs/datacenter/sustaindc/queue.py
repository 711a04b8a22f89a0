"""SustainDC's load shifting: a first-in-first-out queue of tasks of 1 % of capacity.

20 % of the demand can wait. All counts are integers. A task is overdue when it is OLDER than 24 h; overdue tasks run first, but only up to 90 % load.
Defects kept on purpose: rounding of the shares up and down; "process" runs at most as many tasks as arrive; tasks refused by a full queue are counted
as dropped and run at once all the same; whatever is queued at the end of an episode vanishes.
"""

from __future__ import annotations

import numpy as np

from wattloom.components.envs.datacenter.protocol import ActionKind, Control, Inputs, Site, State, Work, three_way
from wattloom.components.envs.datacenter.sustaindc.queue_rings import RING, TASKS, advance, advance_loop
from wattloom.components.physics.compiled import quickest
from wattloom.environment import Array, Column
from wattloom.errors import ConfigError

LIMIT = 1000


class SustainDcQueue:
    """The original's queue.

    Args:
        queue_limit: Tasks, at most 1000 (what the original uses whatever is configured).
    """

    def __init__(self, queue_limit: int = LIMIT) -> None:
        if not 1 <= queue_limit <= LIMIT:
            raise ConfigError(f"load_shifting.queue_limit={queue_limit}: give 1 .. {LIMIT} tasks")
        self.queue_limit = queue_limit

    def bind(self, site: Site) -> None:
        """Refuse another step than 15 minutes: ages are counted in quarter hours."""
        if site.step_seconds != 900:
            raise ConfigError(f"load_shifting=sustaindc works on steps of 900 s, not {site.step_seconds:g} s")

    def control(self, kind: ActionKind) -> Control:
        """Return the three choices of the original."""
        if kind != "discrete":
            raise ConfigError("load_shifting=sustaindc knows discrete actions only: set env.actions=discrete")
        return three_way(Column("shift", "1"), ("defer", "pass", "process"))

    def initial(self, num_envs: int) -> State:
        """Return the counters and rings."""
        return {
            "queue_step": np.zeros(num_envs, dtype=np.int64),
            "queue_added": np.zeros(num_envs, dtype=np.int64),  # A, tasks
            "queue_removed": np.zeros(num_envs, dtype=np.int64),  # R, tasks
            "queue_history": np.zeros((num_envs, RING), dtype=np.int64),  # A(t) by step
            "queue_stamps": np.zeros((num_envs, TASKS), dtype=np.int64),  # sum of arrival steps of the tasks before a number
            "queue_view": np.zeros((num_envs, 8)),  # oldest age/24, mean age/24, share of limit, five age shares
        }

    def begin(self, state: State, copies: Array) -> None:
        """Start with an empty queue."""
        for name in ("queue_step", "queue_added", "queue_removed", "queue_history", "queue_stamps", "queue_view"):
            state[name][copies] = 0

    def execute(self, state: State, inputs: Inputs, action: Array, capacity: Array | float) -> Work:
        """Run one step of 15 minutes; the original knows no throttle and ignores ``capacity``."""
        names = ("queue_step", "queue_added", "queue_removed", "queue_history", "queue_stamps", "queue_view")
        u, counts = quickest(advance, advance_loop)(self.queue_limit, action, inputs.demand, *(state[name] for name in names))
        waiting, dropped, processed, overdue, _ = counts
        view = state["queue_view"].copy()  # the next step writes into the state
        extra = {
            "tasks_in_queue": waiting,
            "tasks_dropped": dropped,
            "tasks_processed": processed,
            "overdue_tasks": overdue,
            "computed_tasks": (u * 100).astype(np.int64),  # truncates: 0.29 * 100 -> 28
            "oldest_age": view[:, 0],
            "mean_age": view[:, 1],
            "age_histogram": view[:, 3:],
        }
        shares = counts / 100
        return Work(u, shares[0], shares[1], shares[3], shares[4], extra)

    def view(self, state: State) -> Array:
        """Return queue over its limit and five age shares; nothing is ever due here, and overdue work shows as older than 24 h."""
        out = np.zeros((len(state["queue_step"]), 8))
        out[:, :6] = state["queue_view"][:, 2:]
        return out
