"""Multi-agent TD3: decentralised deterministic policies, twin critics of the joint action on the central state.

J. Ackermann, V. Gabler, T. Osa, M. Sugiyama, "Reducing Overestimation Bias in Multi-Agent Domains Using Double Centralized Critics", arXiv 1910.01465
(2019): TD3 (Fujimoto et al. 2018) with the centralised training of MADDPG (Lowe et al. 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wattloom.components.algorithms.exploration import Exploration, GaussianNoise
from wattloom.components.algorithms.off_policy_keys import DelayedKeys
from wattloom.components.algorithms.on_policy.units import Unit
from wattloom.components.algorithms.team.batch import TeamBatch
from wattloom.components.algorithms.team.central import Simultaneous
from wattloom.components.algorithms.team.delayed_learner import DelayedTeamLearner
from wattloom.components.algorithms.team.policies import UnitShape
from wattloom.seeding import Seeds


@dataclass(kw_only=True, eq=False)
class MATD3(DelayedKeys, Simultaneous):
    """TD3 for a team: every policy ascends Q_1(s, a), the others' actions as they stand in the replay."""

    name: ClassVar[str] = "matd3"

    def default_exploration(self) -> Exploration:
        """Return Gaussian noise with standard deviation 0.1."""
        return GaussianNoise()

    def make_learner(self, batch: TeamBatch, units: list[tuple[UnitShape, Unit]], seeds: Seeds) -> DelayedTeamLearner:
        """Return a fresh learner of the team."""
        return DelayedTeamLearner(self, batch, [(shape, unit.distribution.columns) for shape, unit in units], seeds)
