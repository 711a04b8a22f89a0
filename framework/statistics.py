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


def ratio_interval(
    above: NDArray[np.floating] | Sequence[float], below: NDArray[np.floating] | Sequence[float], confidence: float = 0.95
) -> Interval:
    """Return mean(above) / mean(below) of paired samples ``(n,)`` with its interval.

    The ratio of means, with the variance of its linearisation (Cochran, Sampling Techniques, 3rd ed., section 6.4): residuals
    ``above - ratio * below`` over ``mean(below)``, Student's t with n - 1 degrees. A mean of ratios would let one small ``below`` decide.
    """
    a, b = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    middle = float(b.mean())
    if middle == 0.0 or math.isnan(middle):
        return math.nan, math.nan, math.nan
    ratio = float(a.mean()) / middle
    _, low, high = mean_interval((a - ratio * b) / middle, confidence)
    return ratio, ratio + low, ratio + high


def _student_t(confidence: float, degrees: int) -> float:
    """Return the two-sided quantile of Student's t."""
    from scipy import stats

    return float(stats.t.ppf(0.5 + confidence / 2, degrees))
