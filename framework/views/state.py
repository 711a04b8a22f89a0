"""What state a run is really in: a heartbeat that says "running" is believed only while its process lives."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from wattloom.run_directory import process_start

State = Literal["running", "dead", "stale", "completed", "stopped", "interrupted", "failed", "unknown"]
FINAL = ("completed", "stopped", "interrupted", "failed")
STALE_SECONDS = 120.0


NUMBERS = ("step", "target", "episodes", "heartbeat", "rate_recent", "rate_total", "eta_s", "best_return", "last_checkpoint_time")
"""Entries of ``status.json`` that are left out where a damaged file holds something else."""


def read_status(run: Path) -> dict[str, Any]:
    """Return the content of ``status.json``; empty where there is none or it cannot be read."""
    try:
        status = json.loads((run / "status.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(status, dict):
        return {}
    return {key: value for key, value in status.items() if key not in NUMBERS or isinstance(value, int | float)}


def judge(status: Mapping[str, Any], now: float | None = None, stale: float = STALE_SECONDS) -> State:
    """Return the true state of a run.

    A final state was written by the runner itself after its last flush and is believed. ``running`` on this machine needs a living process with the
    same start (a process number is given out again), else it is ``dead``; on another machine it needs a heartbeat younger than ``stale``. A clock that
    jumped makes ages negative or large: on this machine the process decides, so only a run that lives but is silent is ``stale``.

    Args:
        status: Content of ``status.json``.
        now: Unix seconds; None: the present.
        stale: Seconds of silence that are borne.
    """
    state = status.get("state")
    if state in FINAL:
        return state  # type: ignore[no-any-return]  # checked to be one of the literals
    if state != "running":
        return "unknown"
    if status.get("host") == socket.gethostname() and not _lives(status):
        return "dead"
    age = (time.time() if now is None else now) - float(status.get("heartbeat") or 0.0)
    return "running" if abs(age) < stale else "stale"


def _lives(status: Mapping[str, Any]) -> bool:
    """Return whether the process that wrote the status still runs here."""
    try:
        started = process_start(int(status["pid"]))
    except (KeyError, TypeError, ValueError):
        return False
    return started is not None and started == status.get("process_start", started)
