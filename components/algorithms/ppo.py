"""Proximal policy optimisation with a clipped surrogate: the simultaneous update that IPPO and MAPPO share.

J. Schulman, F. Wolski, P. Dhariwal, A. Radford, O. Klimov, "Proximal Policy Optimization Algorithms", arXiv 1707.06347 (2017), algorithm 1. For one
agent ``algorithm=ippo`` is PPO.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from wattloom.components.algorithms import ranges
from wattloom.components.algorithms.on_policy.actor import Actor
from wattloom.components.algorithms.on_policy.gradient_policy import GradientPolicy
from wattloom.environment import Array


@dataclass(kw_only=True, eq=False)
class PPO(GradientPolicy):
    """All policies take their steps at the same time, each with its own advantages; equal shapes in one batched pass.

    Attributes:
        clip: ε: how far the probability ratio may leave 1 before the objective is flat.
        target_kl: Nats of divergence from the rollout's policy after which a policy's epochs end; None: never.
        share_parameters: One policy (and one local critic) for all agents of a group, told apart by a one-hot in its input.
    """

    clip: float = 0.2
    target_kl: float | None = None
    share_parameters: bool = False

    def __post_init__(self) -> None:
        """Check the ranges of all keys."""
        super().__post_init__()
        ranges.positive("algorithm.clip", self.clip)
        ranges.flag("algorithm.share_parameters", self.share_parameters)
        if self.target_kl is not None:
            ranges.positive("algorithm.target_kl", self.target_kl)

    @property
    def clip_range(self) -> float | None:
        """ε of the clipped surrogate."""
        return self.clip

    @property
    def shares(self) -> bool:
        """Whether agents of one group share parameters."""
        return self.share_parameters

    @property
    def stacked(self) -> bool:
        """Policies of equal shape are improved together, unless each may stop at its own divergence."""
        return self.target_kl is None

    def improve(self, advantages: Array) -> int:
        """Maximise L = mean min(ρ A, clip(ρ, 1 ± ε) A) + c H (equations 7 and 9) for every policy."""
        return max(self._improve(actor, advantages) for actor in self.actors)

    def _improve(self, actor: Actor, advantages: Array) -> int:
        """Take the epochs of one stack of policies."""
        rows = np.stack([advantages[list(unit.agents)].reshape(-1) for unit in actor.units])
        actor.set_advantages(torch.from_numpy(rows))
        return actor.fit(self.epochs, self.generators["policy_minibatches"], enough(actor, self.target_kl))


def enough(actor: Actor, target_kl: float | None) -> Callable[[], bool] | None:
    """Return the test that ends a policy's epochs, or None where there is no target."""
    if target_kl is None:
        return None
    limit = target_kl
    return lambda: actor.divergence() > limit
