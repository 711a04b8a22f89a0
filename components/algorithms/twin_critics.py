"""Twin critics: values of the target pair, and the gradient of the pair towards a target; by hand or by autograd."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from wattloom.components.algorithms.batch import AgentBatch
from wattloom.components.algorithms.losses import critic_loss
from wattloom.components.networks.analytic import AnalyticMLP, Memory
from wattloom.components.networks.flat import FlatParams
from wattloom.components.networks.mlp import ensemble_mlp

class TwinCritics(Protocol):
    """What TD3 and SAC ask of their critics. ``params``, ``target`` and ``gradient`` are sections of the learner's flat vectors."""

    def target_values(self, observation: Tensor, action: Tensor) -> Tensor:
        """Return ``Q'_i(s, a)``, ``(2, 1, B)``, of the target pair for observation ``(B, o)`` and action ``(a, B)``."""
        ...

    def towards(self, batch: AgentBatch, y: Tensor) -> Tensor:
        """Write the gradient of the critic loss and return the errors ``Q_i(s, a) - y``, fresh ``(2, 1, B)``."""
        ...


class PairBuffer:
    """Preallocated input ``(B, o + a)`` of a critic, filled from its two parts."""

    def __init__(self, batch: int, observation: int, action: int) -> None:
        self.pair = torch.empty(batch, observation + action)
        self._observation, self._action_t = self.pair[:, :observation], self.pair[:, observation:].T

    def fill(self, observation: Tensor, action: Tensor) -> Tensor:
        """Copy observation ``(B, o)`` and action ``(a, B)`` and return the pair."""
        self._observation.copy_(observation)
        self._action_t.copy_(action)
        return self.pair


class AnalyticTwins:
    """Hand-written passes in preallocated memory."""

    def __init__(
        self, params: FlatParams, target: FlatParams, gradient: FlatParams, sizes: tuple[int, int, int], activation: str, memory: Memory
    ) -> None:
        batch, observation, action = sizes
        self._target = AnalyticMLP(target, None, batch, activation, memory)
        self._online = AnalyticMLP(params, gradient, batch, activation, memory)
        self._next_pair = PairBuffer(batch, observation, action)

    def target_values(self, observation: Tensor, action: Tensor) -> Tensor:
        return self._target.forward(self._next_pair.fill(observation, action))

    def towards(self, batch: AgentBatch, y: Tensor) -> Tensor:
        error = self._online.forward(batch.pair).sub_(y)
        self._online.backward(error * (2.0 * batch.weight()))  # d/dq of the weighted mean of (q - y)^2
        return error


class AutogradTwins:
    """The reference: the loss as the paper writes it, differentiated by PyTorch."""

    def __init__(self, params: FlatParams, target: FlatParams, gradient: FlatParams, activation: str) -> None:
        self._params, self._target, self._gradient, self._activation = params, target, gradient, activation

    def target_values(self, observation: Tensor, action: Tensor) -> Tensor:
        with torch.no_grad():
            return ensemble_mlp(self._target, torch.cat([observation, action.T], 1), self._activation)

    def towards(self, batch: AgentBatch, y: Tensor) -> Tensor:
        leaf = self._params.data.detach().requires_grad_()
        q = ensemble_mlp(self._params.views_of(leaf), batch.pair, self._activation)
        self._gradient.data.copy_(torch.autograd.grad(critic_loss(q, y, batch.weight()), leaf)[0])
        return (q - y).detach()
