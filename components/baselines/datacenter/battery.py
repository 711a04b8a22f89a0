"""Rules of the battery: +1 charges, -1 discharges.

idle               0
carbon_threshold   +1 in the lowest third of the last 24 h's carbon below SoC 0.85, -1 in the highest third above SoC 0.2, else 0;
                   in the last 6 h of an episode it returns to where it started (only where the end of the episode is shown)

States of charge are shares of the whole capacity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wattloom.components.baselines.datacenter.memory import Memory
from wattloom.components.baselines.datacenter.shifting import carbon_level
from wattloom.components.baselines.datacenter.view import View
from wattloom.environment import Array, Snapshot

BATTERY = ("idle", "carbon_threshold")
LABELS = ("discharge", "idle", "charge")
RETURN_H = 6.0


@dataclass(frozen=True)
class ChargeScale:
    """How the state of charge is shown, and the limits that the rule keeps.

    Attributes:
        shown_low: State of charge that the entry 0 stands for.
        shown_high: State of charge that the entry 1 stands for.
        start: State of charge at the start, which the rule returns to.
        full_charge_h: h of full power from empty to full.
        charge_below: Charge only below this state of charge.
        discharge_above: Discharge only above it.
    """

    shown_low: float
    shown_high: float
    start: float
    full_charge_h: float
    charge_below: float
    discharge_above: float

    def soc(self, entry: Array) -> Array:
        """Return the state of charge, 0 .. 1."""
        return self.shown_low + entry * (self.shown_high - self.shown_low)


def threshold_level(memory: Memory, carbon: Array, soc: Array, scale: ChargeScale) -> Array:
    """Return the level of every copy from carbon intensity (any scale) and state of charge."""
    level = carbon_level(memory, carbon)
    charge = (level > 0) & (soc < scale.charge_below)
    discharge = (level < 0) & (soc > scale.discharge_above)
    return charge.astype(np.float64) - discharge.astype(np.float64)


def returning_level(memory: Memory, level: Array, soc: Array, left: Array, scale: ChargeScale, step_hours: float, whole: bool) -> Array:
    """Replace ``level`` in the last 6 h by what brings the charge back to its start.

    Args:
        memory: Steps seen, ``seen``.
        level: Of the rule, ``(num_envs,)``.
        soc: State of charge.
        left: Share of the episode that is left.
        scale: Start and size.
        step_hours: h.
        whole: Full steps only (labelled actions), instead of an equal share a step.
    """
    passed = memory["seen"] - 1
    steps_left = np.where(passed > 0, passed * left / np.maximum(1.0 - left, 1e-9), np.inf)  # left = 1 - passed / horizon
    missing = (scale.start - soc) * scale.full_charge_h / step_hours  # steps of full power
    back = np.where(np.abs(missing) >= 0.5, np.sign(missing), 0.0) if whole else missing / np.maximum(np.rint(steps_left), 1.0)
    return np.where(np.rint(steps_left) * step_hours <= RETURN_H, np.clip(back, -1.0, 1.0), level)


def battery_action(name: str, view: View, scale: ChargeScale, step_hours: float, snapshot: Snapshot, memory: Memory) -> Array:
    """Return the actions of rule ``name`` for all copies."""
    if name == "idle":
        return view.choose(LABELS, np.zeros(len(snapshot.observations[view.agent.name])))
    soc = scale.soc(view.read(snapshot, "state_of_charge"))
    level = threshold_level(memory, view.read(snapshot, "carbon"), soc, scale)
    if view.has("episode_left"):
        level = returning_level(memory, level, soc, view.read(snapshot, "episode_left"), scale, step_hours, view.discrete)
    return view.choose(LABELS, level)
