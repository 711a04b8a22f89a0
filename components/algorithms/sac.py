"""Soft actor-critic (SAC) with a learned temperature.

T. Haarnoja et al., "Soft Actor-Critic Algorithms and Applications", arXiv 1812.05905 (2018), algorithm 1. Actions are scaled to [-1, 1]; densities
and entropies are those of the scaled action.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from gymnasium import spaces
from torch import Tensor

from wattloom.components.algorithms import ranges
from wattloom.components.algorithms.batch import AgentBatch
from wattloom.components.algorithms.exploration import Exploration, NoExploration
from wattloom.components.algorithms.losses import LOG_STD_MAX, LOG_STD_MIN, td_target
from wattloom.components.algorithms.off_policy import Actor, Learner, OffPolicy
from wattloom.components.algorithms.sac_engines import AnalyticSAC, AutogradSAC, SACEngine
from wattloom.components.networks.adam import FlatAdam
from wattloom.components.networks.analytic import AnalyticMLP, InputBuffer
from wattloom.components.networks.deployed import DeployedPolicy, Perceptron, Squashed
from wattloom.components.networks.flat import FlatParams
from wattloom.components.networks.mlp import MLPShape, initialise
from wattloom.seeding import Seeds


@dataclass(frozen=True, slots=True)
class SACSettings:
    """What one SAC learner needs to know; see :class:`SAC`. ``target_entropy`` None: minus the number of action dimensions."""

    gamma: float
    tau: float
    learn_alpha: bool
    alpha: float
    target_entropy: float | None
    actor_learning_rate: float
    critic_learning_rate: float
    alpha_learning_rate: float
    hidden_sizes: tuple[int, ...]
    activation: str
    engine: str


class SACLearner(Learner):
    """One agent's stochastic policy, twin critics, their targets and the temperature.

    Args:
        settings: Hyper-parameters.
        sizes: Batch size, observation width, action width.
        seeds: Streams of this learner: ``init`` and ``policy_noise``.
    """

    def __init__(self, settings: SACSettings, sizes: tuple[int, int, int], seeds: Seeds) -> None:
        self.settings, self._sizes = settings, sizes
        batch, observation, action = sizes
        actor = MLPShape(observation, settings.hidden_sizes, 2 * action)
        critic = MLPShape(observation + action, settings.hidden_sizes, 1, members=2)
        self.online = FlatParams(actor.tensors("actor") | critic.tensors("critic") | {"temperature.log_alpha": (1,)})
        init = seeds.torch("init")
        initialise(self.online.section("actor"), init)
        initialise(self.online.section("critic"), init)
        self.log_alpha = self.online["temperature.log_alpha"]
        self.log_alpha.fill_(math.log(settings.alpha))
        self.target = self.online.section("critic").clone()
        self.target_entropy = float(-action) if settings.target_entropy is None else settings.target_entropy
        self._gradient = self.online.zeros_like()
        rates = (settings.actor_learning_rate, settings.critic_learning_rate, settings.alpha_learning_rate)
        sections = ("actor", "critic", "temperature")
        self._adams = {
            name: FlatAdam(self.online.section(name).data, self._gradient.section(name).data, rate)
            for name, rate in zip(sections, rates, strict=True)
        }
        engine = AnalyticSAC if settings.engine == "analytic" else AutogradSAC
        self._engine: SACEngine = engine(self.online, self.target, self._gradient, sizes, settings.activation)
        self._critic_data = self.online.section("critic").data
        self._noise = torch.empty(action, 2 * batch)
        self._generator = seeds.torch("policy_noise")
        self.updates = 0

    def update(self, batch: AgentBatch) -> Callable[[], dict[str, float]]:
        """Do one iteration of algorithm 1 on a sampled batch; the result reads its losses."""
        settings, engine = self.settings, self._engine
        self.updates += 1

        # a ~ π(·|s), a' ~ π(·|s') by reparameterisation
        samples = engine.sample(batch, self._noise.normal_(generator=self._generator))
        alpha = self.log_alpha.exp()
        if settings.learn_alpha:
            # temperature: minimise the mean of -log α (log π(a|s) + H)
            self._gradient["temperature.log_alpha"].copy_(-(batch.weight() * (samples.log_density + self.target_entropy)).sum())
            self._adams["temperature"].step()
        # soft value: y = r + γ (1 - terminated) (min_i Q'_i(s', a') - α log π(a'|s'))
        next_q = engine.target_values(batch, samples.next_action)
        soft_value = torch.minimum(next_q[0, 0], next_q[1, 0]).addcmul_(alpha, samples.next_log_density, value=-1.0)
        y = td_target(batch.reward, batch.terminated, settings.gamma, soft_value)
        # critics: minimise the mean of (Q_i(s, a) - y)^2
        error = engine.critics.towards(batch, y)
        self._adams["critic"].step()
        # policy: minimise the mean of α log π(a|s) - min_i Q_i(s, a), under the new critics
        q = engine.improve(batch, alpha)
        self._adams["actor"].step()
        # targets follow by τ
        self.target.data.lerp_(self._critic_data, settings.tau)
        return _reader(batch, error, y, q, alpha, samples.log_density, self.target_entropy)

    def actor(self, num_envs: int) -> Actor:
        """Return the policy for ``num_envs`` rows: a sample where noise is given, else the squashed mean."""
        inputs = InputBuffer(num_envs, self._sizes[1])
        network = AnalyticMLP(self.online.section("actor"), None, num_envs, self.settings.activation)

        def act(observation: Tensor, noise: Tensor | None) -> Tensor:
            inputs.values.copy_(observation)
            mean, log_std = network.forward(inputs.x)[0].T.chunk(2, dim=1)
            if noise is None:
                return mean.tanh()
            return (mean + log_std.clamp(LOG_STD_MIN, LOG_STD_MAX).exp() * noise).tanh()

        return act

    def module(self, space: spaces.Box) -> DeployedPolicy:
        """Return a copy of the greedy policy that stands alone."""
        return DeployedPolicy(
            Perceptron(self.online.section("actor"), self.settings.activation), Squashed(space, (LOG_STD_MIN, LOG_STD_MAX))
        )

    def state_dict(self) -> dict[str, Any]:
        """Return parameters, targets, moments, the update count and the noise stream."""
        return {
            "online": self.online.state_dict(),
            "target": self.target.state_dict(),
            "adams": {name: adam.state_dict() for name, adam in self._adams.items()},
            "updates": self.updates,
            "generator": self._generator.get_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy ``state`` into the existing tensors."""
        self.online.load_state_dict(state["online"])
        self.target.load_state_dict(state["target"])
        for name, adam in self._adams.items():
            adam.load_state_dict(state["adams"][name])
        self.updates = int(state["updates"])
        self._generator.set_state(state["generator"])


def _reader(
    batch: AgentBatch, error: Tensor, y: Tensor, q: Tensor, alpha: Tensor, log_density: Tensor, target_entropy: float
) -> Callable[[], dict[str, float]]:
    """Return a function that turns this update's own tensors into numbers, when and if somebody asks."""
    weight = batch.weight()

    def read() -> dict[str, float]:
        entropy = -float((weight * log_density).sum())
        return {
            "critic_loss": float((weight * error.square()).sum()),
            "actor_loss": float((weight * (alpha * log_density - q)).sum()),
            "q_mean": float((weight * (error[0, 0] + y)).sum()),
            "alpha": float(alpha),
            "alpha_loss": float(alpha.log()) * (entropy - target_entropy),
            "entropy": entropy,
        }

    return read


class SAC(OffPolicy):
    """SAC for one or several agents with continuous actions; several learn independently of each other.

    Args:
        gamma: Discount factor γ.
        tau: Share τ by which the target critics follow, at every update.
        learn_alpha: True: the temperature α is learned; False: it stays at ``alpha``.
        alpha: Initial temperature, > 0, in units of reward a nat.
        target_entropy: Entropy H that the temperature aims at, nats; None: minus the number of action dimensions.
        actor_learning_rate: Adam's step size for the policy.
        critic_learning_rate: Adam's step size for the critics.
        alpha_learning_rate: Adam's step size for log α.
        hidden_sizes: Widths of the hidden layers, of policy and critics.
        activation: ``"relu"`` or ``"tanh"``.
        engine: ``"analytic"`` (hand-written gradients) or ``"autograd"`` (reference, slower); equal to rounding.
        batch_size: Transitions an update.
        buffer_size: Transitions kept.
        learning_starts: Env steps over all copies with uniform actions and no update.
        updates_per_step: Gradient updates an env step over all copies; below 1 they accumulate.
        exploration: What is added to sampled actions while training; None: nothing.

    Raises:
        ConfigError: A value out of range.
    """

    name = "sac"
    stochastic = True

    def __init__(
        self,
        gamma: float = 0.99,
        tau: float = 0.005,
        learn_alpha: bool = True,
        alpha: float = 1.0,
        target_entropy: float | None = None,
        actor_learning_rate: float = 1e-3,
        critic_learning_rate: float = 1e-3,
        alpha_learning_rate: float = 1e-3,
        hidden_sizes: Sequence[int] = (256, 256),
        activation: str = "relu",
        engine: str = "analytic",
        batch_size: int = 256,
        buffer_size: int = 1_000_000,
        learning_starts: int = 1_000,
        updates_per_step: float = 1.0,
        exploration: Exploration | None = None,
    ) -> None:
        super().__init__(engine, batch_size, buffer_size, learning_starts, updates_per_step, exploration or NoExploration())
        self.settings = SACSettings(
            gamma=ranges.within("algorithm.gamma", gamma, 0.0, 1.0),
            tau=ranges.within("algorithm.tau", tau, 0.0, 1.0),
            learn_alpha=ranges.flag("algorithm.learn_alpha", learn_alpha),
            alpha=ranges.positive("algorithm.alpha", alpha),
            target_entropy=None if target_entropy is None else ranges.at_least("algorithm.target_entropy", target_entropy, -math.inf),
            actor_learning_rate=ranges.positive("algorithm.actor_learning_rate", actor_learning_rate),
            critic_learning_rate=ranges.positive("algorithm.critic_learning_rate", critic_learning_rate),
            alpha_learning_rate=ranges.positive("algorithm.alpha_learning_rate", alpha_learning_rate),
            hidden_sizes=ranges.sizes("algorithm.hidden_sizes", hidden_sizes),
            activation=ranges.one_of("algorithm.activation", activation, ("relu", "tanh")),
            engine=self.engine,
        )

    def make_learner(self, sizes: tuple[int, int, int], seeds: Seeds) -> SACLearner:
        """Return a fresh learner of one agent."""
        return SACLearner(self.settings, sizes, seeds)
