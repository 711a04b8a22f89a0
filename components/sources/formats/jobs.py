"""Lists of jobs: arrival, run time and size from whatever columns a trace has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.formats.descriptor import Jobs
from wattloom.components.sources.formats.findings import Finding
from wattloom.components.sources.formats.frame import Frame, missing_column
from wattloom.components.sources.jobs import JobList, utilization_of
from wattloom.components.sources.series import DAY, HOUR, WEEK, Floats, Series

if TYPE_CHECKING:
    import pandas as pd

MONDAY = np.datetime64("1970-01-05", "s")


@dataclass(frozen=True, slots=True, eq=False)
class JobTable:
    """The jobs of a trace.

    Attributes:
        jobs: Jobs in order of arrival; seconds count from the beginning of the trace, no deadlines.
        flexible: Shape (m,), True for jobs the trace marks as deferrable.
    """

    jobs: JobList
    flexible: NDArray[np.bool_]

    @property
    def span_seconds(self) -> float:
        """Time of the last arrival, to the full hour after it."""
        return float(np.ceil((self.jobs.arrival[-1] + 1) / HOUR) * HOUR) if len(self.jobs) else 0.0

    @property
    def lap_seconds(self) -> float:
        """Time after which the trace may start again in phase: its whole weeks (one week, if it is shorter)."""
        return float(max(1, int(self.span_seconds // WEEK)) * WEEK)

    def utilization(self, capacity: float | None = None, step_seconds: int = HOUR) -> Series:
        """The utilisation of the whole trace, undated; a trace longer than a week is cut to whole weeks, so that wrapping keeps the phase.

        Args:
            capacity: Size of the machine room in the trace's unit; None: the 99 % quantile of what is occupied.
            step_seconds: Step.

        Raises:
            DataError: If nothing runs.
        """
        steps = max(1, int(self.span_seconds // step_seconds))
        per_week = WEEK // step_seconds
        steps = steps // per_week * per_week if steps >= per_week else steps
        series = utilization_of(self.jobs, Calendar(MONDAY, step_seconds, steps), capacity)
        return replace(series, start_utc=None, distinct_steps=0)


def read_jobs(frame: Frame, spec: Jobs) -> tuple[JobTable | None, list[Finding]]:
    """Read a list of jobs.

    Args:
        frame: The cells.
        spec: Which column is what.

    Returns:
        The jobs (None where a column is missing or no job is left), and what was noticed.
    """
    wanted = [spec.arrival, *spec.size, *spec.or_size, *(name for name in (spec.duration, spec.start, spec.end) if name), *spec.flexible]
    absent = [name for name in dict.fromkeys(wanted) if name not in frame.names]
    if absent:
        return None, [missing_column(frame, name, "jobs") for name in absent]
    found: list[Finding] = []
    numbers = {name: _number(frame, name, found) for name in dict.fromkeys(wanted) if name not in spec.flexible}
    arrival = numbers[spec.arrival] * spec.scale
    begin = numbers[spec.start] * spec.scale if spec.start else arrival
    duration = numbers[spec.duration] * spec.scale if spec.duration else numbers[spec.end] * spec.scale - begin
    size = np.prod([numbers[name] for name in spec.size], axis=0) * spec.size_scale
    if spec.or_size:
        size = np.where(size > 0, size, np.prod([numbers[name] for name in spec.or_size], axis=0) * spec.or_scale)
    keep = _usable(frame, spec, arrival, duration, size, found)
    if not keep.any():
        found.append(Finding("error", "no_jobs", frame.path, "no job has an arrival, a run time and a size", "check the columns"))
        return None, found
    order = np.flatnonzero(keep)[np.argsort(begin[keep], kind="stable")]
    flexible = _flexible(frame.cells, spec)[order]
    first = float(begin[order[0]]) if begin[order[0]] > WEEK * 520 else 0.0  # Unix time rather than time since the trace began
    jobs = JobList(begin[order] - first, duration[order], size[order], np.full(order.size, np.inf), spec.unit, frame.path)
    return JobTable(jobs, flexible), [*found, *_time_unit(frame, jobs, int(frame.lines[order[-1]]))]


def _time_unit(frame: Frame, jobs: JobList, last_row: int) -> list[Finding]:
    """A trace of more than ten years, or of jobs that mostly run for months, counts in smaller units than its format says."""
    days, half = float(jobs.arrival[-1]) / DAY, float(np.median(jobs.duration)) / DAY
    if days < 3650 and half < 60:
        return []
    text = f"the jobs arrive over {days:,.0f} days, half of them run longer than {half:,.2g} days: the times look like milliseconds"
    fix = "if they are, copy the descriptor of the format into ./formats and divide its scale by 1000"
    return [Finding("warning", "job_time_unit", frame.path, text, fix, last_row, value=f"{jobs.arrival[-1]:g}", count=len(jobs))]


def _number(frame: Frame, column: str, found: list[Finding]) -> Floats:
    import pandas as pd

    cells = frame.cells[column]
    numbers = pd.to_numeric(cells, errors="coerce")
    wrong = np.flatnonzero((numbers.isna() & cells.notna()).to_numpy())
    if wrong.size:
        row, value = int(frame.lines[wrong[0]]), str(cells.iloc[wrong[0]])
        text = f"{wrong.size} cells are no numbers"
        found.append(Finding("error", "text_cell", frame.path, text, "correct them", row, column, value, int(wrong.size)))
    return numbers.to_numpy(dtype=float)


def _usable(frame: Frame, spec: Jobs, arrival: Floats, duration: Floats, size: Floats, found: list[Finding]) -> NDArray[np.bool_]:
    """Leave out, and count, jobs that never ran, end before they begin, or take nothing."""

    def leave(where: NDArray[np.bool_], name: str, column: str, what: str) -> None:
        rows = np.flatnonzero(where)
        if rows.size:
            cell = frame.cells[column].iloc[rows[0]]
            value = "" if cell != cell else str(cell)
            text = f"{rows.size} of {where.size} jobs {what}: left out"
            found.append(
                Finding(
                    "warning",
                    name,
                    frame.path,
                    text,
                    "nothing, or correct the rows",
                    int(frame.lines[rows[0]]),
                    column,
                    value,
                    int(rows.size),
                )
            )

    timed = spec.duration or spec.end
    pending = ~(np.isfinite(arrival) & np.isfinite(duration))
    backwards = ~pending & (duration < 0)
    empty = ~pending & ~backwards & ~(size > 0)
    leave(pending, "pending_jobs", spec.start or timed, "have no start or end")
    leave(backwards, "negative_run_time", timed, "end before they begin")
    leave(empty, "jobs_without_size", spec.size[0], f"take no {spec.unit}")
    return ~(pending | backwards | empty)


def _flexible(cells: pd.DataFrame, spec: Jobs) -> NDArray[np.bool_]:
    flags = np.zeros(len(cells), dtype=bool)
    for column, values in spec.flexible.items():
        flags |= cells[column].astype(str).isin(list(values)).to_numpy()
    return flags
