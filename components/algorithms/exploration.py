"""Exploration of deterministic policies: what is added to an action while training, in units of the action scaled to [-1, 1].

An exploration component is a description; each policy begins its own process from it, so that training and evaluation share no noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import torch

from wattloom.components.algorithms.ranges import at_least, positive
from wattloom.environment import Array
from wattloom.streams import CopyStreams


class NoiseProcess(Protocol):
    """The running noise of one agent in one policy."""

    def __call__(self, actions: Array) -> Array:
        """Return explored actions, float32 ``(num_envs, n)`` in [-1, 1]."""
        ...

    def reset(self, mask: Array | None) -> None:
        """Begin a new episode in the copies of ``mask`` (default all)."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return the memory of the noise (its random stream belongs to the policy)."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        ...


class Exploration(Protocol):
    """A kind of exploration, built from YAML."""

    def begin(self, streams: CopyStreams, size: int) -> NoiseProcess:
        """Return the process of one agent with ``size`` action dimensions."""
        ...


class MemorylessNoise:
    """A process without memory: ``act`` maps actions to explored actions."""

    def __init__(self, act: Callable[[Array], Array]) -> None:
        self._act = act

    def __call__(self, actions: Array) -> Array:
        """Return explored actions."""
        return self._act(actions)

    def reset(self, mask: Array | None) -> None:
        """Remember nothing, forget nothing."""

    def state_dict(self) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore nothing."""


class NoExploration:
    """The policy's own action, unchanged (a stochastic policy still samples)."""

    def begin(self, streams: CopyStreams, size: int) -> NoiseProcess:
        """Return the identity."""
        return MemorylessNoise(lambda actions: actions)


class UniformExploration:
    """Actions drawn uniformly from the whole range, whatever the policy says: what off-policy learners do before ``learning_starts``."""

    def begin(self, streams: CopyStreams, size: int) -> NoiseProcess:
        """Return uniform actions."""
        return MemorylessNoise(lambda actions: streams.uniform(size))


class GaussianNoise:
    """Independent normal noise, added and clipped.

    Args:
        std: Standard deviation, in units of the action scaled to [-1, 1].
    """

    def __init__(self, std: float = 0.1) -> None:
        self.std = np.float32(at_least("exploration.std", std, 0.0))

    def begin(self, streams: CopyStreams, size: int) -> NoiseProcess:
        """Return ``clip(a + std * N(0, 1))``."""
        return MemorylessNoise(lambda actions: np.clip(actions + self.std * streams.normal(size), -1.0, 1.0))


class OrnsteinUhlenbeck:
    """Correlated noise ``dx = theta (mean - x) dt + sigma dW``, restarted at every episode (Lillicrap et al. 2016, section 7).

    Args:
        sigma: Strength of the fluctuations, in units of the action scaled to [-1, 1].
        theta: Rate of return to the mean, 1/s of ``dt``.
        mean: Long-term mean.
        dt: Time a step, s.
    """

    def __init__(self, sigma: float = 0.2, theta: float = 0.15, mean: float = 0.0, dt: float = 0.01) -> None:
        self.sigma = at_least("exploration.sigma", sigma, 0.0)
        self.theta = at_least("exploration.theta", theta, 0.0)
        self.mean = float(mean)
        self.dt = positive("exploration.dt", dt)

    def begin(self, streams: CopyStreams, size: int) -> NoiseProcess:
        """Return a process that starts at 0 in every copy."""
        return _OrnsteinUhlenbeckProcess(self, streams, size)


class _OrnsteinUhlenbeckProcess:
    """One trajectory of noise a copy."""

    def __init__(self, law: OrnsteinUhlenbeck, streams: CopyStreams, size: int) -> None:
        self._law, self._streams, self._size = law, streams, size
        self.x = np.zeros((streams.num_envs, size), dtype=np.float32)

    def __call__(self, actions: Array) -> Array:
        law = self._law
        drift = law.theta * (law.mean - self.x) * law.dt
        diffusion = law.sigma * np.sqrt(law.dt) * self._streams.normal(self._size)
        self.x = (self.x + drift + diffusion).astype(np.float32)
        explored: Array = np.clip(actions + self.x, -1.0, 1.0)
        return explored

    def reset(self, mask: Array | None) -> None:
        self.x[slice(None) if mask is None else mask] = 0.0

    def state_dict(self) -> dict[str, Any]:
        return {"x": torch.from_numpy(self.x.copy())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.x[:] = state["x"].numpy()
