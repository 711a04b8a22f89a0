"""Small statistics for tables: means with intervals over episodes or seeds, paired where the seeds are the same."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Interval = tuple[float, float, float]
"""Mean, lower and upper end of the 95 % interval."""


def mean_interval(values: NDArray[np.floating] | Sequence[float], confidence: float = 0.95) -> Interval:
    """Return the mean of ``values`` ``(n,)`` with its Student-t interval; the interval is NaN for fewer than two values."""
    sample = np.asarray(values, dtype=float)
    mean = float(sample.mean())
    if len(sample) < 2:
        return mean, math.nan, math.nan
    half = _student_t(confidence, len(sample) - 1) * float(sample.std(ddof=1)) / math.sqrt(len(sample))
    return mean, mean - half, mean + half


def paired_interval(a: NDArray[np.floating] | Sequence[float], b: NDArray[np.floating] | Sequence[float]) -> Interval:
    """Return the mean of ``a - b`` with its interval; both were measured on the same seeds in the same order."""
    return mean_interval(np.asarray(a, dtype=float) - np.asarray(b, dtype=float))


def _student_t(confidence: float, degrees: int) -> float:
    """Return the two-sided quantile of Student's t."""
    from scipy import stats

    return float(stats.t.ppf(0.5 + confidence / 2, degrees))
