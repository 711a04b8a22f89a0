"""What the planner believes about the hours ahead: the truth, or the last day repeated with the present value known."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from wattloom.components.baselines.datacenter.tangents import chord, power_curve, power_tangents
from wattloom.environment import Array

Forecast = Literal["perfect", "persistence"]


class Outlook:
    """Exogenous series of a year and the tangents of the site's power in every step of it.

    Args:
        environment: A data center whose episodes lie on a calendar.
        setpoint_c: °C, planned supply set-point.
        forecast: ``"perfect"`` or ``"persistence"``.
        objective: ``"carbon"`` (g in kg/MWh) or ``"cost"`` (USD/MWh).
    """

    def __init__(self, environment: Any, setpoint_c: float, forecast: Forecast, objective: Literal["carbon", "cost"]) -> None:
        calendar = environment.episode.calendar
        self.steps, self.day = calendar.n_steps, calendar.steps_per_day
        inputs = environment.episode.inputs({"episode_start": np.arange(self.steps)}, np.zeros(self.steps, dtype=np.int64))
        self.demand = inputs.demand.copy()
        self.price = (inputs.carbon if objective == "carbon" else inputs.price).copy()
        self.alpha, self.beta = power_tangents(environment, inputs, setpoint_c)
        self._paid = np.flatnonzero(self.price < 0.0)
        self._curve = power_curve(environment, inputs, self._paid, setpoint_c)
        self._perfect = forecast == "perfect"

    def index(self, now: int, steps: int) -> Array:
        """Return the steps of the year that stand for ``now .. now + steps - 1``, int ``(steps,)``."""
        lead = np.arange(steps)
        back = 0 if self._perfect else self.day * -(-lead // self.day)  # ceil: tomorrow is today, and so is the day after
        index: Array = (now + lead - back) % self.steps
        return index

    def chord(self, index: Array, low: Array, high: float) -> Array:
        """Return intercept MW and slope of the power's chord from utilisation ``low`` ``(n,)`` to ``high``, ``(n, 2)``; 0 where no price is negative."""
        found = np.zeros((len(index), 2))
        paid = self.price[index] < 0.0
        found[paid] = chord(self._curve[np.searchsorted(self._paid, index[paid])], low[paid], high)
        return found


def step_of_year(hour: tuple[Array, Array], year: tuple[Array, Array], steps_per_day: int, steps: int) -> Array:
    """Return the step of a year of ``steps`` steps from sine and cosine of the hour and of the day of the year, int ``(num_envs,)``."""
    turn = 2 * np.pi
    within = np.rint(np.arctan2(*hour) % turn / turn * steps_per_day).astype(np.int64) % steps_per_day
    days = steps // steps_per_day
    day = np.rint(np.arctan2(*year) % turn / turn * days).astype(np.int64) % days
    step: Array = day * steps_per_day + within
    return step
