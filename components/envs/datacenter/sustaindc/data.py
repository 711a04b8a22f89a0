"""SustainDC's way from hourly files to quarter-hours of a year, and its normalisations.

Kept as it is: 8760 hourly values are laid on 35,040 points from 0 to 8760 INCLUSIVE (a spacing of 0.2500071 h) and the last value is held; carbon data
keep their row order although their stamps are UTC; the demand is stretched between its percentiles and smoothed with zero padding at both ends.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from wattloom.components.physics.compiled import compiled, quickest
from wattloom.environment import Array
from wattloom.errors import DataError

HOURS, QUARTERS = 8760, 35040
FIRST_DAY_OF_MONTH = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


def quarter_hours(hourly: ArrayLike, shift_hours: int = 0) -> Array:
    """Return 35,040 values from (at least) 8760 hourly ones, rolled back by ``shift_hours``.

    Raises:
        DataError: Fewer than 8760 values.
    """
    values = np.asarray(hourly, dtype=np.float64)
    if values.ndim != 1 or len(values) < HOURS:
        raise DataError(f"a year of {HOURS} hourly values is needed, not {values.shape}")
    year: Array = np.interp(np.linspace(0, HOURS, QUARTERS), np.arange(HOURS), values[:HOURS])
    return np.roll(year, -4 * shift_hours)


def filled(hourly: ArrayLike) -> Array:
    """Return the values with missing ones (NaN) replaced by the mean of the others."""
    values = np.asarray(hourly, dtype=np.float64)
    return np.where(np.isnan(values), np.nanmean(values), values)


def demand_of(utilisation: Array) -> Array:
    """Return the demand used: stretched so that percentiles 5 and 95 become 0.2 and 0.8, clipped to 0..1, 16-point moving average.

    A steady utilisation has no spread to stretch (the original divides by 0) and stays what it is.
    """
    p5, p95 = np.percentile(utilisation, [5, 95])
    stretched = np.clip(0.2 + 0.6 * (utilisation - p5) / (p95 - p5) if p95 > p5 else utilisation, 0.0, 1.0)
    smooth: Array = np.convolve(stretched, np.full(16, 1 / 16), mode="same")
    return smooth


def weather_walk(generator: np.random.Generator, std_c: float, at: Array) -> Array:
    """Return a random walk over the year that starts near 0 and has standard deviation ``std_c``, °C, at the quarter-hours ``at``."""
    steps = generator.standard_normal(QUARTERS, dtype=np.float32)  # their size cancels
    walk, std = quickest(walked, walked_loop)(steps)
    noise: Array = walk[at] * (std_c / std)
    return noise


def walked(steps: Array) -> tuple[Array, float]:
    """Return the sums of ``steps`` so far and their standard deviation."""
    walk = np.cumsum(steps, dtype=np.float64)
    variance = np.einsum("i,i", walk, walk) / len(walk) - walk.mean() ** 2  # a threaded dot product would cost more
    return walk, float(np.sqrt(variance))


@compiled
def walked_loop(steps: Array) -> tuple[Array, float]:
    """Do what :func:`walked` does in one pass."""
    walk, here, first, second = np.empty(len(steps)), 0.0, 0.0, 0.0
    for i in range(len(steps)):
        here += np.float64(steps[i])  # uncompiled, a number plus a single-precision one would be single
        walk[i] = here
        first += here
        second += here * here
    mean = first / len(steps)
    return walk, np.sqrt(second / len(steps) - mean * mean)
