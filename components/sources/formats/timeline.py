"""From stamps to one evenly spaced clock: which row stands at which step, and everything that is wrong with the stamps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from wattloom.components.sources.formats.descriptor import Clock
from wattloom.components.sources.formats.findings import Finding
from wattloom.components.sources.formats.frame import Frame
from wattloom.components.sources.formats.policies import Policies
from wattloom.components.sources.formats.stamps import Stamps, first_stamp, read_stamps
from wattloom.components.sources.series import DAY, HOUR, WEEK

Ints = NDArray[np.int64]
MONDAY = 4 * DAY
CHANGE_MONTHS = (3, 4, 9, 10, 11)  # months in which clocks are set anywhere


@dataclass(frozen=True, slots=True)
class Timeline:
    """An evenly spaced clock over the rows of a file.

    Attributes:
        rows: Shape (n,), row of the file at each step, -1 where the file has none.
        step_seconds: Step.
        start: Second of step 0 (label: start of the interval) in the sense of :class:`Stamps`; 0 where there are no stamps.
        dated: Whether ``start`` counts from 1970.
        site: Whether ``start`` is local standard time of a place the file does not name.
        offset_hours: Fixed offset of the place the file is local to.
        aware: Whether the stamps carry their offset.
        findings: What was noticed; with an error among them the rest is not to be used.
    """

    rows: Ints
    step_seconds: int
    start: int = 0
    dated: bool = False
    site: bool = False
    offset_hours: float | None = None
    aware: bool = False
    findings: tuple[Finding, ...] = field(default=())


def timeline(frame: Frame, clock: Clock, policies: Policies) -> Timeline:
    """Lay the rows of a file on an evenly spaced clock."""
    rows = np.arange(len(frame.cells), dtype=np.int64)
    if clock.stamps == "none":
        return _checked(frame, clock, Timeline(rows, clock.step_seconds or HOUR, findings=_numbered(frame)))
    if clock.stamps == "first":
        first = first_stamp(frame, clock)
        found = first.findings or _unreadable(frame, first) or _left_out(frame, clock)
        start = int(first.seconds[0]) if first.seconds.size else 0
        made = Timeline(rows, clock.step_seconds, start, True, first.site, first.offset_hours, not first.naive, found)
        return _checked(frame, clock, _by_label(made, clock))
    stamps = read_stamps(frame, clock)
    assert stamps is not None  # every other kind of stamps has some
    return _checked(frame, clock, _by_label(_evenly(frame, clock, stamps, policies), clock))


def _numbered(frame: Frame) -> tuple[Finding, ...]:
    """Rows that are numbered instead of stamped: where the numbers jump, rows are missing."""
    if not frame.names or frame.names[0] not in ("", "index"):
        return ()
    numbers = frame.cells.iloc[:, 0]
    if numbers.dtype.kind != "i" or len(numbers) < 2:
        return ()
    odd = np.flatnonzero(np.diff(numbers.to_numpy()) != 1)
    if not odd.size:
        return ()
    before, after = (int(numbers.iloc[odd[0] + i]) for i in (0, 1))
    message = (
        f"the rows are numbered, and {after} follows {before} ({odd.size} such places); without dates they are taken one after the other"
    )
    row = int(frame.lines[odd[0] + 1])
    found = Finding("warning", "missing_stamp", frame.path, message, "complete the file, or number its rows anew", row, value=str(after))
    return (replace(found, count=int(odd.size)),)


def _left_out(frame: Frame, clock: Clock) -> tuple[Finding, ...]:
    """Rows that stray from an even clock by more than the hour of daylight saving: of these stamps only the first is used."""
    stamps = read_stamps(frame, replace(clock, stamps="text", zone="UTC"))
    assert stamps is not None  # text stamps are always read
    even = stamps.seconds[0] + clock.step_seconds * np.arange(stamps.seconds.size)
    off = np.flatnonzero(stamps.valid & (np.abs(stamps.seconds - even) > HOUR))
    if not off.size:
        return ()
    i = int(off[0])
    due = str(np.datetime64(int(even[i]), "s")).replace("T", " ")
    message = f"counted from the first stamp this row is that of {due}: rows are missing or doubled before it"
    value = str(stamps.text[i])
    fix = "complete the file"
    return (Finding("error", "step_irregular", frame.path, message, fix, int(frame.lines[i]), _name(frame, stamps), value, int(off.size)),)


def _by_label(made: Timeline, clock: Clock) -> Timeline:
    return replace(made, start=made.start - made.step_seconds) if clock.label == "end" else made


def _evenly(frame: Frame, clock: Clock, stamps: Stamps, policies: Policies) -> Timeline:
    found = [*stamps.findings, *_unreadable(frame, stamps)]
    blank = Timeline(
        np.zeros(0, np.int64),
        clock.step_seconds or HOUR,
        0,
        stamps.dated,
        stamps.site,
        stamps.offset_hours,
        stamps.dated and not stamps.naive,
        tuple(found),
    )
    if stamps.seconds.size == 0 or any(f.level == "error" for f in found):
        return blank
    differences = np.diff(stamps.seconds)
    step = clock.step_seconds or _commonest(differences)
    zone = _zone_assumed(frame, clock, stamps)
    disorder = _disorder(frame, stamps, differences, step, policies)
    found += zone + disorder
    blank = replace(blank, step_seconds=step, findings=tuple(found))
    if any(f.level == "error" for f in disorder):
        return blank
    keep = _unique(stamps.seconds, policies.duplicates)
    seconds = stamps.seconds[keep]
    steps = (seconds - seconds[0]) // step
    rows = np.full(int(steps[-1]) + 1, -1, dtype=np.int64)
    rows[steps] = keep
    return replace(blank, rows=rows, start=int(seconds[0]))


def _commonest(differences: Ints) -> int:
    positive = differences[differences > 0]
    if positive.size == 0:
        return HOUR
    sizes, counts = np.unique(positive, return_counts=True)
    return int(sizes[np.argmax(counts)])


def _unique(seconds: Ints, policy: str) -> Ints:
    if policy == "last":
        return seconds.size - 1 - np.unique(seconds[::-1], return_index=True)[1]
    return np.unique(seconds, return_index=True)[1]


def _unreadable(frame: Frame, stamps: Stamps) -> tuple[Finding, ...]:
    bad = np.flatnonzero(~stamps.valid)
    if bad.size == 0:
        return ()
    value = str(stamps.text[bad[0]])
    message = f"{bad.size} of {stamps.valid.size} time stamps cannot be read (first one shown)"
    fix = "give the stamps one spelling (ISO 8601 needs no format), or name theirs with time_format= or in a descriptor"
    return (
        Finding(
            "error", "stamp_unreadable", frame.path, message, fix, int(frame.lines[bad[0]]), _name(frame, stamps), value, int(bad.size)
        ),
    )


def _name(frame: Frame, stamps: Stamps) -> str | None:
    first = stamps.text[0] if stamps.text.size else None
    return next((name for name in frame.names if str(frame.cells[name].iloc[0]).strip() == first), None)


def _zone_assumed(frame: Frame, clock: Clock, stamps: Stamps) -> list[Finding]:
    if not (stamps.naive and stamps.dated and clock.zone == ""):
        return []
    message = "the stamps carry no zone and the format names none: read as UTC"
    fix = "set zone=UTC to agree, zone=site for local standard time, or an offset or name such as zone=+1, zone=Europe/Berlin"
    return [Finding("warning", "zone_assumed", frame.path, message, fix, int(frame.lines[0]), _name(frame, stamps), str(stamps.text[0]))]


def _disorder(frame: Frame, stamps: Stamps, differences: Ints, step: int, policies: Policies) -> list[Finding]:
    saving = _daylight_saving(frame, stamps, differences, step)
    if saving:
        return saving

    def at(where: Ints, level: str, name: str, message: str, fix: str) -> Finding:
        i = int(where[0]) + 1
        shown = f"{message} (first: {stamps.text[i - 1]} is followed by {stamps.text[i]})"
        row = int(frame.lines[i])
        return Finding(level, name, frame.path, shown, fix, row, _name(frame, stamps), str(stamps.text[i]), int(where.size))  # type: ignore[arg-type]

    found = []
    back, same = np.flatnonzero(differences < 0), np.flatnonzero(differences == 0)
    odd = np.flatnonzero((differences > 0) & (differences % step != 0))
    far = np.flatnonzero((differences > step) & (differences % step == 0))
    if back.size:
        found.append(
            at(back, "error", "not_monotonic", f"time goes back {back.size} times", "sort the rows by time; or it is two files in one")
        )
    if same.size:
        level = "error" if policies.duplicates == "error" else "warning"
        text = f"{same.size} stamps occur twice; policy duplicates={policies.duplicates}"
        found.append(at(same, level, "duplicate_stamp", text, "delete one of each, or set duplicates=first or last"))
    if odd.size:
        text = f"{odd.size} differences are no multiple of the step of {step} s"
        found.append(at(odd, "error", "step_irregular", text, "resample the file to one step, or name the true step with step_seconds="))
    if far.size and not back.size:
        absent = int((differences[far] // step - 1).sum())
        text = f"{absent} steps of {step} s have no row; policy missing={policies.missing} (at most {policies.max_gap_hours:g} h)"
        level = "error" if policies.missing == "error" or absent > 4 * stamps.seconds.size else "warning"
        found.append(at(far, level, "missing_stamp", text, "add the rows, or set missing=interpolate, hold or mean and max_gap_hours="))
    return found


def _daylight_saving(frame: Frame, stamps: Stamps, differences: Ints, step: int) -> list[Finding]:
    """Clocks that were set: an hour that is missing in one season and an hour that comes twice in the other, on Sunday nights."""
    if not (stamps.dated and stamps.naive) or step > HOUR:
        return []
    local = stamps.seconds + round((stamps.offset_hours or 0) * HOUR)
    forward = [i for i in np.flatnonzero(differences == step + HOUR) if _sunday_night(int(local[i + 1]))]
    backward = [i for i in np.flatnonzero(differences == step - HOUR) if _sunday_night(int(local[i + 1]))]
    others = np.flatnonzero(differences != step).size - len(forward) - len(backward)
    if not (forward and backward) and not (backward and not others):
        return []
    i = int((forward or backward)[0]) + 1
    twice = f" and the hour {stamps.text[backward[0] + 1]} comes twice" if forward else ""
    message = f"the stamps follow daylight saving: {stamps.text[i - 1]} is followed by {stamps.text[i]}{twice}"
    fix = "name the zone, e.g. zone=Europe/Berlin, and daylight saving is undone"
    count = len(forward) + len(backward)
    return [
        Finding("error", "daylight_saving", frame.path, message, fix, int(frame.lines[i]), _name(frame, stamps), str(stamps.text[i]), count)
    ]


def _sunday_night(seconds: int) -> bool:
    moment = np.datetime64(seconds, "s")
    month = int(moment.astype("datetime64[M]").astype(int)) % 12 + 1
    return month in CHANGE_MONTHS and (seconds - MONDAY) // DAY % 7 == 6 and seconds % DAY <= 4 * HOUR


def _checked(frame: Frame, clock: Clock, made: Timeline) -> Timeline:
    if any(f.level == "error" for f in made.findings) or made.rows.size == 0:
        return made
    span = made.rows.size * made.step_seconds
    found = list(made.findings)
    days, rest = divmod(span, DAY)
    text = f"{made.rows.size} steps of {made.step_seconds} s are {days} days and {rest / HOUR:g} h"
    if clock.typical_year and (rest or days not in (365, 366)):
        found.append(
            Finding("error", "incomplete_year", frame.path, f"{text}; a typical year has 365 days", "export the whole year", count=1)
        )
    elif span < DAY:
        found.append(Finding("error", "too_short", frame.path, f"{text}; at least one day is needed", "give a longer file"))
    elif span < WEEK:
        found.append(
            Finding("warning", "short_series", frame.path, f"{text}; it wraps by whole days, so weekdays shift", "give at least a week")
        )
    elif rest:
        found.append(
            Finding("note", "part_of_a_day", frame.path, f"{text}; where it wraps, the rest is left out so that the hour stays in phase")
        )
    return replace(made, findings=tuple(found))
