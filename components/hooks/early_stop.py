"""Ends a run that has reached its goal, or that no longer improves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from wattloom.errors import ConfigError
from wattloom.events import EvaluationEnd
from wattloom.hooks.base import Hook

if TYPE_CHECKING:
    from wattloom.run import Run


class EarlyStop(Hook):
    """Stops at a threshold of the mean evaluation return, or after evaluations without improvement; null switches a rule off.

    Args:
        threshold: Mean evaluation return that is good enough.
        patience: Evaluations without improvement that are borne.
        min_delta: How much higher than the best a mean return must be to count as an improvement.

    Raises:
        ConfigError: ``patience`` is below 1, or ``min_delta`` is negative.
    """

    required = True

    def __init__(self, threshold: float | None = None, patience: int | None = None, min_delta: float = 0.0) -> None:
        if patience is not None and patience < 1:
            raise ConfigError(f"hooks.early_stop.patience must be at least 1 evaluation (null switches it off), not {patience}")
        if min_delta < 0:
            raise ConfigError(f"hooks.early_stop.min_delta must not be negative, got {min_delta}")
        self._threshold = threshold
        self._patience = patience
        self._min_delta = min_delta
        self._best: float | None = None
        self._waited = 0

    def on_evaluate_end(self, run: Run, event: EvaluationEnd) -> None:
        """Judge one evaluation."""
        mean = float(np.mean(event.returns))
        if self._best is None or mean > self._best + self._min_delta:
            self._best, self._waited = mean, 0
        else:
            self._waited += 1
        if self._threshold is not None and mean >= self._threshold:
            run.stop(f"mean evaluation return {mean:.4g} reached hooks.early_stop.threshold={self._threshold:g}")
        elif self._patience is not None and self._waited >= self._patience:
            run.stop(f"no improvement over {self._best:.4g} in {self._waited} evaluations (hooks.early_stop.patience)")

    def state_dict(self) -> dict[str, Any]:
        """Return the best so far and how long ago it was."""
        return {"best": self._best, "waited": self._waited}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue waiting."""
        self._best, self._waited = state["best"], int(state["waited"])
