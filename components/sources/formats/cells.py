"""From cells to numbers on the file's clock: which columns, in which unit, and what cannot be read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wattloom.components.sources.formats.descriptor import ColumnSpec, Format, normalized
from wattloom.components.sources.formats.findings import Finding
from wattloom.components.sources.formats.frame import Frame, missing_column
from wattloom.components.sources.formats.policies import Policies
from wattloom.components.sources.formats.quantities import is_unit_of, to_house
from wattloom.components.sources.formats.timeline import Timeline
from wattloom.components.sources.series import Floats
from wattloom.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

DECIMAL_COMMA = re.compile(r"^-?\d+,\d+$")
THOUSANDS = re.compile(r"^-?\d{1,3}(,\d{3})+(\.\d+)?$")


@dataclass(frozen=True, slots=True)
class Measured:
    """One series as read: house units, NaN where the file has no value.

    Attributes:
        name: Name of the series.
        column: Column as the file spells it.
        values: Shape (n,), on the file's clock.
        lines: Shape (n,), line of the file; 0 where it has none.
        unit: House unit.
        file_unit: Unit in the file.
        quantity: Name of the quantity.
        step_seconds: Step.
        path: The file.
        spec: What the descriptor says.
    """

    name: str
    column: str
    values: Floats
    lines: NDArray[np.int64]
    unit: str
    file_unit: str
    quantity: str
    step_seconds: int
    path: str
    spec: ColumnSpec

    def with_values(self, values: Floats) -> Measured:
        """Return the same series with other values."""
        return replace(self, values=values)


def measure(
    frame: Frame, made: Format, clock: Timeline, policies: Policies, units: Mapping[str, str]
) -> tuple[list[Measured], list[Finding]]:
    """Read every series of a format from a file.

    Args:
        frame: The cells.
        made: The format.
        clock: Rows on an even clock.
        policies: What to do about text.
        units: Unit of some series, said by the user; wins over file and format.

    Returns:
        The series, and what was noticed while reading cells.
    """
    taken: list[Measured] = []
    found: list[Finding] = []
    stamps = {name for column in made.clock.columns for name in frame.find(column)[:1]} if made.clock.columns else set()
    for spec in made.series:
        columns = [name for name in frame.find(spec.column) if not (spec.many and name in stamps)]
        if not columns and not spec.optional:
            found.append(missing_column(frame, spec.column, spec.name))
        if spec.total and len(columns) > 1:
            frame = _summed(frame, columns)
        for column in columns if spec.many else columns[:1]:
            series, remarks = _column(frame, made, spec, column, clock, policies, units)
            taken += [series] if series is not None else []
            found += remarks
    return taken, found


def _summed(frame: Frame, columns: list[str]) -> Frame:
    """Add columns up into the first of them; absent only where all are."""
    import pandas as pd

    total = frame.cells[columns].apply(pd.to_numeric, errors="coerce").sum(axis=1, min_count=1)
    return replace(frame, cells=frame.cells.assign(**{columns[0]: total}))


def _column(
    frame: Frame, made: Format, spec: ColumnSpec, column: str, clock: Timeline, policies: Policies, units: Mapping[str, str]
) -> tuple[Measured | None, list[Finding]]:
    name = column or "column_0"
    name = name if spec.many else spec.name
    numbers, found = _numbers(frame, column, name, made.layout.thousands, policies)
    if spec.many and made.quantity_of(spec) == "number" and (numbers is None or not np.isfinite(numbers).any()):
        return None, []  # an open format takes every column that holds numbers
    if numbers is None:
        return None, found
    numbers, coded = _codes(frame, column, numbers, spec, name)
    quantity = made.quantity_of(spec)
    general = units.get("", "")
    general = general if general and is_unit_of(general, quantity) else ""
    unit = units.get(name) or general or _stated_unit(frame, spec, column) or spec.unit
    try:
        values, house = to_house(numbers, unit, quantity)
    except ConfigError as error:
        fix = "name the unit with unit="
        return None, [*found, Finding("error", "unit_unknown", frame.path, str(error), fix, column=column, value=unit, series=(name,))]
    on_clock = np.where(clock.rows >= 0, values[clock.rows], np.nan)
    lines = np.where(clock.rows >= 0, frame.lines[clock.rows], 0)
    series = Measured(name, column, on_clock, lines, house, unit or house, quantity, clock.step_seconds, frame.path, spec)
    return series, [*found, *coded]


def _stated_unit(frame: Frame, spec: ColumnSpec, column: str) -> str:
    if column in frame.units:
        return frame.units[column]
    if not isinstance(spec.column, str) or "?P<unit>" not in spec.column:
        return ""
    found = re.search(spec.column, normalized(column))
    unit = found.group("unit") if found else ""
    currency, _, per = unit.partition("/")
    return f"{currency.upper()}/{per.replace('mwh', 'MWh').replace('kwh', 'kWh')}"


def _numbers(frame: Frame, column: str, name: str, thousands: str, policies: Policies) -> tuple[Floats | None, list[Finding]]:
    import pandas as pd

    cells = frame.cells[column]
    if cells.dtype != object and not isinstance(cells.dtype, pd.StringDtype):
        numbers, absent = cells.to_numpy(dtype=float), cells.isna().to_numpy()
    else:
        numbers, absent = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=float), cells.isna().to_numpy()
    finite = np.isfinite(numbers)  # infinity is no measurement
    wrong = np.flatnonzero(~finite & ~absent)
    found = [_text_cell(frame, cells, wrong, column, name, policies)] if wrong.size else []
    return np.where(finite, numbers, np.nan), found


def _text_cell(frame: Frame, cells: pd.Series[Any], wrong: NDArray[np.intp], column: str, name: str, policies: Policies) -> Finding:
    value = str(cells.iloc[wrong[0]])
    kinds = sorted({str(cells.iloc[i]) for i in wrong[:1000]})[:5]
    if THOUSANDS.match(value.strip()):
        fix = "the commas separate thousands: set layout.thousands in a descriptor, or export plain numbers"
    elif DECIMAL_COMMA.match(value.strip()):
        fix = "the comma is a decimal one: set layout.decimal in a descriptor, or export with points"
    else:
        fix = "export numbers, or set text=missing to count such cells as missing"
    level = "error" if policies.text == "error" else "warning"
    message = f"{wrong.size} cells are no numbers: {', '.join(map(repr, kinds))}; policy text={policies.text}"
    row = int(frame.lines[wrong[0]])
    return Finding(level, "text_cell", frame.path, message, fix, row, column, value, int(wrong.size), (name,))  # type: ignore[arg-type]


def _codes(frame: Frame, column: str, numbers: Floats, spec: ColumnSpec, name: str) -> tuple[Floats, list[Finding]]:
    hit = np.isin(numbers, spec.missing) if spec.missing else np.zeros(numbers.size, dtype=bool)
    if not hit.any():
        return numbers, []
    where = np.flatnonzero(hit)
    value = f"{numbers[where[0]]:g}"
    message = f"{where.size} cells hold the code {value} for no value; they count as missing"
    row = int(frame.lines[where[0]])
    found = Finding(
        "warning", "missing_code", frame.path, message, "nothing, or another file", row, column, value, int(where.size), (name,)
    )
    return np.where(hit, np.nan, numbers), [found]
