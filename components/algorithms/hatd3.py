"""Heterogeneous-agent TD3: deterministic policies take turns at the value of the joint action.

Y. Zhong, J. G. Kuba, X. Feng, S. Hu, J. Ji, Y. Yang, "Heterogeneous-Agent Reinforcement Learning", JMLR 25 (2024), section 4.5 (HADDPG) with the
critics, smoothing and delay of TD3 (Fujimoto et al. 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wattloom.components.algorithms.exploration import Exploration, GaussianNoise
from wattloom.components.algorithms.off_policy_keys import DelayedKeys
from wattloom.components.algorithms.on_policy.units import Unit
from wattloom.components.algorithms.team.batch import TeamBatch
from wattloom.components.algorithms.team.central import InTurn
from wattloom.components.algorithms.team.delayed_learner import DelayedTeamLearner
from wattloom.components.algorithms.team.policies import UnitShape
from wattloom.seeding import Seeds


@dataclass(kw_only=True, eq=False)
class HATD3(DelayedKeys, InTurn):
    """Agent i ascends Q_1(s, a_before, π_i(o_i), a_after), where those before it act by their new policies and those after it by their present ones."""

    name: ClassVar[str] = "hatd3"

    def default_exploration(self) -> Exploration:
        """Return Gaussian noise with standard deviation 0.1."""
        return GaussianNoise()

    def make_learner(self, batch: TeamBatch, units: list[tuple[UnitShape, Unit]], seeds: Seeds) -> DelayedTeamLearner:
        """Return a fresh learner of the team."""
        return DelayedTeamLearner(self, batch, [(shape, unit.distribution.columns) for shape, unit in units], seeds, self.update_order)
