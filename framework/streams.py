"""Random numbers for ``num_envs`` copies: one common stream while training, one a copy where a caller seeds the copies.

A common stream is one call for all copies. Seeded copies (an evaluation on fixed seeds) draw from their own streams, so that an episode does
not depend on how many others run beside it.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wattloom.environment import Array

_POLICY_KEY = (zlib.crc32(b"policy"),)


class CopyStreams:
    """Draws rows of random numbers, one row a copy.

    Args:
        generator: Common stream of all copies that have no own one.
        num_envs: Number of copies.
    """

    def __init__(self, generator: np.random.Generator, num_envs: int) -> None:
        self.num_envs = num_envs
        self._common = generator
        self._own: dict[int, np.random.Generator] = {}

    def restart(self, mask: Array | None, seeds: Sequence[int | None] | None) -> None:
        """Give each copy of ``mask`` (default all) with a seed its own stream; ``seeds`` has one entry a copy, None keeps the stream."""
        if seeds is None:
            return
        chosen = range(self.num_envs) if mask is None else np.flatnonzero(mask)
        for i in chosen:
            seed = seeds[int(i)]
            if seed is not None:
                # keyed apart from the environment's own stream of the same seed: the policy must not replay the initial state's numbers
                self._own[int(i)] = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=_POLICY_KEY)))

    def normal(self, size: int) -> Array:
        """Return float32 ``(num_envs, size)`` of standard normal numbers."""
        drawn: Array = self._common.standard_normal((self.num_envs, size), dtype=np.float32)
        for i, stream in self._own.items():
            drawn[i] = stream.standard_normal(size, dtype=np.float32)
        return drawn

    def share(self, size: int) -> Array:
        """Return float32 ``(num_envs, size)`` of numbers uniform in [0, 1)."""
        drawn: Array = self._common.random((self.num_envs, size), dtype=np.float32)
        for i, stream in self._own.items():
            drawn[i] = stream.random(size, dtype=np.float32)
        return drawn

    def uniform(self, size: int) -> Array:
        """Return float32 ``(num_envs, size)`` of numbers uniform in [-1, 1)."""
        return self.share(size) * np.float32(2.0) - np.float32(1.0)

    def integers(self, counts: Sequence[int]) -> Array:
        """Return int64 ``(num_envs, len(counts))``, column k uniform in ``0 … counts[k] - 1``."""
        high = np.asarray(counts, dtype=np.int64)
        drawn: Array = self._common.integers(0, high, size=(self.num_envs, len(high)))
        for i, stream in self._own.items():
            drawn[i] = stream.integers(0, high)
        return drawn

    def state_dict(self) -> dict[str, Any]:
        """Return the state of every stream as plain values."""
        return {"common": self._common.bit_generator.state, "own": {i: g.bit_generator.state for i, g in self._own.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue every stream where :meth:`state_dict` left it."""
        self._common.bit_generator.state = state["common"]
        self._own = {}
        for i, saved in state["own"].items():
            self._own[int(i)] = np.random.Generator(np.random.PCG64(0))
            self._own[int(i)].bit_generator.state = saved
