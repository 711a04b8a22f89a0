"""The keys of off-policy algorithms and their ranges, written once; algorithms inherit them as keyword dataclasses.

Annotations are objects here, not text: the signatures of the algorithms, which live in other modules, are read from them.
"""

import math
from dataclasses import dataclass

from wattloom.components.algorithms import ranges
from wattloom.components.algorithms.exploration import Exploration
from wattloom.components.algorithms.learning_rates import LEARNING_RATE_SCHEDULES
from wattloom.errors import ConfigError


@dataclass(kw_only=True, eq=False)
class OffPolicyKeys:
    """What all of them have.

    Attributes:
        gamma: Discount factor γ.
        tau: Share τ by which the targets follow.
        actor_learning_rate: Adam's step size for policies.
        critic_learning_rate: Adam's step size for critics.
        learning_rate_schedule: ``constant``, or ``linear``: all learning rates go down to 0 at the end of the run.
        normalize_observations: Scale observations (and the central state) by running statistics, saved with the policy.
        hidden_sizes: Widths of the hidden layers, of policies and critics.
        activation: ``"relu"`` or ``"tanh"``.
        engine: ``"analytic"`` (hand-written gradients) or ``"autograd"`` (reference, slower); equal to rounding.
        batch_size: Transitions an update.
        buffer_size: Transitions kept.
        learning_starts: Env steps over all copies with uniform actions and no update.
        updates_per_step: Gradient updates an env step over all copies; below 1 they accumulate.
        exploration: What is added to continuous actions while training; None: the algorithm's own default.
    """

    gamma: float = 0.99
    tau: float = 0.005
    actor_learning_rate: float = 1e-3
    critic_learning_rate: float = 1e-3
    learning_rate_schedule: str = "constant"
    normalize_observations: bool = False
    hidden_sizes: tuple[int, ...] = (256, 256)
    activation: str = "relu"
    engine: str = "analytic"
    batch_size: int = 256
    buffer_size: int = 1_000_000
    learning_starts: int = 1_000
    updates_per_step: float = 1.0
    exploration: Exploration | None = None

    def __post_init__(self) -> None:
        """Check the ranges of all keys.

        Raises:
            ConfigError: A value out of range.
        """
        for key in ("gamma", "tau"):
            setattr(self, key, ranges.within(f"algorithm.{key}", getattr(self, key), 0.0, 1.0))
        for key in ("actor_learning_rate", "critic_learning_rate"):
            setattr(self, key, ranges.positive(f"algorithm.{key}", getattr(self, key)))
        ranges.one_of("algorithm.learning_rate_schedule", self.learning_rate_schedule, LEARNING_RATE_SCHEDULES)
        ranges.flag("algorithm.normalize_observations", self.normalize_observations)
        for key, low in (("batch_size", 1), ("buffer_size", 1), ("learning_starts", 0)):
            ranges.count(f"algorithm.{key}", getattr(self, key), low)
        self.hidden_sizes = ranges.sizes("algorithm.hidden_sizes", self.hidden_sizes)
        ranges.one_of("algorithm.activation", self.activation, ("relu", "tanh"))
        ranges.one_of("algorithm.engine", self.engine, ("analytic", "autograd"))
        self.updates_per_step = ranges.at_least("algorithm.updates_per_step", self.updates_per_step, 0.0)

    @property
    def analytic(self) -> bool:
        """Whether gradients are written by hand."""
        return self.engine == "analytic"


@dataclass(kw_only=True, eq=False)
class SoftKeys(OffPolicyKeys):
    """The temperature of algorithms that maximise reward and entropy.

    Attributes:
        learn_alpha: True: temperatures α are learned; False: they stay at ``alpha``.
        alpha: Initial temperature, > 0, in units of reward a nat.
        target_entropy: Entropy H that a temperature aims at, nats; None: minus the number of dimensions of continuous actions, and
            ``target_entropy_share`` of the largest entropy of discrete ones.
        target_entropy_share: Share of log n, n the choices of a discrete action (summed over its dimensions), that its entropy should keep.
        alpha_learning_rate: Adam's step size for log α.
    """

    learn_alpha: bool = True
    alpha: float = 1.0
    target_entropy: float | None = None
    target_entropy_share: float = 0.3
    alpha_learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        """Check the ranges of all keys."""
        super().__post_init__()
        ranges.flag("algorithm.learn_alpha", self.learn_alpha)
        self.alpha = ranges.positive("algorithm.alpha", self.alpha)
        if self.target_entropy is not None:
            self.target_entropy = ranges.at_least("algorithm.target_entropy", self.target_entropy, -math.inf)
            if not self.learn_alpha:
                raise ConfigError("algorithm.target_entropy has no effect with algorithm.learn_alpha=false; set it to null")
        self.target_entropy_share = ranges.within("algorithm.target_entropy_share", self.target_entropy_share, 0.0, 1.0)
        self.alpha_learning_rate = ranges.positive("algorithm.alpha_learning_rate", self.alpha_learning_rate)


@dataclass(kw_only=True, eq=False)
class DelayedKeys(OffPolicyKeys):
    """What TD3 adds to deterministic policies.

    Attributes:
        policy_delay: Critic updates a policy update, d.
        target_noise: Standard deviation of target policy smoothing, in units of the action scaled to [-1, 1].
        target_noise_clip: Its clip c, same unit.
    """

    policy_delay: int = 2
    target_noise: float = 0.2
    target_noise_clip: float = 0.5

    def __post_init__(self) -> None:
        """Check the ranges of all keys."""
        super().__post_init__()
        ranges.count("algorithm.policy_delay", self.policy_delay)
        for key in ("target_noise", "target_noise_clip"):
            setattr(self, key, ranges.at_least(f"algorithm.{key}", getattr(self, key), 0.0))
