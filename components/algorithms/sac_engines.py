"""What SAC asks of its networks, by hand (fast) and by autograd (reference)."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from wattloom.components.algorithms.batch import AgentBatch
from wattloom.components.algorithms.losses import LOG_STD_MAX, LOG_STD_MIN, soft_actor_loss, squashed_gaussian
from wattloom.components.algorithms.twin_critics import AnalyticTwins, AutogradTwins, PairBuffer, TwinCritics
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

    def improve(self, batch: AgentBatch, alpha: Tensor) -> Tensor:
        """Write the policy gradient at the actions last sampled, under the critics as they are now; return ``min_i Q_i``, fresh ``(B,)``."""
        ...


class AnalyticSAC:
    """Hand-written passes; both policy evaluations are one pass over 2B rows, of which the first B go back."""

    def __init__(self, online: FlatParams, target: FlatParams, gradient: FlatParams, sizes: tuple[int, int, int], activation: str) -> None:
        batch, observation, _ = sizes
        memory: Memory = {}
        critic = online.section("critic")
        self.critics: TwinCritics = AnalyticTwins(critic, target, gradient.section("critic"), sizes, activation, memory)
        self._judges = AnalyticMLP(critic, None, batch, activation, memory)
        self._actor = AnalyticMLP(online.section("actor"), gradient.section("actor"), 2 * batch, activation, rows=batch)
        self._both = torch.empty(2 * batch, observation)
        self._pair = PairBuffer(*sizes)
        self._start, self._batch = observation, batch

    def sample(self, batch: AgentBatch, noise: Tensor) -> Samples:
        n = self._batch
        self._both[:n] = batch.observation
        self._both[n:] = batch.next_observation
        head = self._actor.forward(self._both)[0]
        action, log_density = squashed_gaussian(head, noise)
        self._log_std, self._noise, self._action = head[noise.shape[0] :, :n], noise[:, :n], action[:, :n]
        return Samples(self._action, log_density[:n], action[:, n:], log_density[n:])

    def improve(self, batch: AgentBatch, alpha: Tensor) -> Tensor:
        weight, action, log_std = batch.weight(), self._action, self._log_std
        q = self._judges.forward(self._pair.fill(batch.observation, action))
        smaller = (q[:1] <= q[1:]).to(q.dtype)  # the minimum passes its gradient to one critic
        d_q = torch.cat([smaller, 1.0 - smaller]).mul_(-1.0).mul_(weight)
        d_action = self._judges.input_gradient(d_q, self._start).sum(0)
        # u = μ + σ ε, a = tanh(u): the log-density falls by log(1 - a^2), whose slope by u is -2a, and by log σ
        density = alpha * weight
        d_u = torch.ops.aten.tanh_backward(d_action, action).addcmul_(action, density, value=2.0)
        d_log_std = (d_u * log_std.exp() * self._noise).sub_(density)
        d_log_std.mul_((log_std >= LOG_STD_MIN) & (log_std <= LOG_STD_MAX))  # a clamped log σ has no gradient
        self._actor.backward(torch.cat([d_u, d_log_std]).unsqueeze(0))
        return torch.minimum(q[0, 0], q[1, 0])


class AutogradSAC:
    """The reference."""

    def __init__(self, online: FlatParams, target: FlatParams, gradient: FlatParams, sizes: tuple[int, int, int], activation: str) -> None:
        self._actor, self._gradient = online.section("actor"), gradient.section("actor")
        self._critic, self._activation, self._batch = online.section("critic"), activation, sizes[0]
        self.critics: TwinCritics = AutogradTwins(self._critic, target, gradient.section("critic"), activation)

    def sample(self, batch: AgentBatch, noise: Tensor) -> Samples:
        now, later = noise[:, : self._batch], noise[:, self._batch :]
        self._leaf = self._actor.data.detach().requires_grad_()
        head = ensemble_mlp(self._actor.views_of(self._leaf), batch.observation, self._activation)[0]
        self._action, self._log_density = squashed_gaussian(head, now)
        with torch.no_grad():
            next_head = ensemble_mlp(self._actor, batch.next_observation, self._activation)[0]
            next_action, next_log_density = squashed_gaussian(next_head, later)
        return Samples(self._action.detach(), self._log_density.detach(), next_action, next_log_density)

    def improve(self, batch: AgentBatch, alpha: Tensor) -> Tensor:
        q = ensemble_mlp(self._critic, torch.cat([batch.observation, self._action.T], 1), self._activation)
        loss = soft_actor_loss(alpha, self._log_density, q, batch.weight())
        self._gradient.data.copy_(torch.autograd.grad(loss, self._leaf)[0])
        return torch.minimum(q[0, 0], q[1, 0]).detach()
