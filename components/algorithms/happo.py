"""Heterogeneous-agent PPO: PPO's clipped surrogate in the sequential update.

J. G. Kuba et al., "Trust Region Policy Optimisation in Multi-Agent Reinforcement Learning", ICLR 2022, algorithm 4; Y. Zhong et al.,
"Heterogeneous-Agent Reinforcement Learning", JMLR 25 (2024).
"""

from __future__ import annotations

from dataclasses import dataclass

from wattloom.components.algorithms import ranges
from wattloom.components.algorithms.on_policy.actor import Actor
from wattloom.components.algorithms.on_policy.gradient_policy import GradientPolicy
from wattloom.components.algorithms.on_policy.sequential import Sequential
from wattloom.components.algorithms.ppo import enough


@dataclass(kw_only=True, eq=False)
class HAPPO(Sequential, GradientPolicy):
    """Agents take turns at L = mean min(ρ M A, clip(ρ, 1 ± ε) M A) + c H, with the compound factor M of those before them.

    Attributes:
        clip: ε: how far an agent's own ratio ρ may leave 1 before its objective is flat.
        target_kl: Nats of divergence from the rollout's policy after which an agent's epochs end; None: never.
    """

    clip: float = 0.2
    target_kl: float | None = None

    def __post_init__(self) -> None:
        """Check the ranges of all keys."""
        super().__post_init__()
        ranges.positive("algorithm.clip", self.clip)
        if self.target_kl is not None:
            ranges.positive("algorithm.target_kl", self.target_kl)

    @property
    def clip_range(self) -> float | None:
        """ε of the clipped surrogate."""
        return self.clip

    def take_turn(self, actor: Actor) -> int:
        """Take an agent's epochs."""
        return actor.fit(self.epochs, self.generators["policy_minibatches"], enough(actor, self.target_kl))
