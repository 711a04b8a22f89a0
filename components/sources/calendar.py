"""The clock of a simulation: evenly spaced steps from a UTC instant, and the local standard time of a site.

Every source is laid on one calendar, so that a UTC carbon file, a local-time weather file and an undated workload agree hour by hour.
The offset is fixed (standard time): daylight saving never bends the axis. Leap days are ordinary days here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from wattloom.components.sources.series import DAY, HOUR, WEEK, Floats
from wattloom.errors import ConfigError

Ints = NDArray[np.int64]
A = TypeVar("A", bound=NDArray[Any])
MONDAY_1970 = 4 * DAY  # 1970-01-05, the first Monday of the Unix epoch


@dataclass(frozen=True)
class Calendar:
    """Steps ``0 .. n_steps - 1``; step i covers ``[start_utc + i * step, start_utc + (i + 1) * step)``.

    Attributes:
        start_utc: UTC instant of step 0 (datetime64[s]).
        step_seconds: Length of a step in seconds; a day is a whole number of steps.
        n_steps: Number of steps.
        utc_offset_hours: Local standard time minus UTC, in hours; half and quarter hours are allowed.

    Raises:
        ConfigError: If a day is not a whole number of steps, there is no step, or the offset is not within -12 .. 14 h in quarter hours.
    """

    start_utc: np.datetime64
    step_seconds: int
    n_steps: int
    utc_offset_hours: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "start_utc", np.datetime64(self.start_utc).astype("datetime64[s]"))
        if self.step_seconds <= 0 or DAY % self.step_seconds:
            raise ConfigError(f"calendar step_seconds={self.step_seconds}: a day (86400 s) must be a whole number of steps")
        if self.n_steps <= 0:
            raise ConfigError(f"calendar n_steps={self.n_steps}: at least one step is needed")
        if not -12 <= self.utc_offset_hours <= 14 or (self.utc_offset_hours * 4) % 1:
            raise ConfigError(
                f"calendar utc_offset_hours={self.utc_offset_hours}: give -12 .. 14 h in quarter hours (standard time, west negative)"
            )

    @classmethod
    def local(cls, start: str, days: int = 365, step_seconds: int = HOUR, utc_offset_hours: float = 0.0) -> Calendar:
        """Calendar of whole days that begins at a LOCAL standard time.

        Args:
            start: Local date or time, e.g. ``"2022-01-01"``.
            days: Number of days.
            step_seconds: Step in seconds.
            utc_offset_hours: Local standard time minus UTC, hours.
        """
        start_utc = np.datetime64(start, "s") - np.timedelta64(round(utc_offset_hours * HOUR), "s")
        return cls(start_utc, step_seconds, days * DAY // step_seconds, utc_offset_hours)

    @classmethod
    def year(cls, year: int, step_seconds: int = HOUR, utc_offset_hours: float = 0.0) -> Calendar:
        """Calendar of one whole local year, leap day included."""
        days = int((np.datetime64(f"{year + 1}-01-01") - np.datetime64(f"{year}-01-01")).astype(int))
        return cls.local(f"{year}-01-01", days, step_seconds, utc_offset_hours)

    @property
    def steps_per_day(self) -> int:
        """Steps in a day."""
        return DAY // self.step_seconds

    @property
    def steps_per_week(self) -> int:
        """Steps in a week."""
        return WEEK // self.step_seconds

    @property
    def wrap_steps(self) -> int:
        """Steps by which an index beyond the end is taken back: the whole weeks within the span (whole days, then the span, if shorter)."""
        for unit in (self.steps_per_week, self.steps_per_day, self.n_steps):
            if self.n_steps >= unit:
                return self.n_steps // unit * unit
        return self.n_steps

    @cached_property
    def utc_seconds(self) -> Ints:
        """Unix time of every step's start, shape (n_steps,), int64."""
        start = int(self.start_utc.astype("datetime64[s]").astype(np.int64))
        return _readonly(start + self.step_seconds * np.arange(self.n_steps, dtype=np.int64))

    @cached_property
    def local_seconds(self) -> Ints:
        """``utc_seconds`` plus the site's offset, shape (n_steps,), int64."""
        return _readonly(self.utc_seconds + round(self.utc_offset_hours * HOUR))

    @cached_property
    def local_hour(self) -> Floats:
        """Local hour of day at every step's start, shape (n_steps,), in [0, 24)."""
        return _readonly((self.local_seconds % DAY) / HOUR)

    @cached_property
    def day_of_week(self) -> Ints:
        """Local weekday, shape (n_steps,), 0 = Monday .. 6 = Sunday."""
        return _readonly((self.local_seconds - MONDAY_1970) // DAY % 7)

    @cached_property
    def day_of_year(self) -> Ints:
        """Local day of the year, shape (n_steps,), 1 .. 366."""
        days = self._local_days
        return _readonly((days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1)

    @cached_property
    def month(self) -> Ints:
        """Local month, shape (n_steps,), 1 .. 12."""
        return _readonly(self._local_days.astype("datetime64[M]").astype(np.int64) % 12 + 1)

    @cached_property
    def day_of_month(self) -> Ints:
        """Local day of the month, shape (n_steps,), 1 .. 31."""
        days = self._local_days
        return _readonly((days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1)

    @cached_property
    def local_day(self) -> Ints:
        """Local days since 1970-01-01, shape (n_steps,)."""
        return _readonly(self.local_seconds // DAY)

    @property
    def _local_days(self) -> NDArray[np.datetime64]:
        return self.local_day.astype("datetime64[D]")


def _readonly(array: A) -> A:
    array.flags.writeable = False
    return array
