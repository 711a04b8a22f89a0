"""A replay batch as learners with critics of the joint action read it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wattloom.components.algorithms.batch import AgentBatch, weights
from wattloom.components.buffers.replay import ReplayBuffer
from wattloom.components.buffers.transitions import TeamLayout
from wattloom.components.networks.masking import ILLEGAL


@dataclass(frozen=True, slots=True)
class AgentRows:
    """What one agent saw, and where its action stands in the joint one; views, so they show each new sample.

    Attributes:
        observation: ``(B, o)``.
        next_observation: ``(B, o)``, the true successor.
        first: Column of the joint action at which its own begins.
        stop: Column at which it ends.
        stream: Index of the critics that value this agent's reward.
        active: ``(B,)``, 0 where the agent took no part; None: it always does.
        next_active: The same at the successor.
        mask: ``(B, choices)``, 1 where allowed; None: actions are continuous.
        next_mask: The same at the successor.
    """

    observation: Tensor
    next_observation: Tensor
    first: int
    stop: int
    stream: int
    active: Tensor | None = None
    next_active: Tensor | None = None
    mask: Tensor | None = None
    next_mask: Tensor | None = None


@dataclass(frozen=True, slots=True)
class TeamBatch:
    """Columns of the whole team; C is the number of streams: rewards with critics of their own.

    Attributes:
        pair: ``(B, a + s)``, joint action and central state side by side: what a critic reads.
        next_state: ``(B, s)``.
        actions: Width a of the joint action.
        reward: ``(C, B)``.
        terminated: ``(C, B)``, 1 where the continuation is worth 0.
        share: ``1/B`` as a tensor.
        counted: ``(C, B)``, 0 where a row does not count for a stream; None: all count.
        agents: The agents' own rows, in order.
    """

    pair: Tensor
    next_state: Tensor
    actions: int
    reward: Tensor
    terminated: Tensor
    share: Tensor
    counted: Tensor | None
    agents: tuple[AgentRows, ...]

    @property
    def streams(self) -> int:
        """Number of streams C."""
        return len(self.reward)

    def weight(self) -> Tensor:
        """Return each row's share in the critics' means: a scalar, or ``(2C, 1, B)``, two critics a stream."""
        if self.counted is None:
            return self.share
        return twice(self.counted / self.counted.sum(1, keepdim=True).clamp_min(1.0))

    @classmethod
    def of(cls, buffer: ReplayBuffer, layout: TeamLayout) -> TeamBatch:
        """Return the views on ``buffer.batch`` of everything that ``layout`` stores."""
        column, agents, first = buffer.column, [], 0
        for i, name in enumerate(layout.agents):
            stop = first + column(f"{name}/action").shape[1]
            flags = [column(f"{name}/{key}")[:, 0] if layout.masked else None for key in ("active", "next_active")]
            masks = [column(f"{name}/{key}") if name in layout.discrete else None for key in ("mask", "next_mask")]
            seen = column(f"{name}/observation"), column(f"{name}/next_observation")
            agents.append(AgentRows(*seen, first, stop, i if layout.streams > 1 else 0, *flags, *masks))
            first = stop
        reward, terminated = buffer.span(*layout.reward_span).T, buffer.span(*layout.terminated_span).T
        counted = buffer.span(*layout.active_span).T if layout.streams > 1 and layout.masked else None
        share = torch.tensor(1.0 / len(buffer.batch))
        next_state = buffer.span(*layout.next_state_span)
        return cls(buffer.span(*layout.pair_span), next_state, first, reward, terminated, share, counted, tuple(agents))

    @classmethod
    def alone(cls, batch: AgentBatch) -> TeamBatch:
        """Return the batch of a team of one: its state is what the agent sees."""
        rows = AgentRows(
            batch.observation, batch.next_observation, 0, batch.action.shape[1], 0, batch.active, None, batch.mask, batch.next_mask
        )
        counted = None if batch.active is None else batch.active[None]
        reward, terminated = batch.reward[None], batch.terminated[None]
        return cls(batch.pair, batch.next_observation, rows.stop, reward, terminated, batch.share, counted, (rows,))


def twice(x: Tensor) -> Tensor:
    """Return ``(C, B)`` as ``(2C, 1, B)``: the same for both critics of a stream."""
    return x.repeat_interleave(2, 0)[:, None]


def joined(parts: list[Tensor | None]) -> Tensor | None:
    """Return the agents' parts one after the other along the batch; None where there are none."""
    found = [part for part in parts if part is not None]
    if not found:
        return None
    return found[0] if len(found) == 1 else torch.cat(found)


def rows_weight(agents: tuple[AgentRows, ...], share: Tensor) -> Tensor:
    """Return each row's share in the mean over the rows of all ``agents`` in which they took part; a scalar where all count."""
    active = joined([rows.active for rows in agents])
    return share / len(agents) if active is None else weights(active)


def penalty_of(agents: tuple[AgentRows, ...]) -> Tensor | None:
    """Return what rules out masked choices for all rows, those of the successors last, ``(out, 2R)``; None where everything is allowed."""
    mask = joined([*(rows.mask for rows in agents), *(rows.next_mask for rows in agents)])
    if mask is None or bool(mask.all()):
        return None
    return (1.0 - mask.T) * ILLEGAL
