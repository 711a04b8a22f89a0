"""The one reader: a file and a descriptor in, series in house units and findings out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from wattloom.components.sources.formats.catalog import get_format, recognise, refuse_other_head
from wattloom.components.sources.formats.cells import Measured, measure
from wattloom.components.sources.formats.checks import check, outliers
from wattloom.components.sources.formats.choice import OPEN, Options, adapted, implied, refuse_ineffective, with_stamps
from wattloom.components.sources.formats.descriptor import Format
from wattloom.components.sources.formats.file_checks import check_file
from wattloom.components.sources.formats.findings import FileError, Finding, errors, ordered
from wattloom.components.sources.formats.frame import Frame, of_region, read_frame
from wattloom.components.sources.formats.jobs import JobTable, read_jobs
from wattloom.components.sources.formats.mix import NAME as CARBON
from wattloom.components.sources.formats.mix import with_carbon
from wattloom.components.sources.formats.opening import refuse_foreign
from wattloom.components.sources.formats.policies import Policies
from wattloom.components.sources.formats.quantities import units_of
from wattloom.components.sources.formats.repair import clip_negative, fill
from wattloom.components.sources.formats.samples import read_samples
from wattloom.components.sources.formats.timeline import Timeline, timeline
from wattloom.components.sources.series import Series, SeriesSet
from wattloom.errors import ConfigError, did_you_mean


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file as read.

    Attributes:
        path: The file.
        format: Its format.
        series: Its series on one clock, house units.
        findings: Everything noticed, errors first.
        facts: Facts about the whole file (place, latitude, ...).
        site: Whether dated stamps are local standard time of a place the file does not name; ``start_utc`` then is that local time.
        missing: Values of each series that the file lacks (filled by policy).
        rows: Rows of data in the file.
        jobs: The jobs, where it is a list of jobs.
        mixed: Whether the carbon intensity was computed from the generation mix.
    """

    path: str
    format: Format
    series: SeriesSet
    findings: tuple[Finding, ...]
    facts: Mapping[str, str | float]
    site: bool
    missing: Mapping[str, int]
    rows: int
    jobs: JobTable | None = None
    mixed: bool = False

    def demand_sound(self) -> Loaded:
        """Return the file if no finding is an error.

        Raises:
            FileError: Otherwise, with all of them.
        """
        if errors(self.findings):
            raise FileError(self.findings)
        return self


def read(
    path: Path, format_name: str | None = None, options: Options | None = None, policies: Policies | None = None, kind: str | None = None
) -> Loaded:
    """Read a file.

    Args:
        path: An existing file.
        format_name: Name of its format or path of a descriptor; None: recognised.
        options: What the user says about the file.
        policies: What to do about blemishes.
        kind: Kind of source it is read for; None: any.

    Returns:
        Series and findings, errors among them included: ask :meth:`Loaded.demand_sound`.

    Raises:
        UnreadableError: If the file cannot be read at all.
        ConfigError: If the format, zone or unit asked for does not exist, or the format does not serve ``kind``.
    """
    refuse_foreign(path)
    made = get_format(format_name) if format_name else recognise(path, kind)
    if kind is not None and kind not in made.kinds:
        raise ConfigError(f"{path}: format {made.name} ({made.title}) holds {' or '.join(made.kinds)}, not {kind}")
    refuse_other_head(made, path)
    policies, options = policies or Policies(), options or Options()
    refuse_ineffective(made, options)
    made = adapted(made, options, kind)
    if made.samples is not None:
        return _loaded_samples(path, made, policies)
    frame = read_frame(path, made)
    if made.jobs is not None:
        jobs, found = read_jobs(frame, made.jobs)
        return Loaded(str(path), made, SeriesSet({}), ordered(found), frame.facts, False, {}, len(frame.cells), jobs)
    return _series_of(frame, made, options, policies)


def _series_of(frame: Frame, made: Format, options: Options, policies: Policies) -> Loaded:
    frame, found = of_region(frame, made.region, options.region)
    if found or not made.series:
        return Loaded(frame.path, made, SeriesSet({}), tuple(found), frame.facts, False, {}, len(frame.cells))
    made, clock, found = _placed(frame, made, options, policies)
    series, remarks = _measured(frame, made, clock, options, policies)
    stated = any(one.name == CARBON for one in series)
    series, mixed = with_carbon(series, made.mix)
    series, examined = _examined(frame, made, clock, series, policies)
    missing = {one.name: int(np.isnan(one.values).sum()) for one in series}
    series, filled = fill(series, policies)
    found += [*remarks, *mixed, *examined, *filled]
    if not series and not errors(found):
        message = f"no column holds numbers; found {', '.join(frame.names)}"
        found.append(Finding("error", "column_missing", frame.path, message, "name one with column="))
    members = _series_set(series, made, clock)
    rows, computed = len(frame.cells), not stated and bool(made.mix)
    return Loaded(frame.path, made, members, ordered(found), frame.facts, clock.site, missing, rows, None, computed)


def _placed(frame: Frame, made: Format, options: Options, policies: Policies) -> tuple[Format, Timeline, list[Finding]]:
    """Put the rows on a clock, and say which columns are read where the format leaves it open."""
    found: list[Finding] = []
    made = replace(made, clock=with_stamps(frame, made.clock))
    if made.name in OPEN and options.columns is None and options.primary:
        stamps = {name for column in made.clock.columns for name in frame.find(column)[:1]}
        made, found = implied(frame, made, stamps, options.primary)
    clock = timeline(frame, made.clock, policies)
    found += clock.findings
    if clock.aware and options.zone is not None:
        message = f"zone={options.zone} has no effect: the stamps carry their own offset"
        found.append(Finding("warning", "zone_unused", frame.path, message, "leave zone= out", int(frame.lines[0])))
    if clock.rows.size == 0 or errors(found):
        clock = replace(clock, rows=np.arange(len(frame.cells)))  # cells are still looked at: all findings at once
    return made, clock, found


def _measured(frame: Frame, made: Format, clock: Timeline, options: Options, policies: Policies) -> tuple[list[Measured], list[Finding]]:
    """Read the cells in house units; a unit for the whole file has to fit one of its series."""
    units = dict(options.units)
    series, found = measure(frame, made, clock, policies, units)
    if "" in units and not any(one.file_unit == units[""] for one in series):
        known = dict.fromkeys(unit for one in series for unit in units_of(one.quantity))
        message = f"unit={units['']} fits none of {', '.join(one.name for one in series) or 'the series'}{did_you_mean(units[''], known)}"
        fix = "name a unit of the quantity, or unit={series: unit}"
        found.append(Finding("error", "unit_unknown", frame.path, message, fix, value=units[""]))
    return series, found


def _examined(
    frame: Frame, made: Format, clock: Timeline, series: list[Measured], policies: Policies
) -> tuple[list[Measured], list[Finding]]:
    found: list[Finding] = []
    kept: list[Measured] = []
    for one in series:
        found += [_escalated(finding, policies) for finding in check(one)]
        if policies.outliers == "missing" and "outlier" in {f.name for f in found if one.name in f.series}:
            values = one.values.copy()
            values[outliers(values)] = np.nan
            one = one.with_values(values)
        one, remarks = clip_negative(one, policies)
        found += [*remarks, *_currency(one)]
        kept.append(one)
    return kept, [*found, *check_file(frame, made, clock, {one.name: one for one in kept})]


def _escalated(finding: Finding, policies: Policies) -> Finding:
    return replace(finding, level="error") if finding.name == "outlier" and policies.outliers == "error" else finding


def _currency(one: Measured) -> list[Finding]:
    if one.quantity != "price" or one.unit.startswith("USD"):
        return []
    message = f"prices stay in {one.unit}: the file names no exchange rate"
    return [
        Finding(
            "warning",
            "currency",
            one.path,
            message,
            "set usd_per_unit= to have USD/MWh",
            column=one.column,
            value=one.unit,
            series=(one.name,),
        )
    ]


def _series_set(series: list[Measured], made: Format, clock: Timeline) -> SeriesSet:
    members = {one.name: _series(one, made, clock) for one in series if np.isfinite(one.values).any()}
    return SeriesSet(members)


def _series(one: Measured, made: Format, clock: Timeline) -> Series:
    """Stamps at the end of an hour: a mean fills the hour before its stamp, a reading stands at it, where the next hour begins."""
    kind, typical = one.spec.kind, made.clock.typical_year
    start = np.datetime64(clock.start, "s") if clock.dated else None
    values = one.values
    if made.clock.label == "end" and kind == "instant":
        start = None if start is None else start + np.timedelta64(clock.step_seconds, "s")
        values = np.roll(values, 1) if typical else values  # 24:00 of 31 December is 0:00 of 1 January
    weekday = made.clock.first_weekday
    return Series(one.name, one.unit, values, clock.step_seconds, start, clock.offset_hours, one.path, kind, 0, typical, weekday)


def _loaded_samples(path: Path, made: Format, policies: Policies) -> Loaded:
    assert made.samples is not None  # asked by the caller
    one, found, rows = read_samples(path, made)
    found = [*found, *check(one)]
    missing = {one.name: int(np.isnan(one.values).sum())}
    series, remarks = fill([one], policies)
    clock = Timeline(np.arange(one.values.size), one.step_seconds)
    return Loaded(str(path), made, _series_set(series, made, clock), ordered([*found, *remarks]), {}, False, missing, rows)


def fingerprint(path: Path) -> tuple[str, int, int]:
    """Return what identifies the content of a file cheaply: path, size and time of change."""
    stat = path.stat()
    return str(path), stat.st_size, stat.st_mtime_ns


def read_once(path: Path, format_name: str | None, options: Options, policies: Policies, kind: str | None) -> Loaded:
    """Like :func:`read`, but a file that has not changed is read once a process."""
    return _read_once(fingerprint(path), format_name, options, policies, kind)


@lru_cache(maxsize=32)
def _read_once(content: tuple[str, int, int], format_name: str | None, options: Options, policies: Policies, kind: str | None) -> Loaded:
    return read(Path(content[0]), format_name, options, policies, kind)
