"""Change the step of an evenly spaced series, preserving what its values mean.

Interval means keep the mean over any span of whole old steps to rounding. ``hold`` takes the value as constant within its step (prices, tariffs);
``smooth`` joins the cumulative sums at the old boundaries by a monotone cubic (Fritsch and Carlson 1980: no negative power where there was none) and
takes its slope. Where a quantity has a ceiling (a utilisation is never above 1) the same bound from above holds, by the mirrored condition: with value m
of an old step, slopes a at its ends of at least 3 m - 2 c leave c - slope, whose integral is monotone too. Instants are interpolated linearly.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from wattloom.components.sources.series import Floats
from wattloom.errors import ConfigError

Resample = Literal["auto", "hold", "smooth", "linear"]
Ints = NDArray[np.int64]
METHODS: tuple[Resample, ...] = ("auto", "hold", "smooth", "linear")


def resample(
    values: Floats, step: int, offset: int, new_step: int, count: int, kind: str, method: Resample = "auto", ceiling: float | None = None
) -> Floats:
    """Return ``count`` values on the new grid, shape (count,).

    Args:
        values: Shape (n,); value i belongs to ``[i * step, (i + 1) * step)``.
        step: Old step, seconds.
        offset: Where the new grid begins, seconds after the start of value 0.
        new_step: New step, seconds.
        count: Number of new values.
        kind: ``"mean"`` or ``"instant"``: what the values are.
        method: ``"hold"``, ``"smooth"`` (mean-preserving both), ``"linear"`` (between the readings), or ``"auto"``: hold for means, linear for
            instants.
        ceiling: What ``smooth`` must not exceed where no value does; None: no limit.

    Raises:
        ConfigError: If the method is unknown.
    """
    if method not in METHODS:
        raise ConfigError(f"resample={method!r}: choose one of {', '.join(METHODS)}")
    if method == "auto":
        method = "linear" if kind == "instant" else "hold"
    if step == new_step and offset % step == 0:
        return values[offset // step : offset // step + count].copy()
    if method == "linear":
        return _linear(values, step, offset + new_step * np.arange(count))
    if method == "smooth":
        return _smooth(values, step, offset + new_step * np.arange(count + 1), ceiling) / new_step
    return _hold(values, step, offset + new_step * np.arange(count), new_step)


def _linear(values: Floats, step: int, at: Ints) -> Floats:
    left = np.clip(at // step, 0, values.size - 1)
    right = np.minimum(left + 1, values.size - 1)
    share = (at % step) / step
    return values[left] * (1.0 - share) + values[right] * share


def _hold(values: Floats, step: int, begin: Ints, new_step: int) -> Floats:
    """Mean of the piecewise constant series over ``[begin, begin + new_step)``: every overlapped value by its share, so whole steps stay exact."""
    left = begin // step
    mean = np.zeros(begin.size)
    for j in range(-(-new_step // step) + 1):
        old = (left + j) * step
        overlap = np.minimum(begin + new_step, old + step) - np.maximum(begin, old)
        mean += np.maximum(overlap, 0) / new_step * values[np.minimum(left + j, values.size - 1)]
    return mean


def _smooth(values: Floats, step: int, edges: Ints, ceiling: float | None) -> Floats:
    """Integral between neighbouring edges of the slope of a monotone cubic through the exact cumulative sums."""
    from scipy.interpolate import PchipInterpolator

    knots = np.arange(values.size + 1) * float(step)
    cumulative = np.concatenate([[0.0], np.cumsum(values * step)])
    with np.errstate(over="ignore"):  # the harmonic mean of vanishing slopes: 1 / inf = 0 is right
        curve = PchipInterpolator(knots, cumulative)
        result: Floats = np.diff(curve(edges))
    if ceiling is None or values.max() > ceiling:
        return result
    most = ceiling * np.diff(edges)
    if (result > most).any():
        result = np.diff(_below(ceiling, values, step, cumulative, curve(knots, 1), edges))
    return np.clip(result, 0.0 if values.min() >= 0.0 else None, most)  # takes off what rounding of the sums leaves


def _below(ceiling: float, values: Floats, step: int, cumulative: Floats, slopes: Floats, edges: Ints) -> Floats:
    """Integral up to ``edges`` of cubics with the knots' ``slopes``, but in each old step such that it never exceeds the ceiling."""
    least = 3.0 * values - 2.0 * ceiling
    left, right = (np.clip(slope, least, ceiling) for slope in (slopes[:-1], slopes[1:]))
    i = np.clip(edges // step, 0, values.size - 1)
    t = edges / step - i
    a, b, m = left[i], right[i], values[i]
    return cumulative[i] + step * t * (a * (1.0 - t) ** 2 - b * t * (1.0 - t) + m * t * (3.0 - 2.0 * t))
