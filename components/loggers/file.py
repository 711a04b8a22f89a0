"""Base of loggers that keep one growing file in ``logs/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wattloom.telemetry.files import GrowingFile
from wattloom.telemetry.logger import Logger

if TYPE_CHECKING:
    from wattloom.run_directory import RunDirectory


class FileLogger(Logger):
    """Opens, syncs and closes ``logs/<name>``; subclasses say what a record becomes.

    Args:
        name: Name inside ``logs/``.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._growing: GrowingFile | None = None

    @property
    def _file(self) -> GrowingFile:
        if self._growing is None:
            raise RuntimeError(f"{type(self).__name__}.open() comes first")
        return self._growing

    def open(self, directory: RunDirectory) -> None:
        """Get ready to append."""
        self._growing = GrowingFile(directory.logs / self._name)

    def flush(self) -> None:
        """Wait for the disk."""
        self._file.sync()

    def close(self) -> None:
        """Sync and close."""
        if self._growing is not None:
            self._growing.close()
