"""What a rule reads: entries of one agent's observation by their declared names, whatever their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from gymnasium import spaces

from wattloom.environment import AgentSpec, Array, EnvironmentSpec, Snapshot
from wattloom.errors import ConfigError


@dataclass(frozen=True)
class View:
    """Reads entries of one agent's observation.

    Attributes:
        agent: The agent's declarations.
    """

    agent: AgentSpec

    def has(self, *names: str) -> bool:
        """Return whether every entry is declared."""
        declared = {column.name for column in self.agent.observation_columns}
        return declared.issuperset(names)

    def read(self, snapshot: Snapshot, name: str) -> Array:
        """Return the entry ``name`` of all copies, float64 ``(num_envs,)``, in its declared unit or scale."""
        place = [column.name for column in self.agent.observation_columns].index(name)
        entry: Array = snapshot.observations[self.agent.name][:, place].astype(np.float64)
        return entry

    @property
    def discrete(self) -> bool:
        """Whether the agent chooses among labelled actions."""
        return isinstance(self.agent.action_space, spaces.Discrete)

    def choose(self, labels: tuple[str, str, str], level: Array) -> Array:
        """Return the actions of ``level`` in [-1, 1]: the nearest of three labels (for -1, 0, 1), or the number itself.

        Args:
            labels: Labels of -1, 0 and 1.
            level: ``(num_envs,)``.
        """
        if not self.discrete:
            return np.clip(level, -1.0, 1.0).astype(np.float32)[:, None]
        declared = self.agent.action_labels[0]
        actions = np.array([declared.index(label) for label in labels], dtype=np.int64)
        chosen: Array = actions[np.rint(np.clip(level, -1.0, 1.0)).astype(np.int64) + 1]
        return chosen


def views(spec: EnvironmentSpec, agents: Sequence[str], option: str) -> dict[str, View]:
    """Return one view an agent.

    Raises:
        ConfigError: The environment has other agents.
    """
    found = {agent.name: View(agent) for agent in spec.agents}
    if set(found) != set(agents):
        raise ConfigError(
            f"algorithm={option} acts for {', '.join(agents)}; this environment has {', '.join(found)}: use env=datacenter or env=sustaindc"
        )
    return found


def need(view: View, rule: str, *names: str) -> None:
    """Refuse a rule whose entries the agent does not see.

    Raises:
        ConfigError: Names the rule, the agent and what is missing.
    """
    missing = [name for name in names if not view.has(name)]
    if missing:
        raise ConfigError(
            f"algorithm.{view.agent.name}={rule} reads {', '.join(missing)}, which this environment does not show: choose another rule"
        )
