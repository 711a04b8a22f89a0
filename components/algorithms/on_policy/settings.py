"""What the parts of an on-policy learner need to know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Shape, optimiser and gradient of a network.

    Attributes:
        hidden_sizes: Widths of the hidden layers.
        activation: ``"tanh"`` or ``"relu"``.
        learning_rate: Adam's step size at the start.
        adam_eps: Added to the root of Adam's second moment.
        max_grad_norm: Largest Euclidean norm of one network's gradient; None: unlimited.
        analytic: Hand-written gradients; False: autograd.
    """

    hidden_sizes: tuple[int, ...]
    activation: str
    learning_rate: float
    adam_eps: float
    max_grad_norm: float | None
    analytic: bool


@dataclass(frozen=True, slots=True)
class ActorSettings:
    """The policy's objective.

    Attributes:
        clip: ε of the clipped surrogate; None: not clipped.
        aggregation: ``"product"`` or ``"mean"``: how the ratios of several action dimensions become one.
        entropy: Weight of the entropy.
        entropy_mean: The mean over action dimensions instead of their sum.
        initial_std: σ of Box actions at the start, in units of the scaled action.
    """

    clip: float | None
    aggregation: str
    entropy: float
    entropy_mean: bool
    initial_std: float


@dataclass(frozen=True, slots=True)
class CriticSettings:
    """The critic's objective.

    Attributes:
        clip: How far an output may move from the rollout's, in the critic's units; None: freely.
        huber: δ of Huber's loss, in the critic's units; None: squared error.
    """

    clip: float | None
    huber: float | None
