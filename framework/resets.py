"""Which copies a reset begins anew, and under which seeds: the same rule for every environment."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np

from wattloom.environment import Array
from wattloom.errors import EnvironmentFault


def copy_mask(mask: Array | None, num_envs: int) -> Array:
    """Return the indices of the copies to reset, all of them without a mask.

    Raises:
        EnvironmentFault: The mask is not bool of shape ``(num_envs,)``.
    """
    if mask is None:
        return np.arange(num_envs)
    flags = np.asarray(mask)
    if flags.shape != (num_envs,) or flags.dtype != np.bool_:
        raise EnvironmentFault(f"reset mask must be bool of shape ({num_envs},), not {flags.dtype} {flags.shape}")
    return np.flatnonzero(flags)


def copy_seeds(seed: int | Sequence[int | None] | None, num_envs: int) -> list[int | None]:
    """Return one seed (or None: continue the stream) a copy; a single seed ``s`` gives copy i the seed ``s + i``, as Gymnasium does.

    Raises:
        EnvironmentFault: No whole number, a sequence of another length, or a negative seed.
    """
    if seed is None:
        return [None] * num_envs
    try:
        if isinstance(seed, Sequence | np.ndarray) and not isinstance(seed, str):
            seeds: list[int | None] = [None if s is None else operator.index(s) for s in seed]
        else:
            seeds = [operator.index(seed) + i for i in range(num_envs)]
    except TypeError:
        raise EnvironmentFault(f"a reset seed must be a whole number, or a sequence of one a copy, not {seed!r}") from None
    if len(seeds) != num_envs:
        raise EnvironmentFault(f"{len(seeds)} seeds for {num_envs} copies")
    if any(s is not None and s < 0 for s in seeds):
        raise EnvironmentFault(f"reset seeds must not be negative: {seed}")
    return seeds
