"""Heterogeneous-agent A2C: the plain surrogate ρ M A in the sequential update.

Y. Zhong et al., "Heterogeneous-Agent Reinforcement Learning", JMLR 25 (2024). With one epoch of one minibatch ρ is 1 and this is the policy gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

from wattloom.components.algorithms.on_policy.actor import Actor
from wattloom.components.algorithms.on_policy.gradient_policy import GradientPolicy
from wattloom.components.algorithms.on_policy.sequential import Sequential


@dataclass(kw_only=True, eq=False)
class HAA2C(Sequential, GradientPolicy):
    """Agents take turns at L = mean ρ M A + c H, with the compound factor M of those before them; nothing is clipped."""

    epochs: int = 1

    def take_turn(self, actor: Actor) -> int:
        """Take an agent's epochs."""
        return actor.fit(self.epochs, self.generators["policy_minibatches"])
