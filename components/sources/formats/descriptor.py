"""A file format as data: what a descriptor file may say.

One YAML file describes one format; ``docs/data_files.md`` lists the keys. Every key is effective or refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from wattloom.components.sources.formats.quantities import SERIES

Stamps = Literal["text", "parts", "seconds", "first", "none"]
STAMPS: tuple[Stamps, ...] = ("text", "parts", "seconds", "first", "none")


def normalized(name: str) -> str:
    """Return a column name as patterns see it: compatibility characters resolved, blanks collapsed, lower case."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", str(name))).strip().casefold()


@dataclass(frozen=True, slots=True)
class Layout:
    """How cells lie in the file.

    Attributes:
        kind: ``"csv"`` (any delimited text), ``"json"``, ``"parquet"`` or ``"pvlib"`` (a function of pvlib.iotools does the reading).
        separator: Column separator.
        decimal: Decimal sign.
        thousands: Thousands separator; empty: none.
        skip_lines: Lines before the column names (or before the data of a head-less file).
        header: Whether a line of column names comes first.
        names: Column names of a head-less file, in order.
        root: JSON: key of the object that holds one array a column.
        units_root: JSON: key of the object that holds the unit of each column.
        function: pvlib: name of the function in ``pvlib.iotools``.
    """

    kind: Literal["csv", "json", "parquet", "pvlib"] = "csv"
    separator: str = ","
    decimal: str = "."
    thousands: str = ""
    skip_lines: int = 0
    header: bool = True
    names: tuple[str, ...] = ()
    root: str = ""
    units_root: str = ""
    function: str = ""


@dataclass(frozen=True, slots=True)
class Sniff:
    """How a file of this format is recognised. Every condition given must hold; more conditions win over fewer.

    Attributes:
        suffixes: File name endings (before ``.gz``).
        filename: Pattern found in the file name.
        first_line: Pattern found in the first line.
        columns: Patterns; each must match a column name.
        fields: Number of fields in the first data line.
        row: Pattern found in the first data line.
    """

    suffixes: tuple[str, ...] = ()
    filename: str = ""
    first_line: str = ""
    columns: tuple[str, ...] = ()
    fields: int = 0
    row: str = ""


@dataclass(frozen=True, slots=True)
class Clock:
    """When the values are.

    Attributes:
        stamps: ``"text"`` one column, ``"parts"`` columns that hold month, day and hour, ``"seconds"`` since the trace began, ``"first"`` only the
            first stamp counts and the step is fixed, ``"none"`` no stamps.
        columns: Position or pattern of the stamp column (or of the columns of the parts, which are joined by blanks).
        format: ``strptime`` format of text stamps (empty: ISO 8601); for parts a pattern with the groups ``month``, ``day`` and ``hour``.
        zone: ``""`` (read as UTC, with a warning), ``"UTC"``, ``"site"`` (local standard time of whichever place uses it), ``"file"`` (the offset
            the file states), an offset in hours such as ``"+1"``, or an IANA name such as ``"Europe/Berlin"`` (daylight saving is undone).
            Stamps that carry an offset need none.
        label: Whether a stamp names the ``"start"`` or the ``"end"`` of its interval. Readings (``instant``) stand at their stamp either way.
        step_seconds: Step; 0: the commonest difference between stamps.
        typical_year: 365 days of no particular year.
        local: Pattern of a second column with local stamps, compared with the first.
        scale: Seconds of one unit of ``"seconds"`` stamps.
        first_weekday: Weekday of the first value where there are no dates (0 = Monday).
    """

    stamps: Stamps = "none"
    columns: tuple[int | str, ...] = ()
    format: str = ""
    zone: str = "UTC"
    label: Literal["start", "end"] = "start"
    step_seconds: int = 0
    typical_year: bool = False
    local: str = ""
    scale: float = 1.0
    first_weekday: int = 0


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """One series, or (``many``) one series for every column that matches.

    Attributes:
        name: Name of the series; ``many``: prefix of the file's own column name.
        column: 0-based position, or pattern of the column name. A group ``(?P<unit>...)`` names the unit.
        unit: Unit in the file; empty: the house unit.
        quantity: Name of the quantity; empty: looked up by the series' name.
        kind: ``"mean"`` over the interval or ``"instant"``.
        missing: Numbers that stand for "no value".
        many: Take every matching column, as a series each.
        total: Add every matching column up.
        optional: Absent without complaint.
        checks: Further checks of this series.
        allow_negative: Negative values are right here.
        serves: Kinds of source that take this series; empty: every kind of the format.
    """

    name: str
    column: int | str
    unit: str = ""
    quantity: str = ""
    kind: Literal["mean", "instant"] = "mean"
    missing: tuple[float, ...] = ()
    many: bool = False
    total: bool = False
    optional: bool = False
    checks: tuple[str, ...] = ()
    allow_negative: bool = False
    serves: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Jobs:
    """How a list of jobs is read: when each arrives, how long it runs, how much it takes.

    Attributes:
        arrival: Column of the arrival time.
        duration: Column of the run time; empty: ``end`` is given.
        start: Column of the start time; empty: a job starts when it arrives.
        end: Column of the end time; empty: ``duration`` is given.
        size: Columns whose product is the size of a job.
        size_scale: Factor on the size.
        or_size: Columns whose product is the size where ``size`` is zero; empty: none.
        or_scale: Factor on that size.
        flexible: Column and the values that mark a job as deferrable.
        scale: Seconds of one time unit.
        unit: What is counted, e.g. ``"GPU"``.
    """

    arrival: str
    size: tuple[str, ...]
    duration: str = ""
    start: str = ""
    end: str = ""
    size_scale: float = 1.0
    or_size: tuple[str, ...] = ()
    or_scale: float = 1.0
    flexible: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scale: float = 1.0
    unit: str = "1"


@dataclass(frozen=True, slots=True)
class Samples:
    """How readings of many machines become one series: the mean of each machine and hour, then the mean over machines.

    Attributes:
        machine: Column naming the machine.
        time: Column of the time stamp.
        value: Column of the reading.
        low: Readings below are invalid.
        high: Readings above are invalid.
        unit: Unit of the reading.
        series: Name of the series.
        scale: Seconds of one time unit.
        step_seconds: Step of the series.
    """

    machine: str
    time: str
    value: str
    low: float = 0.0
    high: float = 100.0
    unit: str = "%"
    series: str = "utilization"
    scale: float = 1.0
    step_seconds: int = 3600


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact about the whole file: a field of a line before the data, a JSON key, or the first cell (``sum``: the sum) of a column."""

    line: int = -1
    field: int = 0
    key: str = ""
    column: str = ""
    total: bool = False
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Format:
    """A descriptor.

    Attributes:
        name: Name on the command line: the descriptor's file name.
        title: One line for people.
        kinds: Kinds of source that can use it.
        source: Where the layout is documented.
        layout: How cells lie in the file.
        sniff: How such a file is recognised.
        clock: When the values are.
        region: Pattern of the column that says which region a row belongs to; empty: one region a file.
        series: What the columns are.
        facts: Facts about the whole file.
        mix: Emission factor (gCO2/kWh) of each generation series; the carbon intensity is the mean weighted by generation.
        jobs: How a list of jobs is read; None: not a list of jobs.
        samples: How readings of machines are read; None: none.
        checks: Checks of the whole file.
        path: Descriptor file.
    """

    name: str
    title: str
    kinds: tuple[str, ...]
    source: str = ""
    layout: Layout = Layout()
    sniff: Sniff = Sniff()
    clock: Clock = Clock()
    region: str = ""
    series: tuple[ColumnSpec, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    mix: Mapping[str, float] = field(default_factory=dict)
    jobs: Jobs | None = None
    samples: Samples | None = None
    checks: tuple[str, ...] = ()
    path: str = ""

    def quantity_of(self, spec: ColumnSpec) -> str:
        """Return the name of the quantity of one of the format's columns."""
        return spec.quantity or SERIES.get(spec.name, "number")
