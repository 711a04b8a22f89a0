"""When an episode ends by itself, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from wattloom.components.envs.grid.protocol import Floats, Flow
from wattloom.environment import Array
from wattloom.errors import ConfigError

Answer = Literal["continue", "end"]


@dataclass
class Limits:
    """Voltages that must not be left, and a power flow that has to have a solution.

    Attributes:
        low, high: p.u., limits of every voltage; None: none.
        on_violation: Whether the episode goes on or ends when a voltage leaves them.
        violation_penalty: Reward that every agent then loses.
        on_divergence: The same where the power flow has no solution.
        divergence_penalty: The same.
        replace_reward: Whether a penalty takes the place of the reward instead of being added to it.
        unknown_voltage: What is seen without a solution: the ``"last"`` voltages, or ``"nominal"`` ones.

    Raises:
        ConfigError: A value out of range.
    """

    low: float | None = 0.9
    high: float | None = 1.1
    on_violation: Answer = "continue"
    violation_penalty: float = 0.0
    on_divergence: Answer = "end"
    divergence_penalty: float = 100.0
    replace_reward: bool = False
    unknown_voltage: Literal["last", "nominal"] = "last"

    def __post_init__(self) -> None:
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ConfigError(f"termination.low={self.low}, high={self.high}: the lower limit must be the lower one")
        for name in ("on_violation", "on_divergence"):
            if getattr(self, name) not in ("continue", "end"):
                raise ConfigError(f"termination.{name}={getattr(self, name)!r}: choose continue or end")
        for name in ("violation_penalty", "divergence_penalty"):
            if not (getattr(self, name) >= 0 and np.isfinite(getattr(self, name))):
                raise ConfigError(f"termination.{name}={getattr(self, name)}: give a number from 0")
        if self.low is None and self.high is None and (self.on_violation == "end" or self.violation_penalty):
            raise ConfigError(
                "termination.on_violation and violation_penalty have no effect without termination.low or termination.high: give a limit"
            )
        if self.unknown_voltage not in ("last", "nominal"):
            raise ConfigError(f"termination.unknown_voltage={self.unknown_voltage!r}: choose last or nominal")

    def violated(self, flow: Flow) -> Array:
        """Return bool ``(n,)``: a voltage of a solution lies outside the limits."""
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        outside: Array = np.any(np.logical_or(flow.vm < low, flow.vm > high), axis=1)
        return outside

    def ends(self, violated: Array, converged: Array) -> Array:
        """Return bool ``(n,)``: the episode ends by itself."""
        ended: Array = np.zeros(len(violated), dtype=bool)
        if self.on_violation == "end":
            ended = np.logical_or(ended, violated)
        if self.on_divergence == "end":
            ended = np.logical_or(ended, ~converged)
        return ended

    def known(self, flow: Flow, last: Floats) -> Floats:
        """Return the voltages as judged and seen, ``(n, n_bus)`` p.u."""
        if flow.converged.all():
            return flow.vm
        return np.where(flow.converged[:, None], flow.vm, last if self.unknown_voltage == "last" else 1.0)

    def penalty(self, violated: Array, converged: Array) -> Floats:
        """Return what every agent loses, ``(n,)``."""
        return np.where(converged, self.violation_penalty * violated, self.divergence_penalty)
