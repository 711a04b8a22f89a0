"""All sinks of a run: an optional one that fails is reported once and switched off, a required one stops the run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from wattloom.run_directory import RunDirectory
from wattloom.telemetry.logger import Logger

logger = logging.getLogger(__name__)


class LoggerList:
    """Writes every record to every living sink.

    Args:
        loggers: Name to sink, in order.
    """

    def __init__(self, loggers: Mapping[str, Logger]) -> None:
        self.loggers = dict(loggers)
        self.errors: dict[str, str] = {}

    def open(self, directory: RunDirectory) -> None:
        """Open every sink in ``directory``."""
        self._each(lambda sink: sink.open(directory))

    def write(self, record: Mapping[str, Any]) -> None:
        """Write one record."""
        self._each(lambda sink: sink.write(record))

    def flush(self) -> None:
        """Force everything written so far to disk."""
        self._each(lambda sink: sink.flush())

    def close(self) -> None:
        """Close every sink."""
        self._each(lambda sink: sink.close())

    def state_dict(self) -> dict[str, Any]:
        """Return byte offsets by sink."""
        states: dict[str, Any] = {}
        self._each_named(lambda name, sink: states.update({name: sink.state_dict()}))
        return states

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Cut every known sink back to its offset."""
        self._each_named(lambda name, sink: sink.load_state_dict(state[name]) if name in state else None)

    def _alive(self) -> list[tuple[str, Logger]]:
        """Return the sinks that have not failed."""
        return [(name, sink) for name, sink in self.loggers.items() if name not in self.errors]

    def _each(self, action: Callable[[Logger], None]) -> None:
        """Do something with every living sink."""
        self._each_named(lambda _, sink: action(sink))

    def _each_named(self, action: Callable[[str, Logger], None]) -> None:
        """Do something with every living sink and its name."""
        for name, sink in self._alive():
            try:
                action(name, sink)
            except Exception as error:
                if sink.required:
                    raise
                self.errors[name] = f"{type(error).__name__}: {error}"
                logger.warning("logger '%s' failed and is switched off: %s", name, self.errors[name])
