"""Work as jobs rather than as a utilisation: when each arrives, how long it runs, how much it takes and when it must be done.

Two levels of workload exist. A job source returns a :class:`JobList`, for environments that schedule; :func:`utilization_of` is the one way from
there to the other level, the utilisation that a fixed machine room sees if every job starts when it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.series import Floats, Series, frozen
from wattloom.errors import ConfigError, DataError


@dataclass(frozen=True, eq=False)
class JobList:
    """Jobs in order of arrival; all arrays have shape (m,) and are read-only.

    Attributes:
        arrival: Seconds after the calendar's start; negative: already running at the start.
        duration: Run time, seconds.
        size: Machines (or GPUs, or cores) taken while running; shares are allowed.
        deadline: Seconds after the calendar's start by which the job must be done; infinity: no deadline.
        unit: What ``size`` counts, e.g. ``"GPU"``.
        origin: File or generator, for messages.
        flexible: True where a job may be deferred, shape (m,), bool; None: nothing is known (a deadline says more).

    Raises:
        DataError: If lengths differ, jobs are not in order, or a duration or size is negative.
    """

    arrival: Floats
    duration: Floats
    size: Floats
    deadline: Floats
    unit: str = "GPU"
    origin: str = ""
    flexible: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        for name in ("arrival", "duration", "size", "deadline"):
            object.__setattr__(self, name, frozen(getattr(self, name)))
        if len({self.arrival.shape, self.duration.shape, self.size.shape, self.deadline.shape}) != 1 or self.arrival.ndim != 1:
            raise DataError(f"{self.origin or 'jobs'}: arrival, duration, size and deadline differ in length")
        if self.flexible is not None and self.flexible.shape != self.arrival.shape:
            raise DataError(f"{self.origin or 'jobs'}: flexible has shape {self.flexible.shape}, there are {self.arrival.size} jobs")
        if np.any(np.diff(self.arrival) < 0):
            raise DataError(
                f"{self.origin or 'jobs'}: job {int(np.argmax(np.diff(self.arrival) < 0)) + 1} arrives before the one above it; sort by arrival"
            )
        for name in ("duration", "size"):
            bad = np.flatnonzero(~(getattr(self, name) >= 0))
            if bad.size:
                raise DataError(f"{self.origin or 'jobs'}: job {bad[0]} has {name} {getattr(self, name)[bad[0]]}; it must not be negative")

    def __len__(self) -> int:
        return int(self.arrival.size)

    def between(self, begin: float, end: float) -> NDArray[np.int64]:
        """Indices of the jobs that arrive in ``[begin, end)`` seconds."""
        return np.arange(*np.searchsorted(self.arrival, [begin, end]))


@runtime_checkable
class JobSource(Protocol):
    """A workload that can be read as jobs."""

    def jobs(self, calendar: Calendar, seed: int = 0) -> JobList:
        """Return every job that touches the calendar, in order of arrival."""
        ...


def occupied(jobs: JobList, calendar: Calendar) -> Floats:
    """Mean size running in every step, if each job starts on arrival, shape (n_steps,), in ``jobs.unit``.

    Every job counts by its exact overlap with the step: ``sum_j size_j |[arrival_j, arrival_j + duration_j) and step| / step``.
    """
    step, n = float(calendar.step_seconds), calendar.n_steps
    return np.diff(_integral(jobs.arrival, jobs.size, step, n) - _integral(jobs.arrival + jobs.duration, jobs.size, step, n)) / step


def _integral(at: Floats, size: Floats, step: float, n: int) -> Floats:
    """Integral of ``size`` switched on at ``at``, at every step boundary, shape (n + 1,): ``sum_j size_j max(0, boundary - at_j)``."""
    at = np.maximum(at, 0.0)
    inside = at < n * step
    at, size = at[inside], size[inside]
    boundary = np.minimum(np.ceil(at / step).astype(np.int64), n)
    level = np.bincount(boundary, weights=size, minlength=n + 1)
    start = np.bincount(boundary, weights=size * (boundary * step - at), minlength=n + 1)
    running = np.concatenate([[0.0], np.cumsum(level)[:-1]])
    total: Floats = np.cumsum(start + running * step)
    return total


def utilization_of(jobs: JobList, calendar: Calendar, capacity: float | None = None) -> Series:
    """The standard aggregation of jobs to a utilisation on the calendar's steps.

    Args:
        jobs: What arrives.
        calendar: Gives the steps; jobs outside it count for nothing.
        capacity: Size of the whole machine room, in ``jobs.unit``; None: the 99 % quantile of what is occupied (traces seldom say).

    Returns:
        Series ``utilization`` (unit 1, 0 .. 1): what is occupied over the capacity, limited to 1.

    Raises:
        ConfigError: If the capacity is not positive.
        DataError: If nothing runs in the calendar's span.
    """
    used = np.maximum(occupied(jobs, calendar), 0.0)
    if capacity is None:
        capacity = float(np.quantile(used, 0.99))
        if capacity <= 0:
            raise DataError(f"{jobs.origin or 'jobs'}: nothing runs within the calendar, so no capacity can be inferred; set capacity")
    if capacity <= 0:
        raise ConfigError(f"capacity={capacity}: a machine room has a positive size")
    values = np.minimum(used / capacity, 1.0)
    return Series("utilization", "1", values, calendar.step_seconds, calendar.start_utc, None, jobs.origin, distinct_steps=values.size)
