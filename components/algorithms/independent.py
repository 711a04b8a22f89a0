"""Independent learners: every agent (or every group that shares parameters) learns from its own observations and rewards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from wattloom.components.algorithms import ranges
from wattloom.components.algorithms.batch import AgentBatch, GroupBatch
from wattloom.components.algorithms.decentralised import Decentralised
from wattloom.components.algorithms.off_policy import Learner
from wattloom.components.algorithms.on_policy.units import Unit
from wattloom.components.algorithms.team.policies import Actor
from wattloom.components.buffers.transitions import TransitionLayout
from wattloom.environment import EnvironmentSpec
from wattloom.seeding import Seeds


class UnitLearner(Learner, Protocol):
    """The networks of one agent, or of one group."""

    @property
    def policy_params(self) -> Mapping[str, Tensor]:
        """The policy's tensors."""
        ...

    def actor(self, num_envs: int) -> Actor:
        """Return the live policy for ``num_envs`` rows."""
        ...


@dataclass(kw_only=True, eq=False)
class Independent(Decentralised):
    """Base of algorithms with one learner an agent; they share one replay buffer.

    Attributes:
        reward_sharing: Share of the team's mean in every agent's reward: 0 individual, 1 team, in between weighted.
        share_parameters: One learner for all agents of a group, told apart by a one-hot in its input.
    """

    reward_sharing: float = 0.0
    share_parameters: bool = False

    def __post_init__(self) -> None:
        """Check the ranges of all keys."""
        super().__post_init__()
        self.reward_sharing = ranges.within("algorithm.reward_sharing", self.reward_sharing, 0.0, 1.0)
        ranges.flag("algorithm.share_parameters", self.share_parameters)

    @property
    def sharing(self) -> float:
        """Share of the team's mean in every agent's reward."""
        return self.reward_sharing

    @property
    def shares(self) -> bool:
        """Whether agents of one group share a learner."""
        return self.share_parameters

    def make_learner(self, unit: Unit, batch: AgentBatch, seeds: Seeds) -> UnitLearner:
        """Return a fresh learner of one agent, or of one group, on the rows of ``batch``."""
        raise NotImplementedError

    def make_layout(self, spec: EnvironmentSpec) -> TransitionLayout:
        """Return one block of columns an agent."""
        self._masked = len(spec.agents) > 1
        return TransitionLayout(spec)

    def make_learners(self, seeds: Seeds) -> dict[str, Learner]:
        """Return one learner a unit."""
        self._groups: list[GroupBatch] = []
        self._batches = {unit.name: self._batch(unit) for unit in self.units}
        child = seeds.child("learner")
        self._unit_learners = {unit.name: self.make_learner(unit, self._batches[unit.name], child.child(unit.name)) for unit in self.units}
        return dict(self._unit_learners)

    def _batch(self, unit: Unit) -> AgentBatch:
        """Return the rows of a unit: views of the buffer's sample, or a group's common rows."""
        views = [AgentBatch.of(self.buffer, self.spec.agents[i].name, self._masked) for i in unit.agents]
        if not unit.shared:
            return views[0]
        self._groups.append(GroupBatch(views))
        return self._groups[-1].batch

    def sample(self) -> None:
        """Draw the next batch and arrange the rows of groups."""
        super().sample()
        for group in self._groups:
            group.gather()

    def unit_actor(self, unit: Unit, num_envs: int) -> Actor:
        """Return the live policy of a unit."""
        return self._unit_learners[unit.name].actor(num_envs)

    def policy_params(self, unit: Unit) -> Mapping[str, Tensor]:
        """Return the tensors of a unit's policy network."""
        return self._unit_learners[unit.name].policy_params
