"""One agent's view of a replay batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wattloom.components.buffers.replay import ReplayBuffer


@dataclass(frozen=True, slots=True)
class AgentBatch:
    """Columns of one agent: views of the buffer's batch, so they show each new sample.

    Attributes:
        observation: ``(B, o)``.
        action: ``(B, a)``, scaled to [-1, 1].
        pair: ``(B, a + o)``, action and observation side by side: what a critic reads.
        next_observation: ``(B, o)``, the true successor.
        reward: ``(B,)``.
        terminated: ``(B,)``, 1 where the continuation is worth 0.
        share: ``1/B`` as a tensor: the share of each row in a mean.
        active: ``(B,)``, 0 where the agent took no part; None: it always does.
    """

    observation: Tensor
    action: Tensor
    pair: Tensor
    next_observation: Tensor
    reward: Tensor
    terminated: Tensor
    share: Tensor
    active: Tensor | None = None

    @classmethod
    def of(cls, buffer: ReplayBuffer, agent: str, masked: bool) -> AgentBatch:
        """Return the views of ``agent`` on ``buffer.batch``."""
        return cls(
            buffer.column(f"{agent}/observation"),
            buffer.column(f"{agent}/action"),
            buffer.span(f"{agent}/action", f"{agent}/observation"),
            buffer.column(f"{agent}/next_observation"),
            buffer.column(f"{agent}/reward")[:, 0],
            buffer.column(f"{agent}/terminated")[:, 0],
            torch.tensor(1.0 / len(buffer.batch)),
            buffer.column(f"{agent}/active")[:, 0] if masked else None,
        )

    def weight(self) -> Tensor:
        """Return each row's share in a mean over the rows in which the agent took part: ``(B,)``, or a scalar where all rows count."""
        if self.active is None:
            return self.share
        return self.active / torch.clamp_min(self.active.sum(), 1.0)
