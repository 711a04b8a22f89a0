"""Named random generators: one seed a run, one independent stream a name.

Streams are keyed by name (not by the order of creation), so that adding one never shifts another.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


class Seeds:
    """A tree of named streams under one run seed.

    Args:
        seed: The run's seed, a non-negative integer.
        path: Names from the root to this node.
    """

    def __init__(self, seed: int, path: tuple[str, ...] = ()) -> None:
        self.seed = int(seed)
        self.path = path

    def child(self, name: str) -> Seeds:
        """Return the sub-tree ``name``."""
        return Seeds(self.seed, (*self.path, name))

    def sequence(self, name: str) -> np.random.SeedSequence:
        """Return the SeedSequence of the stream ``name``."""
        key = tuple(zlib.crc32(part.encode()) for part in (*self.path, name))
        return np.random.SeedSequence(self.seed, spawn_key=key)

    def generator(self, name: str) -> np.random.Generator:
        """Return a fresh NumPy generator of the stream ``name``."""
        return np.random.Generator(np.random.PCG64(self.sequence(name)))

    def integer(self, name: str) -> int:
        """Return the first 31-bit integer of the stream ``name``, e.g. a base seed for an environment."""
        return int(self.sequence(name).generate_state(1)[0] >> 1)

    def torch(self, name: str) -> torch.Generator:
        """Return a fresh CPU torch generator of the stream ``name``."""
        import torch

        return torch.Generator().manual_seed(int(self.sequence(name).generate_state(1, np.uint64)[0] >> np.uint64(1)))
