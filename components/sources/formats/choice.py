"""What a user says about a file, put into its format: columns, units, clock; and what an open format leaves to be guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from wattloom.components.sources.formats.descriptor import Clock, ColumnSpec, Format, normalized
from wattloom.components.sources.formats.findings import Finding
from wattloom.components.sources.formats.frame import Frame
from wattloom.components.sources.formats.quantities import SERIES
from wattloom.errors import ConfigError

Columns = str | int | tuple[str, ...] | tuple[tuple[str, str | int], ...] | None
CLOCK = ("time_column", "time_format", "zone", "label", "step_seconds")


@dataclass(frozen=True, slots=True)
class Options:
    """What a user says about a file; everything else the format knows.

    Attributes:
        columns: Which columns, see :func:`wattloom.components.sources.formats.cells.chosen`.
        units: Unit of each series, as pairs, where the format has none or a wrong one; under the name ``""``: of every series.
        time_column: Column of the time stamps; None: as the format says.
        time_format: ``strptime`` format of the stamps; None: as the format says.
        zone: Zone of stamps without an offset; None: as the format says.
        label: Whether stamps name the ``"start"`` or ``"end"`` of their interval; None: as the format says.
        step_seconds: Step of a file without stamps; None: as the format says.
        region: Which region, where a file holds several.
        primary: Series the kind of source is made of; the first is what a single column name stands for.
    """

    columns: Columns = None
    units: tuple[tuple[str, str], ...] = ()
    time_column: str | int | None = None
    time_format: str | None = None
    zone: str | None = None
    label: str | None = None
    step_seconds: int | None = None
    region: str | None = None
    primary: tuple[str, ...] = ()


def refuse_ineffective(made: Format, options: Options) -> None:
    """Refuse settings that this format could not heed.

    Raises:
        ConfigError: For the first such setting.
    """
    given = {name: value for name in ("columns", "units", *CLOCK, "region") if (value := getattr(options, name)) not in (None, ())}
    dead = set(given) if made.samples or made.jobs or not made.series else set()
    if made.clock.stamps == "none" and options.time_column is None:
        dead |= {"time_format", "zone", "label"} & set(given)
    if not made.region:
        dead |= {"region"} & set(given)
    for name in sorted(dead):
        setting = {"columns": "column", "units": "unit"}.get(name, name)
        raise ConfigError(f"{setting}={given[name]!r} has no effect: format {made.name} ({made.title}) fixes it; leave it out")


def adapted(made: Format, options: Options, kind: str | None = None) -> Format:
    """Return the format with what the user says put in, and series that do not serve ``kind`` left out."""
    clock: Clock = made.clock
    if options.time_column is not None:
        column = options.time_column if isinstance(options.time_column, int) else exactly(options.time_column)
        clock = replace(clock, stamps="text", columns=(column,))
    said = {"format": options.time_format, "zone": options.zone, "label": options.label, "step_seconds": options.step_seconds}
    clock = replace(clock, **{key: value for key, value in said.items() if value is not None})  # type: ignore[arg-type]
    if clock.label not in ("start", "end"):
        raise ConfigError(f"label={clock.label!r}: choose start or end (of the interval a stamp names)")
    made = chosen(replace(made, clock=clock), options.columns, (*options.primary, "value")[0])
    picked = kind is None or options.columns is not None
    serving = tuple(spec for spec in made.series if picked or not spec.serves or kind in spec.serves or spec.name in made.mix)
    return replace(made, series=serving)


def chosen(made: Format, columns: Columns, primary: str) -> Format:
    """Return the format with its series replaced by what the user asked for.

    Args:
        made: The format.
        columns: None: as the format says; a name or position: the column of the ``primary`` series; names: series or columns to keep, under their
            own names; pairs: series and its column.
        primary: Series that a single name stands for.
    """
    if columns is None:
        return made
    if isinstance(columns, str | int):
        columns = ((primary, columns),)
    return replace(made, series=tuple(_kept(made, part, primary) if isinstance(part, str) else _named(made, *part) for part in columns))


def _named(made: Format, name: str, column: str | int) -> ColumnSpec:
    renamed = next((spec for spec in made.series if spec.name == column and not spec.many), None)
    if renamed is not None:  # another series of the format is to play this part
        return replace(renamed, name=name, optional=False, quantity=made.quantity_of(renamed))
    like = next((spec for spec in made.series if spec.name == name), None)
    if like is None:
        like = ColumnSpec(name, column, quantity=SERIES.get(name, "number"))
    return replace(
        like,
        column=column if isinstance(column, int) else exactly(column),
        many=False,
        optional=False,
        unit="" if made.name in OPEN else like.unit,
    )


def _kept(made: Format, name: str, primary: str) -> ColumnSpec:
    for spec in made.series:
        if spec.name == name:
            return spec
        if spec.many and isinstance(spec.column, str) and re.search(spec.column, normalized(name)):
            quantity = made.quantity_of(spec)
            quantity = SERIES.get(primary, "number") if quantity == "number" else quantity
            return replace(spec, name=name, column=exactly(name), many=False, quantity=quantity)
    return ColumnSpec(name, exactly(name), quantity=SERIES.get(primary, "number"))


OPEN = ("csv", "parquet")  # formats that say nothing of units


def exactly(name: str) -> str:
    """Return the pattern that matches one column name only."""
    return f"^{re.escape(normalized(name))}$"


def implied(frame: Frame, made: Format, stamps: set[str], primary: tuple[str, ...]) -> tuple[Format, list[Finding]]:
    """Return an open format with the columns that can only be meant: those named like a series, or the only one that holds numbers.

    Args:
        frame: The cells.
        made: An open format, with no columns named by the user.
        stamps: Columns that hold time stamps.
        primary: Series the kind of source is made of, the first one being what a single column stands for.
    """
    names = {normalized(name): name for name in frame.names if name not in stamps}
    like = tuple((series, names[series]) for series in primary if series in names)
    if like:
        return chosen(made, like, primary[0]), []
    numeric = [name for name in names.values() if frame.cells[name].dtype.kind in "iuf" and name != ""]
    if len(numeric) == 1:
        return chosen(made, numeric[0], primary[0]), []
    shown = ", ".join(repr(name) for name in frame.names[:12])
    message = f"which column is {primary[0]}? {len(numeric)} columns hold numbers; found {shown}"
    return made, [Finding("error", "column_missing", frame.path, message, "name it with column=", 1, series=(primary[0],))]


def with_stamps(frame: Frame, clock: Clock) -> Clock:
    """An open format's time column is optional: the first column, where it looks like stamps."""
    if clock.stamps != "text" or clock.columns != ("auto",):
        return clock
    name = frame.names[0]
    sample = str(frame.cells[name].iloc[0])
    stamped = any(mark in sample for mark in ("-", "/", ":")) and sum(c.isdigit() for c in sample) >= 6
    return replace(clock, columns=(0,)) if stamped else replace(clock, stamps="none", columns=())
