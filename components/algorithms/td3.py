"""Twin delayed deep deterministic policy gradient (TD3).

S. Fujimoto, H. van Hoof, D. Meger, "Addressing Function Approximation Error in Actor-Critic Methods", ICML 2018, algorithm 1. Actions are scaled
to [-1, 1] throughout, so that noise means the same share of the range in every environment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from wattloom.components.algorithms.batch import AgentBatch
from wattloom.components.algorithms.exploration import Exploration, GaussianNoise
from wattloom.components.algorithms.independent import Independent, UnitLearner
from wattloom.components.algorithms.losses import smoothed_action, td_target
from wattloom.components.algorithms.off_policy_keys import DelayedKeys
from wattloom.components.algorithms.on_policy.units import Unit
from wattloom.components.algorithms.td3_engines import AnalyticTD3, AutogradTD3, TD3Engine
from wattloom.components.algorithms.team.policies import Actor
from wattloom.components.networks.adam import FlatAdam
from wattloom.components.networks.analytic import AnalyticMLP, InputBuffer
from wattloom.components.networks.flat import FlatParams
from wattloom.components.networks.mlp import MLPShape, initialise
from wattloom.seeding import Seeds


class TD3Learner(UnitLearner):
    """One agent's policy, twin critics and their targets.

    Args:
        keys: Hyper-parameters.
        batch: Views of the replay batch; every update reads the sample that they then show.
        seeds: Streams of this learner: ``init`` and ``target_noise``.
    """

    def __init__(self, keys: DelayedKeys, batch: AgentBatch, seeds: Seeds) -> None:
        self.keys, self.batch = keys, batch
        self._sizes = sizes = (*batch.observation.shape, batch.action.shape[1])
        rows, observation, action = sizes
        actor = MLPShape(observation, keys.hidden_sizes, action)
        critic = MLPShape(observation + action, keys.hidden_sizes, 1, members=2)
        self.online = FlatParams(actor.tensors("actor") | critic.tensors("critic"))
        init = seeds.torch("init")
        initialise(self.online.section("actor"), init)
        initialise(self.online.section("critic"), init)
        self.target = self.online.clone()
        gradient = self.online.zeros_like()
        self._actor_adam = _adam(self.online, gradient, "actor", keys.actor_learning_rate)
        self._critic_adam = _adam(self.online, gradient, "critic", keys.critic_learning_rate)
        engine = AnalyticTD3 if keys.engine == "analytic" else AutogradTD3
        self._engine: TD3Engine = engine(self.online, self.target, gradient, sizes, keys.activation)
        self._noise = torch.empty(action, rows)
        self._generator = seeds.torch("target_noise")
        self.updates = 0

    def update(self) -> Callable[[], dict[str, float]]:
        """Do one iteration of algorithm 1 on the present sample; the result reads its losses."""
        keys, engine, batch = self.keys, self._engine, self.batch
        self.updates += 1

        # target policy smoothing: ã = clip(π'(s') + clip(ε, -c, c), -1, 1)
        noise = self._noise.normal_(generator=self._generator)
        next_action = smoothed_action(engine.target_action(batch), noise, keys.target_noise, keys.target_noise_clip)
        # clipped double Q-learning: y = r + γ (1 - terminated) min_i Q'_i(s', ã)
        next_q = engine.target_values(batch, next_action)
        y = td_target(batch.reward, batch.terminated, keys.gamma, torch.minimum(next_q[0, 0], next_q[1, 0]))
        # critics: minimise the mean of (Q_i(s, a) - y)^2
        error = engine.critics.towards(batch, y)
        self._critic_adam.step()

        if self.updates % keys.policy_delay:
            return _reader(batch, error, y)
        # delayed policy: ascend Q_1(s, π(s)), then move both targets by τ
        q = engine.improve(batch)
        self._actor_adam.step()
        self.target.data.lerp_(self.online.data, keys.tau)
        return _reader(batch, error, y, q)

    def actor(self, num_envs: int) -> Actor:
        """Return the deterministic policy for ``num_envs`` rows."""
        inputs = InputBuffer(num_envs, self._sizes[1])
        network = AnalyticMLP(self.online.section("actor"), None, num_envs, self.keys.activation)

        def act(observation: Tensor, noise: Tensor | None, penalty: Tensor | None) -> Tensor:
            inputs.values.copy_(observation)
            return network.forward(inputs.x)[0].tanh_().T

        return act

    @property
    def policy_params(self) -> Mapping[str, Tensor]:
        """The policy's tensors."""
        return self.online.section("actor")

    @property
    def optimisers(self) -> Sequence[FlatAdam]:
        """Of the policy and of the critics."""
        return self._actor_adam, self._critic_adam

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


@dataclass(kw_only=True, eq=False)
class TD3(DelayedKeys, Independent):
    """TD3 for one or several agents with continuous actions; several learn independently of each other."""

    name: ClassVar[str] = "td3"

    def default_exploration(self) -> Exploration:
        """Return Gaussian noise with standard deviation 0.1."""
        return GaussianNoise()

    def make_learner(self, unit: Unit, batch: AgentBatch, seeds: Seeds) -> TD3Learner:
        """Return a fresh learner of one agent, or of one group."""
        return TD3Learner(self, batch, seeds)
