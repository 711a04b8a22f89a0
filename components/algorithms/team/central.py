"""Off-policy learners of a team: decentralised policies, critics of the joint action on the central state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from wattloom.components.algorithms import ranges
from wattloom.components.algorithms.decentralised import Decentralised
from wattloom.components.algorithms.off_policy import Learner
from wattloom.components.algorithms.on_policy.units import Unit
from wattloom.components.algorithms.team.batch import TeamBatch
from wattloom.components.algorithms.team.policies import ActingPolicy, Actor, UnitShape
from wattloom.components.algorithms.turns import TurnKeys
from wattloom.components.buffers.transitions import TeamLayout
from wattloom.environment import EnvironmentSpec
from wattloom.seeding import Seeds


class TeamLearner(Learner, Protocol):
    """The networks of a whole team."""

    @property
    def policies(self) -> Sequence[ActingPolicy]:
        """One a unit, in order."""
        ...


@dataclass(kw_only=True, eq=False)
class Central(Decentralised):
    """Base of algorithms whose critics see everything: one pair where all agents earn the team's mean, else one pair an agent.

    Attributes:
        reward_sharing: Share of the team's mean in every agent's reward: 0 individual, 1 team, in between weighted.
    """

    reward_sharing: float = 1.0

    def __post_init__(self) -> None:
        """Check the ranges of all keys."""
        super().__post_init__()
        self.reward_sharing = ranges.within("algorithm.reward_sharing", self.reward_sharing, 0.0, 1.0)

    @property
    def sharing(self) -> float:
        """Share of the team's mean in every agent's reward."""
        return self.reward_sharing

    def make_learner(self, batch: TeamBatch, units: list[tuple[UnitShape, Unit]], seeds: Seeds) -> TeamLearner:
        """Return a fresh learner of the team."""
        raise NotImplementedError

    def make_layout(self, spec: EnvironmentSpec) -> TeamLayout:
        """Return the team's columns side by side."""
        self._team_layout = TeamLayout(spec, streams=self.reward_sharing < 1.0 and len(spec.agents) > 1)
        return self._team_layout

    def make_learners(self, seeds: Seeds) -> dict[str, Learner]:
        """Return the one learner of the team."""
        units = [(UnitShape(unit.name, unit.agents, unit.width, self.batch_size), unit) for unit in self.units]
        self.team = self.make_learner(TeamBatch.of(self.buffer, self._team_layout), units, seeds.child("learner"))
        return {"team": self.team}

    def unit_actor(self, unit: Unit, num_envs: int) -> Actor:
        """Return the live policy of a unit."""
        return self.team.policies[self.units.index(unit)].actor(num_envs)

    def policy_params(self, unit: Unit) -> Mapping[str, Tensor]:
        """Return the tensors of a unit's policy network."""
        return self.team.policies[self.units.index(unit)].params


@dataclass(kw_only=True, eq=False)
class Simultaneous(Central):
    """All policies are improved against the same joint action.

    Attributes:
        share_parameters: One policy for all agents of a group, told apart by a one-hot in its input.
    """

    share_parameters: bool = False

    def __post_init__(self) -> None:
        """Check the ranges of all keys."""
        super().__post_init__()
        ranges.flag("algorithm.share_parameters", self.share_parameters)

    @property
    def shares(self) -> bool:
        """Whether agents of one group share a policy."""
        return self.share_parameters


@dataclass(kw_only=True, eq=False)
class InTurn(Central, TurnKeys):
    """Policies are improved one after the other; each meets the actions of those that were improved before it."""

    def __post_init__(self) -> None:
        """Check the ranges of all keys."""
        super().__post_init__()
        self.check_order()
