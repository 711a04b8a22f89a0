"""Heterogeneous-agent SAC: stochastic policies take turns at the soft value of the joint action.

J. Liu, Y. Zhong, S. Hu, H. Fu, Q. Fu, X. Chang, Y. Yang, "Maximum Entropy Heterogeneous-Agent Reinforcement Learning", ICLR 2024 (arXiv 2306.10715),
algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wattloom.components.algorithms.off_policy_keys import SoftKeys
from wattloom.components.algorithms.on_policy.units import Unit
from wattloom.components.algorithms.team.batch import TeamBatch
from wattloom.components.algorithms.team.central import InTurn
from wattloom.components.algorithms.team.heads import head_of
from wattloom.components.algorithms.team.policies import UnitShape
from wattloom.components.algorithms.team.soft_learner import SoftTeamLearner
from wattloom.seeding import Seeds


@dataclass(kw_only=True, eq=False)
class HASAC(SoftKeys, InTurn):
    """Agent i maximises min Q(s, a_before, a_i, a_after) - α_i log π_i, where those before it act by their new policies; then it draws again."""

    name: ClassVar[str] = "hasac"
    stochastic = True
    discrete: ClassVar[bool] = True

    def make_learner(self, batch: TeamBatch, units: list[tuple[UnitShape, Unit]], seeds: Seeds) -> SoftTeamLearner:
        """Return a fresh learner of the team."""
        heads = [(shape, head_of(unit.distribution)) for shape, unit in units]
        return SoftTeamLearner(self, batch, heads, seeds, self.update_order)
