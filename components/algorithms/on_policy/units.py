"""Which network serves which agents: one an agent, or one a group where parameters are shared; equal shapes form a stack.

Nothing is padded: agents of unequal shapes simply belong to different stacks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from wattloom.components.algorithms.observation_norm import ObservationNorm
from wattloom.components.algorithms.on_policy.distributions import Distribution, distribution_of
from wattloom.environment import AgentSpec, Array
from wattloom.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unit:
    """One network and whom it serves.

    Attributes:
        name: The agent's, or the group's.
        agents: Indices of the agents, in order.
        width: Entries of one observation.
        distribution: What a policy's head means.
    """

    name: str
    agents: tuple[int, ...]
    width: int
    distribution: Distribution

    @property
    def shared(self) -> bool:
        """True where several agents share the network; each row then ends in a one-hot of the agent within the group."""
        return len(self.agents) > 1

    @property
    def inputs(self) -> int:
        """Width of the network's input."""
        return self.width + (len(self.agents) if self.shared else 0)

    @property
    def policy_shape(self) -> Hashable:
        """Equal for units whose policies can be stacked."""
        return (self.inputs, len(self.agents), self.distribution)

    @property
    def critic_shape(self) -> Hashable:
        """Equal for units whose critics can be stacked."""
        return (self.inputs, len(self.agents))

    def fill(self, target: Array, observations: Sequence[Array], norm: ObservationNorm) -> None:
        """Write the network's input rows: the agents one after the other.

        Args:
            target: Float32 ``(agents * R, inputs)``.
            observations: One ``(R, width)`` an agent of the unit.
            norm: Scales them.
        """
        rows = len(observations[0])
        for j, seen in enumerate(observations):
            block = target[j * rows : (j + 1) * rows]
            block[:, : self.width] = norm(seen)
            if self.shared:
                block[:, self.width :] = np.eye(len(self.agents), dtype=np.float32)[j]


def units_of(agents: Sequence[AgentSpec], share: bool) -> tuple[Unit, ...]:
    """Return the units in the order of their first agent.

    Raises:
        ConfigError: Agents are to share parameters, and no group has two of them, or those of one differ in shape.
    """
    members: dict[str, list[int]] = {}
    for i, agent in enumerate(agents):
        members.setdefault(agent.group if share and agent.group else agent.name, []).append(i)
    if share and len(members) == len(agents):
        raise ConfigError(
            "algorithm.share_parameters=true has no effect: no two agents of this environment are alike, so that they would form a group "
            f"({', '.join(agent.name for agent in agents)}); set it to false"
        )
    return tuple(_unit(name, [agents[i] for i in indices], tuple(indices)) for name, indices in members.items())


def _unit(name: str, agents: Sequence[AgentSpec], indices: tuple[int, ...]) -> Unit:
    first = agents[0]
    width, distribution = math.prod(first.observation_space.shape), distribution_of(first.action_space)
    for other in agents[1:]:
        if math.prod(other.observation_space.shape) != width or distribution_of(other.action_space) != distribution:
            raise ConfigError(
                f"algorithm.share_parameters=true needs agents of one group to have equal shapes, but '{first.name}' and '{other.name}' of group "
                f"'{name}' differ ({first.observation_space.shape}, {first.action_space} and {other.observation_space.shape}, "
                f"{other.action_space}): set algorithm.share_parameters=false"
            )
    return Unit(name, indices, width, distribution)


def stacks(units: Sequence[T], shape: Callable[[T], Hashable]) -> list[list[T]]:
    """Return the units by equal shape, in the order of first appearance."""
    found: dict[Hashable, list[T]] = {}
    for unit in units:
        found.setdefault(shape(unit), []).append(unit)
    return list(found.values())
