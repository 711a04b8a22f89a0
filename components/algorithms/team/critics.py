"""Twin critics of the joint action, two a stream of rewards, with their targets and their optimiser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from wattloom.components.algorithms.losses import td_target
from wattloom.components.algorithms.off_policy_keys import OffPolicyKeys
from wattloom.components.algorithms.team.batch import TeamBatch, twice
from wattloom.components.algorithms.team.judges import CriticJudge, JointInput
from wattloom.components.algorithms.twin_critics import AnalyticTwins, AutogradTwins, TwinCritics
from wattloom.components.networks.adam import FlatAdam
from wattloom.components.networks.analytic import AnalyticMLP, Memory
from wattloom.components.networks.flat import FlatParams
from wattloom.components.networks.mlp import MLPShape, initialise
from wattloom.seeding import Seeds


class JointCritics:
    """Q_1 and Q_2 of every stream, on joint action and central state.

    Args:
        batch: Tells the sizes.
        keys: Hyper-parameters.
        seeds: Stream ``init``.

    Attributes:
        now: Where policies write the joint action at s.
        following: Where they write it at s'.
    """

    def __init__(self, batch: TeamBatch, keys: OffPolicyKeys, seeds: Seeds) -> None:
        self._keys = keys
        rows, width = batch.pair.shape
        state = width - batch.actions
        shape = MLPShape(width, keys.hidden_sizes, 1, members=2 * batch.streams)
        self.params = FlatParams(shape.tensors("critic")).section("critic")
        initialise(self.params, seeds.torch("init"))
        self.target = self.params.clone()
        gradient = self.params.zeros_like()
        self.adam = FlatAdam(self.params.data, gradient.data, keys.critic_learning_rate)
        self.now, self.following = JointInput(rows, batch.actions, state), JointInput(rows, batch.actions, state)
        self._memory: Memory = {}
        sizes = (rows, state, batch.actions)
        self._online: TwinCritics = (
            AnalyticTwins(self.params, gradient, sizes, keys.activation, self._memory)
            if keys.analytic
            else AutogradTwins(self.params, gradient, keys.activation)
        )
        self._targets = AnalyticMLP(self.target, None, rows, keys.activation, self._memory)

    def judge(self, batch: TeamBatch, agent: int, counts: Sequence[int] = (), twin: bool = True) -> CriticJudge:
        """Return the critics of one agent's stream: both (of which the smaller value counts), or the first alone."""
        rows = batch.agents[agent]
        members = self.params.members(2 * rows.stream, 2 * rows.stream + (2 if twin else 1))
        return CriticJudge(members, self.now, rows, tuple(counts), self._keys.activation, self._memory)

    def look(self, batch: TeamBatch) -> None:
        """Copy the states, so that only joint actions are to be written."""
        self.now.state.copy_(batch.pair[:, batch.actions :])
        self.following.state.copy_(batch.next_state)

    def target_values(self) -> Tensor:
        """Return the smaller of both targets at s' and the joint action written there, ``(C, B)``."""
        q = self._targets.forward(self.following.x)[:, 0]
        return torch.minimum(q[0::2], q[1::2])

    def learn(self, batch: TeamBatch, value: Tensor) -> tuple[Tensor, Tensor]:
        """Take one step towards ``y = r + γ (1 - terminated) value``; return the errors ``(2C, 1, B)`` and y ``(2C, 1, B)``."""
        y = twice(td_target(batch.reward, batch.terminated, self._keys.gamma, value))
        error = self._online.towards(batch, y)
        self.adam.step()
        return error, y

    def follow(self) -> None:
        """Move the targets by τ."""
        self.target.data.lerp_(self.params.data, self._keys.tau)

    def state_dict(self) -> dict[str, Any]:
        """Return parameters, targets and moments."""
        return {"params": self.params.state_dict(), "target": self.target.state_dict(), "adam": self.adam.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy ``state`` into the existing tensors."""
        self.params.load_state_dict(state["params"])
        self.target.load_state_dict(state["target"])
        self.adam.load_state_dict(state["adam"])


def figures(weight: Tensor, error: Tensor, y: Tensor) -> dict[str, float]:
    """Return the critics' loss and the mean value of the first of each pair."""
    q = weight * (error + y)  # (2C, 1, B)
    return {"critic_loss": float((weight * error.square()).sum()), "q_mean": float(q[0::2].sum()) / (len(error) / 2)}
