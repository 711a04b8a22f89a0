"""What the agents see: clock, carbon, price, weather, load, queue, room and battery, scaled by constants of the place.

Every entry is scaled by a constant fixed at construction and clipped to [-5, 5]; nothing is normalised by the episode. The exogenous entries are computed
once for the whole year and gathered by index. The future enters through a forecast: the perfect one, or the day before repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from wattloom.components.envs.datacenter.observation_rows import LIMIT, keep_loop, keep_rows, rows, rows_loop
from wattloom.components.envs.datacenter.protocol import AGENTS, Record, State, Table
from wattloom.components.physics.compiled import quickest
from wattloom.environment import Array, Column
from wattloom.errors import ConfigError

CLOCK = ("hour_sin", "hour_cos", "year_sin", "year_cos", "weekday")
CARBON = ("carbon", "carbon_0_1h", "carbon_1_3h", "carbon_3_6h", "carbon_6_12h", "carbon_12_24h", "carbon_rank_ahead", "carbon_rank_behind")
PRICE = ("price", "price_0_6h", "price_rank_ahead")
WEATHER = ("dry_bulb", "wet_bulb", "dew_point", "wet_bulb_0_6h", "wet_bulb_6_24h")
LOAD = ("demand", "demand_0_6h", "demand_6_24h")
SHOWN = ("utilisation", "supply", "unmet", "part_load", "power_total", "pue", "power_grid")  # kept from the last step
QUEUE = ("queue", "age_0_6", "age_6_12", "age_12_18", "age_18_24", "age_over_24", "queue_due_1h", "queue_overdue")
THERMAL = ("inlet", "supply", "setpoint", "unmet", "part_load", "power_total", "pue")
BATTERY = ("state_of_charge", "power_grid", "charge_feasible", "discharge_feasible")
CHUNK = 8192  # steps of the year whose windows are compared together
OWN = ("episode_left", "utilisation", *QUEUE, *THERMAL, *BATTERY)  # what the copy itself decides


@dataclass
class BlockObservation:
    """Blocks of entries, one selection of them an agent; the central state is all of them.

    Attributes:
        forecast: ``"persistence"`` repeats the day before; ``"perfect"`` is the truth.

    Raises:
        ConfigError: An unknown forecast.
    """

    forecast: Literal["persistence", "perfect"] = "persistence"

    def __post_init__(self) -> None:
        if self.forecast not in ("persistence", "perfect"):
            raise ConfigError(f"observation.forecast={self.forecast!r}: choose persistence or perfect")

    def bind(self, environment: Any) -> None:
        """Compute the exogenous entries of the year and fix the scales."""
        self._parts = environment
        tables = environment.episode.tables if hasattr(environment.episode, "tables") else None
        if tables is None:
            raise ConfigError("observation needs an episode on the calendar (episode=calendar); this one has no tables")
        self._with_price = "price" in tables
        self._exogenous = (*CLOCK, *CARBON, *(PRICE if self._with_price else ()), *WEATHER, *LOAD)
        self._names = (*self._exogenous, *OWN)
        self._entries = {agent: np.array([self._names.index(name) for name in names]) for agent, names in self._selections().items()}
        self._year = self._exogenous_rows(tables)
        hall, nameplate = environment.hall, environment.site.nameplate_w
        low, high = getattr(hall, "setpoint_low_c", 16.0), getattr(hall, "setpoint_high_c", 32.0)
        power = 1.0 / (1.5 * nameplate)
        thermal = [(24, 0.2), (24, 0.2), ((low + high) / 2, 2 / (high - low)), (0, 0.2), (0, 1), (0, power), (1.25, 4)]
        scales = [(0.0, 1.0 / environment.horizon), (0, 1), *[(0, 1)] * 8, *thermal, (0, 1), (0, power), (0, 1), (0, 1)]
        self._offset, self._scale = np.ascontiguousarray(np.array(scales).T)
        self._grid_power = 1e3 / environment.site.step_hours  # W per kWh of a step
        self._chosen = tuple(self._entries[agent] for agent in AGENTS)

    def _selections(self) -> dict[str, tuple[str, ...]]:
        """Return the names that each agent sees."""
        clock = (*CLOCK, "episode_left")
        price = PRICE if self._with_price else ()
        load = (*LOAD, "utilisation")
        return {
            "load_shifting": (*clock, *CARBON, *price, *WEATHER, *load, *QUEUE, "part_load", "power_total", "pue", "state_of_charge"),
            "cooling": (*clock, *WEATHER, *CARBON[:2], *load, *THERMAL, "queue"),
            "battery": (*clock, *CARBON, *price, "demand", "utilisation", "power_total", "queue", *BATTERY),
        }

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """Columns by agent and of the central state; all entries are scaled numbers."""
        named = {agent: tuple(Column(self._names[i], "1") for i in entries) for agent, entries in self._entries.items()}
        return {**named, "state": tuple(Column(name, "1") for name in self._names)}

    @property
    def bounds(self) -> Mapping[str, tuple[Array, Array]]:
        """-5 .. 5 everywhere."""
        sizes = {name: len(columns) for name, columns in self.columns.items()}
        return {name: (np.full(n, -LIMIT, np.float32), np.full(n, LIMIT, np.float32)) for name, n in sizes.items()}

    def initial(self, num_envs: int) -> State:
        """Return what is kept of the last step."""
        return {"shown": np.zeros((num_envs, len(SHOWN)))}

    def begin(self, state: State, copies: Array) -> None:
        """Show a site at rest: supply at the set-point, PUE at its usual value."""
        state["shown"][copies] = 0.0
        state["shown"][copies, 1] = state["setpoint"][copies]
        state["shown"][copies, 5] = 1.25

    def after(self, state: State, record: Record) -> None:
        """Keep the last step's utilisation, supply, unmet cooling, chiller load, power, PUE and grid power."""
        plant = record.plant
        quickest(keep_rows, keep_loop)(
            state["shown"],
            record.work.utilisation,
            plant.supply,
            record.air.setpoint,
            plant.part_load,
            record.total_w,
            record.it.power_w,
            record.power.grid_kwh,
        )

    def observe(self, state: State, elapsed: Array) -> tuple[dict[str, Array], Array]:
        """Return the observations of the time ``elapsed`` steps after the start."""
        parts = self._parts
        central, *seen = quickest(rows, rows_loop)(
            self._year,
            state["episode_start"] + elapsed,
            parts.horizon - elapsed,
            state["shown"],
            parts.load_shifting.view(state),
            state["room"],
            state["setpoint"],
            *parts.battery.view(state),
            self._grid_power,
            self._offset,
            self._scale,
            *self._chosen,
        )
        return dict(zip(AGENTS, seen, strict=True)), central

    def _exogenous_rows(self, tables: Mapping[str, Table]) -> Array:
        """Return float32 ``(n_steps + 1, names)`` with the exogenous entries of every step (and of the year's end), own entries 0."""
        carbon, per_hour = tables["carbon"], round(3600 / tables["carbon"].calendar.step_seconds)
        wet, dry = tables["weather"].select("wet_bulb"), tables["weather"].select("dry_bulb")
        demand = tables["workload"]
        dew = self._parts.episode.dew_point
        scaled_on = self._parts.episode.scaled_on
        columns = [*_clock(carbon)]
        scale = _scale(carbon.values[scaled_on, 0])
        columns += [scale(carbon.values[:, 0])]
        columns += [
            scale(self._ahead(carbon, first * per_hour, last * per_hour)) for first, last in ((0, 1), (1, 3), (3, 6), (6, 12), (12, 24))
        ]
        columns += [self._rank(carbon, 24 * per_hour, True), self._rank(carbon, 24 * per_hour, False)]
        if self._with_price:
            price = tables["price"]
            scale = _scale(price.values[scaled_on, 0])
            columns += [scale(price.values[:, 0]), scale(self._ahead(price, 0, 6 * per_hour)), self._rank(price, 24 * per_hour, True)]
        scale = _scale(wet.values[scaled_on, 0])
        columns += [_scale(dry.values[scaled_on, 0])(dry.values[:, 0]), scale(wet.values[:, 0]), (dew - 15.0) / 10.0]
        columns += [scale(self._ahead(wet, 0, 6 * per_hour)), scale(self._ahead(wet, 6 * per_hour, 24 * per_hour))]
        columns += [demand.values[:, 0], self._ahead(demand, 0, 6 * per_hour), self._ahead(demand, 6 * per_hour, 24 * per_hour)]
        year = np.zeros((carbon.calendar.n_steps + 1, len(self._names)), dtype=np.float32)
        year[:-1, : len(columns)] = np.clip(np.stack(columns, axis=1), -LIMIT, LIMIT)
        year[-1] = year[-2]
        return year

    def _ahead(self, table: Table, first: int, last: int) -> Array:
        """Return what is believed about the mean of the leads ``first + 1 .. last``, (n_steps,)."""
        values, shift = self._believed(table)
        n, total = table.calendar.n_steps, np.cumsum(np.concatenate([[0.0], values]))
        at = np.arange(n) + shift
        mean: Array = (total[at + last + 1] - total[at + first + 1]) / (last - first)
        return mean

    def _believed(self, table: Table) -> tuple[Array, int]:
        """Return the values that stand for the future, with a day before and behind, and where step 0's present lies among them."""
        n, day = table.calendar.n_steps, table.calendar.steps_per_day
        padded = table.values[table.wrapped(np.arange(-day, n + day + 1)), 0]
        return padded, day if self.forecast == "perfect" else 0

    def _rank(self, table: Table, length: int, ahead: bool) -> Array:
        """Return the share of the next (believed) or last ``length`` values that lie below the present one, (n_steps,)."""
        n, day = table.calendar.n_steps, table.calendar.steps_per_day
        padded, shift = self._believed(table)
        first = shift + 1 if ahead else day - length
        windows, now = sliding_window_view(padded, length)[first : first + n], table.values[:, :1]
        return np.concatenate([(windows[i : i + CHUNK] < now[i : i + CHUNK]).mean(axis=1) for i in range(0, n, CHUNK)])


def _clock(table: Table) -> list[Array]:
    """Return sine and cosine of hour and day of year, and 1 on weekdays."""
    calendar = table.calendar
    days = calendar.n_steps // calendar.steps_per_day  # 366 in a leap year, so that its last day is not its first
    hour, day = 2 * np.pi * calendar.local_hour / 24, 2 * np.pi * (calendar.day_of_year - 1) / days
    return [np.sin(hour), np.cos(hour), np.sin(day), np.cos(day), (calendar.day_of_week < 5).astype(np.float64)]


def _scale(values: Array) -> Any:
    """Return the function x -> (x - mean)/max(std, 1) of a column."""
    mean, std = float(values.mean()), max(float(values.std()), 1.0)
    return lambda x: (x - mean) / std
