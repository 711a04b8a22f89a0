"""Reads JSON Lines of a running, finished or killed run: a torn last line is skipped and reported."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wattloom.errors import DataError


@dataclass(frozen=True, slots=True)
class Records:
    """The records of one file.

    Attributes:
        records: In file order.
        torn: 1 where the last line was half-written and is left out, else 0.
    """

    records: list[dict[str, Any]]
    torn: int = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Iterate in file order."""
        return iter(self.records)

    def __len__(self) -> int:
        """Return the number of whole records."""
        return len(self.records)

    def select(self, event: str) -> list[dict[str, Any]]:
        """Return the records of one event, in file order."""
        return [record for record in self.records if record.get("event") == event]


def read_records(path: Path, keep: Callable[[dict[str, Any]], bool] | None = None) -> Records:
    """Read a JSON Lines file.

    Args:
        path: The file; a missing one has no records.
        keep: Which records to hold; default all.

    Raises:
        DataError: A line that is not the last is not a JSON object: the file is damaged, not merely cut.
    """
    if not path.exists():
        return Records([])
    *lines, last = path.read_bytes().split(b"\n")
    records = [_parsed(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    torn = 0
    if last.strip():
        try:
            records.append(_parsed(path, len(lines) + 1, last))
        except DataError:
            torn = 1
    return Records(records if keep is None else [record for record in records if keep(record)], torn)


def _parsed(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}, line {number}: not JSON ({error})") from None
    if not isinstance(record, dict):
        raise DataError(f"{path}, line {number}: expected a JSON object, found {type(record).__name__}")
    return record
