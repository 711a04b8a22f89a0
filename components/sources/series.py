"""A time series as a file or a generator delivers it: values, unit, clock and where it came from.

A :class:`Series` says what its numbers mean; :mod:`wattloom.components.sources.align` lays it on a calendar. Three clocks exist:

* **dated**: ``start_utc`` is set; values are matched by instant.
* **typical year**: ``typical_year=True``; 365 local days from 1 January, of no particular year; matched by local month, day and hour.
* **undated**: neither; value 0 is local midnight of weekday ``first_weekday`` (Monday where nothing is known); matched by weekday and hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wattloom.errors import DataError

Floats = NDArray[np.float64]
HOUR = 3600
DAY = 24 * HOUR
WEEK = 7 * DAY
CEILINGS = {("utilization", "1"): 1.0}  # most that a quantity in this unit can be


def frozen(values: ArrayLike) -> Floats:
    """Return ``values`` as a contiguous float64 array that refuses writes (copied only where needed)."""
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.flags.writeable:
        array = array.copy() if array is values or array.base is not None else array
        array.flags.writeable = False
    return array


@dataclass(frozen=True, slots=True)
class Series:
    """One quantity on one evenly spaced clock.

    Attributes:
        name: Quantity, e.g. ``"carbon_intensity"``, ``"dry_bulb"``.
        unit: Unit as printed, e.g. ``"gCO2/kWh"``, ``"degC"``, ``"1"`` (fraction), ``"USD/MWh"``, ``"kW"``, ``"W/m2"``.
        values: Shape (n,), float64, read-only. Value i covers ``[i * step, (i + 1) * step)`` after the start: labels are always the START of
            the interval; a reader of a file labelled by interval end shifts means back, and leaves readings at their stamp.
        step_seconds: Length of a step in seconds.
        start_utc: UTC instant of value 0 (datetime64[s]); None: typical year or undated.
        utc_offset_hours: Fixed standard-time offset of the place a file is local to; None: UTC or unknown.
        origin: File path, or generator name and seed, for messages.
        kind: ``"mean"`` over the interval (resampled preserving means) or ``"instant"`` (a reading at its start, resampled linearly).
        distinct_steps: Smallest period after which the values repeat; n if they never do; 0 (default): measured here.
        typical_year: 365 local days from 1 January of no particular year.
        first_weekday: Weekday of value 0 of an undated series (0 = Monday).

    Raises:
        DataError: If the series is empty, not one-dimensional, or its step is not positive.
    """

    name: str
    unit: str
    values: Floats
    step_seconds: int
    start_utc: np.datetime64 | None = None
    utc_offset_hours: float | None = None
    origin: str = ""
    kind: Literal["mean", "instant"] = "mean"
    distinct_steps: int = 0
    typical_year: bool = False
    first_weekday: int = 0

    def __post_init__(self) -> None:
        values = frozen(self.values)
        if values.ndim != 1 or values.size == 0:
            raise DataError(f"{self.origin or self.name}: {self.name} has shape {values.shape}; a series is one non-empty column")
        if self.step_seconds <= 0:
            raise DataError(f"{self.origin or self.name}: step of {self.step_seconds} s; a step is positive")
        object.__setattr__(self, "values", values)
        if self.start_utc is not None:
            object.__setattr__(self, "start_utc", np.datetime64(self.start_utc).astype("datetime64[s]"))
        if self.distinct_steps == 0:
            object.__setattr__(self, "distinct_steps", distinct_length(values, self.step_seconds))

    @property
    def n_steps(self) -> int:
        """Number of values."""
        return int(self.values.size)

    @property
    def ceiling(self) -> float | None:
        """Most that its values can be, which smoothing must not exceed; None: no limit."""
        return CEILINGS.get((self.name, self.unit))

    @property
    def end_utc(self) -> np.datetime64 | None:
        """UTC instant at which the last interval ends; None where the series has no date."""
        if self.start_utc is None:
            return None
        return self.start_utc + np.timedelta64(self.n_steps * self.step_seconds, "s")

    def with_values(self, values: ArrayLike, *, unit: str | None = None) -> Series:
        """Return the same series with other values of the same length (the distinct length is measured anew)."""
        return replace(self, values=frozen(values), unit=self.unit if unit is None else unit, distinct_steps=0)


@dataclass(frozen=True, slots=True)
class SeriesSet(Mapping[str, Series]):
    """Several series of one file or one draw, by name; all on one clock (readings may stand a step later than the means that end with them).

    Raises:
        DataError: If the members differ in length or step, or by more than a step in their start.
    """

    members: Mapping[str, Series] = field(default_factory=dict)

    def __post_init__(self) -> None:
        clocks = {(s.n_steps, s.step_seconds, str(s.start_utc), s.typical_year) for s in self.members.values()}
        starts = [int(s.start_utc.astype(np.int64)) for s in self.members.values() if s.start_utc is not None]
        alike = len({(steps, step, start == "None", typical) for steps, step, start, typical in clocks}) <= 1
        if not alike or (starts and max(starts) - min(starts) > min(step for _, step, _, _ in clocks)):
            raise DataError(
                f"series {', '.join(self.members)} are not on one clock: (steps, step in s, start, typical year) {sorted(clocks)}"
            )

    def __getitem__(self, name: str) -> Series:
        return self.members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)


def distinct_length(values: Floats, step_seconds: int) -> int:
    """Smallest period among 1, 7, 14, 28, 364 and 365 days, seen at least twice, after which the values repeat; n where they never do.

    From a week on, laps that differ by a slow drift of the level only (a trace pasted several times and rescaled) count as repeats: every lap, less
    its mean, correlates with the first to 0.998.

    Args:
        values: Shape (n,).
        step_seconds: Step in seconds.

    Returns:
        Period in steps; ``1`` for a constant series, ``n`` for one that never repeats.
    """
    n = int(values.size)
    spread = float(np.ptp(values)) if np.isfinite(values).all() else 0.0
    if n > 1 and spread == 0.0 and np.array_equal(values, np.full(n, values[0]), equal_nan=True):
        return 1
    for days in (1, 7, 14, 28, 364, 365):
        period = days * DAY // step_seconds
        if days * DAY % step_seconds or not 0 < 2 * period <= n:  # a repeat shows only where two whole periods are there
            continue
        if _repeats(values, period, 1e-6 * spread):
            return period
        if 7 <= days <= 28 and n >= 2 * period and _laps_agree(values, period):
            return period
    return n


def _repeats(values: Floats, period: int, tolerance: float) -> bool:
    """Return whether all but a few values recur after ``period`` steps (resampling bends the steps next to an end)."""
    probe = slice(None, None, max(1, (values.size - period) // 512))  # most series differ at once: look at few values before all
    for part in (probe, slice(None)):
        same = np.isclose(values[period:][part], values[:-period][part], rtol=0.0, atol=tolerance, equal_nan=True)
        if same.mean() < 0.998 - 0.1 * (part is probe):
            return False
    return True


def _laps_agree(values: Floats, period: int) -> bool:
    laps = values[: values.size // period * period].reshape(-1, period)
    laps = laps - laps.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.einsum("lp,lp->l", laps, laps))
    return bool(np.all(laps @ laps[0] >= 0.998 * norms * norms[0]) and norms.min() > 0)
