"""Checks that look at several columns or at the facts of a file: sun by night, two clocks, the generation mix, estimated rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from wattloom.components.sources.formats.cells import Measured
from wattloom.components.sources.formats.descriptor import Format
from wattloom.components.sources.formats.findings import Finding
from wattloom.components.sources.formats.frame import Frame
from wattloom.components.sources.formats.stamps import _as_text
from wattloom.components.sources.formats.timeline import Timeline
from wattloom.components.sources.series import DAY, HOUR, Floats

FileCheck = Callable[[Frame, Format, Timeline, Mapping[str, Measured]], list[Finding]]
NOON_TOLERANCE_HOURS = 1.75  # equation of time, cloudy mornings and the width of a zone stay below
WRONG_NOON_HOURS = 3.0  # the same where the longitude is not known


def check_file(frame: Frame, made: Format, clock: Timeline, series: Mapping[str, Measured]) -> list[Finding]:
    """Run the checks a format asks for."""
    return [finding for name in made.checks for finding in FILE_CHECKS[name](frame, made, clock, series)]


def climate_normals(frame: Frame, made: Format, clock: Timeline, series: Mapping[str, Measured]) -> list[Finding]:
    """A weather file that says itself that it holds climate normals."""
    origin = str(frame.facts.get("data_source", ""))
    if "normals" not in origin.lower():
        return []
    message = f"the file says its source is {origin!r}: averages over many years, without weather"
    return [Finding("warning", "climate_normals", frame.path, message, "use a typical-year (TMY) or actual-year file", 1, value=origin)]


def solar_noon(values: Floats, step_seconds: int, start: int = 0) -> float:
    """Hour of day about which a series of sunshine is centred, in [0, 24); NaN without sunshine.

    Args:
        values: Shape (n,), irradiance or solar power.
        step_seconds: Step.
        start: Second of the day at which value 0 begins.
    """
    middle = (start + step_seconds * (np.arange(values.size) + 0.5)) % DAY
    weights = np.nan_to_num(values).clip(min=0)
    if weights.sum() <= 0:
        return float("nan")
    vector = (weights * np.exp(2j * np.pi * middle / DAY)).sum()
    return float(np.angle(vector) / (2 * np.pi) * 24 % 24)


def sun_at_night(frame: Frame, made: Format, clock: Timeline, series: Mapping[str, Measured]) -> list[Finding]:
    """Sunshine must be centred on solar noon of the place; if not, the stamps are in another zone than stated."""
    one = series.get("ghi") or series.get("solar")
    if one is None or one.step_seconds > 2 * HOUR or one.values.size * one.step_seconds < 7 * DAY or (clock.dated and not _local(clock)):
        return []
    seen = solar_noon(one.values, one.step_seconds, clock.start + round((clock.offset_hours or 0) * HOUR) * clock.dated)
    longitude = frame.facts.get("longitude")
    offset = frame.facts.get("utc_offset_hours") if clock.offset_hours is None else clock.offset_hours
    known = isinstance(longitude, (int, float)) and isinstance(offset, (int, float))
    noon = 12 - float(longitude) / 15 + float(offset) if known else 12.0  # type: ignore[arg-type]  # known: both are numbers
    off = (seen - noon + 12) % 24 - 12
    if not abs(off) > (NOON_TOLERANCE_HOURS if known else WRONG_NOON_HOURS):
        return []
    place = f"at longitude {longitude:g} and {offset:+g} h" if known else "of local standard time"
    message = f"the sun is highest at {seen:.1f} h where solar noon {place} is {noon:.1f} h: the rows are {off:+.1f} h off"
    fix = "the stamps are in another zone (UTC?): name it with zone=, or roll the file"
    bright = int(np.nanargmax(one.values))
    level = "error" if known else "warning"
    value = f"{one.values[bright]:g}"
    return [Finding(level, "sun_at_night", frame.path, message, fix, int(one.lines[bright]), one.column, value, 1, ())]  # type: ignore[arg-type]


def _local(clock: Timeline) -> bool:
    return clock.site or clock.offset_hours is not None


def two_clocks(frame: Frame, made: Format, clock: Timeline, series: Mapping[str, Measured]) -> list[Finding]:
    """A second, local time column must differ from the first by a whole offset that changes by one hour at most."""
    import pandas as pd

    first, second = frame.find(made.clock.columns[0])[:1], frame.find(made.clock.local)[:1]
    if not first or not second:
        return []
    zone = r"\s*(Z|[+-]\d{2}:?\d{2})$"
    utc, local = (pd.to_datetime(frame.cells[c[0]].astype(str).str.replace(zone, "", regex=True), errors="coerce") for c in (first, second))
    hours = (local - utc).dt.total_seconds().to_numpy() / HOUR
    known = np.isfinite(hours)
    if not known.any():
        return []
    usual = float(np.median(hours[known]))
    wrong = np.flatnonzero(known & ((np.abs(hours - usual) > 1) | (hours % 0.25 != 0)))
    if not wrong.size and -12 <= usual <= 14:
        return []
    i = int(wrong[0]) if wrong.size else 0
    message = f"the local column is {hours[i]:+g} h from the UTC column where most rows are {usual:+g} h; the UTC column is used"
    row, value = int(frame.lines[i]), str(_as_text(frame.cells[second[0]].iloc[i : i + 1])[0])
    return [
        Finding(
            "warning", "clock_mismatch", frame.path, message, "check which column is right", row, second[0], value, max(1, int(wrong.size))
        )
    ]


def estimated_values(frame: Frame, made: Format, clock: Timeline, series: Mapping[str, Measured]) -> list[Finding]:
    """Rows marked as estimated rather than measured."""
    column = frame.find("^data estimated$")[:1]
    if not column:
        return []
    cells = frame.cells[column[0]].astype(str).str.lower().eq("true").to_numpy()
    if not cells.any():
        return []
    share = float(cells.mean())
    message = f"{int(cells.sum())} rows ({share:.1%}) are marked as estimated"
    fix = "nothing, or another zone" if share > 0.05 else "nothing"
    row = int(frame.lines[np.flatnonzero(cells)[0]])
    level = "warning" if share > 0.05 else "note"
    return [Finding(level, "estimated_values", frame.path, message, fix, row, column[0], "true", int(cells.sum()))]  # type: ignore[arg-type]


FILE_CHECKS: dict[str, FileCheck] = {
    "climate_normals": climate_normals,
    "sun_at_night": sun_at_night,
    "two_clocks": two_clocks,
    "estimated_values": estimated_values,
}
