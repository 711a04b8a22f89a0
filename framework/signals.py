"""Ctrl-C, SIGTERM and SIGUSR1: finish the current update, checkpoint, leave a truthful status; a second one leaves at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

EXIT_CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGUSR1": 143}


class GracefulSignals:
    """While entered, the first signal calls ``request(name)``; a second one raises KeyboardInterrupt.

    Args:
        request: Receives the signal's name, e.g. ``"SIGTERM"``.
    """

    def __init__(self, request: Callable[[str], None]) -> None:
        self._request = request
        self._received: str | None = None
        self._previous: dict[int, Any] = {}

    @property
    def received(self) -> str | None:
        """Name of the first signal, or None."""
        return self._received

    def __enter__(self) -> GracefulSignals:
        """Install the handlers (in the main thread; elsewhere Python allows none)."""
        if threading.current_thread() is threading.main_thread():
            for name in EXIT_CODES:
                number = getattr(signal, name, None)  # SIGUSR1 does not exist on Windows
                if number is not None:
                    self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        """Put the previous handlers back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _: FrameType | None) -> None:
        """Ask for a clean stop, or leave."""
        if self._received is not None:
            raise KeyboardInterrupt
        self._received = signal.Signals(number).name
        self._request(self._received)
