"""Episodes on the calendar: whole days of one local year, at a start that the copy draws.

All copies share one table of exogenous values and of everything that depends on them alone; a step gathers rows of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Literal

import numpy as np

from wattloom.components.envs.datacenter.protocol import Cooling, Inputs, State, Table, Weather
from wattloom.components.physics.magnus import dew_point, humidity_ratio
from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.protocol import Starts, WeekSplit, check_leak
from wattloom.components.sources.protocol import Table as SourceTable
from wattloom.environment import Array
from wattloom.errors import ConfigError, DataError

DEMAND, DRY, WET, HUMIDITY, DEW, CARBON, PRICE, CARBON_DAY, PRICE_DAY, PLANT = range(10)


@dataclass
class CalendarEpisode:
    """Episodes that begin at a drawn day of a year.

    Attributes:
        year: Calendar year of the data.
        days: Days an episode.
        step_minutes: Minutes a step; a day is a whole number of steps.
        start_month: 1 .. 12, month in which episodes begin, or a list of months; None: any.
        start_hour: Local hour of the first step; None: drawn.
        utc_offset_hours: h, local standard time minus UTC.
        part: ``"train"``, ``"validation"`` or ``"test"``: episodes lie wholly in weeks of this part, those of ``"train"`` a day from others'
            weeks on both sides, because observations show a day of the past and a forecast of the next; None: in any.
        split: Which of ``cycle`` successive weeks (Monday to Sunday, numbered from 0) are ``train``, ``validation`` and ``test``.

    Raises:
        ConfigError: A value out of range.
    """

    year: int = 2023
    days: int = 7
    step_minutes: int = 15
    start_month: int | Sequence[int] | None = None
    start_hour: int | None = 0
    utc_offset_hours: float = 0.0
    part: Literal["train", "validation", "test"] | None = None
    split: Mapping[str, Any] = field(default_factory=lambda: {"train": [0, 1, 2], "validation": [], "test": [3], "cycle": 4})

    def __post_init__(self) -> None:
        if not set(self.months) <= set(range(1, 13)) or not self.months:
            raise ConfigError(f"episode.start_month={self.start_month}: give 1 .. 12, a list of them, or null")
        if self.start_hour is not None and self.start_hour not in range(24):
            raise ConfigError(f"episode.start_hour={self.start_hour}: give 0 .. 23, or null")
        if self.step_minutes < 1 or 60 % self.step_minutes:
            raise ConfigError(f"episode.step_minutes={self.step_minutes}: an hour must be a whole number of steps")
        if not 1 <= self.days <= self.calendar.n_steps // self.calendar.steps_per_day:
            raise ConfigError(f"episode.days={self.days}: give 1 .. the days of {self.year}")
        unknown = set(self.split) - {f.name for f in fields(WeekSplit)}
        if unknown:
            raise ConfigError(f"episode.split.{min(unknown)} is unknown; it has {', '.join(f.name for f in fields(WeekSplit))}")
        self.weeks = WeekSplit(**self.split)

    @property
    def months(self) -> tuple[int, ...]:
        """Months in which episodes begin."""
        if self.start_month is None:
            return tuple(range(1, 13))
        return (self.start_month,) if isinstance(self.start_month, int) else tuple(self.start_month)

    @cached_property
    def calendar(self) -> Calendar:
        """The whole local year."""
        return Calendar.year(self.year, 60 * self.step_minutes, self.utc_offset_hours)

    @property
    def reset_options(self) -> tuple[str, ...]:
        """Names that ``reset(options=...)`` takes."""
        return ("start_day", "start_hour")

    @property
    def step_seconds(self) -> float:
        """Length of a step, s."""
        return 60.0 * self.step_minutes

    @property
    def horizon(self) -> int:
        """Steps an episode."""
        return self.days * self.calendar.steps_per_day

    @cached_property
    def scaled_on(self) -> Array:
        """Steps that scales of observations and rewards may be taken from, bool ``(n_steps,)``: training weeks where there are parts, else all."""
        if self.part is None:
            return np.ones(self.calendar.n_steps, dtype=bool)
        scaled: Array = self.weeks.labels(self.calendar) == 0
        return scaled

    def bind(self, sources: Mapping[str, Table], cooling: Cooling, num_envs: int) -> None:
        """Lay the sources side by side and precompute what depends on them alone."""
        self._check_clocks(sources)
        self.tables = dict(sources)
        if self.part is not None:
            for table in (table for table in sources.values() if isinstance(table, SourceTable)):
                check_leak(table, self.weeks, "warn")  # one series that repeats beside others that do not is worth a word, not a refusal
        weather = _weather(sources["weather"])
        workload, carbon = sources["workload"].values[:, 0], sources["carbon"].values[:, 0]
        price = sources["price"].values[:, 0] if "price" in sources else np.zeros(self.calendar.n_steps)
        self._check_values(workload, weather, carbon, price)
        day = self.calendar.steps_per_day
        outside = [weather.dry_bulb, weather.wet_bulb, weather.humidity_ratio, weather.dew_point]
        named = [workload, *outside, carbon, price, _trailing(carbon, day), _trailing(price, day)]
        self._rows = np.concatenate([np.stack(named, axis=1), cooling.columns(weather)], axis=1)
        self.dew_point = weather.dew_point
        self.first_days = self._first_days()

    def _check_clocks(self, sources: Mapping[str, Table]) -> None:
        """Refuse a table on another calendar."""
        n, seconds = self.calendar.n_steps, self.calendar.step_seconds
        for name, table in sources.items():
            if table.calendar.n_steps != n or table.calendar.step_seconds != seconds:
                raise DataError(
                    f"{name} has {table.calendar.n_steps} steps of {table.calendar.step_seconds} s; "
                    f"the episode's calendar has {n} of {seconds} s"
                )

    def _check_values(self, workload: Array, weather: Weather, carbon: Array, price: Array) -> None:
        """Refuse values that are missing or cannot be."""
        named = {"workload": workload, "dry_bulb": weather.dry_bulb, "wet_bulb": weather.wet_bulb, "carbon": carbon, "price": price}
        bad = [name for name, values in named.items() if not np.isfinite(values).all()]
        if bad:
            raise DataError(f"{', '.join(bad)} has missing values on the calendar of {self.year}")
        if carbon.min() < 0:
            raise DataError(f"carbon reaches {carbon.min():.3g} g CO2/kWh; an intensity is not negative: clip it, or choose another source")
        if workload.min() < 0 or workload.max() > 1:
            raise DataError(
                f"workload lies in {workload.min():.3g} .. {workload.max():.3g}; demand is a share of capacity, 0 .. 1: "
                "correct it, or limit it by a Clip among workload.transforms"
            )

    def _first_days(self) -> Array:
        """Return the days (from 0) on which an episode may begin.

        Raises:
            ConfigError: No episode fits.
        """
        per_hour = self.calendar.steps_per_day // 24
        late = 23 if self.start_hour is None else self.start_hour  # the latest hour that a start may be drawn at
        day = self.calendar.steps_per_day
        before, after = (day, day + 1) if self.part == "train" else (0, 0)  # a test may know the day before it, training nothing of a test
        drawn = 23 * per_hour if self.start_hour is None else 0
        rule = Starts(self.part, self.horizon, history=before, horizon=drawn + after, every_hours=1.0)
        first = rule.valid(self.calendar, self.weeks) - (late * per_hour if self.start_hour is not None else 0)
        fits = first[first % self.calendar.steps_per_day == 0] // self.calendar.steps_per_day
        days: Array = fits[np.isin(self.calendar.month[:: self.calendar.steps_per_day][fits], self.months)]
        if len(days) == 0:
            raise ConfigError(
                f"episode.start_month={self.start_month}, part={self.part}: an episode of {self.days} days"
                f"{', and the day before and after it that is seen,' if before else ''} does not fit there before the end of the year: "
                "make episode.days less, or a part longer"
            )
        return days

    def initial(self, num_envs: int) -> State:
        """Return the first step of every copy's episode."""
        return {"episode_start": np.zeros(num_envs, dtype=np.int64)}

    def begin(self, state: State, copies: Array, generators: Sequence[np.random.Generator], options: Mapping[str, Any]) -> None:
        """Draw the start of each copy; options ``start_day`` (from 0) and ``start_hour``, one value or one a copy, fix it."""
        num_envs, per_day = len(state["episode_start"]), self.calendar.steps_per_day
        for copy, generator in zip(copies, generators, strict=True):
            day = int(self.first_days[generator.integers(len(self.first_days))])
            hour = int(generator.integers(24)) if self.start_hour is None else self.start_hour
            day, hour = _asked(options, "start_day", day, copy, num_envs), _asked(options, "start_hour", hour, copy, num_envs)
            start = day * per_day + hour * per_day // 24
            if not 0 <= start <= self.calendar.n_steps - self.horizon:
                raise ConfigError(f"start_day={day}, start_hour={hour}: {self.days} days from there do not fit into {self.year}")
            state["episode_start"][copy] = start

    def inputs(self, state: State, elapsed: Array) -> Inputs:
        """Return the values of step ``elapsed`` of every copy."""
        index = state["episode_start"] + elapsed
        x = np.ascontiguousarray(self._rows.take(index, axis=0).T)
        weather = Weather(x[DRY], x[WET], x[HUMIDITY], x[DEW])
        return Inputs(x[DEMAND], weather, x[CARBON], x[PRICE], x[CARBON_DAY], x[PRICE_DAY], x[PLANT:].T, index, x.T)

    def means(self) -> tuple[float, float, float]:
        """Return mean demand, carbon intensity g/kWh and positive price USD/MWh of the year (of its training weeks where there are parts)."""
        rows = self._rows[self.scaled_on]
        price = rows[:, PRICE]
        positive = price[price > 0]
        return float(rows[:, DEMAND].mean()), float(rows[:, CARBON].mean()), float(positive.mean()) if len(positive) else 1.0


def _asked(options: Mapping[str, Any], name: str, drawn: int, copy: int, num_envs: int) -> int:
    """Return what a reset option says for one copy, or what was drawn.

    Raises:
        ConfigError: Not one whole number, and not one a copy.
    """
    if name not in options:
        return drawn
    value = np.asarray(options[name])
    if value.shape not in ((), (1,), (num_envs,)) or value.dtype.kind not in "iu":
        raise ConfigError(f"reset option {name}={options[name]!r}: give one whole number, or a list of {num_envs}, one a copy")
    return int(np.broadcast_to(value, num_envs)[copy])


def _weather(table: Table) -> Weather:
    """Return the year's weather; a wet bulb above the dry one counts as equal to it."""
    dry = table.column("dry_bulb")
    wet = np.minimum(table.column("wet_bulb"), dry)
    ratio = humidity_ratio(dry, wet)
    return Weather(dry, wet, ratio, dew_point(ratio))


def _trailing(values: Array, length: int) -> Array:
    """Return the mean of the last ``length`` values including the present one (fewer at the start)."""
    total = np.cumsum(np.concatenate([[0.0], values]))
    at = np.arange(1, len(values) + 1)
    first = np.maximum(at - length, 0)
    mean: Array = (total[at] - total[first]) / (at - first)
    return mean
