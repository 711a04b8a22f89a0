"""Rules of load shifting: -1 defers new work, 0 lets it pass, +1 also runs what waits.

none               0
defer, process     -1, +1 for ever
carbon_threshold   +1 where carbon is in the lowest third of the last 24 h, -1 in the highest, else 0
forecast_threshold the same with the believed next 24 h
greedy             +1 in the step that is believed the cleanest of the next 24 h, or where much is due; else -1

Thresholds are those of the values seen so far while the first day of an episode is not over.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from wattloom.components.baselines.datacenter.memory import Memory, window_quantiles
from wattloom.components.baselines.datacenter.view import View
from wattloom.environment import Array, Snapshot

LOW, HIGH = 1 / 3, 2 / 3
DAY_H = 24.0
SHIFTING = ("none", "defer", "process", "carbon_threshold", "forecast_threshold", "greedy")
READS: dict[str, tuple[str, ...]] = {
    "carbon_threshold": ("carbon",),
    "forecast_threshold": ("carbon_rank_ahead",),
    "greedy": ("carbon_rank_ahead", "queue_due_1h"),
}


def carbon_memory(num_envs: int, step_hours: float) -> Memory:
    """Return an empty window over the carbon intensity of the last 24 h."""
    return {"carbon": np.zeros((num_envs, max(round(DAY_H / step_hours), 1))), "seen": np.zeros(num_envs, dtype=np.int64)}


def carbon_level(memory: Memory, carbon: Array, low: float = LOW, high: float = HIGH) -> Array:
    """Remember ``carbon`` (any scale) and return +1 where it is at most the window's lower quantile, -1 at least the upper, else 0."""
    window, seen = memory["carbon"], memory["seen"]
    window[np.arange(len(seen)), seen % window.shape[1]] = carbon
    seen += 1
    below, above = window_quantiles(window, seen, low, high)
    level: Array = np.where(carbon <= below, 1.0, np.where(carbon >= above, -1.0, 0.0))
    return np.where(above > below, level, 0.0)  # a flat or one-value window says nothing


def rank_level(rank: Array, low: float = LOW, high: float = HIGH) -> Array:
    """Return +1, 0, -1 from the share of the believed next 24 h that lies below the present."""
    return np.where(rank <= low, 1.0, np.where(rank >= high, -1.0, 0.0))


def greedy_level(rank: Array, due: Array, most_due: float = 0.5) -> Array:
    """Return +1 where nothing cleaner is believed ahead or the work due within an hour exceeds ``most_due`` of the queue's limit, else -1."""
    return np.where((rank <= 0.0) | (due > most_due), 1.0, -1.0)


def shifting_rule(name: str, view: View, num_envs: int) -> Callable[[Snapshot, Memory], Array]:
    """Return the level of every copy, ``(num_envs,)``, as a function of what is seen and remembered."""
    constants = {"none": 0.0, "defer": -1.0, "process": 1.0}
    if name in constants:
        return lambda snapshot, memory: np.full(num_envs, constants[name])
    if name == "carbon_threshold":
        return lambda snapshot, memory: carbon_level(memory, view.read(snapshot, "carbon"))
    if name == "forecast_threshold":
        return lambda snapshot, memory: rank_level(view.read(snapshot, "carbon_rank_ahead"))
    return lambda snapshot, memory: greedy_level(view.read(snapshot, "carbon_rank_ahead"), view.read(snapshot, "queue_due_1h"))
