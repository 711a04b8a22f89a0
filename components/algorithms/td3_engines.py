"""What TD3 asks of its networks, by hand (fast) and by autograd (reference)."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from wattloom.components.algorithms.batch import AgentBatch
from wattloom.components.algorithms.losses import deterministic_actor_loss
from wattloom.components.algorithms.twin_critics import ActionFirst, AnalyticTwins, AutogradTwins, TwinCritics, evaluate_pair
from wattloom.components.networks.analytic import AnalyticMLP, Memory
from wattloom.components.networks.flat import FlatParams
from wattloom.components.networks.mlp import ensemble_mlp


class TD3Engine(Protocol):
    """Forward and backward passes over the flat vectors of one learner."""

    critics: TwinCritics

    def target_action(self, batch: AgentBatch) -> Tensor:
        """Return ``π'(s')``, ``(a, B)`` in [-1, 1], of the target policy."""
        ...

    def target_values(self, batch: AgentBatch, action: Tensor) -> Tensor:
        """Return ``Q'_i(s', a)``, ``(2, 1, B)``, of the target critics; called after :meth:`target_action` of the same batch."""
        ...

    def improve(self, batch: AgentBatch) -> Tensor:
        """Write the gradient of ``-Q_1(s, π(s))`` by the policy's parameters and return the values ``Q_1``, fresh ``(1, B)``."""
        ...


class AnalyticTD3:
    """Hand-written passes; the first critic's parameters get no gradient in the policy step."""

    def __init__(self, online: FlatParams, target: FlatParams, gradient: FlatParams, sizes: tuple[int, int, int], activation: str) -> None:
        batch, _, self._actions = sizes
        memory: Memory = {}
        critic = online.section("critic")
        self.critics: TwinCritics = AnalyticTwins(critic, gradient.section("critic"), sizes, activation, memory)
        self._target_critics = AnalyticMLP(target.section("critic"), None, batch, activation, memory)
        self._target_actor = AnalyticMLP(target.section("actor"), None, batch, activation, memory)
        self._actor = AnalyticMLP(online.section("actor"), gradient.section("actor"), batch, activation, memory)
        self._first = AnalyticMLP(critic.member(0), None, batch, activation)
        self._now, self._next = ActionFirst(*sizes), ActionFirst(*sizes)

    def target_action(self, batch: AgentBatch) -> Tensor:
        """Evaluate the target policy; see :class:`TD3Engine`."""
        self._next.observation.copy_(batch.next_observation)
        return self._target_actor.forward(self._next.policy_input)[0].tanh_()

    def target_values(self, batch: AgentBatch, action: Tensor) -> Tensor:
        """Evaluate the target critics; see :class:`TD3Engine`."""
        self._next.action_t.copy_(action)
        return self._target_critics.forward(self._next.pair)

    def improve(self, batch: AgentBatch) -> Tensor:
        """Form the policy gradient; see :class:`TD3Engine`."""
        self._now.observation.copy_(batch.observation)
        action = self._actor.forward(self._now.policy_input).tanh_()  # (1, a, B)
        self._now.action_t.copy_(action[0])
        q = self._first.forward(self._now.pair)
        d_action = self._first.input_gradient(-batch.weight().expand_as(q), self._actions)
        self._actor.backward(torch.ops.aten.tanh_backward(d_action, action))
        return q[0]


class AutogradTD3:
    """The reference."""

    def __init__(self, online: FlatParams, target: FlatParams, gradient: FlatParams, sizes: tuple[int, int, int], activation: str) -> None:
        self._actor, self._target_actor, self._gradient = online.section("actor"), target.section("actor"), gradient.section("actor")
        self._critic, self._target_critic, self._activation = online.section("critic"), target.section("critic"), activation
        self.critics: TwinCritics = AutogradTwins(self._critic, gradient.section("critic"), activation)

    @torch.no_grad()
    def target_action(self, batch: AgentBatch) -> Tensor:
        """Evaluate the target policy; see :class:`TD3Engine`."""
        return ensemble_mlp(self._target_actor, batch.next_observation, self._activation)[0].tanh()

    @torch.no_grad()
    def target_values(self, batch: AgentBatch, action: Tensor) -> Tensor:
        """Evaluate the target critics; see :class:`TD3Engine`."""
        return evaluate_pair(self._target_critic, action, batch.next_observation, self._activation)

    def improve(self, batch: AgentBatch) -> Tensor:
        """Form the policy gradient; see :class:`TD3Engine`."""
        leaf = self._actor.data.detach().requires_grad_()
        action = ensemble_mlp(self._actor.views_of(leaf), batch.observation, self._activation)[0].tanh()
        q = evaluate_pair(self._critic, action, batch.observation, self._activation)[0]
        self._gradient.data.copy_(torch.autograd.grad(deterministic_actor_loss(q, batch.weight()), leaf)[0])
        return q.detach()
