"""Rules of cooling: which supply set-point is wanted.

hold               the present one
coldest, warmest   the end of the range, always
fixed              one set-point
trim_and_respond   from 24 °C every 4 steps: 1 K colder where the inlet passed 26.5 °C since, else 0.25 K warmer; within 18 .. 27 °C
                   (trim and respond: ASHRAE Guideline 36, 5.1.14; limits: ASHRAE TC9.9 recommended inlet)

The inlet is that at the end of a step, which is what the agent sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wattloom.components.baselines.datacenter.memory import Memory
from wattloom.components.baselines.datacenter.view import View
from wattloom.environment import Array, Snapshot

COOLING = ("hold", "coldest", "warmest", "fixed", "trim_and_respond")
TRIM_START_C, TRIM_LOW_C, TRIM_HIGH_C = 24.0, 18.0, 27.0
HOTTEST_C, TRIM_K, RESPOND_K, EVERY = 26.5, 0.25, 1.0, 4
LABELS = ("colder", "hold", "warmer")


@dataclass(frozen=True)
class SetpointScale:
    """How set-points and inlets are shown and chosen.

    Attributes:
        low_c: °C that the entry -1 stands for.
        high_c: °C that the entry +1 stands for.
        step_k: K of one discrete action.
        inlet_center_c: °C that the entry ``inlet`` 0 stands for.
        inlet_span_k: K of one unit of that entry.
    """

    low_c: float
    high_c: float
    step_k: float
    inlet_center_c: float = 24.0
    inlet_span_k: float = 5.0

    def celsius(self, entry: Array) -> Array:
        """Return °C from an entry in [-1, 1]."""
        return self.low_c + (entry + 1.0) * 0.5 * (self.high_c - self.low_c)

    def entry(self, celsius: Array) -> Array:
        """Return the entry in [-1, 1] of a set-point in °C, limited to the range."""
        return np.clip((celsius - self.low_c) * (2.0 / (self.high_c - self.low_c)) - 1.0, -1.0, 1.0)


def trim_memory(num_envs: int) -> Memory:
    """Return the set-point wanted °C, the hottest inlet since it last moved °C, and the steps seen."""
    return {"target": np.full(num_envs, TRIM_START_C), "hottest": np.full(num_envs, -np.inf), "steps": np.zeros(num_envs, dtype=np.int64)}


def trim_and_respond(memory: Memory, inlet: Array) -> Array:
    """Return the wanted set-point °C given the inlet temperature °C, ``(num_envs,)``; the first inlet is that of the reset and does not count."""
    steps, target = memory["steps"], memory["target"]
    memory["hottest"] = np.where(steps > 0, np.maximum(memory["hottest"], inlet), memory["hottest"])
    due = (steps > 0) & (steps % EVERY == 0)
    moved = np.clip(target + np.where(memory["hottest"] > HOTTEST_C, -RESPOND_K, TRIM_K), TRIM_LOW_C, TRIM_HIGH_C)
    memory["target"] = np.where(due, moved, target)
    memory["hottest"] = np.where(due, -np.inf, memory["hottest"])
    memory["steps"] = steps + 1
    return memory["target"]


def setpoint_action(view: View, scale: SetpointScale, snapshot: Snapshot, wanted: Array) -> Array:
    """Return actions that move the set-point to ``wanted`` °C: the number itself, or a step while it is half a step or more away."""
    if not view.discrete:
        return view.choose(LABELS, scale.entry(wanted))
    gap = (wanted - scale.celsius(view.read(snapshot, "setpoint"))) / scale.step_k
    return view.choose(LABELS, np.where(np.abs(gap) < 0.5 + 1e-6, 0.0, np.sign(gap)))


def cooling_action(name: str, view: View, scale: SetpointScale, setpoint_c: float, snapshot: Snapshot, memory: Memory) -> Array:
    """Return the actions of rule ``name`` for all copies."""
    n = len(snapshot.observations[view.agent.name])
    if name in ("coldest", "warmest"):
        return view.choose(LABELS, np.full(n, -1.0 if name == "coldest" else 1.0))
    if name == "hold":
        return view.choose(LABELS, np.zeros(n) if view.discrete else view.read(snapshot, "setpoint"))
    if name == "fixed":
        return setpoint_action(view, scale, snapshot, np.full(n, setpoint_c))
    inlet = scale.inlet_center_c + scale.inlet_span_k * view.read(snapshot, "inlet")
    return setpoint_action(view, scale, snapshot, trim_and_respond(memory, inlet))


def cooling_reads(name: str, discrete: bool) -> tuple[str, ...]:
    """Return the entries that rule ``name`` needs."""
    if name in ("coldest", "warmest") or (name == "hold" and discrete):
        return ()
    inlet = ("inlet",) if name == "trim_and_respond" else ()
    return (*inlet, "setpoint") if discrete or name == "hold" else inlet
