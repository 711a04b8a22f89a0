"""Between the actions of a space, in the environment's units, and what a learner stores: a Box scaled to [-1, 1], or choices as one-hots."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from wattloom.components.networks.masking import ILLEGAL
from wattloom.environment import AgentSpec, Array
from wattloom.errors import ConfigError
from wattloom.spaces import action_shape, choices
from wattloom.streams import CopyStreams


class ActionCode(Protocol):
    """How one agent's actions are stored and drawn.

    Attributes:
        size: Floats of a stored action.
        discrete: True for choices.
    """

    @property
    def size(self) -> int: ...  # noqa: D102 - documented above
    @property
    def discrete(self) -> bool: ...  # noqa: D102

    def to_unit(self, actions: Array) -> Array:
        """Map actions ``(num_envs, *shape)`` in units of the space to float32 ``(num_envs, size)``."""
        ...

    def from_unit(self, actions: Array) -> Array:
        """Map a policy's float32 ``(num_envs, size)`` to ``(num_envs, *shape)`` in units of the space."""
        ...

    def uniform(self, streams: CopyStreams, legal: Array | None) -> Array:
        """Draw stored actions uniformly, from the choices that ``legal`` allows."""
        ...

    def noise(self, streams: CopyStreams) -> Array:
        """Draw what a stochastic policy samples with: standard normal for a Box, uniform in [0, 1) for each choice."""
        ...

    def penalty(self, legal: Array | None) -> Tensor | None:
        """Return what rules out masked choices, ``(num_envs, size)``; None where everything is allowed."""
        ...


class ActionScaling:
    """The affine map of one agent's bounded Box onto [-1, 1].

    Args:
        algorithm: Name for messages, e.g. ``"td3"``.
        agent: The agent.

    Raises:
        ConfigError: The action space is discrete, or a bound is infinite or empty.
    """

    discrete = False

    def __init__(self, algorithm: str, agent: AgentSpec) -> None:
        space = agent.action_space
        if not isinstance(space, spaces.Box):
            raise ConfigError(
                f"algorithm={algorithm} needs continuous actions (Box), but agent '{agent.name}' has {space}: "
                "choose an algorithm for discrete actions, or an environment with continuous ones"
            )
        if not (np.isfinite(space.low).all() and np.isfinite(space.high).all() and (space.high > space.low).all()):
            raise ConfigError(
                f"algorithm={algorithm} needs finite action bounds with low < high, but agent '{agent.name}' has "
                f"low {space.low.tolist()}, high {space.high.tolist()}"
            )
        self.size = math.prod(space.shape)
        self._shape = tuple(space.shape)
        self._low = space.low.reshape(-1).astype(np.float32)
        self._high = space.high.reshape(-1).astype(np.float32)
        self._half = (self._high - self._low) / np.float32(2.0)

    def to_unit(self, actions: Array) -> Array:
        """Map actions ``(num_envs, *shape)`` in units of the space to float32 ``(num_envs, n)`` in [-1, 1]."""
        flat = np.asarray(actions, dtype=np.float32).reshape(len(actions), self.size)
        unit: Array = np.clip((flat - self._low) / self._half - np.float32(1.0), -1.0, 1.0)
        return unit

    def from_unit(self, actions: Array) -> Array:
        """Map float32 ``(num_envs, n)`` in [-1, 1] to ``(num_envs, *shape)`` within the bounds."""
        scaled = np.clip(self._low + (actions + np.float32(1.0)) * self._half, self._low, self._high)
        return scaled.reshape(len(actions), *self._shape)

    def uniform(self, streams: CopyStreams, legal: Array | None) -> Array:
        """Draw from the whole range."""
        return streams.uniform(self.size)

    def noise(self, streams: CopyStreams) -> Array:
        """Draw standard normal numbers ``(num_envs, n)``."""
        return streams.normal(self.size)

    def penalty(self, legal: Array | None) -> Tensor | None:
        """Return None: a Box has no masks."""
        return None


class ActionChoices:
    """One-hots of one agent's choices, the dimensions side by side.

    Args:
        agent: The agent, Discrete or MultiDiscrete.
    """

    discrete = True

    def __init__(self, agent: AgentSpec) -> None:
        space = agent.action_space
        assert not isinstance(space, spaces.Box)
        self.counts = choices(space)
        self.size = sum(self.counts)
        self._shape = action_shape(space)
        self._start = np.asarray(space.start, dtype=np.int64).reshape(-1)
        self._ends = np.cumsum(self.counts)[:-1]

    def to_unit(self, actions: Array) -> Array:
        """Map actions ``(num_envs, *shape)`` to one-hots, float32 ``(num_envs, sum of choices)``."""
        return self._one_hots(np.asarray(actions).reshape(len(actions), -1) - self._start)

    def from_unit(self, actions: Array) -> Array:
        """Map one-hots to actions int64 ``(num_envs, *shape)``."""
        chosen = np.stack([part.argmax(1) for part in np.split(actions, self._ends, axis=1)], axis=1) + self._start
        return chosen.reshape(len(actions), *self._shape)

    def uniform(self, streams: CopyStreams, legal: Array | None) -> Array:
        """Draw each dimension uniformly among its allowed choices."""
        noise = self.noise(streams)
        allowed = np.ones((len(noise), self.size), bool) if legal is None else legal
        chosen = []
        for k, part in enumerate(np.split(allowed, self._ends, axis=1)):
            place = np.floor(noise[:, k] * part.sum(1))  # the place among the allowed ones
            chosen.append(((part.cumsum(1) - 1 == place[:, None]) & part).argmax(1))
        return self._one_hots(np.stack(chosen, axis=1))

    def noise(self, streams: CopyStreams) -> Array:
        """Draw numbers uniform in [0, 1), one a dimension."""
        return streams.share(len(self.counts))

    def penalty(self, legal: Array | None) -> Tensor | None:
        """Return 0 for allowed and a large negative number for masked choices."""
        return None if legal is None else torch.where(torch.from_numpy(np.asarray(legal, dtype=bool)), 0.0, ILLEGAL)

    def _one_hots(self, chosen: Array) -> Array:
        """Return float32 one-hots of 0-based choices ``(num_envs, k)``."""
        return np.concatenate([np.eye(n, dtype=np.float32)[chosen[:, k]] for k, n in enumerate(self.counts)], axis=1)


def action_code(algorithm: str, agent: AgentSpec, allow_discrete: bool) -> ActionCode:
    """Return the code of an agent's actions.

    Raises:
        ConfigError: The algorithm cannot serve the space.
    """
    if allow_discrete and not isinstance(agent.action_space, spaces.Box):
        return ActionChoices(agent)
    return ActionScaling(algorithm, agent)
