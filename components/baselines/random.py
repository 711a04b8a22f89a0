"""Uniform actions: the floor of every plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from wattloom.algorithm import Algorithm, Policy
from wattloom.environment import ActionSpace, Array, Snapshot
from wattloom.spaces import action_shape, choices
from wattloom.streams import CopyStreams


class Random(Algorithm):
    """Draw every action uniformly from its space (an unbounded Box dimension: a standard normal number), allowed choices only."""

    learns = False

    def policy(self, num_envs: int, explore: bool) -> Policy:
        """Return a policy that draws, whether it explores or not."""
        streams = CopyStreams(self.seeds.generator("explore" if explore else "act"), num_envs)
        return RandomPolicy({agent.name: agent.action_space for agent in self.spec.agents}, streams)


class RandomPolicy:
    """Draws for all agents of all copies."""

    def __init__(self, action_spaces: Mapping[str, ActionSpace], streams: CopyStreams) -> None:
        self._spaces, self._streams = action_spaces, streams

    def reset(self, mask: Array | None = None, seeds: Sequence[int | None] | None = None) -> None:
        """Restart the streams of copies with a seed."""
        self._streams.restart(mask, seeds)

    def act(self, snapshot: Snapshot) -> Mapping[str, Array]:
        """Return one draw an agent."""
        masks = snapshot.action_masks or {}
        return {name: self._draw(space, masks.get(name)) for name, space in self._spaces.items()}

    def _draw(self, space: ActionSpace, mask: Array | None) -> Array:
        if isinstance(space, spaces.Box):
            return self._draw_box(space)
        counts = choices(space)
        drawn = self._streams.integers(counts) if mask is None else self._draw_allowed(counts, mask)
        return (drawn.reshape(-1, *action_shape(space)) + space.start).astype(np.int64)

    def _draw_box(self, space: spaces.Box) -> Array:
        size, shape = int(np.prod(space.shape)), (self._streams.num_envs, *space.shape)
        bounded = space.bounded_below & space.bounded_above
        low, high = np.where(bounded, space.low, 0.0), np.where(bounded, space.high, 0.0)
        drawn = low + (high - low) * (self._streams.uniform(size).reshape(shape) + 1.0) / 2.0
        if not bounded.all():
            drawn = np.where(bounded, drawn, np.clip(self._streams.normal(size).reshape(shape), space.low, space.high))
        return drawn.astype(space.dtype)

    def _draw_allowed(self, counts: Sequence[int], mask: Array) -> Array:
        """Draw among the allowed choices of each dimension; ``mask`` is bool ``(num_envs, sum of counts)``."""
        scores = np.where(mask, self._streams.uniform(sum(counts)), -np.inf)
        ends = np.cumsum(counts)
        return np.stack([scores[:, end - n : end].argmax(axis=1) for n, end in zip(counts, ends, strict=True)], axis=1)

    def state_dict(self) -> dict[str, Any]:
        """Return the streams."""
        return {"streams": self._streams.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue the streams."""
        self._streams.load_state_dict(state["streams"])
