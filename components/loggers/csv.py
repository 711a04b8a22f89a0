"""One wide CSV table of all records, for spreadsheets: a row a record, empty cells where an event has no such value."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wattloom.components.loggers.file import FileLogger
from wattloom.telemetry.files import write_bytes_atomically
from wattloom.telemetry.json import plain
from wattloom.telemetry.logger import ENVELOPE

if TYPE_CHECKING:
    from wattloom.run_directory import RunDirectory


class CsvLogger(FileLogger):
    """Writes ``logs/<file>``. A column that appears late is added at the right: the table is then replaced by a wider one, atomically.

    On resume the table goes back to the rows and columns of the checkpoint; the cut rows are kept in ``metrics.tail-<time>.csv``.

    Args:
        file: Name inside ``logs/``.
    """

    def __init__(self, file: str = "metrics.csv") -> None:
        super().__init__(file)
        self._columns: list[str] = []
        self._rows = 0

    def open(self, directory: RunDirectory) -> None:
        """Get ready to append, after the rows that are already there."""
        super().open(directory)
        self._columns, self._rows = list(ENVELOPE), 0
        rows = _read(self._file.path)
        if rows:
            self._columns, self._rows = rows[0], len(rows) - 1
        else:
            self._file.write(_text([self._columns]))

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one row, widening the table first where the record has new columns."""
        known = set(self._columns)
        new = [name for name in record if name not in known]
        if new:
            self._widen(new)
        values, _ = plain(record)
        self._file.write(_text([[values.get(name) for name in self._columns]]))
        self._rows += 1

    def _widen(self, names: Sequence[str]) -> None:
        """Replace the table by one with more columns."""
        rows = _read(self._file.path)[1:]
        self._columns = [*self._columns, *names]
        self._replace(row + [""] * len(names) for row in rows)

    def _replace(self, rows: Iterable[Sequence[Any]]) -> None:
        self._file.close(wait=False)
        write_bytes_atomically(self._file.path, _text([self._columns, *rows]).encode())

    def state_dict(self) -> dict[str, Any]:
        """Return how many rows and which columns there are."""
        self.flush()
        return {"rows": self._rows, "columns": list(self._columns)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to the checkpoint's rows and columns."""
        rows = _read(self._file.path)
        header, kept, tail = rows[0], rows[1 : 1 + int(state["rows"])], rows[1 + int(state["rows"]) :]
        if tail:
            write_bytes_atomically(self._file.tail_path(), _text([header, *tail]).encode())
        self._columns = [str(name) for name in state["columns"]]
        self._rows = len(kept)
        if tail or header != self._columns:
            self._replace(row[: len(self._columns)] for row in kept)


def _text(rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV; numbers in the shortest form that reads back equal."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def _read(path: Path) -> list[list[str]]:
    """Return all whole rows of a CSV file; a torn last line, which a killed process may leave, is cut off the file."""
    if not path.exists():
        return []
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        os.truncate(path, len(whole))
    return list(csv.reader(io.StringIO(whole.decode())))
