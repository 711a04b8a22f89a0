"""A source that reads a file: what all kinds share. The file is read and checked when the source is built, before anything runs."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from wattloom.components.sources.align import Leap
from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.formats.choice import CLOCK, Options
from wattloom.components.sources.formats.findings import DataWarning, FileError, Finding, concerning, errors
from wattloom.components.sources.formats.opening import resolve
from wattloom.components.sources.formats.policies import Duplicates, Missing, Negative, Outliers, Policies, Text
from wattloom.components.sources.formats.reader import Loaded, fingerprint, read_once
from wattloom.components.sources.loading import table_of
from wattloom.components.sources.resample import Resample
from wattloom.components.sources.series import DAY, HOUR, Series
from wattloom.components.sources.table import Table, Wrap
from wattloom.components.sources.transforms import Transform

WEATHER = ("dry_bulb", "wet_bulb", "relative_humidity", "wind_speed")  # the columns every weather source has
MEASURED = ("dew_point", "pressure", "wind_direction", "cloud_cover", "ghi", "dni", "dhi")
SERIES_OF = {
    "workload": ("utilization",),
    "weather": (*WEATHER, *MEASURED),
    "carbon": ("carbon_intensity",),
    "price": ("price",),
    "demand": ("demand",),
    "solar": ("solar", "ghi"),
}
"""Series each kind is made of; the first is what a single column stands for."""
OWN_SHARE = 0.97  # share of a calendar below which repetition is told
SETTINGS = "missing|max_gap_hours|duplicates|text|negative|outliers|unit|zone|column|label|step_seconds|time_format|region|usd_per_unit|format|transforms"


@dataclass(frozen=True, kw_only=True)
class FileSource:
    """A source that reads a file. Subclasses say of which kind, and which series become columns.

    Attributes:
        path: The file, plain or compressed; with ``package`` a path inside that package.
        package: Installed package the file lies in (it is not imported); None: the file is on disk.
        format: Name of the format, or path of a descriptor; None: recognised from the file.
        column: Column to read (name or position), a list of columns, or a mapping of series to columns; None: as the format says.
        unit: Unit in the file, or a mapping of series to units; None: as the format says.
        region: Which region, where a file holds several; None: the only one.
        time_column: Column of the time stamps; None: as the format says.
        time_format: ``strptime`` format of the stamps; None: as the format says.
        zone: Zone of stamps without an offset: ``UTC``, ``site``, hours such as ``"+1"``, or a name such as ``Europe/Berlin``; None: as the format says.
        label: Whether a stamp names the ``start`` or the ``end`` of its interval; None: as the format says.
        step_seconds: Step of a file without stamps; None: as the format says.
        missing: Absent values: ``error``, ``interpolate``, ``hold`` or ``mean``.
        max_gap_hours: Longest stretch that ``interpolate`` and ``hold`` may fill, hours.
        duplicates: Equal stamps: ``error``, ``first`` or ``last``.
        text: Cells that are no numbers: ``error`` or ``missing``.
        negative: Negative values where none can be: ``error``, ``clip`` or ``keep``.
        outliers: Isolated values far off: ``warn``, ``error`` or ``missing``.
        wrap: Where the calendar outlasts the file: ``tile`` by whole weeks, or ``error``.
        leap: 29 February of a typical year: ``repeat28`` or ``error``.
        resample: How the file's step becomes the calendar's.
        transforms: Changes to every series, in order.

    Raises:
        UnreadableError: If the file is missing, empty, damaged, or of no known format.
        FileError: If a check finds an error; the message names file, row, column, value and fix.
        ConfigError: If a setting is not one of its choices.
    """

    path: str
    package: str | None = None
    format: str | None = None
    column: str | int | Sequence[str] | Mapping[str, str | int] | None = None
    unit: str | Mapping[str, str] | None = None
    region: str | None = None
    time_column: str | int | None = None
    time_format: str | None = None
    zone: str | float | None = None
    label: Literal["start", "end"] | None = None
    step_seconds: int | None = None
    missing: Missing = "interpolate"
    max_gap_hours: float = 3.0
    duplicates: Duplicates = "error"
    text: Text = "error"
    negative: Negative = "error"
    outliers: Outliers = "warn"
    wrap: Wrap = "tile"
    leap: Leap = "repeat28"
    resample: Resample = "smooth"
    transforms: Sequence[Transform] = ()

    kind: ClassVar[str] = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "column", fixed(self.column))
        object.__setattr__(self, "unit", str(self.unit) if isinstance(self.unit, int) else fixed(self.unit))  # unit=1 reads as a number
        object.__setattr__(self, "zone", f"{self.zone:+g}" if isinstance(self.zone, (int, float)) else self.zone)  # zone=+1 does too
        object.__setattr__(self, "transforms", tuple(self.transforms))
        for finding in self.findings():
            if finding.level == "warning":
                warnings.warn(str(finding), DataWarning, stacklevel=4)

    def file(self) -> Path:
        """Return the file.

        Raises:
            UnreadableError: If it does not exist.
        """
        return resolve(self.path, self.package)

    def fingerprint(self) -> str:
        """Return what identifies the file's content: path, size and time of change."""
        return repr(fingerprint(self.file()))

    def read(self) -> Loaded:
        """Return the file as read; a file that has not changed is read once a process.

        Raises:
            FileError: If a check finds an error in what this source uses.
        """
        loaded = read_once(self.file(), self.format, self._options(), self._policies(), self.kind)
        relevant = [self._worded(finding) for finding in concerning(loaded.findings, self.needed(loaded))]
        if errors(relevant):
            raise FileError(relevant)
        return loaded

    def findings(self) -> tuple[Finding, ...]:
        """Return what was noticed about the series this source uses; none of it is an error."""
        loaded = self.read()
        self.series(loaded)
        return tuple(self._worded(finding) for finding in concerning(loaded.findings, self.needed(loaded)))

    def needed(self, loaded: Loaded) -> Iterable[str]:
        """Return the series whose findings concern this source: by default all of them."""
        return {*loaded.series, *(name for finding in loaded.findings for name in finding.series)}

    def series(self, loaded: Loaded) -> list[Series]:
        """Return the series that become columns, in order."""
        return list(loaded.series.values())

    def load(self, calendar: Calendar, seed: int = 0) -> Table:
        """Return the columns on a calendar; ``seed`` matters to random transforms and forecasts only.

        Raises:
            DataError: If the file does not cover the calendar and must not wrap.
        """
        loaded = self.read()
        series = [local_to(one, calendar) if loaded.site else one for one in self.series(loaded)]
        notes = [str(finding) for finding in self.findings() if finding.level == "warning"]
        repeated = re.sub(r"(?<![\w.])(wrap)=", rf"{self.kind}.\1=", repetition(series[0], calendar))
        if repeated:
            notes.append(repeated)
            if series[0].start_utc is not None and self.wrap == "tile":
                warnings.warn(repeated, DataWarning, stacklevel=2)
        return table_of(
            series,
            calendar,
            wrap=self.wrap,
            leap=self.leap,
            resample=self.resample,
            transforms=self.transforms,
            seed=seed,
            notes=tuple(notes),
        )

    def _options(self) -> Options:
        said = {name: getattr(self, name) for name in ("column", "unit", "region", *CLOCK)}
        return options_of({name: value for name, value in said.items() if value is not None}, self.kind)

    def _policies(self) -> Policies:
        return Policies(self.missing, self.max_gap_hours, self.duplicates, self.text, self.negative, self.outliers)

    def _worded(self, finding: Finding) -> Finding:
        """Spell settings the way the command line wants them: ``carbon.missing=mean``."""
        return replace(finding, fix=re.sub(rf"(?<![\w.])({SETTINGS})=", rf"{self.kind}.\1=", finding.fix))


def repetition(series: Series, calendar: Calendar) -> str:
    """Return a line that says how much of a calendar is repetition of the file; empty where it is next to nothing.

    A year in UTC laid on a local year lacks a few hours; that is not worth a word.
    """
    if series.typical_year:
        return ""
    span = calendar.n_steps * calendar.step_seconds
    begin = int(calendar.start_utc.astype(np.int64))
    first = begin if series.start_utc is None else int(series.start_utc.astype(np.int64))
    own = max(0, min(begin + span, first + series.n_steps * series.step_seconds) - max(begin, first))
    if own >= OWN_SHARE * span:
        return ""
    what = (
        f"{series.start_utc} .. {series.end_utc} UTC"
        if series.start_utc is not None
        else f"{series.n_steps * series.step_seconds / DAY:g} days"
    )
    asked = f"{calendar.start_utc} and {span / DAY:g} days"
    middle = None if series.start_utc is None else series.start_utc + np.timedelta64(series.n_steps * series.step_seconds // 2, "s")
    year = None if middle is None else middle.astype("datetime64[Y]")
    lies = "" if year is None else f" simulate the year of the data (data center: episode.year={year}; grid: profiles.start={year}-01-01),"
    return (
        f"{series.origin}: wrapped: the file covers {what}, {own / span:.0%} of the calendar ({asked}); the rest repeats it by whole weeks. "
        f"Fix:{lies} give a longer file, or set wrap=error to refuse."
    )


def options_of(said: Mapping[str, object], kind: str | None = None) -> Options:
    """Return the reader's options from a source's settings (already :func:`fixed`).

    Args:
        said: Settings that are given: ``column``, ``unit``, ``region`` and those of the clock.
        kind: Kind of source; None: any.
    """
    unit = said.get("unit")
    units = (("", unit),) if isinstance(unit, str) else unit or ()
    rest: dict[str, Any] = {name: said[name] for name in ("region", *CLOCK) if name in said}
    columns: Any = said.get("column")
    return Options(columns, units, **rest, primary=SERIES_OF.get(kind or "", ()))  # type: ignore[arg-type]  # pairs, as fixed() leaves them


def local_to(series: Series, calendar: Calendar) -> Series:
    """Return a series whose stamps are local standard time of the calendar's site, as one in UTC."""
    if series.start_utc is None:
        return series
    shift = np.timedelta64(round(calendar.utc_offset_hours * HOUR), "s")
    return replace(series, start_utc=series.start_utc - shift, utc_offset_hours=calendar.utc_offset_hours)


def fixed(value: object) -> object:
    """Return a setting in a hashable form: mappings become pairs, and lists tuples."""
    if isinstance(value, Mapping):
        return tuple((str(key), item) for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(tuple(item) if isinstance(item, list) else item for item in value)
    return value
