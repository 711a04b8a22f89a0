"""What comes from outside, and which stretch of it an episode is: demand, sun and price on one calendar.

A load draws its table value times the demand of the row; demand is divided by ``demand_base`` first. With ``load_diversity`` every bus has a factor of
its own, an AR(1) process x of unit variance around one curve:

    P_b(t) = P_b d(t) (1 + sigma x_b(t)),      x_b(t + h) = exp(-h / tau) x_b(t) + sqrt(1 - exp(-2 h / tau)) e

and likewise every inverter. A table may hold curves of single places beside the common one (:mod:`.places`).

The reactive load goes with the active one, or is frozen at the first row of the day (``reactive_load: frozen``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from wattloom.components.envs.grid import places
from wattloom.components.envs.grid.assets import Fleet
from wattloom.components.envs.grid.network import Feeder
from wattloom.components.envs.grid.protocol import Floats, Inputs, Integers, State
from wattloom.components.sources.protocol import Calendar, Source, Table, table_of_part
from wattloom.environment import Array
from wattloom.errors import ConfigError, DataError

DIVERSITY_HOURS = 3.0  # where nobody says
MOST = 3.0  # of the base, beyond which a demand is taken for one in another unit


@dataclass
class Profiles:
    """Rows of a calendar and how episodes are cut from them.

    Attributes:
        start: Local date of the first row.
        days: Days on the calendar.
        step_minutes: Minutes a step; a day is a whole number of steps.
        episode_days: Days an episode; a whole number of steps, and of days in sequence.
        order: ``"random"``: an episode begins at midnight of a drawn day; ``"anywhere"``: at a drawn row; ``"sequential"``: where the one before ended, or
            again on the day on which it was cut short; the first day follows the last.
        months: Months 1 .. 12 in which drawn episodes begin; None: all.
        first_look: What the first observation shows: the row ``"before"`` the episode, or its ``"first"`` one (which is then simulated again).
        demand_base: Demand, in the source's unit, at which loads draw their table values; None: the largest on the calendar.
        reactive_load: ``"scaled"`` goes with the active load; ``"frozen"`` keeps the value of the day's first row.
        clip_solar: Whether negative solar values count as none.
        load_diversity: sigma of the buses, share of the curve.
        solar_diversity: sigma of the inverters, share of the curve.
        diversity_hours: tau, h; None: 3.
        utc_offset_hours: h, local standard time minus UTC.

    Raises:
        ConfigError: A value out of range.
    """

    start: str = "2023-01-01"
    days: int = 365
    step_minutes: int = 30
    episode_days: float = 1
    order: Literal["random", "anywhere", "sequential"] = "random"
    months: Sequence[int] | None = None
    first_look: Literal["before", "first"] = "before"
    demand_base: float | None = None
    reactive_load: Literal["scaled", "frozen"] = "scaled"
    clip_solar: bool = True
    load_diversity: float = 0.0
    solar_diversity: float = 0.0
    diversity_hours: float | None = None
    utc_offset_hours: float = 0.0

    def __post_init__(self) -> None:
        if self.order not in ("random", "anywhere", "sequential"):
            raise ConfigError(f"profiles.order={self.order!r}: choose random, anywhere or sequential")
        if self.reactive_load not in ("scaled", "frozen"):
            raise ConfigError(f"profiles.reactive_load={self.reactive_load!r}: choose scaled or frozen")
        if self.first_look not in ("before", "first"):
            raise ConfigError(f"profiles.first_look={self.first_look!r}: choose before or first")
        if not 0 < self.episode_days <= self.days:
            raise ConfigError(f"profiles.episode_days={self.episode_days}: the profiles hold {self.days} days, too few for one episode")
        whole = 1440 / self.step_minutes if self.order != "sequential" else 1.0
        if abs(self.episode_days * whole - round(self.episode_days * whole)) > 1e-9:
            raise ConfigError(
                f"profiles.episode_days={self.episode_days}: give a whole number of steps, and of days where order=sequential"
            )
        if self.demand_base is not None and not self.demand_base > 0:
            raise ConfigError(f"profiles.demand_base={self.demand_base}: give a positive number, or null")
        for name in ("load_diversity", "solar_diversity"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"profiles.{name}={getattr(self, name)}: give 0 .. 1")
        if self.diversity_hours is not None and not self.diversity_hours > 0:
            raise ConfigError(f"profiles.diversity_hours={self.diversity_hours}: give a positive number")
        if self.diversity_hours is not None and not self.load_diversity and not self.solar_diversity:
            raise ConfigError("profiles.diversity_hours has no effect without load_diversity or solar_diversity; set it to null")
        if self.months is not None and (not self.months or not set(self.months) <= set(range(1, 13))):
            raise ConfigError(f"profiles.months={list(self.months)}: give months 1 .. 12, or null")
        if self.months is not None and self.order == "sequential":
            raise ConfigError("profiles.months has no effect with profiles.order=sequential; set it to null")

    @cached_property
    def calendar(self) -> Calendar:
        """The clock."""
        try:
            np.datetime64(self.start, "s")
        except ValueError as error:
            raise ConfigError(f"profiles.start={self.start!r} is no date; give e.g. 2023-01-01") from error
        return Calendar.local(self.start, self.days, 60 * self.step_minutes, self.utc_offset_hours)

    @property
    def step_hours(self) -> float:
        """Length of a step, h."""
        return self.step_minutes / 60

    @property
    def horizon(self) -> int:
        """Steps an episode."""
        return round(self.episode_days * self.calendar.steps_per_day)

    def prepare(self, tables: Mapping[str, Source | Table | None], feeder: Feeder, fleet: Fleet, seed: int) -> Rows:
        """Read the sources (``demand``, ``solar`` and perhaps ``price``) and lay them side by side.

        Raises:
            DataError: Missing values, a unit that cannot be meant, or a table on another clock.
        """
        read = {name: table_of_part(name, source, self.calendar, seed) for name, source in tables.items() if source is not None}
        return Rows(self, read, feeder, fleet, seed)


class Rows:
    """Profiles of one network and its assets, one row a step.

    Attributes:
        tables: The tables read.
        demand: ``(n_rows,)`` over the base, the common curve.
        solar: ``(n_rows,)`` over the rating, the common curve.
        price: ``(n_rows,)`` USD/MWh.
        n_rows, per_day: Number of rows, and of rows a day.
    """

    def __init__(self, profiles: Profiles, tables: Mapping[str, Table], feeder: Feeder, fleet: Fleet, seed: int) -> None:
        self.profiles, self.tables = profiles, dict(tables)
        calendar = profiles.calendar
        self.n_rows, self.per_day = calendar.n_steps, calendar.steps_per_day
        for name, table in tables.items():
            if table.calendar.n_steps != self.n_rows or table.calendar.step_seconds != calendar.step_seconds:
                raise DataError(
                    f"{name} has {table.calendar.n_steps} rows of {table.calendar.step_seconds} s; "
                    f"the profiles have {self.n_rows} of {calendar.step_seconds} s"
                )
            if not np.isfinite(table.values).all():
                raise DataError(f"{name} has missing values between {profiles.start} and {profiles.days} days later")
        self.demand = _demand(tables["demand"], profiles.demand_base)
        self.solar = _solar(tables["solar"], profiles.clip_solar)
        self.price = tables["price"].values[:, 0] if "price" in tables else np.zeros(self.n_rows)
        noise = _Noise(self.n_rows, profiles, seed)
        buses = feeder.model.bus_index
        active = places.demand(tables["demand"], self.demand, buses)
        self._active = noise.around(active, feeder.n_bus, profiles.load_diversity, "load")
        self._reactive = self._active
        if (reactive := places.reactive(tables["demand"], active, self.demand, buses)) is not None:
            self._reactive = noise.around(reactive, feeder.n_bus, profiles.load_diversity, "load")
        if profiles.reactive_load == "frozen":
            self._reactive = self._reactive[np.arange(self.n_rows) // self.per_day * self.per_day]
        sun = places.solar(tables["solar"], self.solar, np.array(fleet.pv_numbers))
        self._sun = noise.around(sun, fleet.n_pv, profiles.solar_diversity, "solar")
        self._generated: Floats | None = None
        if feeder.generator_p.any() and not fleet.takes_generators:
            sun = places.solar(tables["solar"], self.solar, buses)
            self._generated = feeder.generator_p * noise.around(sun, feeder.n_bus, profiles.solar_diversity, "solar")
        self._load_p, self._load_q = feeder.load_p, feeder.load_q
        self._first = self._starts()

    def _starts(self) -> Integers:
        """Return the rows at which a drawn episode may begin."""
        between = 1 if self.profiles.order == "anywhere" else self.per_day
        rows = np.arange(0, self.n_rows - self.profiles.horizon + 1, between)
        if self.profiles.months is not None:
            rows = rows[np.isin(self.profiles.calendar.month[rows], list(self.profiles.months))]
            if not len(rows):
                raise ConfigError(
                    f"profiles.months={list(self.profiles.months)}: no episode of {self.profiles.episode_days} days begins there"
                )
        return rows

    def initial(self, num_envs: int) -> State:
        """Return the row to be simulated next, the row solved last, and the day at which the episode is."""
        return {name: np.zeros(num_envs, dtype=np.int64) for name in ("row", "solved", "day")}

    def begin(
        self, state: State, copies: Array, generators: Sequence[np.random.Generator], fresh: Array, options: Mapping[str, Any]
    ) -> None:
        """Choose the first row of ``copies``; the option ``start_day`` (from 0), one value or one a copy, fixes it.

        Raises:
            ConfigError: A start day from which an episode does not fit.
        """
        if self.profiles.order == "sequential":
            row = np.where(fresh, 0, state["day"][copies]) * self.per_day
        else:
            row = np.array([self._first[generator.integers(len(self._first))] for generator in generators])
        if options.get("start_day") is not None:
            row = np.broadcast_to(np.asarray(options["start_day"], dtype=np.int64) * self.per_day, len(state["day"]))[copies]
            last = self.n_rows - (self.per_day if self.profiles.order == "sequential" else self.profiles.horizon)
            if (row < 0).any() or (row > last).any():
                raise ConfigError(f"reset option start_day={options['start_day']}: give 0 .. {last // self.per_day}")
        seen = row if self.profiles.first_look == "first" else (row - 1) % self.n_rows
        for name, value in (("day", row // self.per_day), ("row", row), ("solved", seen)):
            changed = state[name].copy()
            changed[copies] = value
            state[name] = changed

    def inputs(self, row: Integers) -> Inputs:
        """Return what the rows bring, ``(n,)`` -> :class:`Inputs`."""
        load_q = self._reactive.take(row, axis=0) * self._load_q
        return Inputs(row, self.load_p(row), load_q, self._sun.take(row, axis=0), self.price.take(row))

    def load_p(self, row: Integers) -> Floats:
        """Return the active load, less what the network's own generators make of the sun, ``(n, n_bus)`` MW."""
        load: Floats = self._active.take(row, axis=0) * self._load_p
        if self._generated is not None:
            load -= self._generated.take(row, axis=0)
        return load

    def advance(self, state: State, moved: Array) -> None:
        """Go on to the next row where ``moved``; the first one follows the last."""
        row = state["row"]
        state["solved"] = row
        following = row + moved
        if following.max() >= self.n_rows:
            following = following % self.n_rows
        state["row"] = following
        state["day"] = np.where(moved & (following % self.per_day == 0), following // self.per_day, state["day"])


class _Noise:
    """Seeded AR(1) factors around a curve."""

    def __init__(self, n_rows: int, profiles: Profiles, seed: int) -> None:
        self._n_rows, self._seed = n_rows, seed
        self._phi = float(np.exp(-profiles.step_hours / (profiles.diversity_hours or DIVERSITY_HOURS)))

    def around(self, curve: Floats, count: int, sigma: float, name: str) -> Floats:
        """Return ``(n_rows, count)`` values around a curve ``(n_rows,)`` or as many, of its sign; without noise one column for a common load."""
        common = curve.ndim == 1
        if not sigma:
            return np.repeat(curve[:, None], count if name == "solar" else 1, axis=1) if common else curve
        from scipy.signal import lfilter

        generator = np.random.default_rng([self._seed, *name.encode()])
        drawn = generator.standard_normal((self._n_rows, count))
        drawn[1:] *= np.sqrt(1.0 - self._phi**2)
        factor = 1.0 + sigma * lfilter([1.0], [1.0, -self._phi], drawn, axis=0)
        varied: Floats = np.ascontiguousarray((curve[:, None] if common else curve) * np.maximum(factor, 0.0))
        return np.minimum(varied, np.maximum(curve.max(), 1.0)) if name == "solar" else varied


def _demand(table: Table, base: float | None) -> Floats:
    """Return the demand over its base."""
    values = table.values[:, 0]
    largest = float(values.max())
    if largest <= 0:
        raise DataError(f"demand ({table.origin or 'table'}) is never positive")
    if base is not None and largest > MOST * base:
        raise DataError(
            f"demand ({table.origin or 'table'}) reaches {largest:g} {table.columns[0].unit}, {largest / base:.3g} times profiles.demand_base={base:g}: "
            "is it in per cent, or another unit? Set profiles.demand_base to the demand at which loads draw their table values (null: the largest)"
        )
    if float(values.min()) < 0:
        raise DataError(f"demand ({table.origin or 'table'}) is negative ({values.min():g}); loads consume")
    return np.ascontiguousarray(values / (largest if base is None else base))


def _solar(table: Table, clip: bool) -> Floats:
    """Return the power of the panels over their rating."""
    values = table.column("solar") if "solar" in table.names else table.values[:, 0]
    largest = float(values.max())
    if largest > MOST:
        raise DataError(
            f"solar ({table.origin or 'table'}) reaches {largest:g}; it is a share of the rating. Divide per cent by 100 and a power "
            f"by its rating: solar.transforms=[{{_target_: wattloom.components.sources.transforms.Scale, factor: {1 / largest:.4g}}}]"
        )
    return np.maximum(values, 0.0) if clip else np.array(values)
