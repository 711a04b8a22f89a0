"""Cells of a file as columns, whatever the layout, with the line each row stands on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wattloom.components.sources.formats.descriptor import Fact, Format, Layout, normalized
from wattloom.components.sources.formats.findings import Finding, UnreadableError
from wattloom.components.sources.formats.opening import damaged, encoding_of, head_of, open_text
from wattloom.errors import MissingExtraError, nearest

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Frame:
    """The cells of a file.

    Attributes:
        path: The file.
        cells: One pandas column a file column, not yet numbers.
        lines: Line of the file of each row, shape (n,).
        units: Unit the file itself states for a column.
        facts: Facts about the whole file.
    """

    path: str
    cells: pd.DataFrame
    lines: NDArray[np.int64]
    units: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str | float] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Column names as the file spells them."""
        return [str(name) for name in self.cells.columns]

    def find(self, column: int | str) -> list[str]:
        """Return the columns at a position or matching a pattern."""
        if isinstance(column, int):
            return self.names[column : column + 1]
        return [name for name in self.names if re.search(column, normalized(name))]


def read_frame(path: Path, made: Format) -> Frame:
    """Read all cells of a file.

    Raises:
        UnreadableError: If the file is empty, damaged, or not laid out as the format says.
        MissingExtraError: If an optional package is needed.
    """
    layout = made.layout
    readers = {"csv": _delimited, "json": _json, "parquet": _parquet, "pvlib": _pvlib}
    cells, units, stated = readers[layout.kind](path, layout)
    offset = 1 if layout.kind != "csv" else layout.skip_lines + int(layout.header) + 1
    cells = cells.rename(columns=lambda name: "" if str(name).startswith("Unnamed: ") else str(name))
    if len(cells):
        empty = cells.isna().all(axis=1).to_numpy()
        last = len(cells) - int(np.argmin(empty[::-1])) if not empty.all() else 0
        cells = cells.iloc[:last]
    if not len(cells):
        raise UnreadableError([Finding("error", "file_empty", str(path), "the file holds no rows of data", "download or export it again")])
    lines = np.arange(len(cells), dtype=np.int64) + offset
    return Frame(str(path), cells, lines, units, _facts(path, made, cells, stated))


Read = tuple["pd.DataFrame", Mapping[str, str], Mapping[str, Any]]


def _delimited(path: Path, layout: Layout) -> Read:
    import pandas as pd

    separator = separator_of(head_of(path)) if layout.separator == "auto" else layout.separator
    try:
        with open_text(path, encoding_of(path)) as text:
            for _ in range(layout.skip_lines):
                text.readline()
            cells = pd.read_csv(
                text,
                sep=separator,
                header=0 if layout.header else None,
                decimal=layout.decimal,
                thousands=layout.thousands or None,
                skip_blank_lines=False,
                low_memory=False,
            )
    except pd.errors.EmptyDataError as error:
        raise UnreadableError([Finding("error", "file_empty", str(path), str(error), "download or export it again")]) from error
    except pd.errors.ParserError as error:
        raise UnreadableError([_ragged(path, str(error), layout.skip_lines)]) from error
    except (EOFError, OSError) as error:
        raise damaged(path, error) from error
    if not isinstance(cells.index, pd.RangeIndex):  # rows one field longer than the names: pandas took the first field as an index
        cells = cells.reset_index()
    if not layout.header:
        cells.columns = pd.Index([*layout.names, *(f"field {i}" for i in range(len(layout.names), cells.shape[1]))][: cells.shape[1]])
    return cells, {}, {}


def separator_of(lines: list[str]) -> str:
    """Return the separator that splits the line of names into most fields."""
    first = lines[0] if lines else ""
    return max((",", ";", "\t", "|"), key=first.count)


def _ragged(path: Path, message: str, skipped: int) -> Finding:
    found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message)
    if found is None:
        return Finding("error", "file_damaged", str(path), message, "export it again")
    wanted, line, seen = (int(group) for group in found.groups())
    text = f"{seen} fields where the lines before have {wanted}"
    return Finding(
        "error", "ragged_row", str(path), text, "quote fields that hold a separator, or choose another separator", row=line + skipped
    )


def _json(path: Path, layout: Layout) -> Read:
    import pandas as pd

    try:
        with open_text(path) as text:
            document = json.load(text)
    except (EOFError, OSError, ValueError) as error:
        raise damaged(path, error) from error
    arrays = document.get(layout.root) if isinstance(document, dict) and layout.root else document
    if not isinstance(arrays, dict):
        found = list(document) if isinstance(document, dict) else []
        message = f"no object {layout.root!r} of arrays; found {', '.join(found)}"
        raise UnreadableError([Finding("error", "column_missing", str(path), message, "choose another format")])
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        message = f"arrays of different lengths: {lengths}"
        raise UnreadableError([Finding("error", "ragged_row", str(path), message, "download it again")])
    units = document.get(layout.units_root, {}) if layout.units_root else {}
    return pd.DataFrame(arrays), units, {k: v for k, v in document.items() if not isinstance(v, (dict, list))}


def _parquet(path: Path, layout: Layout) -> Read:
    import pandas as pd

    try:
        import pyarrow  # noqa: F401 - only asked whether it is there
    except ImportError as error:
        raise MissingExtraError("reading Parquet files", "data") from error
    try:
        cells = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise damaged(path, error) from error
    named = cells.index.name is not None or isinstance(cells.index, pd.DatetimeIndex)
    return (cells.reset_index() if named else cells), {}, {}


def _pvlib(path: Path, layout: Layout) -> Read:
    try:
        from pvlib import iotools
    except ImportError as error:
        raise MissingExtraError(f"reading {path.name} ({layout.function})", "data") from error
    try:
        cells, stated = getattr(iotools, layout.function)(str(path))
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise damaged(path, error) from error
    return cells.reset_index(drop=True), {}, stated


def _facts(path: Path, made: Format, cells: pd.DataFrame, stated: Mapping[str, Any]) -> dict[str, str | float]:
    lines = head_of(path) if made.layout.kind == "csv" else []
    values = {name: _fact(fact, lines, cells, stated, made.layout.separator) for name, fact in made.facts.items()}
    return {name: value for name, value in values.items() if value is not None}


def _fact(fact: Fact, lines: list[str], cells: pd.DataFrame, stated: Mapping[str, Any], separator: str) -> str | float | None:
    found: Any = None
    if fact.key:
        found = stated.get(fact.key)
    elif fact.column:
        column = next((name for name in cells.columns if re.search(fact.column, normalized(name))), None)
        if column is not None:
            found = float(cells[column].sum()) if fact.total else cells[column].iloc[0]
    elif 0 <= fact.line < len(lines):
        fields = lines[fact.line].split(separator)
        found = fields[fact.field].strip().strip('"') if fact.field < len(fields) else None
    try:
        return float(found) * fact.scale if found is not None else None
    except (TypeError, ValueError):
        return str(found)


def missing_column(frame: Frame, wanted: int | str, series: str) -> Finding:
    """Return the finding for a column that is not there: the columns found, and the nearest name."""
    shown = ", ".join(repr(name) for name in frame.names[:12]) + (" ..." if len(frame.names) > 12 else "")
    plain = re.sub(r"[\\^$().?*+|\[\]]", "", str(wanted))
    alike = nearest(plain, [normalized(name) for name in frame.names])
    hint = f"; did you mean {alike!r}?" if alike else ""
    message = f"no column {'at position ' if isinstance(wanted, int) else ''}{plain!r} for {series}; found {shown}{hint}"
    fix = f"name the column with column={{{series}: NAME}}" if frame.names else "check the file"
    return Finding("error", "column_missing", frame.path, message, fix, row=1, column=str(plain), series=(series,))


def of_region(frame: Frame, pattern: str, region: str | None) -> tuple[Frame, list[Finding]]:
    """Return the rows of one region of a file that holds several.

    Args:
        frame: All rows.
        pattern: Pattern of the column that names the region; empty: the file has none.
        region: The region wanted; None: the only one.
    """
    column = frame.find(pattern)[:1] if pattern else []
    if not column:
        return frame, [] if region is None else [
            Finding("error", "region_unknown", frame.path, "the file has no regions", "leave region= out")
        ]
    cells = frame.cells[column[0]].astype(str)
    known = list(dict.fromkeys(cells[frame.cells[column[0]].notna()]))
    if region is None and len(known) <= 1:
        return frame, []
    keep = (cells == region).to_numpy()
    if region is None or not keep.any():
        shown = ", ".join(known[:20]) + (" ..." if len(known) > 20 else "")
        what = f"no region {region!r}" if region else f"{len(known)} regions in one file"
        found = Finding("error", "region_unknown", frame.path, f"{what}; found {shown}", "name one with region=", 1, column[0], region)
        return frame, [found]
    return replace(frame, cells=frame.cells[keep].reset_index(drop=True), lines=frame.lines[keep]), []
