"""Named random streams: the same words give the same numbers, whatever else was drawn before."""

from __future__ import annotations

import zlib

import numpy as np


def generator(seed: int, *words: str | int) -> np.random.Generator:
    """Return a fresh generator that depends on ``seed`` and ``words`` only.

    Args:
        seed: Non-negative base seed.
        words: What the numbers are for, e.g. ``"ny", "dry_bulb", 2022``.
    """
    keys = [zlib.crc32(str(word).encode()) for word in words]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy=seed, spawn_key=tuple(keys))))
