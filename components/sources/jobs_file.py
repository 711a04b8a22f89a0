"""Jobs from a trace on disk, and the utilisation they cause."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.formats.choice import Options
from wattloom.components.sources.formats.findings import DataWarning, Finding
from wattloom.components.sources.formats.jobs import MONDAY, JobTable
from wattloom.components.sources.formats.opening import resolve
from wattloom.components.sources.formats.policies import Policies
from wattloom.components.sources.formats.reader import fingerprint, read, read_once
from wattloom.components.sources.jobs import JobList
from wattloom.components.sources.loading import table_of
from wattloom.components.sources.resample import Resample
from wattloom.components.sources.series import DAY, HOUR
from wattloom.components.sources.table import Table, Wrap
from wattloom.components.sources.transforms import Transform
from wattloom.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class JobsFile:
    """A list of jobs; as a workload, the utilisation they cause (column ``utilization``, unit 1).

    A trace has no calendar: it begins at local midnight of a Monday, and repeats by whole weeks.

    Attributes:
        path: The file, plain or compressed; with ``package`` a path inside that package.
        package: Installed package the file lies in (it is not imported); None: the file is on disk.
        format: Name of the format, or path of a descriptor; None: recognised from the file.
        capacity: Size of the machine room in the trace's unit; None: of the machines in ``nodes``, else the 99 % quantile of what is occupied.
        nodes: File that lists the machines; None: none.
        slack: Longest delay of a deferrable job's end, in run times; other jobs must run when they arrive.
        slack_hours: The same in hours, added to it.
        step_seconds: Step of the utilisation, seconds.
        wrap: Where the calendar outlasts the trace: ``tile`` by whole weeks, or ``error``.
        resample: How the utilisation's step becomes the calendar's.
        transforms: Changes to the utilisation, in order.

    Raises:
        UnreadableError: If the file is missing, empty, damaged, or of no known format.
        FileError: If a check finds an error.
        ConfigError: If the file is no list of jobs, or a setting is out of range.
    """

    path: str
    package: str | None = None
    format: str | None = None
    capacity: float | None = None
    nodes: str | None = None
    slack: float = 0.0
    slack_hours: float = 24.0
    step_seconds: int = HOUR
    wrap: Wrap = "tile"
    resample: Resample = "hold"
    transforms: Sequence[Transform] = ()

    kind: ClassVar[str] = "workload"

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", tuple(self.transforms))
        if min(self.slack, self.slack_hours) < 0 or self.step_seconds <= 0 or DAY % self.step_seconds:
            raise ConfigError("workload: slack and slack_hours must not be negative, and step_seconds must divide a day")
        if self.capacity is not None and self.capacity <= 0:
            raise ConfigError(f"workload.capacity={self.capacity}: a machine room has a positive size")
        self.room()
        self.table()
        for finding in self.findings():
            if finding.level == "warning":
                warnings.warn(str(finding), DataWarning, stacklevel=4)

    def file(self) -> Path:
        """Return the file."""
        return resolve(self.path, self.package)

    def fingerprint(self) -> str:
        """Return what identifies the files' content."""
        return repr((fingerprint(self.file()), fingerprint(resolve(self.nodes, self.package)) if self.nodes else None))

    def findings(self) -> tuple[Finding, ...]:
        """Return what was noticed about the file; none of it is an error."""
        return read_once(self.file(), self.format, Options(), Policies(), self.kind).demand_sound().findings

    def table(self) -> JobTable:
        """Return the jobs as the trace has them."""
        loaded = read_once(self.file(), self.format, Options(), Policies(), self.kind).demand_sound()
        if loaded.jobs is None:
            raise ConfigError(f"{loaded.path}: no list of jobs ({loaded.format.title}); read it with workload=file")
        return loaded.jobs

    def room(self) -> float | None:
        """Return the size of the machine room, if it is known.

        Raises:
            ConfigError: If both ``capacity`` and ``nodes`` are given, or the node list holds no capacity.
        """
        if self.capacity is not None and self.nodes is not None:
            raise ConfigError("workload.capacity and workload.nodes are both set: the size of the room has one source; unset one")
        if self.nodes is None:
            return self.capacity
        stated = read(resolve(self.nodes, self.package)).facts.get("capacity")
        if not isinstance(stated, (int, float)) or stated <= 0:
            raise ConfigError(f"workload.nodes={self.nodes}: no list of machines with a capacity; give workload.capacity instead")
        return float(stated)

    def load(self, calendar: Calendar, seed: int = 0) -> Table:
        """Return the utilisation on a calendar; ``seed`` matters to random transforms and forecasts only."""
        series = self.table().utilization(self.room(), self.step_seconds)
        notes = tuple(str(finding) for finding in self.findings() if finding.level == "warning")
        return table_of([series], calendar, wrap=self.wrap, resample=self.resample, transforms=self.transforms, seed=seed, notes=notes)

    def jobs(self, calendar: Calendar, seed: int = 0) -> JobList:
        """Return every job that touches the calendar, in order of arrival; the trace repeats by whole weeks.

        Args:
            calendar: The clock; its local weekday and hour decide where in the trace it begins.
            seed: Ignored: a trace is what it is.
        """
        table = self.table()
        whole, lap = table.jobs, table.lap_seconds
        begin = float(int(calendar.local_seconds[0]) - int(MONDAY.astype(np.int64)))
        span = float(calendar.n_steps * calendar.step_seconds)
        kept = whole.arrival < lap
        due = whole.duration + (self.slack * whole.duration + self.slack_hours * HOUR) * table.flexible
        reach = float(whole.duration[kept].max(initial=0.0))
        laps = np.arange((begin - reach) // lap, (begin + span) // lap + 1) * lap - begin
        arrival = (whole.arrival[kept] + laps[:, None]).reshape(-1)
        duration, size, due = (np.tile(part[kept], laps.size) for part in (whole.duration, whole.size, due))
        touching = np.flatnonzero((arrival < span) & (arrival + duration > 0))
        order = touching[np.argsort(arrival[touching], kind="stable")]
        return JobList(arrival[order], duration[order], size[order], arrival[order] + due[order], whole.unit, whole.origin)
