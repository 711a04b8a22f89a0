"""What a file or a source is, in numbers: format, clock, and the distribution of every series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wattloom.components.sources.formats.checks import correlation
from wattloom.components.sources.formats.findings import Finding
from wattloom.components.sources.formats.jobs import JobTable
from wattloom.components.sources.formats.reader import Loaded
from wattloom.components.sources.series import DAY, HOUR, Floats, Series
from wattloom.components.sources.table import Table

QUANTILES = {"min": 0.0, "q05": 0.05, "median": 0.5, "q95": 0.95, "max": 1.0}


@dataclass(frozen=True)
class Description:
    """What ``wattloom data inspect`` knows.

    Attributes:
        name: What was asked for.
        title: What it is.
        series: Its series.
        findings: What was noticed.
        facts: Place, position, origin ... of a file.
        missing: Values that each series lacked before they were filled.
        site: Whether stamps are local standard time of an unnamed place.
        jobs: The jobs of a trace.
        extra: Further lines, name and text.
    """

    name: str
    title: str
    series: Sequence[Series]
    findings: Sequence[Finding] = ()
    facts: Mapping[str, str | float] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)
    site: bool = False
    jobs: JobTable | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        return {
            "name": self.name,
            "title": self.title,
            "facts": dict(self.facts),
            "clock": clock_of(self.series[0], self.site) if self.series else {},
            "extra": dict(self.extra),
            "series": [{**statistics(one), "missing": self.missing.get(one.name, 0)} for one in self.series],
            "jobs": jobs_of(self.jobs) if self.jobs is not None else None,
            "findings": [finding.as_dict() for finding in self.findings],
        }


def of_file(name: str, loaded: Loaded) -> Description:
    """Describe a file as read."""
    series = list(loaded.series.values())
    extra = {"format": f"{loaded.format.name}: {loaded.format.title}", "rows": f"{loaded.rows:,}"}
    if loaded.jobs is not None:
        series = [loaded.jobs.utilization()]
        extra["utilisation"] = "occupied over its 99 % quantile, each job from its start for its run time"
    return Description(name, loaded.format.title, series, loaded.findings, loaded.facts, loaded.missing, loaded.site, loaded.jobs, extra)


def of_table(name: str, table: Table, findings: Sequence[Finding] = ()) -> Description:
    """Describe a source by what it loads on a calendar."""
    calendar = table.calendar
    series = [
        Series(column.name, column.unit, values, calendar.step_seconds, calendar.start_utc, calendar.utc_offset_hours, table.origin)
        for column, values in zip(table.columns, table.values.T, strict=True)
    ]
    repeated = [note.partition(": wrapped: ")[2].partition(". Fix: ")[0] for note in table.notes if ": wrapped: " in note]
    extra = {"repeats": repeated[0]} if repeated else {}
    return Description(name, table.origin, series, findings, extra=extra)


def clock_of(series: Series, site: bool = False) -> dict[str, Any]:
    """Return step, span and zone of a series as plain values."""
    days = series.n_steps * series.step_seconds / DAY
    common = {"step_seconds": series.step_seconds, "steps": series.n_steps, "days": days}
    if series.typical_year:
        return {
            **common,
            "kind": "typical year",
            "zone": zone_of(series.utc_offset_hours),
            "start": "1 January, no year",
            "end": "31 December",
        }
    if series.start_utc is None:
        return {**common, "kind": "undated", "zone": "local to the site", "start": "local midnight of a Monday", "end": ""}
    zone = "local standard time of the site" if site else "UTC"
    if series.utc_offset_hours:
        zone = f"UTC; the place is at {zone_of(series.utc_offset_hours)}"
    return {**common, "kind": "dated", "zone": zone, "start": str(series.start_utc), "end": str(series.end_utc)}


def zone_of(offset: float | None) -> str:
    """Name a fixed offset, without calling it standard time: that of a file may be the one of its summer."""
    if offset is None:
        return "local standard time"
    return f"UTC{offset:+g} h all year" if offset else "UTC"


def statistics(series: Series) -> dict[str, Any]:
    """Return distribution, repetition and memory of a series as plain values."""
    values = series.values[np.isfinite(series.values)]
    lag = DAY // series.step_seconds
    levels = {name: float(np.quantile(values, level)) for name, level in QUANTILES.items()}
    return {
        "name": series.name,
        "unit": series.unit,
        "mean": float(values.mean()),
        "std": float(values.std()),
        **levels,
        "distinct_steps": series.distinct_steps,
        "distinct_days": series.distinct_steps * series.step_seconds / DAY,
        "correlation_1_step": _corr(series.values, 1),
        "correlation_24_h": _corr(series.values, lag),
        "mean_day": [round(float(level), 6) for level in mean_day(series)],
    }


def _corr(values: Floats, lag: int) -> float | None:
    if not 0 < lag < values.size - 1:
        return None
    found = correlation(values, lag)
    return round(found, 4) if np.isfinite(found) else None


def hour_of_day(series: Series, site: bool = False) -> Floats:
    """Hour of day at the start of every step, shape (n,): local where the place is known, else UTC; the file's own where it has no date."""
    start = 0 if series.start_utc is None else int(series.start_utc.astype(np.int64))
    start += round((series.utc_offset_hours or 0.0) * HOUR) if series.start_utc is not None else 0
    result: Floats = ((start + series.step_seconds * np.arange(series.n_steps)) % DAY) / HOUR
    return result


def mean_day(series: Series) -> Floats:
    """Mean of the 24 hours of the day, shape (24,); NaN for hours without a value."""
    hour = hour_of_day(series).astype(np.int64)
    known = np.isfinite(series.values)
    total = np.bincount(hour[known], weights=series.values[known], minlength=24)
    count = np.bincount(hour[known], minlength=24)
    mean: Floats = np.divide(total, count, out=np.full(24, np.nan), where=count > 0)
    return mean


def jobs_of(table: JobTable) -> dict[str, Any]:
    """Return counts and sizes of a list of jobs as plain values."""
    jobs = table.jobs
    return {
        "jobs": len(jobs),
        "unit": jobs.unit,
        "days": table.span_seconds / DAY,
        "deferrable": int(table.flexible.sum()),
        "median_run_time_s": float(np.median(jobs.duration)),
        "q95_run_time_s": float(np.quantile(jobs.duration, 0.95)),
        "mean_size": float(jobs.size.mean()),
        "max_size": float(jobs.size.max()),
    }
