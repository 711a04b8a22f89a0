"""Critics of the joint action from one agent's point of view: how their value changes with that agent's own part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from wattloom.components.algorithms.team.batch import AgentRows
from wattloom.components.networks.analytic import AnalyticMLP, InputBuffer, Memory
from wattloom.components.networks.mlp import ensemble_mlp


class JointInput:
    """What critics read, ``(B, a + s)``: the joint action, then the central state; agents write their parts.

    Args:
        rows: B.
        actions: Width a of the joint action.
        state: Width s of the state.
    """

    def __init__(self, rows: int, actions: int, state: int) -> None:
        buffer = InputBuffer(rows, actions + state)
        self.x, self.values = buffer.x, buffer.values
        self.actions, self.state = self.values[:, :actions], self.values[:, actions:]

    def put(self, agent: AgentRows, action: Tensor, active: Tensor | None) -> None:
        """Write an agent's action ``(columns, B)``; 0 where it takes no part."""
        self.values[:, agent.first : agent.stop] = (action if active is None else action * active).T


class Judge(Protocol):
    """The critics of one agent's reward at the joint action as it stands; of several critics the least value counts."""

    def slope(self, action: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return Q ``(B,)`` with the agent's own action replaced by ``(columns, B)``, and the derivative of ``-Σ weight Q`` by it."""
        ...

    def value(self, action: Tensor) -> Tensor:
        """Return Q ``(B,)`` with the agent's own action replaced by ``(columns, B)``, differentiably."""
        ...

    def candidates(self) -> Tensor:
        """Return Q ``(columns, B)`` where one of the agent's choices is replaced by each candidate and all else stays as it is."""
        ...


class CriticJudge:
    """Hand-written passes for :meth:`slope` and :meth:`candidates`, autograd for :meth:`value`.

    Args:
        critics: Parameters of one critic or of several, leading axis E.
        joint: Where the joint action stands.
        agent: Whose part varies.
        counts: Numbers of choices of its dimensions; empty: its actions are continuous.
        activation: ``"relu"`` or ``"tanh"``.
        memory: Activations shared with other judges; a pass is over before another begins.
    """

    def __init__(
        self, critics: Mapping[str, Tensor], joint: JointInput, agent: AgentRows, counts: tuple[int, ...], activation: str, memory: Memory
    ) -> None:
        self._critics, self._joint, self._activation = critics, joint, activation
        self._own = slice(agent.first, agent.stop)
        rows, width = joint.values.shape
        if counts:
            self._every = InputBuffer(rows * sum(counts), width)
            self._blocks = self._every.values.view(sum(counts), rows, width)
            self._kept, self._chosen = _replacements(counts)
            self._network = AnalyticMLP(critics, None, rows * sum(counts), activation, memory)
        else:
            self._network = AnalyticMLP(critics, None, rows, activation, memory)

    def slope(self, action: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Differentiate by hand; see :class:`Judge`."""
        own = self._joint.values[:, self._own]
        kept = own.clone()
        own.copy_(action.T)
        q = self._network.forward(self._joint.x)
        own.copy_(kept)
        d_q = -weight.expand_as(q)
        if len(q) > 1:
            smaller = (q[:1] <= q[1:]).to(q.dtype)  # the minimum passes its gradient to one critic
            d_q = torch.cat([smaller, 1.0 - smaller]).mul_(d_q)
        return q.amin(0)[0], self._network.input_gradient(d_q, self._own.stop).sum(0)[self._own.start :]

    def value(self, action: Tensor) -> Tensor:
        """Evaluate by autograd; see :class:`Judge`."""
        joint = self._joint.values
        whole = torch.cat([joint[:, : self._own.start], action.T, joint[:, self._own.stop :]], 1)
        return ensemble_mlp(self._critics, whole, self._activation).amin(0)[0]

    def candidates(self) -> Tensor:
        """Evaluate all candidates in one pass; see :class:`Judge`."""
        self._blocks.copy_(self._joint.values.expand_as(self._blocks))
        self._blocks[:, :, self._own].mul_(self._kept).add_(self._chosen)
        return self._network.forward(self._every.x).amin(0)[0].view(len(self._blocks), -1)


def _replacements(counts: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return what each candidate keeps of the one-hots, 0 or 1, and what it adds, ``(columns, 1, columns)`` each."""
    dimension = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    kept = (dimension[:, None] != dimension).to(torch.get_default_dtype())
    return kept[:, None], torch.eye(len(dimension))[:, None]
