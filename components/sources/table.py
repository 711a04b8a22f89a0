"""Columns laid on a calendar: what an environment reads while it runs.

A table is immutable and keeps no counter: every question names the step it is about. Windows are rows of a sliding view over one padded array,
so a call copies N contiguous stretches and computes nothing (:mod:`wattloom.components.sources.rows`). Where a whole window becomes part of a float32
observation, ask for ``precision="single"``: half the bytes, so twice the speed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.rows import Precision, Rows, at_precision, sliding
from wattloom.components.sources.series import Floats, distinct_length, frozen
from wattloom.environment import Column
from wattloom.errors import ConfigError, DataError

Wrap = Literal["error", "tile"]
ForecastMode = Literal["perfect", "persistence", "growing", "stored"]
FORECAST_MODES: tuple[ForecastMode, ...] = ("perfect", "persistence", "growing", "stored")
Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Table:
    """Values of k columns on every step of a calendar.

    Attributes:
        calendar: The clock.
        columns: Name and unit of each column.
        values: Shape (n_steps, k), float64, read-only.
        wrap: What an index outside ``0 .. n_steps - 1`` means: ``"error"``, or ``"tile"``: taken back (or forward) by the whole weeks within
            the span, so that weekday and hour stay in phase.
        origin: Where the columns came from, for messages.
        seed: Seed of the error table of ``growing`` forecasts.
        stored: Forecasts that came with the data, shape (n_steps, leads, k); entry [i, l] was made at step i for step i + 1 + l. None: none.
        notes: Lines worth telling the user (gaps filled, resampled, repeats).

    Raises:
        DataError: If the shapes do not agree.
    """

    calendar: Calendar
    columns: tuple[Column, ...]
    values: Floats
    wrap: Wrap = "tile"
    origin: str = ""
    seed: int = 0
    stored: Floats | None = None
    notes: tuple[str, ...] = ()
    _cache: dict[object, Rows] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", frozen(self.values))
        wanted = (self.calendar.n_steps, len(self.columns))
        if self.values.shape != wanted:
            raise DataError(f"{self.origin or 'table'}: values have shape {self.values.shape}; the calendar and columns ask for {wanted}")
        if self.wrap not in ("error", "tile"):
            raise ConfigError(f"wrap={self.wrap!r}: choose error or tile")
        if self.stored is not None:
            object.__setattr__(self, "stored", frozen(self.stored))

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(c.name for c in self.columns)

    @cached_property
    def distinct_steps(self) -> int:
        """Smallest period after which ALL columns repeat; ``n_steps`` where they never do."""
        lengths = [distinct_length(column, self.calendar.step_seconds) for column in self.values.T]
        return max(lengths, default=self.calendar.n_steps)

    def select(self, *names: str) -> Table:
        """Return a table of the named columns, in the order asked for.

        Raises:
            ConfigError: If a column does not exist.
        """
        missing = [name for name in names if name not in self.names]
        if missing:
            raise ConfigError(f"{self.origin or 'table'} has no column {', '.join(missing)}; it has {', '.join(self.names)}")
        where = [self.names.index(name) for name in names]
        stored = None if self.stored is None else self.stored[:, :, where]
        columns = tuple(self.columns[i] for i in where)
        return Table(self.calendar, columns, self.values[:, where], self.wrap, self.origin, self.seed, stored, self.notes)

    def column(self, name: str) -> Floats:
        """Return one whole column, shape (n_steps,), read-only."""
        return self.select(name).values[:, 0]

    def wrapped(self, index: Index) -> Index:
        """Return the step each index stands for, shape as given.

        Raises:
            DataError: With ``wrap="error"``, if an index lies outside the calendar.
        """
        n = self.calendar.n_steps
        if index.astype(np.int64, copy=False).view(np.uint64).max() < n:  # a negative index reads as a huge one: one pass finds both
            return index
        self._refuse(int(index.min()), int(index.max()))
        lap = self.calendar.wrap_steps
        return np.where(index >= n, (index - n) % lap + n - lap, np.where(index < 0, index % lap, index))

    def at(self, index: Index) -> Floats:
        """Return the values of steps ``index``, shape (N,) -> (N, k)."""
        return self.values[self.wrapped(np.asarray(index))]

    @overload
    def window(self, start: Index, length: int, *, precision: Literal["double"] = "double") -> Floats: ...

    @overload
    def window(self, start: Index, length: int, *, precision: Literal["single"]) -> NDArray[np.float32]: ...

    def window(self, start: Index, length: int, *, precision: Precision = "double") -> NDArray[Any]:
        """Return the ``length`` steps that begin at each ``start``, shape (N,) -> (N, length, k).

        Args:
            start: First step of every copy; may lie outside the calendar where ``wrap="tile"``.
            length: Number of steps, at least 1.
            precision: ``"double"`` (float64) or ``"single"`` (the same values rounded to float32).
        """
        start = np.asarray(start)
        if self.wrap == "error":
            self._refuse(int(start.min()), int(start.max()) + length - 1)
        key = (length, precision)
        if key not in self._cache:
            self._cache[key] = self._windows(length, precision)
        return self._cache[key].take(self.wrapped(start))

    @overload
    def forecast(
        self, index: Index, length: int, mode: ForecastMode = "perfect", *, error: float = 0.1, precision: Literal["double"] = "double"
    ) -> Floats: ...

    @overload
    def forecast(
        self, index: Index, length: int, mode: ForecastMode = "perfect", *, error: float = 0.1, precision: Literal["single"]
    ) -> NDArray[np.float32]: ...

    def forecast(
        self, index: Index, length: int, mode: ForecastMode = "perfect", *, error: float = 0.1, precision: Precision = "double"
    ) -> NDArray[Any]:
        """Return what is believed at step ``index`` about the ``length`` steps after it: leads 1 .. ``length``.

        Args:
            index: Shape (N,), the step at which the forecast is made.
            length: Number of leads; the answer has exactly this many.
            mode: ``"perfect"``: the truth; ``"persistence"``: the same hour of the last known day; ``"growing"``: the truth plus an error whose
                standard deviation grows with the square root of the lead; ``"stored"``: forecasts that came with the data.
            error: For ``"growing"``: standard deviation of the 24 h-ahead error, as a share of the column's own standard deviation.
            precision: ``"double"`` (float64) or ``"single"`` (the same values rounded to float32).

        Returns:
            Shape (N, length, k).

        Raises:
            ConfigError: If the mode is unknown, or stored forecasts are asked for where there are none that long.
        """
        index = np.asarray(index)
        if mode == "perfect":
            return self.window(index + 1, length, precision=precision)
        if mode not in FORECAST_MODES:
            raise ConfigError(f"forecast mode {mode!r}: choose one of {', '.join(FORECAST_MODES)}")
        key = (mode, length, error if mode == "growing" else 0.0, precision)
        if key not in self._cache:
            from wattloom.components.sources.forecast import forecast_rows

            self._cache[key] = forecast_rows(self, length, mode, error, precision)
        return self._cache[key].take(self.wrapped(index))

    def _windows(self, length: int, precision: Precision) -> Rows:
        """Every window of ``length`` steps, one a step; the padding wraps by whole weeks."""
        n, lap = self.calendar.n_steps, self.calendar.wrap_steps
        tail = np.arange(n, n + length - 1)
        padded = np.concatenate([self.values, self.values[(tail - n) % lap + n - lap]])
        return sliding(at_precision(padded, precision), length)

    def _refuse(self, low: int, high: int) -> None:
        n = self.calendar.n_steps
        if self.wrap == "error" and (low < 0 or high >= n):
            bad = low if low < 0 else high
            raise DataError(
                f"{self.origin or 'table'}: step {bad} lies outside the {n} steps of the calendar; start earlier, or set wrap=tile"
            )
