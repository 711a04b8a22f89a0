"""SustainDC's load shifting: a first-in-first-out queue of tasks of 1 % of capacity.

20 % of the demand can wait. All counts are integers. A task is overdue when it is OLDER than 24 h; overdue tasks run first, but only up to 90 % load.
Defects kept on purpose: rounding of the shares up and down; "process" runs at most as many tasks as arrive; tasks refused by a full queue are counted
as dropped and run at once all the same; whatever is queued at the end of an episode vanishes.

The age of every task is known without a list: tasks are numbered in order of arrival, A(t) counts those added until step t, R those removed, and a ring
indexed by task number holds the running sum of arrival steps.
"""

from __future__ import annotations

import numpy as np

from wattloom.components.envs.datacenter.protocol import ActionKind, Control, Inputs, Site, State, Work, three_way
from wattloom.environment import Array, Column
from wattloom.errors import ConfigError

DAY = 96  # steps of 15 min
RING = 128  # steps of A(t) kept, more than 97
TASKS = 1024  # tasks of the stamp ring, at least the queue limit plus one step's arrivals
BATCH = np.arange(1, 21)  # at most 20 tasks arrive in a step
AGES = np.array([0, 24, 48, 72, 96])  # steps
LIMIT = 1000
CEILING = 90  # tasks a step, up to which overdue and queued tasks are run


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
        w, t = inputs.demand, state["queue_step"]
        fixed, flexible = np.ceil(w * 0.8 * 100).astype(np.int64), np.floor(w * 0.2 * 100).astype(np.int64)
        rows = np.arange(len(t))
        overdue = np.maximum(state["queue_history"][rows, (t - DAY - 1) % RING] - state["queue_removed"], 0)
        queued = state["queue_added"] - state["queue_removed"]

        room = np.maximum(CEILING - fixed - flexible, 0)
        forced = np.minimum(overdue, room)
        room, queued = room - forced, queued - forced
        defers = action == 0
        deferred = defers * np.minimum(flexible, self.queue_limit - queued)
        dropped = defers * flexible - deferred
        processed = (action == 2) * np.minimum(np.minimum(flexible, room), queued)

        state["queue_removed"] = state["queue_removed"] + (forced + processed)
        self._append(state, rows, deferred)
        view, histogram = self._view(state, rows)
        state["queue_step"] = t + 1
        u = (flexible - deferred + processed + forced) / 100 + fixed / 100  # in this order: the truncation below sees the last bit
        extra = {
            "tasks_in_queue": queued + deferred - processed,
            "tasks_dropped": dropped,
            "tasks_processed": processed,
            "overdue_tasks": overdue,
            "computed_tasks": (u * 100).astype(np.int64),  # truncates: 0.29 * 100 -> 28
            "oldest_age": view[:, 0],
            "mean_age": view[:, 1],
            "age_histogram": histogram,
        }
        return Work(u, (queued + deferred - processed) / 100, dropped / 100, overdue / 100, flexible / 100, extra)

    def view(self, state: State) -> Array:
        """Return queue over its limit and five age shares; nothing is ever due here, and overdue work shows as older than 24 h."""
        out = np.zeros((len(state["queue_step"]), 8))
        out[:, :6] = state["queue_view"][:, 2:]
        return out

    @staticmethod
    def _append(state: State, rows: Array, added: Array) -> None:
        """Number the new tasks and remember their arrival step."""
        t, before = state["queue_step"], state["queue_added"]
        who = np.flatnonzero(added)
        if len(who):
            stamps, batch = state["queue_stamps"].reshape(-1), BATCH[: int(added.max())]
            base, number, now = who * TASKS, before[who], t[who]
            total = stamps.take(base + number % TASKS)
            stamps[base[:, None] + (number[:, None] + batch) % TASKS] = total[:, None] + batch * now[:, None]
        state["queue_added"] = before + added
        state["queue_history"][rows, t % RING] = before + added

    def _view(self, state: State, rows: Array) -> tuple[Array, Array]:
        """Fill and return the observation entries of the queue after the action, and the age histogram ``(num_envs, 5)``."""
        t, removed, added = state["queue_step"], state["queue_removed"], state["queue_added"]
        count = added - removed
        some = np.maximum(count, 1)
        stamps, base = state["queue_stamps"].reshape(-1), rows * TASKS
        first = stamps.take(base + removed % TASKS)
        occupied = count > 0
        oldest = occupied * (t - (stamps.take(base + (removed + 1) % TASKS) - first))
        mean = occupied * (t - (stamps.take(base + added % TASKS) - first) / some)

        until = state["queue_history"].reshape(-1).take((rows * RING)[:, None] + (t[:, None] - AGES) % RING)
        until = np.maximum(until - removed[:, None], 0)  # tasks of at least 0, 24 .. 96 steps of age
        histogram = until / some[:, None]
        histogram[:, :4] -= histogram[:, 1:]
        histogram[:, 4] = until[:, 4] > 0

        view = np.empty((len(t), 8))
        view[:, 0] = oldest / DAY
        view[:, 1] = mean / DAY
        view[:, 2] = count / self.queue_limit
        view[:, 3:] = histogram
        state["queue_view"] = view
        return view, histogram
