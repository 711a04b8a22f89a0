"""Between the actions of a Box, in the environment's units, and the learner's actions in [-1, 1]."""

from __future__ import annotations

import math

import numpy as np
from gymnasium import spaces

from wattloom.environment import AgentSpec, Array
from wattloom.errors import ConfigError


class ActionScaling:
    """The affine map of one agent's bounded Box onto [-1, 1].

    Args:
        algorithm: Name for messages, e.g. ``"td3"``.
        agent: The agent.

    Raises:
        ConfigError: The action space is discrete, or a bound is infinite or empty.
    """

    def __init__(self, algorithm: str, agent: AgentSpec) -> None:
        space = agent.action_space
        if not isinstance(space, spaces.Box):
            raise ConfigError(
                f"algorithm={algorithm} needs continuous actions (Box), but agent '{agent.name}' has {space}: "
                "choose an algorithm for discrete actions, or an environment with continuous ones"
            )
        if not (np.isfinite(space.low).all() and np.isfinite(space.high).all() and (space.high > space.low).all()):
            raise ConfigError(
                f"algorithm={algorithm} needs finite action bounds with low < high, but agent '{agent.name}' has "
                f"low {space.low.tolist()}, high {space.high.tolist()}"
            )
        self.size = math.prod(space.shape)
        self._shape = tuple(space.shape)
        self._low = space.low.reshape(-1).astype(np.float32)
        self._high = space.high.reshape(-1).astype(np.float32)
        self._half = (self._high - self._low) / np.float32(2.0)

    def to_unit(self, actions: Array) -> Array:
        """Map actions ``(num_envs, *shape)`` in units of the space to float32 ``(num_envs, n)`` in [-1, 1]."""
        flat = np.asarray(actions, dtype=np.float32).reshape(len(actions), self.size)
        unit: Array = np.clip((flat - self._low) / self._half - np.float32(1.0), -1.0, 1.0)
        return unit

    def from_unit(self, actions: Array) -> Array:
        """Map float32 ``(num_envs, n)`` in [-1, 1] to ``(num_envs, *shape)`` within the bounds."""
        scaled = np.clip(self._low + (actions + np.float32(1.0)) * self._half, self._low, self._high)
        return scaled.reshape(len(actions), *self._shape)
