"""Running mean and variance of observations; part of the policy, saved with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from wattloom.components.networks.deployed import Standardise
from wattloom.environment import Array


class ObservationNorm:
    """Maps observations to zero mean and unit variance, clipped to ±10.

    When the statistics move is the learner's decision. On-policy learners take up a rollout after they have learned from it, so that its rows are
    seen exactly as the policy saw them; learners with a replay take up every step.

    Args:
        width: Entries of an observation.
        enabled: False: observations pass as they are.
    """

    CLIP = np.float32(10.0)
    EPSILON = 1e-8

    def __init__(self, width: int, enabled: bool) -> None:
        self.enabled = enabled
        self.count = 0.0
        self.mean, self.square = np.zeros(width), np.zeros(width)  # square: summed squared distance from the mean
        self._set_scale()

    def __call__(self, rows: Array) -> Array:
        """Return float32 ``(…, width)``."""
        if not self.enabled or self.count == 0.0:
            return np.asarray(rows, dtype=np.float32)
        scaled: Array = np.clip((rows - self._mean) * self._inverse, -self.CLIP, self.CLIP)
        return scaled

    @property
    def statistics(self) -> tuple[Array, Array] | tuple[None, None]:
        """Mean and one over the standard deviation, float32 ``(width,)`` each; None where observations pass as they are."""
        return (self._mean, self._inverse) if self.enabled and self.count > 0.0 else (None, None)

    def module(self) -> Standardise:
        """Return the present map as a module of its own."""
        mean, inverse = self.statistics
        return Standardise(mean, inverse, float(self.CLIP))

    def update(self, rows: Array) -> None:
        """Take up rows ``(R, width)`` by the parallel formula of Chan, Golub and LeVeque (1979)."""
        if not self.enabled or not len(rows):
            return
        mean = rows.mean(0, dtype=np.float64)
        delta, total = mean - self.mean, self.count + len(rows)
        self.square += ((rows - mean) ** 2).sum(0) + delta**2 * (self.count * len(rows) / total)
        self.mean += delta * (len(rows) / total)
        self.count = total
        self._set_scale()

    def _set_scale(self) -> None:
        """Prepare what every act needs."""
        variance = self.square / max(self.count, 1.0)
        self._mean = self.mean.astype(np.float32)
        self._inverse = (1.0 / np.sqrt(variance + self.EPSILON)).astype(np.float32)

    def state_dict(self) -> dict[str, Any]:
        """Return count, mean and summed squares."""
        return {"count": self.count, "mean": torch.from_numpy(self.mean.copy()), "square": torch.from_numpy(self.square.copy())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self.count = float(state["count"])
        self.mean[:], self.square[:] = state["mean"].numpy(), state["square"].numpy()
        self._set_scale()
