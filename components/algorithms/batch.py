"""One agent's view of a replay batch, and the common batch of agents that share a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wattloom.components.buffers.replay import ReplayBuffer


@dataclass(frozen=True, slots=True)
class AgentBatch:
    """Columns of one agent: views of the buffer's batch, so they show each new sample.

    Attributes:
        observation: ``(B, o)``.
        action: ``(B, a)``, scaled to [-1, 1], or one-hots of choices.
        pair: ``(B, a + o)``, action and observation side by side: what a critic reads.
        next_observation: ``(B, o)``, the true successor.
        reward: ``(B,)``.
        terminated: ``(B,)``, 1 where the continuation is worth 0.
        share: ``1/B`` as a tensor: the share of each row in a mean.
        active: ``(B,)``, 0 where the agent took no part; None: it always does.
        mask: ``(B, choices)``, 1 where allowed; None: actions are continuous.
        next_mask: The same at the successor.
    """

    observation: Tensor
    action: Tensor
    pair: Tensor
    next_observation: Tensor
    reward: Tensor
    terminated: Tensor
    share: Tensor
    active: Tensor | None = None
    mask: Tensor | None = None
    next_mask: Tensor | None = None

    @classmethod
    def of(cls, buffer: ReplayBuffer, agent: str, masked: bool) -> AgentBatch:
        """Return the views of ``agent`` on ``buffer.batch``."""
        discrete = f"{agent}/mask" in buffer.columns
        return cls(
            buffer.column(f"{agent}/observation"),
            buffer.column(f"{agent}/action"),
            buffer.span(f"{agent}/action", f"{agent}/observation"),
            buffer.column(f"{agent}/next_observation"),
            buffer.column(f"{agent}/reward")[:, 0],
            buffer.column(f"{agent}/terminated")[:, 0],
            torch.tensor(1.0 / len(buffer.batch)),
            buffer.column(f"{agent}/active")[:, 0] if masked else None,
            buffer.column(f"{agent}/mask") if discrete else None,
            buffer.column(f"{agent}/next_mask") if discrete else None,
        )

    def weight(self) -> Tensor:
        """Return each row's share in a mean over the rows in which the agent took part: ``(B,)``, or a scalar where all rows count."""
        return self.share if self.active is None else weights(self.active)


def weights(active: Tensor) -> Tensor:
    """Return ``active`` ``(B,)`` over its sum; zeros where nobody took part."""
    return active / torch.clamp_min(active.sum(), 1.0)


class GroupBatch:
    """The rows of several agents one after the other, in memory of their own; each observation ends in a one-hot of the agent.

    Args:
        agents: Their views, all of the same widths.

    Attributes:
        batch: All rows, as if they were one agent's; :meth:`gather` fills it.
    """

    def __init__(self, agents: Sequence[AgentBatch]) -> None:
        count, rows = len(agents), len(agents) * len(agents[0].reward)
        action, seen = agents[0].action.shape[1], agents[0].observation.shape[1] + count
        pair, following = torch.zeros(rows, action + seen), torch.zeros(rows, seen)
        observation = pair[:, action:]
        masks = [None if agents[0].mask is None else torch.zeros(rows, action) for _ in range(2)]
        columns = torch.zeros(rows), torch.zeros(rows), torch.tensor(1.0 / rows), torch.zeros(rows)
        self.batch = AgentBatch(observation, pair[:, :action], pair, following, *columns, *masks)
        identity = torch.eye(count).repeat_interleave(len(agents[0].reward), 0)
        observation[:, -count:] = following[:, -count:] = identity
        self._copies = [copy for j, one in enumerate(agents) for copy in self._pairs(j, one, seen - count)]

    def _pairs(self, j: int, one: AgentBatch, seen: int) -> list[tuple[Tensor, Tensor]]:
        """Return target and source of everything that agent ``j`` contributes."""
        own, size = self.batch, len(one.reward)
        block = slice(j * size, (j + 1) * size)
        found = [
            (own.action, one.action),
            (own.observation[:, :seen], one.observation),
            (own.next_observation[:, :seen], one.next_observation),
            (own.reward, one.reward),
            (own.terminated, one.terminated),
        ]
        for target, source in ((own.active, one.active), (own.mask, one.mask), (own.next_mask, one.next_mask)):
            if target is not None and source is not None:
                found.append((target, source))
        return [(target[block], source) for target, source in found]

    def gather(self) -> None:
        """Copy the present sample of every agent."""
        for target, source in self._copies:
            target.copy_(source)
