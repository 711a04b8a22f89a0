"""SustainDC's episodes: a random start near a month's first day, a random walk added to the weather, and a 30-day look ahead for normalisation.

Every copy keeps its own stretch of the four series, from 16 steps before its start to 19 after its end, because the weather noise is its own.
Differences from the original: draws come from the copy's own generator, and data are read around the end of the year instead of failing there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wattloom.components.envs.datacenter.protocol import Cooling, Inputs, State, Table, Weather
from wattloom.components.envs.datacenter.sustaindc.data import FIRST_DAY_OF_MONTH, QUARTERS, demand_of, filled, quarter_hours, weather_walk
from wattloom.components.physics.compiled import compiled, quickest
from wattloom.components.physics.magnus import dew_point, humidity_ratio
from wattloom.components.sources.calendar import Calendar
from wattloom.environment import Array
from wattloom.errors import ConfigError

LEAD, TAIL = 16, 20  # steps of data before the start and after the end
OUTLOOK = 2880  # steps that the normalisation looks ahead
DEMAND, DRY, WET, CARBON, HUMIDITY, DEW, AHEAD, PLANT = range(8)  # columns of ``episode_values``; AHEAD: normalised carbon two steps later


class SustainDcEpisode:
    """The original's start, noise and normalisation.

    Args:
        month: 0 (January) .. 11.
        days: Days an episode.
        weather_noise_c: °C, standard deviation of the random walk over the year; 0: none.
        day_roll: Days; the weather is moved by a random 0 .. day_roll - 1 days against the calendar; 1: not at all.
        shift_hours: h, all series are rolled back by it.
        year: Calendar year that dated sources are read at.
    """

    step_seconds = 900.0
    reset_options = ("start_day", "start_hour")

    def __init__(
        self, month: int = 6, days: int = 7, weather_noise_c: float = 0.75, day_roll: int = 14, shift_hours: int = 0, year: int = 2022
    ) -> None:
        if month not in range(12):
            raise ConfigError(f"episode.month={month}: give 0 (January) .. 11")
        if not 1 <= days <= 365:
            raise ConfigError(f"episode.days={days}: give 1 .. 365")
        if weather_noise_c < 0 or not 1 <= day_roll <= 365:
            raise ConfigError(f"episode.weather_noise_c={weather_noise_c}, day_roll={day_roll}: give at least 0 and 1 .. 365")
        self.month, self.days, self.weather_noise_c, self.day_roll, self.shift_hours = month, days, weather_noise_c, day_roll, shift_hours
        self.year = year
        self.horizon = 96 * days
        self._year = np.zeros((4, QUARTERS))

    @property
    def calendar(self) -> Calendar:
        """365 days of hours; UTC and local time are one, as in the original."""
        return Calendar.local(f"{self.year}-01-01")

    @property
    def scaled_on(self) -> Array:
        """All hours of the year, as in the original."""
        return np.ones(self.calendar.n_steps, dtype=bool)

    def bind(self, sources: Mapping[str, Table], cooling: Cooling, num_envs: int) -> None:
        """Take hourly tables ``workload``, ``weather`` (dry_bulb, wet_bulb) and ``carbon`` of a year."""
        self._cooling = cooling
        hourly = [
            sources["workload"].values[:, 0],
            sources["weather"].column("dry_bulb"),
            sources["weather"].column("wet_bulb"),
            filled(sources["carbon"].values[:, 0]),
        ]
        self._year = np.stack([quarter_hours(values, self.shift_hours) for values in hourly])
        self._year[DEMAND] = demand_of(self._year[DEMAND])
        self._year[CARBON] = np.maximum(self._year[CARBON], 0.0)

    def means(self) -> tuple[float, float, float]:
        """Return mean demand, carbon intensity and 1 (there is no price)."""
        return float(self._year[DEMAND].mean()), float(self._year[CARBON].mean()), 1.0

    def initial(self, num_envs: int) -> State:
        """Return the stretches of all copies."""
        probe = self._cooling.columns(_weather(np.full((1, 6), 10.0)))
        return {
            "episode_values": np.zeros((num_envs, LEAD + self.horizon + TAIL, PLANT + probe.shape[-1])),
            "episode_bounds": np.tile([0.0, 1.0, 0.0, 1.0], (num_envs, 1)),  # temperature and carbon: min, max
            "episode_start": np.zeros(num_envs, dtype=np.int64),  # quarter-hour of the year
        }

    def begin(self, state: State, copies: Array, generators: Sequence[np.random.Generator], options: Mapping[str, Any]) -> None:
        """Draw start, noise and roll of each copy; options: ``start_day`` and ``start_hour``, one value or one a copy."""
        first = FIRST_DAY_OF_MONTH[self.month]
        num_envs = len(state["episode_start"])
        for copy, generator in zip(copies, generators, strict=True):
            day = int(generator.integers(max(0, first - 7), min(364, first + 7) + 1))
            hour = int(generator.integers(0, 24))
            day = int(np.broadcast_to(options.get("start_day", day), num_envs)[copy])
            hour = int(np.broadcast_to(options.get("start_hour", hour), num_envs)[copy])
            self._lay(state, int(copy), 96 * day + 4 * hour, generator)

    def _lay(self, state: State, copy: int, start: int, generator: np.random.Generator) -> None:
        """Cut the stretch of one copy out of the year."""
        length = LEAD + max(self.horizon + TAIL, min(OUTLOOK, QUARTERS - start))
        at = np.arange(start - LEAD, start - LEAD + length)
        moved = (at - 96 * int(generator.integers(0, self.day_roll))) % QUARTERS
        series = np.empty((4, length))
        series[DEMAND], series[CARBON] = self._year[DEMAND, at % QUARTERS], self._year[CARBON, at % QUARTERS]
        series[DRY : WET + 1] = self._year[DRY : WET + 1, moved]
        if self.weather_noise_c > 0:
            series[DRY : WET + 1] += weather_walk(generator, self.weather_noise_c, moved)
        np.clip(series[DRY : WET + 1], 0.0, 45.0, out=series[DRY : WET + 1])
        ahead = series[:, LEAD : LEAD + min(OUTLOOK, QUARTERS - start)]
        bounds = [*_range(ahead[DRY]), *_range(ahead[CARBON])]
        self.lay(state, copy, series[:, : LEAD + self.horizon + TAIL], bounds, start)

    def lay(self, state: State, copy: int, series: Array, bounds: Sequence[float], start: int) -> None:
        """Write one copy's stretch: demand, dry bulb, wet bulb, carbon ``(4, LEAD + horizon + TAIL)`` and the normalisation's bounds."""
        values = state["episode_values"]
        values[copy, :, :4] = series.T
        values[copy, :, HUMIDITY] = humidity_ratio(series[DRY], series[WET])
        values[copy, :, DEW] = dew_point(values[copy, :, HUMIDITY])
        values[copy, :-2, AHEAD] = (series[CARBON, 2:] - bounds[2]) / (bounds[3] - bounds[2])
        values[copy, :, PLANT:] = self._cooling.columns(_weather(values[copy]))
        state["episode_bounds"][copy] = bounds
        state["episode_start"][copy] = start

    def inputs(self, state: State, elapsed: Array) -> Inputs:
        """Return the values of step ``elapsed`` of every copy."""
        x = quickest(rows_at, rows_at_loop)(state["episode_values"], LEAD + elapsed)
        zero, index = np.zeros(len(elapsed)), state["episode_start"] + elapsed
        weather = Weather(x[DRY], x[WET], x[HUMIDITY], x[DEW])
        return Inputs(x[DEMAND], weather, x[CARBON], zero, x[CARBON], zero, x[PLANT:].T, index, x.T)


def _range(values: Array) -> tuple[float, float]:
    """Return the least and the largest value, one apart where all are equal (the original divides by 0): a steady series is shown as 0."""
    low, high = float(values.min()), float(values.max())
    return low, high if high > low else low + 1.0


def rows_at(values: Array, at: Array) -> Array:
    """Return row ``at[i]`` of every copy's stretch ``values[i]``, as columns ``(k, num_envs)``."""
    return np.ascontiguousarray(values[np.arange(len(at)), at].T)


@compiled
def rows_at_loop(values: Array, at: Array) -> Array:
    """Do what :func:`rows_at` does, copy by copy."""
    out = np.empty((values.shape[2], len(at)))
    for i in range(len(at)):
        for k in range(values.shape[2]):
            out[k, i] = values[i, at[i], k]
    return out


def _weather(row: Array) -> Weather:
    """Return the weather columns of ``(..., k)`` rows."""
    return Weather(row[..., DRY], row[..., WET], row[..., HUMIDITY], row[..., DEW])
