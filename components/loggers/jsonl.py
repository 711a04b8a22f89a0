"""JSON Lines: one record a line, handed to the operating system at once; the truth that every plot is a view of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wattloom.components.loggers.file import FileLogger
from wattloom.telemetry.json import dumps


class JsonlLogger(FileLogger):
    """Writes ``logs/<file>``; NaN and infinities become null, counted in the record's last key ``nonfinite``.

    On resume the file is cut back to the checkpoint's length and the cut rows are kept in ``metrics.tail-<time>.jsonl``.

    Args:
        file: Name inside ``logs/``.
    """

    required = True

    def __init__(self, file: str = "metrics.jsonl") -> None:
        super().__init__(file)

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one line."""
        self._file.write(dumps(record) + "\n")

    def state_dict(self) -> dict[str, Any]:
        """Return the length in bytes."""
        return self._file.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Cut back to the checkpoint's length."""
        self._file.load_state_dict(state)
