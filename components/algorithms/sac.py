"""Soft actor-critic (SAC) with a learned temperature.

T. Haarnoja et al., "Soft Actor-Critic Algorithms and Applications", arXiv 1812.05905 (2018), algorithm 1. Actions are scaled to [-1, 1]; densities
and entropies are those of the scaled action.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from wattloom.components.algorithms.batch import AgentBatch
from wattloom.components.algorithms.independent import Independent, UnitLearner
from wattloom.components.algorithms.losses import LOG_STD_MAX, LOG_STD_MIN, td_target
from wattloom.components.algorithms.off_policy_keys import SoftKeys
from wattloom.components.algorithms.on_policy.distributions import Categorical
from wattloom.components.algorithms.on_policy.units import Unit
from wattloom.components.algorithms.sac_engines import AnalyticSAC, AutogradSAC, SACEngine
from wattloom.components.algorithms.team.batch import TeamBatch
from wattloom.components.algorithms.team.heads import Choices
from wattloom.components.algorithms.team.policies import Actor, UnitShape
from wattloom.components.algorithms.team.soft_learner import SoftTeamLearner
from wattloom.components.networks.adam import FlatAdam
from wattloom.components.networks.analytic import AnalyticMLP, InputBuffer
from wattloom.components.networks.flat import FlatParams
from wattloom.components.networks.mlp import MLPShape, initialise
from wattloom.seeding import Seeds


class SACLearner(UnitLearner):
    """One agent's stochastic policy, twin critics, their targets and the temperature.

    Args:
        keys: Hyper-parameters.
        batch: Views of the replay batch; every update reads the sample that they then show.
        seeds: Streams of this learner: ``init`` and ``policy_noise``.
    """

    def __init__(self, keys: SoftKeys, batch: AgentBatch, seeds: Seeds) -> None:
        self.keys, self.batch = keys, batch
        self._sizes = sizes = (*batch.observation.shape, batch.action.shape[1])
        rows, observation, action = sizes
        actor = MLPShape(observation, keys.hidden_sizes, 2 * action)
        critic = MLPShape(observation + action, keys.hidden_sizes, 1, members=2)
        self.online = FlatParams(actor.tensors("actor") | critic.tensors("critic") | {"temperature.log_alpha": (1,)})
        init = seeds.torch("init")
        initialise(self.online.section("actor"), init)
        initialise(self.online.section("critic"), init)
        self.log_alpha = self.online["temperature.log_alpha"]
        self.log_alpha.fill_(math.log(keys.alpha))
        self.target = self.online.section("critic").clone()
        self.target_entropy = float(-action) if keys.target_entropy is None else keys.target_entropy
        self._gradient = self.online.zeros_like()
        rates = (keys.actor_learning_rate, keys.critic_learning_rate, keys.alpha_learning_rate)
        sections = ("actor", "critic", "temperature")
        self._adams = {
            name: FlatAdam(self.online.section(name).data, self._gradient.section(name).data, rate)
            for name, rate in zip(sections, rates, strict=True)
        }
        engine = AnalyticSAC if keys.engine == "analytic" else AutogradSAC
        self._engine: SACEngine = engine(self.online, self.target, self._gradient, sizes, keys.activation)
        self._critic_data = self.online.section("critic").data
        self._noise = torch.empty(action, 2 * rows)
        self._generator = seeds.torch("policy_noise")
        self.updates = 0

    def update(self) -> Callable[[], dict[str, float]]:
        """Do one iteration of algorithm 1 on the present sample; the result reads its losses."""
        keys, engine, batch = self.keys, self._engine, self.batch
        self.updates += 1

        # a ~ π(·|s), a' ~ π(·|s') by reparameterisation
        samples = engine.sample(batch, self._noise.normal_(generator=self._generator))
        alpha = self.log_alpha.exp()
        if keys.learn_alpha:
            # temperature: minimise the mean of -log α (log π(a|s) + H)
            self._gradient["temperature.log_alpha"].copy_(-(batch.weight() * (samples.log_density + self.target_entropy)).sum())
            self._adams["temperature"].step()
        # soft value: y = r + γ (1 - terminated) (min_i Q'_i(s', a') - α log π(a'|s'))
        next_q = engine.target_values(batch, samples.next_action)
        soft_value = torch.minimum(next_q[0, 0], next_q[1, 0]).addcmul_(alpha, samples.next_log_density, value=-1.0)
        y = td_target(batch.reward, batch.terminated, keys.gamma, soft_value)
        # critics: minimise the mean of (Q_i(s, a) - y)^2
        error = engine.critics.towards(batch, y)
        self._adams["critic"].step()
        # policy: minimise the mean of α log π(a|s) - min_i Q_i(s, a), under the new critics
        q = engine.improve(batch, alpha)
        self._adams["actor"].step()
        # targets follow by τ
        self.target.data.lerp_(self._critic_data, keys.tau)
        return _reader(batch, error, y, q, alpha, samples.log_density, self.target_entropy)

    def actor(self, num_envs: int) -> Actor:
        """Return the policy for ``num_envs`` rows: a sample where noise is given, else the squashed mean."""
        inputs = InputBuffer(num_envs, self._sizes[1])
        network = AnalyticMLP(self.online.section("actor"), None, num_envs, self.keys.activation)

        def act(observation: Tensor, noise: Tensor | None, penalty: Tensor | None) -> Tensor:
            inputs.values.copy_(observation)
            mean, log_std = network.forward(inputs.x)[0].T.chunk(2, dim=1)
            if noise is None:
                return mean.tanh()
            return (mean + log_std.clamp(LOG_STD_MIN, LOG_STD_MAX).exp() * noise).tanh()

        return act

    @property
    def policy_params(self) -> Mapping[str, Tensor]:
        """The policy's tensors."""
        return self.online.section("actor")

    @property
    def optimisers(self) -> Sequence[FlatAdam]:
        """Of the policy, of the critics and of the temperature."""
        return tuple(self._adams.values())

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


@dataclass(kw_only=True, eq=False)
class SAC(SoftKeys, Independent):
    """SAC for one or several agents; several learn independently of each other, each from its own observations and rewards.

    Continuous actions are squashed Gaussian. Discrete ones are categorical, with the exact expectation over the agent's own choices in the objective
    of the policy (P. Christodoulou, "Soft Actor-Critic for Discrete Action Settings", arXiv 1910.07207, 2019).
    """

    name: ClassVar[str] = "sac"
    stochastic = True
    discrete: ClassVar[bool] = True

    def make_learner(self, unit: Unit, batch: AgentBatch, seeds: Seeds) -> UnitLearner:
        """Return a fresh learner of one agent, or of one group."""
        return soft_learner(self, unit, batch, seeds)


def soft_learner(keys: SoftKeys, unit: Unit, batch: AgentBatch, seeds: Seeds) -> UnitLearner:
    """Return a learner of continuous or of discrete actions."""
    if isinstance(unit.distribution, Categorical):
        shape = UnitShape(unit.name, (0,), unit.inputs, len(batch.reward))
        return SoftTeamLearner(keys, TeamBatch.alone(batch), [(shape, Choices(unit.distribution))], seeds)
    return SACLearner(keys, batch, seeds)
