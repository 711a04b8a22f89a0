"""TensorBoard event files, for live charts (extra ``tensorboard``)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wattloom.errors import ConfigError, MissingExtraError
from wattloom.telemetry.logger import ENVELOPE, Logger

if TYPE_CHECKING:
    from wattloom.run_directory import RunDirectory


class TensorBoardLogger(Logger):
    """Writes ``logs/<folder>/``; one scalar takes about 150 µs, so it belongs to records, never to steps.

    On resume, events behind the checkpoint are hidden by TensorBoard's own purge mark.

    Args:
        folder: Name inside ``logs/``.
        flush_seconds: Seconds between writes to disk.

    Raises:
        MissingExtraError: tensorboardX is not installed.
        ConfigError: ``flush_seconds`` is not positive.
    """

    def __init__(self, folder: str = "tensorboard", flush_seconds: float = 30.0) -> None:
        if flush_seconds <= 0:
            raise ConfigError(f"logger.tensorboard.flush_seconds must be positive, not {flush_seconds}")
        try:
            import tensorboardX  # noqa: F401 - found before the run starts rather than at its first record
        except ImportError:
            raise MissingExtraError("logger=tensorboard", "tensorboard") from None
        self._folder = folder
        self._flush_seconds = flush_seconds
        self._path = ""
        self._writer: Any = None
        self._step = -1

    def open(self, directory: RunDirectory) -> None:
        """Remember where to write; the event file is made at the first record, when it is known where the run continues."""
        self._path = str(directory.folder(f"logs/{self._folder}"))

    def write(self, record: Mapping[str, Any]) -> None:
        """Add one scalar a value, at the record's env step."""
        if self._writer is None:
            from tensorboardX import SummaryWriter

            purge = self._step + 1 if self._step >= 0 else None
            unique = f".{secrets.token_hex(4)}"  # its own names are unique to the second: a quick resume would overwrite the file
            self._writer = SummaryWriter(self._path, flush_secs=self._flush_seconds, purge_step=purge, filename_suffix=unique)
        self._step = int(record["step"])
        for name, value in record.items():
            if name not in ENVELOPE:
                self._writer.add_scalar(name, value, self._step, record["time"])

    def flush(self) -> None:
        """Write the event file to disk."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Close the event file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def state_dict(self) -> dict[str, Any]:
        """Return the last step written."""
        return {"step": self._step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Hide what was written behind the checkpoint."""
        self._step = int(state["step"])
