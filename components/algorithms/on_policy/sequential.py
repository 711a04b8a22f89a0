"""The sequential update of heterogeneous-agent algorithms: agents take turns, each weighs its rows by what the turns before it changed.

J. G. Kuba et al., "Trust Region Policy Optimisation in Multi-Agent Reinforcement Learning", ICLR 2022, lemma 1 and algorithm 4: the joint advantage
decomposes over any order i₁ … i_n, so that improving each agent's share, given the new policies of those before it, improves the team. The compound
factor carries them: M^{i₁} = 1, M^{i_{m+1}} = M^{i_m} π_new^{i_m}(a|o) / π_old^{i_m}(a|o).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from wattloom.components.algorithms.on_policy.actor import Actor
from wattloom.components.algorithms.on_policy.algorithm import OnPolicy
from wattloom.components.algorithms.turns import TurnKeys, turns
from wattloom.environment import Array


@dataclass(kw_only=True, eq=False)
class Sequential(OnPolicy, TurnKeys):
    """Base of HAPPO, HAA2C and HATRPO."""

    def __post_init__(self) -> None:
        """Check the ranges of all keys."""
        super().__post_init__()
        self.check_order()

    def take_turn(self, actor: Actor) -> int:
        """Improve one agent's policy on its weighed advantages and return the gradient steps."""
        raise NotImplementedError

    def improve(self, advantages: Array) -> int:
        """Let every agent take its turn; the factor is neither clipped nor bounded."""
        factor, steps = torch.ones(advantages.shape[1]), 0
        for i in turns(self.update_order, len(self.actors), self.generators["order"]):
            actor = self.actors[i]
            actor.set_advantages((torch.from_numpy(advantages[i]) * factor)[None])
            steps = max(steps, self.take_turn(actor))
            factor = factor * actor.ratio()[0]
        return steps
