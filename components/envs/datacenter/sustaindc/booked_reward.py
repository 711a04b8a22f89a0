"""Rewards for the original's physics that stand still: CO2 of a step, with deferred work and stored energy booked at a reference price when they move.

    load shifting: -[(P - P0) c + m (dQ + w Q + d D + u Q_T)]/R   c carbon intensity, Q tasks in the queue, D tasks dropped in the step
    cooling:       -(P - P0) c/R                                  P energy of the facility
    battery:       -[(c - c') dB + c' (h B + f B_T)]/R            B stored energy, c' the price

P0 is what the site draws at rest under the same weather and demand: nothing deferred, the set-point where episodes begin. It keeps every difference
between two policies and removes most of the noise. c' is a carbon intensity a little below the mean, and m, the CO2 of a task at c', is what a task is
booked at: deferring one is charged m now and credited when it runs. Over an episode the bookings cancel but for what is left at its end (Q_T, B_T), so the
undiscounted return is CO2 and debts, while a discount factor below 1 no longer makes putting work off look free or filling the battery look dear. What is
left at the end has weights of its own (u, f), because the original forgets it. Agents that cannot see the end coming are better taught by a small cost of
holding (w, h) than by a rare large one. The original's own rewards are reward=sustaindc.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from wattloom.components.envs.datacenter.protocol import AGENTS, Record, State
from wattloom.components.envs.datacenter.sustaindc.episode import SustainDcEpisode
from wattloom.components.envs.datacenter.sustaindc.queue import SustainDcQueue
from wattloom.environment import Array
from wattloom.errors import ConfigError


@dataclass
class BookedReward:
    """CO2 rewards in units of one step of the site at nameplate power and mean carbon intensity.

    Attributes:
        price: c' over the mean carbon intensity of the data.
        task_kwh: kWh that a task of 1 % of capacity adds to the site's energy: what it is booked at.
        waiting: w, share of a task's booking charged a step that it waits.
        dropped: d, bookings charged for a task dropped.
        undone: u, bookings charged for a task left at the end, beside the one it was deferred with.
        holding: h, share of the stored energy's booking charged a step.
        forgotten: f, share of the stored energy's booking charged for what is left at the end.

    Raises:
        ConfigError: A negative value.
    """

    price: float = 0.97
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
            ConfigError: Parts that do not tell what these rewards are made of.
        """
        for name, kind in (("episode", SustainDcEpisode), ("load_shifting", SustainDcQueue)):
            if not isinstance(getattr(environment, name), kind):
                raise ConfigError(f"reward=sustaindc_booked judges the original's {name}: set {name}=sustaindc, or another reward")
        self._environment = environment
        site, mean = environment.site, float(environment.episode.means()[1])  # g/kWh
        self._hours, self._price = site.step_hours, self.price * mean
        self._capacity = environment.battery.size_mwh
        self._reference = max(site.nameplate_w * 1e-3 * site.step_hours * mean, 1e-9)  # g

    def initial(self, num_envs: int) -> State:
        """Return the tasks that were queued after the last step, and the CO2 of every step at rest, g."""
        return {
            "booked_tasks": np.zeros(num_envs),
            "booked_rest": np.zeros((num_envs, self._environment.horizon)),
        }

    def begin(self, state: State, copies: Array, fresh: Array) -> None:
        """Start with an empty queue, and see what the site would draw at rest."""
        state["booked_tasks"][copies] = 0.0
        for copy in copies:
            state["booked_rest"][copy] = self._at_rest(state, int(copy))

    def _at_rest(self, state: State, copy: int) -> Array:
        """Return the CO2 of each step of a copy's episode with work run as it arrives and the set-point left alone, g."""
        environment = self._environment
        steps = np.arange(environment.horizon)
        values = state["episode_values"][copy]
        rows = {
            "episode_values": np.broadcast_to(values, (len(steps), *values.shape)),
            "episode_start": np.full(len(steps), state["episode_start"][copy]),
        }
        x = environment.episode.inputs(rows, steps)
        setpoint = np.full(len(steps), environment.hall.setpoint_c)
        it = environment.it_load.power(setpoint, (np.ceil(x.demand * 80) + np.floor(x.demand * 20)) / 100)
        air = environment.hall.air(state, setpoint, it, x.weather)
        plant = environment.cooling.cool(air, it, x.weather, x.plant)
        watts = it.power_w + air.fan_w + plant.chiller_w + plant.chilled_pump_w + plant.condenser_pump_w + plant.tower_w
        co2: Array = watts * x.carbon * (self._hours * 1e-3)
        return co2

    def rewards(self, state: State, elapsed: Array, record: Record) -> dict[str, Array]:
        """Return the rewards of a step."""
        extra, carbon, power = record.work.extra, record.inputs.carbon, record.power
        booked = self._price
        rest = np.take_along_axis(state["booked_rest"], elapsed[:, None], axis=1)[:, 0]
        facility = record.total_w * (self._hours * 1e-3) * carbon - rest  # g
        queued = extra["tasks_in_queue"].astype(np.float64)
        tasks = queued - state["booked_tasks"] + self.waiting * queued + self.dropped * extra["tasks_dropped"]
        tasks += np.where(record.last, self.undone * queued, 0.0)
        state["booked_tasks"] = queued
        charged = (power.charge_w - power.discharge_w) * (self._hours * 1e-3)  # kWh
        stored = power.soc * (1e3 * self._capacity)  # kWh
        owed = stored * (self.holding + np.where(record.last, self.forgotten, 0.0))
        battery = charged * (carbon - booked) + owed * booked
        costs = (facility + self.task_kwh * booked * tasks, facility, battery)
        return {agent: cost / -self._reference for agent, cost in zip(AGENTS, costs, strict=True)}
