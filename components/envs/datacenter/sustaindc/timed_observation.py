"""SustainDC's observations with the time that is left.

The original forgets what is stored and queued when an episode ends, but shows no agent when that will be, so that nobody can act on it (F. Pardo et al.,
"Time Limits in Reinforcement Learning", ICML 2018). Here every agent, and the central state, also sees the share of the episode that is left, and
exp(-left/8 h), which moves where it matters.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from wattloom.components.envs.datacenter.protocol import State
from wattloom.components.envs.datacenter.sustaindc.observation import SustainDcObservation
from wattloom.environment import Array, Column

LEFT = (Column("time_left", "1"), Column("end_near", "1"))
NEAR = 32.0  # steps of 15 min


class SustainDcTimedObservation(SustainDcObservation):
    """The original's entries and two on the time left; nothing to configure."""

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """Columns by agent and of the central state."""
        return {name: (*columns, *LEFT) for name, columns in super().columns.items()}

    def observe(self, state: State, elapsed: Array) -> tuple[dict[str, Array], Array]:
        """Return the observations of the time ``elapsed`` steps after the start."""
        seen, central = super().observe(state, elapsed)
        left = (self._horizon - elapsed).astype(np.float32)
        time = np.stack([left / np.float32(self._horizon), np.exp(left / np.float32(-NEAR))], axis=1)
        return {name: np.concatenate([rows, time], axis=1) for name, rows in seen.items()}, np.concatenate([central, time], axis=1)
