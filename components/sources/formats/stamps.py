"""Time stamps of a file as seconds: text with or without an offset, month-day-hour parts, seconds since a trace began."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np
from numpy.typing import NDArray

from wattloom.components.sources.formats.descriptor import Clock
from wattloom.components.sources.formats.findings import Finding
from wattloom.components.sources.formats.frame import Frame, missing_column
from wattloom.components.sources.series import DAY, HOUR
from wattloom.errors import ConfigError, nearest

if TYPE_CHECKING:
    import pandas as pd

OFFSET = re.compile(r"(Z|[+-]\d{2}:?\d{2})$")
MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
PLAIN_ZONES = ("", "UTC", "site", "file")
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stamps:
    """When each row is.

    Attributes:
        seconds: Shape (n,): Unix time in UTC, or of the site's clock (``site``), or since the start of a typical year or trace. Meaningless for
            rows that are not ``valid``.
        valid: Shape (n,), False where a stamp could not be read.
        text: Shape (n,), the stamps as the file spells them.
        dated: Whether ``seconds`` count from 1970.
        site: Whether ``seconds`` are local standard time of a place the file does not name.
        offset_hours: Fixed offset of the place the file is local to; None: UTC or not known.
        naive: Whether the file gave no offset with the stamps.
        findings: What was noticed.
    """

    seconds: Ints
    valid: NDArray[np.bool_]
    text: NDArray[np.object_]
    dated: bool = True
    site: bool = False
    offset_hours: float | None = None
    naive: bool = True
    findings: tuple[Finding, ...] = ()


def read_stamps(frame: Frame, clock: Clock) -> Stamps | None:
    """Return the stamps of a file; None where the format has none (or only its first one counts).

    Raises:
        ConfigError: If the clock's zone is unknown.
    """
    if clock.stamps in ("none", "first"):
        return None
    columns = [frame.find(column)[:1] for column in clock.columns]
    if not all(columns):
        absent = clock.columns[columns.index([])]
        return _nothing(missing_column(frame, absent, "time"))
    cells = frame.cells[[column[0] for column in columns]]
    if clock.stamps == "parts":
        return _parts(cells, clock, frame)
    if clock.stamps == "seconds":
        return _seconds(cells.iloc[:, 0], clock)
    return _text(cells.iloc[:, 0], clock, frame.facts)


def first_stamp(frame: Frame, clock: Clock) -> Stamps:
    """Return the stamp of the first row alone (the others are known to be unreliable)."""
    name = frame.find(clock.columns[0])[:1]
    if not name:
        return _nothing(missing_column(frame, clock.columns[0], "time"))
    return _text(frame.cells[name[0]].iloc[:1], clock, frame.facts)


def _nothing(finding: Finding) -> Stamps:
    return Stamps(np.zeros(0, np.int64), np.zeros(0, bool), np.zeros(0, object), findings=(finding,))


def _seconds(cells: pd.Series[Any], clock: Clock) -> Stamps:
    import pandas as pd

    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(float) * clock.scale
    valid = np.isfinite(numbers)
    return Stamps(np.where(valid, numbers, 0).round().astype(np.int64), valid, _as_text(cells), dated=False)


def _parts(cells: pd.DataFrame, clock: Clock, frame: Frame) -> Stamps:
    joined = cells.astype(str).agg(" ".join, axis=1)
    found = joined.str.extract(clock.format)
    valid = found.notna().all(axis=1).to_numpy()
    month, day, hour = (found[name].fillna("1").astype(np.int64).to_numpy() for name in ("month", "day", "hour"))
    valid &= (month >= 1) & (month <= 12) & (day >= 1) & (hour >= 0) & (hour <= 24)
    leap = bool(((month == 2) & (day == 29) & valid).any())
    starts = np.cumsum([0, 31, 28 + leap, *MONTH_DAYS[2:-1]])
    seconds = (starts[np.clip(month, 1, 12) - 1] + day - 1) * DAY + hour * HOUR
    notes = (_leap_day(frame, month, day, joined.to_numpy(object)),) if leap else ()
    offset = 0.0 if clock.zone == "UTC" else _offset(clock.zone, frame.facts)
    return Stamps(seconds.astype(np.int64), valid, joined.to_numpy(object), dated=False, offset_hours=offset, findings=notes)


def _leap_day(frame: Frame, month: NDArray[Any], day: NDArray[Any], text: NDArray[np.object_]) -> Finding:
    where = np.flatnonzero((month == 2) & (day == 29))
    row = int(frame.lines[where[0]])
    message = f"a typical year with 29 February ({where.size} rows): a calendar of 365 days leaves the day out"
    fix = "nothing, or delete these rows"
    return Finding("warning", "leap_day", frame.path, message, fix, row=row, value=str(text[where[0]]), count=int(where.size))


def _text(cells: pd.Series[Any], clock: Clock, facts: Mapping[str, str | float]) -> Stamps:
    import pandas as pd

    text = _as_text(cells)
    sample = next((stamp for stamp in text if stamp), "")
    aware = bool(OFFSET.search(sample)) and len(sample) > 10
    stated = aware
    parsed = pd.to_datetime(pd.Series(text), format=clock.format or "ISO8601", errors="coerce", utc=aware)
    naive = not aware
    if naive and clock.zone not in PLAIN_ZONES and not _is_number(clock.zone):
        parsed = _civil(parsed, clock.zone)
        aware = True
    valid = parsed.notna().to_numpy()
    plain = parsed.dt.tz_convert("UTC").dt.tz_localize(None) if aware else parsed
    seconds = plain.to_numpy("datetime64[s]").astype(np.int64)
    offset = _offset(clock.zone, facts) if naive else None
    shift = round((offset or 0.0) * HOUR) if not aware else 0
    return Stamps(np.where(valid, seconds - shift, 0), valid, text, True, naive and clock.zone == "site", offset, not stated)


def _as_text(cells: pd.Series[Any]) -> NDArray[np.object_]:
    return np.array([str(cell).strip() if cell == cell and cell is not None else "" for cell in cells], dtype=object)


def _civil(parsed: pd.Series[pd.Timestamp], zone: str) -> pd.Series[pd.Timestamp]:
    """Civil time of a zone with daylight saving: of two equal stamps the first is summer time."""
    repeated = parsed.duplicated(keep=False) & ~parsed.duplicated(keep="first")
    return parsed.dt.tz_localize(_zone(zone).key, ambiguous=repeated.to_numpy(), nonexistent="NaT")


def _offset(zone: str, facts: Mapping[str, str | float]) -> float | None:
    if zone in ("", "UTC", "site"):
        return None
    if zone == "file":
        return _stated_offset(facts)
    if _is_number(zone):
        return float(zone)
    known = _zone(zone)
    for month in (1, 7):
        moment = datetime(2022, month, 1, tzinfo=known)
        offset = moment.utcoffset()
        if not moment.dst() and offset is not None:
            return offset / timedelta(hours=1)
    return None


def _stated_offset(facts: Mapping[str, str | float]) -> float | None:
    stated = facts.get("utc_offset_hours")
    return float(stated) if isinstance(stated, (int, float)) else None


def _is_number(zone: str) -> bool:
    try:
        float(zone)
    except ValueError:
        return False
    return True


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        alike = nearest(name, available_timezones())
        hint = f"; did you mean {alike!r}?" if alike else ""
        raise ConfigError(
            f"zone={name!r}{hint}: give UTC, site, file, an offset in hours such as +1, or a name such as Europe/Berlin"
        ) from error
