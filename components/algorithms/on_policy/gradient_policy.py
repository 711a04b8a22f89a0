"""Policies that are improved by minibatch gradient steps: the keys and the objective that PPO and its family share."""

from __future__ import annotations

from dataclasses import dataclass

from wattloom.components.algorithms import ranges
from wattloom.components.algorithms.on_policy.algorithm import OnPolicy
from wattloom.components.algorithms.on_policy.settings import ActorSettings, NetworkSettings
from wattloom.components.algorithms.on_policy.surrogate import AGGREGATIONS


@dataclass(kw_only=True, eq=False)
class GradientPolicy(OnPolicy):
    """Base of PPO's family and of HAA2C.

    Attributes:
        learning_rate: Adam's step size for the policies.
        epochs: Passes of the policies over a rollout.
        minibatches: Minibatches a pass.
        entropy_coefficient: Weight of the entropy in the objective.
        entropy_reduction: Over action dimensions: ``sum`` (entropy of the joint action) or ``mean``. Over rows it is always the mean.
        ratio_aggregation: How the ratios of several action dimensions become one: ``product`` (of the joint action) or ``mean``.
    """

    learning_rate: float = 5e-4
    epochs: int = 5
    minibatches: int = 1
    entropy_coefficient: float = 0.01
    entropy_reduction: str = "sum"
    ratio_aggregation: str = "product"

    def __post_init__(self) -> None:
        """Check the ranges of all keys."""
        super().__post_init__()
        ranges.positive("algorithm.learning_rate", self.learning_rate)
        ranges.count("algorithm.epochs", self.epochs)
        ranges.count("algorithm.minibatches", self.minibatches)
        ranges.at_least("algorithm.entropy_coefficient", self.entropy_coefficient, 0.0)
        ranges.one_of("algorithm.entropy_reduction", self.entropy_reduction, ("sum", "mean"))
        ranges.one_of("algorithm.ratio_aggregation", self.ratio_aggregation, AGGREGATIONS)

    @property
    def clip_range(self) -> float | None:
        """ε of the clipped surrogate, or None."""
        return None

    @property
    def objective(self) -> ActorSettings:
        """The surrogate with an entropy bonus."""
        mean = self.entropy_reduction == "mean"
        return ActorSettings(self.clip_range, self.ratio_aggregation, self.entropy_coefficient, mean, self.initial_std)

    @property
    def policy_network(self) -> NetworkSettings:
        """Shape and optimiser of the policies."""
        return self._network(self.learning_rate)

    @property
    def policy_minibatches(self) -> int:
        """Minibatches of one pass."""
        return self.minibatches
