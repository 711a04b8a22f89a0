"""Rewards for the original's physics that stand still: CO2 of a step, with deferred work and stored energy booked at a reference price when they move.

    load shifting: -[P c + m (dQ + w Q + d D + u Q_T)]/R    P facility energy, c carbon intensity, Q tasks in the queue, D tasks dropped in the step
    cooling:       -P c/R
    battery:       -[(c - c') dB + c' (h B + f B_T)]/R      B stored energy, c' mean carbon intensity

m, the CO2 of a task at c', is what a task is booked at: deferring one is charged m now and credited when it runs. Over an episode the bookings cancel but
for what is left at its end (Q_T, B_T), so the undiscounted return is CO2 and debts, while a discount factor below 1 no longer makes putting work off look
free or filling the battery look dear. What is left at the end has weights of its own (u, f), because the original forgets it. Agents that cannot see the
end coming are better taught by a small cost of holding (w, h) than by a rare large one. The original's own rewards are reward=sustaindc.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from wattloom.components.envs.datacenter.protocol import AGENTS, Record, State
from wattloom.components.envs.datacenter.sustaindc.queue import SustainDcQueue
from wattloom.environment import Array
from wattloom.errors import ConfigError


@dataclass
class BookedReward:
    """CO2 rewards in units of one step of the site at nameplate power and mean carbon intensity.

    Attributes:
        task_kwh: kWh that a task of 1 % of capacity adds to the site's energy: what it is booked at.
        waiting: w, share of a task's booking charged a step that it waits.
        dropped: d, bookings charged for a task dropped.
        undone: u, bookings charged for a task left at the end, beside the one it was deferred with.
        holding: h, share of the stored energy's booking charged a step.
        forgotten: f, share of the stored energy's booking charged for what is left at the end.

    Raises:
        ConfigError: A negative value.
    """

    task_kwh: float = 4.0
    waiting: float = 0.002
    dropped: float = 5.0
    undone: float = 2.0
    holding: float = 0.0
    forgotten: float = 1.0

    def __post_init__(self) -> None:
        for key in (field.name for field in fields(self)):
            if not (np.isfinite(getattr(self, key)) and getattr(self, key) >= 0):
                raise ConfigError(f"reward.{key}={getattr(self, key)}: give a finite number >= 0")

    def bind(self, environment: Any) -> None:
        """Fix the references of this site.

        Raises:
            ConfigError: A queue that does not count tasks.
        """
        if not isinstance(environment.load_shifting, SustainDcQueue):
            raise ConfigError("reward=sustaindc_booked counts the original's tasks: set load_shifting=sustaindc, or another reward")
        site, self._mean = environment.site, float(environment.episode.means()[1])  # g/kWh
        self._hours = site.step_hours
        self._capacity = environment.battery.size_mwh
        self._task = self.task_kwh * self._mean  # g
        self._reference = max(site.nameplate_w * 1e-3 * site.step_hours * self._mean, 1e-9)  # g

    def initial(self, num_envs: int) -> State:
        """Return the tasks that were queued after the last step."""
        return {"booked_tasks": np.zeros(num_envs)}

    def begin(self, state: State, copies: Array, fresh: Array) -> None:
        """Start with an empty queue."""
        state["booked_tasks"][copies] = 0.0

    def rewards(self, state: State, elapsed: Array, record: Record) -> dict[str, Array]:
        """Return the rewards of a step."""
        extra, carbon, power = record.work.extra, record.inputs.carbon, record.power
        facility = record.total_w * (self._hours * 1e-3) * carbon  # g
        queued = extra["tasks_in_queue"].astype(np.float64)
        tasks = queued - state["booked_tasks"] + self.waiting * queued + self.dropped * extra["tasks_dropped"]
        tasks += np.where(record.last, self.undone * queued, 0.0)
        state["booked_tasks"] = queued
        charged = (power.charge_w - power.discharge_w) * (self._hours * 1e-3)  # kWh
        stored = power.soc * (1e3 * self._capacity)  # kWh
        owed = stored * (self.holding + np.where(record.last, self.forgotten, 0.0))
        battery = charged * (carbon - self._mean) + owed * self._mean
        costs = (facility + self._task * tasks, facility, battery)
        return {agent: cost / -self._reference for agent, cost in zip(AGENTS, costs, strict=True)}
