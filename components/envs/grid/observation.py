"""What agents see by default: their own part of the network as just measured, the clock, and what is believed of the hours ahead.

Everything is scaled to about -1 .. 1 and clipped at +-5, so that an observation always lies in its space. A forecast made when row t has been solved is
about rows t + 1, t + 2 ...: the first lead is the row in which the next action acts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from wattloom.components.envs.grid.protocol import Floats, State
from wattloom.components.sources.protocol import ForecastMode, Table
from wattloom.environment import Array, Column
from wattloom.errors import ConfigError

if TYPE_CHECKING:
    from wattloom.components.envs.grid.environment import Grid

LIMIT = 5.0
FORECAST_ERROR = 0.3  # where nobody says
FORECASTS = ("perfect", "persistence", "growing", "stored")


@dataclass
class LocalObservation:
    """Own voltages, own assets, own load; demand, sun, price (where it varies), clock and forecasts, which everybody sees.

    Attributes:
        forecast: ``"perfect"``: the truth; ``"persistence"``: the day before; ``"growing"``: the truth plus an error that grows with the lead;
            ``"stored"``: forecasts that came with the data, the day before for a column without.
        forecast_error: For ``"growing"``: standard deviation of the error 24 h ahead, share of the column's own; None: 0.3.
        lead_hours: h, leads shown; an empty list: no forecast.
        voltage_scale: p.u. that one unit of the observed deviation from 1 p.u. stands for.

    Raises:
        ConfigError: A value out of range.
    """

    forecast: ForecastMode = "growing"
    forecast_error: float | None = None
    lead_hours: Sequence[float] = (0.5, 1, 2, 4, 8, 16)
    voltage_scale: float = 0.05

    knows_devices: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.forecast not in FORECASTS:
            raise ConfigError(f"observation.forecast={self.forecast!r}: choose one of {', '.join(FORECASTS)}")
        if self.forecast_error is not None and not self.forecast_error >= 0:
            raise ConfigError(f"observation.forecast_error={self.forecast_error}: give a number from 0")
        if self.forecast_error is not None and self.forecast != "growing":
            raise ConfigError(f"observation.forecast_error has no effect with observation.forecast={self.forecast}; set it to null")
        if not all(lead > 0 for lead in self.lead_hours):
            raise ConfigError(f"observation.lead_hours={list(self.lead_hours)}: leads are positive hours")
        if not self.voltage_scale > 0:
            raise ConfigError(f"observation.voltage_scale={self.voltage_scale}: give a positive number")

    def bind(self, environment: Grid) -> None:
        """Learn who owns what, and lay out everything that depends on the row alone."""
        self._fleet, self._feeder = environment.fleet, environment.feeder
        self._step_hours = environment.rows.profiles.step_hours
        common = list(self._common(environment))
        self._table = np.stack([np.clip(values, -LIMIT, LIMIT) for _, values in common], axis=1).astype(np.float32)
        names = [f"voltage_{bus}" for bus in self._feeder.model.bus_index] + [f"load_{bus}" for bus in self._feeder.model.bus_index]
        names += [f"{kind}_{bus}" for kind in ("pv_p", "pv_q") for bus in self._fleet.pv_numbers]
        names += [f"{kind}_{bus}" for kind in ("battery_p", "soc") for bus in self._fleet.battery_numbers]
        self._devices, self._measured = environment.devices, len(names)
        names += environment.devices.seen
        self._own, names = len(names), names + [name for name, _ in common]
        unit = f"{self.voltage_scale:g} p.u."
        columns = [Column(name, unit if name.startswith("voltage_") else "1") for name in names]
        self._columns = {"state": tuple(columns)}
        self._entries = {}
        buses, pvs, batteries = self._feeder.n_bus, self._fleet.n_pv, self._fleet.n_battery
        loaded = self._feeder.load_p > 0
        for own in environment.territories:
            first = 2 * buses
            parts = [own.buses, buses + own.buses[loaded[own.buses]], first + own.pvs, first + pvs + own.pvs]
            parts += [first + 2 * pvs + own.batteries, first + 2 * pvs + batteries + own.batteries]
            parts += [self._measured + np.array(environment.devices.shown_to(own.name)), np.arange(self._own, len(names))]
            self._entries[own.name] = np.concatenate(parts).astype(np.int64)
            self._columns[own.name] = tuple(columns[k] for k in self._entries[own.name])
        self._per_load = np.divide(1.0, self._feeder.load_p, out=np.zeros(buses), where=loaded)
        self._loads = environment.rows

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """Columns by agent and of the central state."""
        return self._columns

    @property
    def bounds(self) -> Mapping[str, tuple[Array, Array]]:
        """-5 .. 5 everywhere."""
        sizes = {name: len(columns) for name, columns in self._columns.items()}
        return {name: (np.full(n, -LIMIT, np.float32), np.full(n, LIMIT, np.float32)) for name, n in sizes.items()}

    def observe(self, state: State) -> tuple[Mapping[str, Array], Array]:
        """Return the observations and, as the central state, all entries there are."""
        fleet, solved = self._fleet, state["solved"]
        buses, pvs, batteries = self._feeder.n_bus, fleet.n_pv, fleet.n_battery
        own = np.empty((len(solved), self._own))
        np.subtract(state["vm"], 1.0, out=own[:, :buses])
        own[:, :buses] *= 1.0 / self.voltage_scale
        np.multiply(self._loads.load_p(solved), self._per_load, out=own[:, buses : 2 * buses])
        end = 2 * buses + pvs
        np.divide(state["pv_p"], fleet.pv_mw, out=own[:, 2 * buses : end])
        np.divide(state["pv_q"], fleet.pv_mva, out=own[:, end : end + pvs])
        end += pvs
        np.divide(state["battery_p"], fleet.parameters.power_mw, out=own[:, end : end + batteries])
        np.divide(state["soc"], fleet.capacity_mwh, out=own[:, end + batteries : self._measured])
        if self._devices:
            own[:, self._measured :] = self._devices.observe(state)
        np.minimum(np.maximum(own, -LIMIT, out=own), LIMIT, out=own)
        central = np.empty((len(solved), self._own + self._table.shape[1]), dtype=np.float32)
        central[:, : self._own] = own
        central[:, self._own :] = self._table.take(solved, axis=0)
        return {name: central.take(entries, axis=1) for name, entries in self._entries.items()}, central

    def _common(self, environment: Grid) -> Iterator[tuple[str, Floats]]:
        """Yield name and values ``(n_rows,)`` of what everybody sees."""
        rows = environment.rows
        calendar = rows.profiles.calendar
        hour, day = 2 * np.pi * calendar.local_hour / 24, 2 * np.pi * (calendar.day_of_year - 1) / 365
        yield from (("hour_sin", np.sin(hour)), ("hour_cos", np.cos(hour)), ("year_sin", np.sin(day)), ("year_cos", np.cos(day)))
        yield "weekday", (calendar.day_of_week < 5).astype(np.float64)
        curves = {"demand": rows.demand, "solar": rows.solar}
        if np.ptp(rows.price) > 0:
            curves["price"] = (rows.price - rows.price.mean()) / rows.price.std()
        for name, values in curves.items():
            yield name, values
            for lead, believed in self._believed(name, values, rows.tables[name]):
                yield f"{name}_in_{lead:g}h", believed

    def _believed(self, name: str, values: Floats, table: Table) -> Iterator[tuple[float, Floats]]:
        """Yield each lead and what is believed of it, ``(n_rows,)``."""
        steps = [round(lead / self._step_hours) for lead in self.lead_hours]
        if any(abs(step * self._step_hours - lead) > 1e-9 for step, lead in zip(steps, self.lead_hours, strict=True)):
            raise ConfigError(f"observation.lead_hours={list(self.lead_hours)}: give multiples of the step, {self._step_hours:g} h")
        if not steps:
            return
        stored = None if table.stored is None else _in_terms_of(values, table)
        scaled = Table(table.calendar, (Column(name, "1"),), values[:, None], "tile", table.origin, table.seed, stored)
        mode = "persistence" if self.forecast == "stored" and stored is None else self.forecast
        ahead = scaled.forecast(
            np.arange(len(values)), max(steps), mode, error=FORECAST_ERROR if self.forecast_error is None else self.forecast_error
        )
        for lead, step in zip(self.lead_hours, steps, strict=True):
            yield float(lead), ahead[:, step - 1, 0]


def _in_terms_of(values: Floats, table: Table) -> Floats:
    """Return the stored forecasts of a table's column in the unit of ``values``, ``(n_rows, leads, 1)``; both are that column but for scale and offset."""
    assert table.stored is not None
    column = table.names.index("solar") if "solar" in table.names else 0
    raw = table.values[:, column]
    high, low = int(np.argmax(raw)), int(np.argmin(raw))
    slope = (values[high] - values[low]) / (raw[high] - raw[low]) if raw[high] > raw[low] else 1.0
    rescaled: Floats = values[high] + slope * (table.stored[:, :, column, None] - raw[high])
    return rescaled
