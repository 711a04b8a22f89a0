"""Observation statistics of learners with a replay: moved by every step that is collected, applied when acting and when rows are sampled.

Rows are stored as they were seen and scaled as they are drawn, so that old and new ones are measured by the same statistics, the newest, which are also
those that act. Rows scaled before they are stored would each keep the statistics of their day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from wattloom.components.algorithms.observation_norm import ObservationNorm
from wattloom.components.algorithms.on_policy.units import Unit
from wattloom.components.buffers.replay import ReplayBuffer
from wattloom.environment import Array, EnvironmentSpec, Snapshot


class ReplayNorms:
    """One set of statistics a policy, and one of the central state where critics read it.

    Critics of the joint action that read all observations side by side read them as the policies do.

    Args:
        spec: Declarations of the environment.
        units: Which policy serves which agents; those that share a policy share its statistics.
        buffer: Whose samples are scaled; columns as in :mod:`wattloom.components.buffers.transitions`.
        enabled: False: everything passes as it is.

    Attributes:
        units: Statistics by policy.
        agents: The same by agent.
        state: Statistics of the central state; None where no critic reads one.
    """

    def __init__(self, spec: EnvironmentSpec, units: Sequence[Unit], buffer: ReplayBuffer, enabled: bool) -> None:
        self.enabled = enabled
        self.units = {unit.name: ObservationNorm(unit.width, enabled) for unit in units}
        self.agents = {spec.agents[i].name: self.units[unit.name] for unit in units for i in unit.agents}
        self.state = ObservationNorm(buffer.columns["state"], enabled) if "state" in buffer.columns else None
        of_column = {f"{name}/{key}": norm for name, norm in self.agents.items() for key in ("observation", "next_observation")}
        if self.state is not None:
            of_column |= dict.fromkeys(("state", "next_state"), self.state)
        self._places = [(buffer.slices[column], norm) for column, norm in of_column.items()]
        self._batch = buffer.batch
        # what every sampled row is scaled by; all other columns pass through (x - 0) * 1, which changes no bit of them
        self._mean, self._inverse = torch.zeros(buffer.width), torch.ones(buffer.width)
        self._limit = torch.full((buffer.width,), torch.inf)
        self._arrays = self._mean.numpy(), self._inverse.numpy(), self._limit.numpy()  # the same memory: small writes are faster from here

    def take(self, snapshot: Snapshot) -> None:
        """Move the statistics by what was seen before one step of all copies: rows in which an agent took part, and every state."""
        if not self.enabled:
            return
        for name, norm in self.agents.items():
            rows = _rows(snapshot.observations[name])
            norm.update(rows if snapshot.active is None else rows[np.asarray(snapshot.active[name], dtype=bool)])
        if self.state is not None and snapshot.state is not None:
            self.state.update(_rows(snapshot.state))
        self._refresh()

    def scale_sample(self) -> None:
        """Scale what the buffer has just drawn, in place."""
        if self.enabled:
            self._batch.sub_(self._mean).mul_(self._inverse).clamp_(-self._limit, self._limit)

    def _refresh(self) -> None:
        """Prepare what every sample needs."""
        mean, inverse, limit = self._arrays
        for place, norm in self._places:
            own = norm.statistics
            if own[0] is not None:
                mean[place], inverse[place] = own
                limit[place] = norm.CLIP

    def state_dict(self) -> dict[str, Any]:
        """Return the statistics by policy, and those of the state (or None)."""
        units = {name: norm.state_dict() for name, norm in self.units.items()}
        return {"units": units, "state": None if self.state is None else self.state.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        for name, norm in self.units.items():
            norm.load_state_dict(state["units"][name])
        if self.state is not None:
            self.state.load_state_dict(state["state"])
        self._refresh()


def _rows(seen: Array) -> Array:
    """Return float32 ``(copies, width)``."""
    return np.asarray(seen, dtype=np.float32).reshape(len(seen), -1)
