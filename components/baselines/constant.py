"""The same action at every step, chosen by hand: what a schedule without eyes earns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from gymnasium import spaces

from wattloom.algorithm import Algorithm, Policy
from wattloom.components.baselines.memoryless import MemorylessPolicy
from wattloom.environment import AgentSpec, Array, EnvironmentSpec
from wattloom.errors import ConfigError, did_you_mean
from wattloom.seeding import Seeds


class Constant(Algorithm):
    """Act with one number a dimension, clipped into the space.

    Args:
        value: Every dimension that ``columns`` does not name.
        columns: By the name of an action column or its beginning (``pv`` names ``pv_16`` and ``pv_20``); the longest that fits counts.

    Raises:
        ConfigError: A value that is not finite.
    """

    learns = False

    def __init__(self, value: float = 0.0, columns: Mapping[str, float] | None = None) -> None:
        self.value, self.columns = float(value), {str(name): float(number) for name, number in (columns or {}).items()}
        if not all(np.isfinite(number) for number in (self.value, *self.columns.values())):
            raise ConfigError(f"algorithm.value={value}, columns={self.columns}: give finite numbers")

    def setup(self, spec: EnvironmentSpec, seeds: Seeds, total_steps: int) -> None:
        """Find the dimensions.

        Raises:
            ConfigError: A discrete action space, or a name that no action column begins with.
        """
        super().setup(spec, seeds, total_steps)
        known = [column.name for agent in spec.agents for column in agent.action_columns]
        for name in self.columns:
            if not any(column.startswith(name) for column in known):
                raise ConfigError(f"algorithm.columns.{name}: no action begins with it{did_you_mean(name, known)}")
        self._actions = {agent.name: self._action(agent) for agent in spec.agents}

    def _action(self, agent: AgentSpec) -> Array:
        space = agent.action_space
        if not isinstance(space, spaces.Box):
            raise ConfigError(f"algorithm=constant gives numbers, and agent '{agent.name}' chooses from {space}; use algorithm=zero")
        values = [self._value(column.name) for column in agent.action_columns]
        one: Array = np.clip(np.array(values).reshape(space.shape), space.low, space.high).astype(space.dtype)
        return one

    def _value(self, column: str) -> float:
        fitting = [name for name in self.columns if column.startswith(name)]
        return self.columns[max(fitting, key=len)] if fitting else self.value

    def policy(self, num_envs: int, explore: bool) -> Policy:
        """Return the constant policy."""
        actions = {name: np.broadcast_to(one, (num_envs, *one.shape)) for name, one in self._actions.items()}
        return MemorylessPolicy(lambda snapshot: actions)
