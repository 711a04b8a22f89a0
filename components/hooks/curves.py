"""Draws the learning curves now and then and at the end, however the run ends; they are a view of the metric file."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wattloom.errors import ConfigError
from wattloom.events import EvaluationEnd, RunSummary
from wattloom.hooks.base import Hook

if TYPE_CHECKING:
    from wattloom.run import Run


class Curves(Hook):
    """Keeps ``curves/learning.png`` and, where there is data, ``training.png`` (losses), ``metrics.png`` and ``agents.png``.

    Args:
        every_seconds: Least wall time between two drawings, taken after an evaluation; null: only at the end.

    Raises:
        ConfigError: ``every_seconds`` is not positive.
    """

    draws = True

    def __init__(self, every_seconds: float | None = 60.0) -> None:
        if every_seconds is not None and every_seconds <= 0:
            raise ConfigError(f"hooks.curves.every_seconds must be positive (null: only at the end), not {every_seconds}")
        self._every = every_seconds
        self._drawn = time.monotonic()

    def on_evaluate_end(self, run: Run, event: EvaluationEnd) -> None:
        """Draw if the last drawing is old enough."""
        if self._every is not None and time.monotonic() - self._drawn >= self._every:
            self._draw(run)

    def on_run_end(self, run: Run, summary: RunSummary) -> None:
        """Draw everything."""
        self._draw(run)

    def _draw(self, run: Run) -> None:
        from wattloom.views.curves import draw_curves

        draw_curves(run.directory.path, run.directory.curves, f"{run.name}, seed {run.seed}")
        self._drawn = time.monotonic()
