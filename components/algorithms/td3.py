"""Twin delayed deep deterministic policy gradient (TD3).

S. Fujimoto, H. van Hoof, D. Meger, "Addressing Function Approximation Error in Actor-Critic Methods", ICML 2018, algorithm 1. Actions are scaled
to [-1, 1] throughout, so that noise means the same share of the range in every environment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from gymnasium import spaces
from torch import Tensor

from wattloom.components.algorithms import ranges
from wattloom.components.algorithms.batch import AgentBatch
from wattloom.components.algorithms.exploration import Exploration, GaussianNoise
from wattloom.components.algorithms.losses import smoothed_action, td_target
from wattloom.components.algorithms.off_policy import Actor, Learner, OffPolicy
from wattloom.components.algorithms.td3_engines import AnalyticTD3, AutogradTD3, TD3Engine
from wattloom.components.networks.adam import FlatAdam
from wattloom.components.networks.analytic import AnalyticMLP, InputBuffer
from wattloom.components.networks.deployed import DeployedPolicy, Perceptron, Squashed
from wattloom.components.networks.flat import FlatParams
from wattloom.components.networks.mlp import MLPShape, initialise
from wattloom.seeding import Seeds


@dataclass(frozen=True, slots=True)
class TD3Settings:
    """What one TD3 learner needs to know; see :class:`TD3`."""

    gamma: float
    tau: float
    policy_delay: int
    target_noise: float
    target_noise_clip: float
    actor_learning_rate: float
    critic_learning_rate: float
    hidden_sizes: tuple[int, ...]
    activation: str
    engine: str


class TD3Learner(Learner):
    """One agent's policy, twin critics and their targets.

    Args:
        settings: Hyper-parameters.
        sizes: Batch size, observation width, action width.
        seeds: Streams of this learner: ``init`` and ``target_noise``.
    """

    def __init__(self, settings: TD3Settings, sizes: tuple[int, int, int], seeds: Seeds) -> None:
        self.settings, self._sizes = settings, sizes
        batch, observation, action = sizes
        actor = MLPShape(observation, settings.hidden_sizes, action)
        critic = MLPShape(observation + action, settings.hidden_sizes, 1, members=2)
        self.online = FlatParams(actor.tensors("actor") | critic.tensors("critic"))
        init = seeds.torch("init")
        initialise(self.online.section("actor"), init)
        initialise(self.online.section("critic"), init)
        self.target = self.online.clone()
        gradient = self.online.zeros_like()
        self._actor_adam = _adam(self.online, gradient, "actor", settings.actor_learning_rate)
        self._critic_adam = _adam(self.online, gradient, "critic", settings.critic_learning_rate)
        engine = AnalyticTD3 if settings.engine == "analytic" else AutogradTD3
        self._engine: TD3Engine = engine(self.online, self.target, gradient, sizes, settings.activation)
        self._noise = torch.empty(action, batch)
        self._generator = seeds.torch("target_noise")
        self.updates = 0

    def update(self, batch: AgentBatch) -> Callable[[], dict[str, float]]:
        """Do one iteration of algorithm 1 on a sampled batch; the result reads its losses."""
        settings, engine = self.settings, self._engine
        self.updates += 1

        # target policy smoothing: ã = clip(π'(s') + clip(ε, -c, c), -1, 1)
        noise = self._noise.normal_(generator=self._generator)
        next_action = smoothed_action(engine.target_action(batch), noise, settings.target_noise, settings.target_noise_clip)
        # clipped double Q-learning: y = r + γ (1 - terminated) min_i Q'_i(s', ã)
        next_q = engine.target_values(batch, next_action)
        y = td_target(batch.reward, batch.terminated, settings.gamma, torch.minimum(next_q[0, 0], next_q[1, 0]))
        # critics: minimise the mean of (Q_i(s, a) - y)^2
        error = engine.critics.towards(batch, y)
        self._critic_adam.step()

        if self.updates % settings.policy_delay:
            return _reader(batch, error, y)
        # delayed policy: ascend Q_1(s, π(s)), then move both targets by τ
        q = engine.improve(batch)
        self._actor_adam.step()
        self.target.data.lerp_(self.online.data, settings.tau)
        return _reader(batch, error, y, q)

    def actor(self, num_envs: int) -> Actor:
        """Return the deterministic policy for ``num_envs`` rows."""
        inputs = InputBuffer(num_envs, self._sizes[1])
        network = AnalyticMLP(self.online.section("actor"), None, num_envs, self.settings.activation)

        def act(observation: Tensor, noise: Tensor | None) -> Tensor:
            inputs.values.copy_(observation)
            return network.forward(inputs.x)[0].tanh_().T

        return act

    def module(self, space: spaces.Box) -> DeployedPolicy:
        """Return a copy of the greedy policy that stands alone."""
        return DeployedPolicy(Perceptron(self.online.section("actor"), self.settings.activation), Squashed(space))

    def state_dict(self) -> dict[str, Any]:
        """Return parameters, targets, moments, the update count and the noise stream."""
        return {
            "online": self.online.state_dict(),
            "target": self.target.state_dict(),
            "actor_adam": self._actor_adam.state_dict(),
            "critic_adam": self._critic_adam.state_dict(),
            "updates": self.updates,
            "generator": self._generator.get_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy ``state`` into the existing tensors."""
        self.online.load_state_dict(state["online"])
        self.target.load_state_dict(state["target"])
        self._actor_adam.load_state_dict(state["actor_adam"])
        self._critic_adam.load_state_dict(state["critic_adam"])
        self.updates = int(state["updates"])
        self._generator.set_state(state["generator"])


def _adam(online: FlatParams, gradient: FlatParams, section: str, learning_rate: float) -> FlatAdam:
    return FlatAdam(online.section(section).data, gradient.section(section).data, learning_rate)


def _reader(batch: AgentBatch, error: Tensor, y: Tensor, q: Tensor | None = None) -> Callable[[], dict[str, float]]:
    """Return a function that turns this update's own tensors into numbers, when and if somebody asks."""
    weight = batch.weight()

    def read() -> dict[str, float]:
        values = {"critic_loss": float((weight * error.square()).sum()), "q_mean": float((weight * (error[0, 0] + y)).sum())}
        return values if q is None else values | {"actor_loss": -float((weight * q).sum())}

    return read


class TD3(OffPolicy):
    """TD3 for one or several agents with continuous actions; several learn independently of each other.

    Args:
        gamma: Discount factor γ.
        tau: Share τ by which the targets follow, at every policy step.
        policy_delay: Critic updates a policy update, d.
        target_noise: Standard deviation of target policy smoothing, in units of the action scaled to [-1, 1].
        target_noise_clip: Its clip c, same unit.
        actor_learning_rate: Adam's step size for the policy.
        critic_learning_rate: Adam's step size for the critics.
        hidden_sizes: Widths of the hidden layers, of policy and critics.
        activation: ``"relu"`` or ``"tanh"``.
        engine: ``"analytic"`` (hand-written gradients) or ``"autograd"`` (reference, slower); equal to rounding.
        batch_size: Transitions an update.
        buffer_size: Transitions kept.
        learning_starts: Env steps over all copies with uniform actions and no update.
        updates_per_step: Gradient updates an env step over all copies; below 1 they accumulate.
        exploration: What is added to actions while training; None: Gaussian with standard deviation 0.1.

    Raises:
        ConfigError: A value out of range.
    """

    name = "td3"

    def __init__(
        self,
        gamma: float = 0.99,
        tau: float = 0.005,
        policy_delay: int = 2,
        target_noise: float = 0.2,
        target_noise_clip: float = 0.5,
        actor_learning_rate: float = 1e-3,
        critic_learning_rate: float = 1e-3,
        hidden_sizes: Sequence[int] = (256, 256),
        activation: str = "relu",
        engine: str = "analytic",
        batch_size: int = 256,
        buffer_size: int = 1_000_000,
        learning_starts: int = 1_000,
        updates_per_step: float = 1.0,
        exploration: Exploration | None = None,
    ) -> None:
        super().__init__(engine, batch_size, buffer_size, learning_starts, updates_per_step, exploration or GaussianNoise())
        self.settings = TD3Settings(
            gamma=ranges.within("algorithm.gamma", gamma, 0.0, 1.0),
            tau=ranges.within("algorithm.tau", tau, 0.0, 1.0),
            policy_delay=ranges.count("algorithm.policy_delay", policy_delay),
            target_noise=ranges.at_least("algorithm.target_noise", target_noise, 0.0),
            target_noise_clip=ranges.at_least("algorithm.target_noise_clip", target_noise_clip, 0.0),
            actor_learning_rate=ranges.positive("algorithm.actor_learning_rate", actor_learning_rate),
            critic_learning_rate=ranges.positive("algorithm.critic_learning_rate", critic_learning_rate),
            hidden_sizes=ranges.sizes("algorithm.hidden_sizes", hidden_sizes),
            activation=ranges.one_of("algorithm.activation", activation, ("relu", "tanh")),
            engine=self.engine,
        )

    def make_learner(self, sizes: tuple[int, int, int], seeds: Seeds) -> TD3Learner:
        """Return a fresh learner of one agent."""
        return TD3Learner(self.settings, sizes, seeds)
