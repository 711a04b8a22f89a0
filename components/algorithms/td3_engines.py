"""What TD3 asks of its networks, by hand (fast) and by autograd (reference)."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from wattloom.components.algorithms.batch import AgentBatch
from wattloom.components.algorithms.losses import deterministic_actor_loss
from wattloom.components.algorithms.twin_critics import AnalyticTwins, AutogradTwins, PairBuffer, TwinCritics
from wattloom.components.networks.analytic import AnalyticMLP, Memory
from wattloom.components.networks.flat import FlatParams
from wattloom.components.networks.mlp import ensemble_mlp


class TD3Engine(Protocol):
    """Forward and backward passes over the flat vectors of one learner."""

    critics: TwinCritics

    def target_action(self, observation: Tensor) -> Tensor:
        """Return ``π'(s)``, ``(a, B)`` in [-1, 1], of the target policy."""
        ...

    def improve(self, batch: AgentBatch) -> Tensor:
        """Write the gradient of ``-Q_1(s, π(s))`` by the policy's parameters and return the values ``Q_1``, fresh ``(1, B)``."""
        ...


class AnalyticTD3:
    """Hand-written passes; the first critic's parameters get no gradient in the policy step."""

    def __init__(self, online: FlatParams, target: FlatParams, gradient: FlatParams, sizes: tuple[int, int, int], activation: str) -> None:
        batch, observation, action = sizes
        memory: Memory = {}
        self.critics: TwinCritics = AnalyticTwins(
            online.section("critic"), target.section("critic"), gradient.section("critic"), sizes, activation, memory
        )
        self._target_actor = AnalyticMLP(target.section("actor"), None, batch, activation, memory)
        self._actor = AnalyticMLP(online.section("actor"), gradient.section("actor"), batch, activation, memory)
        self._first = AnalyticMLP(online.section("critic").member(0), None, batch, activation)
        self._pair = PairBuffer(batch, observation, action)
        self._action_start = observation

    def target_action(self, observation: Tensor) -> Tensor:
        return self._target_actor.forward(observation)[0].tanh_()

    def improve(self, batch: AgentBatch) -> Tensor:
        action = self._actor.forward(batch.observation).tanh_()  # (1, a, B)
        q = self._first.forward(self._pair.fill(batch.observation, action[0]))
        d_q = torch.zeros_like(q).sub_(batch.weight())
        d_action = self._first.input_gradient(d_q, self._action_start)
        self._actor.backward(torch.ops.aten.tanh_backward(d_action, action))
        return q[0]


class AutogradTD3:
    """The reference."""

    def __init__(self, online: FlatParams, target: FlatParams, gradient: FlatParams, sizes: tuple[int, int, int], activation: str) -> None:
        self._actor, self._target_actor, self._gradient = online.section("actor"), target.section("actor"), gradient.section("actor")
        self._critic, self._activation = online.section("critic"), activation
        self.critics: TwinCritics = AutogradTwins(self._critic, target.section("critic"), gradient.section("critic"), activation)

    def target_action(self, observation: Tensor) -> Tensor:
        with torch.no_grad():
            return ensemble_mlp(self._target_actor, observation, self._activation)[0].tanh()

    def improve(self, batch: AgentBatch) -> Tensor:
        leaf = self._actor.data.detach().requires_grad_()
        action = ensemble_mlp(self._actor.views_of(leaf), batch.observation, self._activation)[0].tanh()
        q = ensemble_mlp(self._critic.member(0), torch.cat([batch.observation, action.T], 1), self._activation)[0]
        self._gradient.data.copy_(torch.autograd.grad(deterministic_actor_loss(q, batch.weight()), leaf)[0])
        return q.detach()
