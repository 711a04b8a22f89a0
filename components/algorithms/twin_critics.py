"""Twin critics: values of the target pair, and the gradient of the pair towards a target; by hand or by autograd."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from wattloom.components.algorithms.losses import critic_loss
from wattloom.components.networks.analytic import AnalyticMLP, InputBuffer, Memory
from wattloom.components.networks.flat import FlatParams
from wattloom.components.networks.mlp import ensemble_mlp


class Rows(Protocol):
    """What critics read of a batch."""

    @property
    def pair(self) -> Tensor:
        """Action and observation (or state) side by side, ``(B, a + o)``."""
        ...

    def weight(self) -> Tensor:
        """Return each row's share in the mean: a scalar, or something that broadcasts to ``(critics, 1, B)``."""
        ...


class TwinCritics(Protocol):
    """What learners ask of their online critics: two, or two a stream of rewards."""

    def towards(self, batch: Rows, y: Tensor) -> Tensor:
        """Write the gradient of the critic loss and return the errors ``Q_i(s, a) - y``, fresh ``(critics, 1, B)``; y broadcasts to them."""
        ...


class ActionFirst:
    """A critic's input ``(rows, a + o + 1)``, whose tail is the policy's input: one copy of the observation serves both."""

    def __init__(self, rows: int, observation: int, action: int) -> None:
        buffer = InputBuffer(rows, action + observation)
        self.pair = buffer.x
        self.policy_input = buffer.x[:, action:]
        self.observation = buffer.values[:, action:]
        self.action_t = buffer.values[:, :action].t()


class AnalyticTwins:
    """Hand-written passes in preallocated memory."""

    def __init__(self, params: FlatParams, gradient: FlatParams, sizes: tuple[int, int, int], activation: str, memory: Memory) -> None:
        batch, observation, action = sizes
        self._network = AnalyticMLP(params, gradient, batch, activation, memory)
        self._input = InputBuffer(batch, action + observation)
        self._two = torch.tensor(2.0)

    def towards(self, batch: Rows, y: Tensor) -> Tensor:
        """Form the critic gradient; see :class:`TwinCritics`."""
        self._input.values.copy_(batch.pair)
        error = self._network.forward(self._input.x).sub_(y)
        self._network.backward(error * (batch.weight() * self._two))  # d/dq of the weighted mean of (q - y)^2
        return error


class AutogradTwins:
    """The reference: the loss as the paper writes it, differentiated by PyTorch."""

    def __init__(self, params: FlatParams, gradient: FlatParams, activation: str) -> None:
        self._params, self._gradient, self._activation = params, gradient, activation

    def towards(self, batch: Rows, y: Tensor) -> Tensor:
        """Form the critic gradient; see :class:`TwinCritics`."""
        leaf = self._params.data.detach().requires_grad_()
        q = ensemble_mlp(self._params.views_of(leaf), batch.pair, self._activation)
        self._gradient.data.copy_(torch.autograd.grad(critic_loss(q, y, batch.weight()), leaf)[0])
        return (q - y).detach()


def evaluate_pair(params: FlatParams, action: Tensor, observation: Tensor, activation: str) -> Tensor:
    """Return ``Q_i(s, a)``, ``(2, 1, B)``, for action ``(a, B)`` and observation ``(B, o)``: critics read the action first."""
    return ensemble_mlp(params, torch.cat([action.T, observation], 1), activation)
