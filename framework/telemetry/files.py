"""Files that survive a killed process: whole ones are replaced atomically, growing ones can be cut back to a checkpoint."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from wattloom.errors import RunError

logger = logging.getLogger(__name__)


def write_bytes_atomically(path: Path, content: bytes) -> None:
    """Write a whole file (a picture): readers see the old content or the new, never a part of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


class GrowingFile:
    """A file of lines that grows during a run and remembers its length in checkpoints.

    Every :meth:`write` reaches the operating system, so a killed process loses at most the line it was writing. On resume the file is cut back to
    the length it had at the checkpoint; what stood behind it is kept beside as ``<name>.tail-<time><suffix>``.

    Args:
        path: The file; made on first write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def write(self, text: str) -> None:
        """Append ``text`` (whole lines) and hand it to the operating system.

        Raises:
            RunError: The disk refuses; names the file.
        """
        rest = memoryview(text.encode())
        try:
            if self._file is None:
                self._file = self._opened()
            while rest:  # a disk that is nearly full takes a part
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise RunError(f"cannot write {self.path}: {error.strerror or error}; free space or set runs_dir=...") from error

    def _opened(self) -> BinaryIO:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._drop_torn_line()
        return self.path.open("ab", buffering=0)

    def _drop_torn_line(self) -> None:
        """Cut a half-written last line, which a killed process may have left."""
        if not self.path.exists():
            return
        with self.path.open("rb+") as file:
            data = file.read()
            if data and not data.endswith(b"\n"):
                file.truncate(data.rfind(b"\n") + 1)

    def size(self) -> int:
        """Return the length in bytes."""
        return self.path.stat().st_size if self.path.exists() else 0

    def sync(self) -> None:
        """Wait until the file is on the disk (as checkpoints do)."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def close(self, wait: bool = True) -> None:
        """Sync (unless told not to ``wait`` for the disk) and close; a later write opens again."""
        if wait:
            self.sync()
        if self._file is not None:
            self._file.close()
            self._file = None

    def state_dict(self) -> dict[str, Any]:
        """Return the length, after a sync, so that a checkpoint never points behind the end of the file."""
        self.sync()
        return {"bytes": self.size()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Cut the file back to the checkpoint's length, keeping the cut tail."""
        length = int(state["bytes"])
        self.close()
        if self.size() < length:
            logger.warning("%s holds %d bytes, %d at the checkpoint: rows before it are lost", self.path, self.size(), length)
        if self.size() > length:
            self._cut(length)

    def _cut(self, length: int) -> None:
        with self.path.open("rb+") as file:
            file.seek(length)
            tail = file.read()
            self.tail_path().write_bytes(tail)
            file.truncate(length)

    def tail_path(self) -> Path:
        """Return a free name beside the file."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        path = self.path.with_name(f"{self.path.stem}.tail-{stamp}{self.path.suffix}")
        number = 1
        while path.exists():
            number += 1
            path = self.path.with_name(f"{self.path.stem}.tail-{stamp}-{number}{self.path.suffix}")
        return path
