"""Lay a series on a calendar: first find which value stands at which instant, then change the step.

Both happen on the exact grid: whole seconds, never a stretched ``linspace``. The native steps of the series are unrolled over the calendar's span
(by instant, by local month and day, or by local weekday), and the unrolled stretch is resampled.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from wattloom.components.sources.calendar import MONDAY_1970, Calendar
from wattloom.components.sources.resample import Resample, resample
from wattloom.components.sources.series import DAY, HOUR, WEEK, Floats, Series
from wattloom.components.sources.table import Wrap
from wattloom.errors import DataError

Leap = Literal["repeat28", "error"]
Index = NDArray[np.int64]


def align(series: Series, calendar: Calendar, wrap: Wrap = "error", leap: Leap = "repeat28", method: Resample = "auto") -> Floats:
    """Return the series on every step of the calendar, shape (n_steps,).

    Args:
        series: What was loaded or generated.
        calendar: The clock to lay it on.
        wrap: What happens where a dated or undated series ends before the calendar does: ``"error"``, or ``"tile"`` by whole weeks.
        leap: 29 February of a 365-day typical year: ``"repeat28"`` shows the 28th again, ``"error"`` refuses a calendar that has the day.
        method: How the step is changed, see :func:`wattloom.components.sources.resample.resample`.

    Raises:
        DataError: If the series does not cover the calendar and must not wrap, or is too short to wrap.
    """
    anchor = _anchor(series, calendar)
    begin = int(calendar.utc_seconds[0])
    end = begin + calendar.n_steps * calendar.step_seconds
    first = (begin - anchor) // series.step_seconds
    last = -(-(end - anchor) // series.step_seconds)
    steps = np.arange(first - 1, last + 1, dtype=np.int64)  # one more on either side: neighbours for smooth and linear resampling
    unrolled = series.values[_positions(series, calendar, anchor, steps, wrap, leap)]
    offset = begin - (anchor + int(steps[0]) * series.step_seconds)
    return resample(unrolled, series.step_seconds, offset, calendar.step_seconds, calendar.n_steps, series.kind, method, series.ceiling)


def _anchor(series: Series, calendar: Calendar) -> int:
    """Unix time (UTC) of a boundary between two native steps."""
    if series.start_utc is not None:
        return int(series.start_utc.astype(np.int64))
    offset = round(_offset(series, calendar) * HOUR)
    if series.typical_year:
        return -offset
    monday = MONDAY_1970 + series.first_weekday * DAY - offset
    begin = int(calendar.utc_seconds[0])
    return begin - (begin - monday) % WEEK  # value 0 is the last such weekday before the calendar begins


def _offset(series: Series, calendar: Calendar) -> float:
    """Hours between the series' local clock and UTC; a series that names no place is local to the site."""
    return calendar.utc_offset_hours if series.utc_offset_hours is None else series.utc_offset_hours


def _positions(series: Series, calendar: Calendar, anchor: int, steps: Index, wrap: Wrap, leap: Leap) -> Index:
    if series.start_utc is not None:
        return _dated(series, calendar, steps, wrap)
    if series.typical_year:
        local = anchor + steps * series.step_seconds + round(_offset(series, calendar) * HOUR)
        return _typical(series, local, leap)
    return _undated(series, calendar, steps, wrap)


def _dated(series: Series, calendar: Calendar, steps: Index, wrap: Wrap) -> Index:
    n = series.n_steps
    inner = steps[1:-1]  # the two outer steps are only neighbours: at the ends of the data the end value is held
    if inner[0] >= 0 and inner[-1] < n:
        return np.clip(steps, 0, n - 1)
    if wrap == "error":
        raise DataError(
            f"{series.origin or series.name}: {series.name} covers {series.start_utc} .. {series.end_utc} UTC, the calendar asks for "
            f"{calendar.start_utc} .. {calendar.start_utc + np.timedelta64(calendar.n_steps * calendar.step_seconds, 's')}; "
            "choose a calendar inside the data, or set wrap=tile"
        )
    return np.where((steps >= 0) & (steps < n), steps, steps % lap(series))  # only what lies beyond the data repeats it


def _undated(series: Series, calendar: Calendar, steps: Index, wrap: Wrap) -> Index:
    if wrap == "error" and series.n_steps * series.step_seconds < calendar.n_steps * calendar.step_seconds:
        raise DataError(
            f"{series.origin or series.name}: {series.n_steps} values of {series.step_seconds} s are fewer than the calendar's "
            f"{calendar.n_steps} steps of {calendar.step_seconds} s; shorten the calendar, or set wrap=tile to repeat whole weeks"
        )
    own = (steps >= 0) & (steps < series.n_steps)
    return np.where(own, steps, steps % lap(series))  # only what lies beyond the data repeats it


def _typical(series: Series, local_seconds: Index, leap: Leap) -> Index:
    per_day = DAY // series.step_seconds
    days = series.n_steps // per_day
    if days not in (365, 366) or series.n_steps % per_day:
        raise DataError(f"{series.origin or series.name}: a typical year has 365 or 366 days, this one has {series.n_steps / per_day:g}")
    date = (local_seconds // DAY).astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    ordinal = (date - month.astype(date.dtype)).astype(np.int64)
    february29 = (month.astype(np.int64) % 12 == 1) & (ordinal == 28)
    if days == 365 and leap == "error" and february29.any():
        raise DataError(
            f"{series.origin or series.name}: a typical year of 365 days has no 29 February; set leap=repeat28 or choose another year"
        )
    starts = np.cumsum([0, 31, 28 + days - 365, 31, 30, 31, 30, 31, 31, 30, 31, 30])
    day = starts[month.astype(np.int64) % 12] + np.where(february29 & (days == 365), 27, ordinal)
    return day * per_day + local_seconds % DAY // series.step_seconds


def lap(series: Series) -> int:
    """Steps after which a series may start again in phase: its whole weeks, or whole days where it is shorter than a week.

    Raises:
        DataError: If it is shorter than a day.
    """
    for seconds in (WEEK, DAY):
        unit = seconds // series.step_seconds
        if seconds % series.step_seconds == 0 and series.n_steps >= unit:
            return series.n_steps // unit * unit
    raise DataError(
        f"{series.origin or series.name}: {series.n_steps} values of {series.step_seconds} s; at least one whole day is needed to repeat it"
    )


def covered(series: Series, calendar: Calendar) -> float:
    """Share of the calendar for which the series has data of its own (1: nothing is repeated)."""
    return min(1.0, series.n_steps * series.step_seconds / (calendar.n_steps * calendar.step_seconds))
