"""JSON Lines: one record a line, handed to the operating system at once; the truth that every plot is a view of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wattloom.telemetry.files import GrowingFile
from wattloom.telemetry.json import dumps
from wattloom.telemetry.logger import Logger

if TYPE_CHECKING:
    from wattloom.run_directory import RunDirectory


class JsonlLogger(Logger):
    """Writes ``logs/<file>``; NaN and infinities become null, counted in the record's last key ``nonfinite``.

    On resume the file is cut back to the checkpoint's length and the cut rows are kept in ``metrics.tail-<time>.jsonl``.

    Args:
        file: Name inside ``logs/``.
    """

    required = True

    def __init__(self, file: str = "metrics.jsonl") -> None:
        self._name = file
        self._file: GrowingFile | None = None

    @property
    def _open_file(self) -> GrowingFile:
        if self._file is None:
            raise RuntimeError("JsonlLogger.open() comes first")
        return self._file

    def open(self, directory: RunDirectory) -> None:
        """Get ready to append."""
        self._file = GrowingFile(directory.logs / self._name)

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one line."""
        self._open_file.write(dumps(record) + "\n")

    def flush(self) -> None:
        """Wait for the disk."""
        self._open_file.sync()

    def close(self) -> None:
        """Sync and close."""
        if self._file is not None:
            self._file.close()

    def state_dict(self) -> dict[str, Any]:
        """Return the length in bytes."""
        return self._open_file.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Cut back to the checkpoint's length."""
        self._open_file.load_state_dict(state)
