"""``status.json``: the heartbeat of a run, written atomically at most every few seconds."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from typing import TYPE_CHECKING, Any

from wattloom.run_directory import RunDirectory, process_start

if TYPE_CHECKING:
    from wattloom.run import Run


logger = logging.getLogger(__name__)


class Heartbeat:
    """Keeps the latest status and writes it when it is older than ``interval`` seconds.

    Args:
        directory: Where ``status.json`` goes.
        interval: Seconds between writes while running.
    """

    def __init__(self, directory: RunDirectory, interval: float = 5.0) -> None:
        self._directory = directory
        self._interval = interval
        self._started = time.time()
        self._first_step: int | None = None
        self._recent = (time.time(), 0)
        self._written = 0.0
        self._silent = False
        self.latest: dict[str, Any] = {}

    def beat(self, run: Run, state: str = "running", *, force: bool = False, **extra: Any) -> None:
        """Write the status of ``run`` if it is due or forced."""
        now = time.time()
        if not force and now - self._written < self._interval:
            return
        self.latest = self._status(run, state, now) | extra
        self._written = now
        self._recent = (now, run.counters.env_steps)
        try:
            self._directory.write_json("status.json", self.latest)
        except OSError as error:  # a full disk stops a run where results are lost, not here; and it must not hide why a run failed
            if not self._silent:
                logger.warning("cannot write %s: %s", self._directory.path / "status.json", error.strerror or error)
            self._silent = True

    def _status(self, run: Run, state: str, now: float) -> dict[str, Any]:
        """Collect the fields."""
        step = run.counters.env_steps
        if self._first_step is None:
            self._first_step = step
        rate = (step - self._first_step) / max(now - self._started, 1e-9)
        recent = (step - self._recent[1]) / max(now - self._recent[0], 1e-9) if step > self._recent[1] else rate
        return {
            "state": state,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "process_start": process_start(os.getpid()),
            "heartbeat": now,
            "started": self._started,
            "step": step,
            "target": run.total_steps,
            "episodes": run.counters.episodes,
            "updates": run.counters.updates,
            "rate_total": rate,
            "rate_recent": recent,
            "eta_s": (run.total_steps - step) / recent if recent > 0 else None,
            "last_evaluation": run.last_evaluation,
            "best_return": run.best_return,
            "best_value": run.best_value,
            "held_back": run.held_back,
            "last_checkpoint": run.last_checkpoint and str(run.last_checkpoint),
            "last_checkpoint_time": run.last_checkpoint_time,
            "error": None,
            "reason": run.stop_reason,
            "hook_errors": dict(run.hooks.errors),
        }


def write_failure(directory: RunDirectory, error: str, state: str = "failed") -> None:
    """Leave a truthful status for a run that failed before (or without) a heartbeat of its own, or was interrupted without a word."""
    status = directory.read_json("status.json")
    now = time.time()
    about = {"pid": os.getpid(), "host": socket.gethostname(), "started": now, "step": 0}
    with contextlib.suppress(OSError):  # a full disk: the error itself is on its way to the user
        directory.write_json("status.json", {**about, **status, "state": state, "heartbeat": now, "error": error})
