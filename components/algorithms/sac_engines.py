"""What SAC asks of its networks, by hand (fast) and by autograd (reference)."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from wattloom.components.algorithms.batch import AgentBatch
from wattloom.components.algorithms.losses import soft_actor_loss, squashed_gaussian, squashed_gaussian_gradient
from wattloom.components.algorithms.twin_critics import ActionFirst, AnalyticTwins, AutogradTwins, TwinCritics, evaluate_pair
from wattloom.components.networks.analytic import AnalyticMLP, Memory
from wattloom.components.networks.flat import FlatParams
from wattloom.components.networks.mlp import ensemble_mlp


class Samples(NamedTuple):
    """Actions drawn from the policy at the observations of a batch and at their successors."""

    action: Tensor  # (a, B)
    log_density: Tensor  # (B,)
    next_action: Tensor  # (a, B)
    next_log_density: Tensor  # (B,)


class SACEngine(Protocol):
    """Forward and backward passes over the flat vectors of one learner."""

    critics: TwinCritics

    def sample(self, batch: AgentBatch, noise: Tensor) -> Samples:
        """Draw ``a ~ π(·|s)`` and ``a' ~ π(·|s')``; ``noise`` is standard normal ``(a, 2B)``, first for s, then for s'."""
        ...

    def target_values(self, batch: AgentBatch, action: Tensor) -> Tensor:
        """Return ``Q'_i(s', a)``, ``(2, 1, B)``, of the target critics; called after :meth:`sample` of the same batch."""
        ...

    def improve(self, batch: AgentBatch, alpha: Tensor) -> Tensor:
        """Write the policy gradient at the actions last sampled, under the critics as they are now; return ``min_i Q_i``, fresh ``(B,)``."""
        ...


class AnalyticSAC:
    """Hand-written passes; both policy evaluations are one pass over 2B rows, of which the first B go back."""

    def __init__(self, online: FlatParams, target: FlatParams, gradient: FlatParams, sizes: tuple[int, int, int], activation: str) -> None:
        batch, observation, self._actions = sizes
        memory: Memory = {}
        critic = online.section("critic")
        self.critics: TwinCritics = AnalyticTwins(critic, gradient.section("critic"), sizes, activation, memory)
        self._target_critics = AnalyticMLP(target, None, batch, activation, memory)
        self._judges = AnalyticMLP(critic, None, batch, activation, memory)
        self._actor = AnalyticMLP(online.section("actor"), gradient.section("actor"), 2 * batch, activation, rows=batch)
        self._both = ActionFirst(2 * batch, observation, self._actions)
        self._pair, self._next_pair = self._both.pair[:batch], self._both.pair[batch:]
        self._observation, self._next_observation = self._both.observation[:batch], self._both.observation[batch:]
        self._next_action_t = self._both.action_t[:, batch:]
        self._batch = batch

    def sample(self, batch: AgentBatch, noise: Tensor) -> Samples:
        """Draw both actions; see :class:`SACEngine`."""
        n = self._batch
        self._observation.copy_(batch.observation)
        self._next_observation.copy_(batch.next_observation)
        head = self._actor.forward(self._both.policy_input)[0]
        action, log_density = squashed_gaussian(head, noise)
        self._both.action_t.copy_(action)
        self._log_std, self._noise, self._action = head[self._actions :, :n], noise[:, :n], action[:, :n]
        return Samples(self._action, log_density[:n], action[:, n:], log_density[n:])

    def target_values(self, batch: AgentBatch, action: Tensor) -> Tensor:
        """Evaluate the target critics; see :class:`SACEngine`."""
        self._next_action_t.copy_(action)
        return self._target_critics.forward(self._next_pair)

    def improve(self, batch: AgentBatch, alpha: Tensor) -> Tensor:
        """Form the policy gradient; see :class:`SACEngine`."""
        weight, action, log_std = batch.weight(), self._action, self._log_std
        q = self._judges.forward(self._pair)
        smaller = (q[:1] <= q[1:]).to(q.dtype)  # the minimum passes its gradient to one critic
        d_q = torch.cat([smaller, 1.0 - smaller]).mul_(-weight)
        d_action = self._judges.input_gradient(d_q, self._actions).sum(0)
        d_head = squashed_gaussian_gradient(d_action, action, log_std, self._noise, alpha * weight)
        self._actor.backward(d_head.unsqueeze(0))
        return torch.minimum(q[0, 0], q[1, 0])


class AutogradSAC:
    """The reference."""

    def __init__(self, online: FlatParams, target: FlatParams, gradient: FlatParams, sizes: tuple[int, int, int], activation: str) -> None:
        self._actor, self._gradient = online.section("actor"), gradient.section("actor")
        self._critic, self._target_critic = online.section("critic"), target
        self._activation, self._batch = activation, sizes[0]
        self.critics: TwinCritics = AutogradTwins(self._critic, gradient.section("critic"), activation)

    def sample(self, batch: AgentBatch, noise: Tensor) -> Samples:
        """Draw both actions; see :class:`SACEngine`."""
        now, later = noise[:, : self._batch], noise[:, self._batch :]
        self._leaf = self._actor.data.detach().requires_grad_()
        head = ensemble_mlp(self._actor.views_of(self._leaf), batch.observation, self._activation)[0]
        self._action, self._log_density = squashed_gaussian(head, now)
        with torch.no_grad():
            next_head = ensemble_mlp(self._actor, batch.next_observation, self._activation)[0]
            next_action, next_log_density = squashed_gaussian(next_head, later)
        return Samples(self._action.detach(), self._log_density.detach(), next_action, next_log_density)

    @torch.no_grad()
    def target_values(self, batch: AgentBatch, action: Tensor) -> Tensor:
        """Evaluate the target critics; see :class:`SACEngine`."""
        return evaluate_pair(self._target_critic, action, batch.next_observation, self._activation)

    def improve(self, batch: AgentBatch, alpha: Tensor) -> Tensor:
        """Form the policy gradient; see :class:`SACEngine`."""
        q = evaluate_pair(self._critic, self._action, batch.observation, self._activation)
        loss = soft_actor_loss(alpha, self._log_density, q, batch.weight())
        self._gradient.data.copy_(torch.autograd.grad(loss, self._leaf)[0])
        return torch.minimum(q[0, 0], q[1, 0]).detach()
