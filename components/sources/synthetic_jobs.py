"""A stream of jobs with the statistics of a shared GPU cluster.

Facts of the openb trace (its last 45 days): run times log-normal with mu = 6.57, sigma = 1.91 (median 11 min, 5 % above 4.7 h) and a longer tail (1 %
above 41 h: the long jobs, which make the room's use smooth); 55 % of the jobs ask for one GPU, 44 % for a share of one (median 0.47), 1 % for more
(0.6 % for eight); 6.5 jobs an hour, least at 4 h and most at 8 h local time, with a variance of 8 times the mean (a gamma-mixed Poisson process).
Deadlines are not in the trace: they are set by ``slack``. The use that results is rougher than the trace's (correlation 0.90 from hour to hour against
0.99): jobs of months, whose number the facts do not give, are missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.climate import years_of
from wattloom.components.sources.jobs import JobList, utilization_of
from wattloom.components.sources.loading import table_of
from wattloom.components.sources.seeds import generator
from wattloom.components.sources.series import DAY, HOUR, Floats
from wattloom.components.sources.table import Table
from wattloom.errors import ConfigError

HISTORY = 30 * DAY  # s, how far back a job may have started
LONG_STD = 1.6
QUIET_HOUR, BUSY_HOUR, QUIET, BUSY = 4.0, 8.0, 2.6, 11.0  # local h, and jobs an hour there


@dataclass(frozen=True)
class SyntheticJobs:
    """Jobs of a GPU cluster; as a workload, the utilisation they cause (column ``utilization``, unit 1).

    Attributes:
        jobs_per_hour: Mean arrival rate.
        burstiness: Variance over mean of the arrivals in an hour; 1: Poisson.
        log_duration_mean: mu of the log-normal run time, ln s.
        log_duration_std: sigma of the log-normal run time.
        share_long: Share of jobs from the long tail.
        long_hours: Median run time of those, h (sigma ``LONG_STD``).
        share_one: Share of jobs that ask for exactly one GPU.
        share_many: Share that ask for more than one; the rest ask for a part of one.
        slack: Longest delay of a job's end, in run times: its deadline is arrival + (1 + slack) x duration.
        capacity: GPUs in the room; null: the 99 % quantile of what is occupied.

    Raises:
        ConfigError: If a rate, share or size is out of range.
    """

    jobs_per_hour: float = 6.5
    burstiness: float = 8.0
    log_duration_mean: float = 6.57
    log_duration_std: float = 1.91
    share_long: float = 0.015
    long_hours: float = 41.0
    share_one: float = 0.55
    share_many: float = 0.01
    slack: float = 1.0
    capacity: float | None = None

    kind: ClassVar[str] = "workload"

    def __post_init__(self) -> None:
        if self.jobs_per_hour <= 0 or self.burstiness < 1 or self.slack < 0 or self.log_duration_std < 0:
            raise ConfigError(f"workload: jobs_per_hour > 0, burstiness >= 1, slack >= 0 and log_duration_std >= 0 are needed, got {self}")
        if min(self.share_one, self.share_many) < 0 or self.share_one + self.share_many > 1:
            raise ConfigError(
                f"workload: share_one={self.share_one} and share_many={self.share_many} are shares of all jobs, together at most 1"
            )

    def load(self, calendar: Calendar, seed: int = 0) -> Table:
        """Return the utilisation that the jobs cause if each starts when it arrives."""
        return table_of([utilization_of(self.jobs(calendar, seed), calendar, self.capacity)], calendar, seed=seed)

    def jobs(self, calendar: Calendar, seed: int = 0) -> JobList:
        """Return the jobs of the calendar, those that arrived in the thirty days before it and still run included."""
        parts = [self._year(year, seed) for year in years_of(_earlier(calendar), calendar.utc_offset_hours)]
        arrival, duration, size = (np.concatenate(column) for column in zip(*parts, strict=True))
        arrival = arrival - int(calendar.local_seconds[0])
        keep = (arrival >= -HISTORY) & (arrival < calendar.n_steps * calendar.step_seconds) & (arrival + duration > 0)
        arrival, duration, size = arrival[keep], duration[keep], size[keep]
        deadline = arrival + (1 + self.slack) * duration
        return JobList(arrival, duration, size, deadline, "GPU", f"synthetic jobs, seed {seed}")

    def _year(self, year: int, seed: int) -> tuple[Floats, Floats, Floats]:
        """All jobs of one local year: arrival (Unix time, local), duration in s and size."""
        rng = generator(seed, "jobs", year)
        begin = np.datetime64(f"{year}-01-01", "s").astype(np.int64)
        hours = int((np.datetime64(f"{year + 1}-01-01", "s").astype(np.int64) - begin) // HOUR)
        rate = self.jobs_per_hour * np.resize(_daily_rate(), hours)
        excess = (self.burstiness - 1) * self.jobs_per_hour - rate.var()  # of the variance over a Poisson process with the daily pattern
        if excess > 0:
            shape = np.mean(rate**2) / excess
            rate = rate * rng.gamma(shape, 1 / shape, hours)
        counts = rng.poisson(rate)
        m = int(counts.sum())
        arrival = np.sort(begin + np.repeat(np.arange(hours) * HOUR, counts) + rng.uniform(0, HOUR, m))
        long = rng.random(m) < self.share_long
        mu = np.where(long, np.log(self.long_hours * HOUR), self.log_duration_mean)
        duration = np.exp(mu + np.where(long, LONG_STD, self.log_duration_std) * rng.standard_normal(m))
        return arrival, duration, self._sizes(rng, m)

    def _sizes(self, rng: np.random.Generator, m: int) -> Floats:
        kind = rng.random(m)
        part = np.clip(rng.lognormal(np.log(0.47), 0.5, m), 0.05, 0.99)
        many = rng.choice([2.0, 4.0, 8.0], m, p=[0.2, 0.2, 0.6])
        return np.where(kind < self.share_one, 1.0, np.where(kind < self.share_one + self.share_many, many, part))


def _earlier(calendar: Calendar) -> Calendar:
    """The same calendar with the history before it."""
    start = calendar.start_utc - np.timedelta64(HISTORY, "s")
    return Calendar(start, calendar.step_seconds, calendar.n_steps + HISTORY // calendar.step_seconds, calendar.utc_offset_hours)


def _daily_rate() -> Floats:
    """Arrival rate by local hour over its mean, shape (24,): a straight climb from the quiet to the busy hour and a straight fall back."""
    hour = np.arange(24)
    climb = (BUSY - QUIET) / (BUSY_HOUR - QUIET_HOUR)
    after = (hour - QUIET_HOUR) % 24
    up = after <= BUSY_HOUR - QUIET_HOUR
    fall = (BUSY - QUIET) / (24 - (BUSY_HOUR - QUIET_HOUR))
    rate = np.where(up, QUIET + climb * after, BUSY - fall * (after - (BUSY_HOUR - QUIET_HOUR)))
    relative: Floats = rate / rate.mean()
    return relative
