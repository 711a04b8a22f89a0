"""Memory of rules: flat dictionaries of arrays with one row a copy, so that copies are forgotten, saved and restored by row."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from wattloom.environment import Array

Memory: TypeAlias = dict[str, Array]


def window_quantiles(window: Array, count: Array, low: float, high: float) -> tuple[Array, Array]:
    """Return two quantiles of the values that each copy has seen (linear between order statistics).

    Args:
        window: ``(num_envs, k)``; the first ``min(count, k)`` entries of a row are in use, in any order.
        count: Values seen, at least 1, ``(num_envs,)``.
        low: Share of the lower quantile.
        high: Share of the upper quantile.
    """
    used = np.minimum(count, window.shape[1])
    ordered = np.sort(np.where(np.arange(window.shape[1]) < used[:, None], window, np.inf), axis=1)
    return _quantile(ordered, used, low), _quantile(ordered, used, high)


def _quantile(ordered: Array, used: Array, share: float) -> Array:
    """Return the quantile of the first ``used`` entries of sorted rows."""
    place = share * (used - 1)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, used - 1)
    rows = np.arange(len(ordered))
    at: Array = ordered[rows, below]
    between: Array = at + (place - below) * (ordered[rows, above] - at)
    return between
