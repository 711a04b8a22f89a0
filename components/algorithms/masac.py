"""Multi-agent SAC: decentralised stochastic policies, twin critics of the joint action on the central state, all improved at the same time.

The soft actor-critic of T. Haarnoja et al. (arXiv 1812.05905, 2018) with the centralised training of R. Lowe et al., "Multi-Agent Actor-Critic for Mixed
Cooperative-Competitive Environments", NeurIPS 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wattloom.components.algorithms.off_policy_keys import SoftKeys
from wattloom.components.algorithms.on_policy.units import Unit
from wattloom.components.algorithms.team.batch import TeamBatch
from wattloom.components.algorithms.team.central import Simultaneous
from wattloom.components.algorithms.team.heads import head_of
from wattloom.components.algorithms.team.policies import UnitShape
from wattloom.components.algorithms.team.soft_learner import SoftTeamLearner
from wattloom.seeding import Seeds


@dataclass(kw_only=True, eq=False)
class MASAC(SoftKeys, Simultaneous):
    """SAC for a team: every policy maximises min Q(s, a) - α_i log π_i, the others' actions drawn from their policies as well."""

    name: ClassVar[str] = "masac"
    stochastic = True
    discrete: ClassVar[bool] = True

    def make_learner(self, batch: TeamBatch, units: list[tuple[UnitShape, Unit]], seeds: Seeds) -> SoftTeamLearner:
        """Return a fresh learner of the team."""
        return SoftTeamLearner(self, batch, [(shape, head_of(unit.distribution)) for shape, unit in units], seeds)
