"""The exogenous entries of SustainDC's observations: clock, normalised series, their slopes, and features of the values to come.

Computed once an episode for every step of it. Defects kept: the z-score explodes where its window is constant (std + 1e-8), the hour's fraction is rounded
to 3 decimals, and before 04:00 on 1 January the past slope is 0.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from wattloom.components.envs.datacenter.sustaindc.episode import DEMAND, DRY, LEAD
from wattloom.components.physics import compiled as compiler
from wattloom.components.physics.compiled import compiled
from wattloom.environment import Array

ENTRIES = 29


def _slope(length: int, average: int) -> Array:
    """Return weights of the least-squares slope (per step) of the moving average of ``length`` values."""
    n = length - average + 1
    x = np.arange(n) - (n - 1) / 2
    weights: Array = np.convolve(x / (x @ x), np.full(average, 1 / average))
    return weights


CARBON_AHEAD, CARBON_PAST, TEMPERATURE_AHEAD = _slope(9, 4), _slope(17, 4), _slope(17, 1)


def exogenous_entries(values: Array, bounds: Array, start: Array, times: int) -> Array:
    """Return float32 ``(copies, times, 29)``: columns of the central state, with the queue's and the battery's left 0.

    Args:
        values: Stretches, ``(copies, length, k)``.
        bounds: Temperature min, max, carbon min, max, ``(copies, 4)``.
        start: 15-min index of the year of the first step, ``(copies,)``.
        times: Number of times, the first of them the reset.
    """
    temperature = (values[:, :, DRY] - bounds[:, 0:1]) / (bounds[:, 1:2] - bounds[:, 0:1])
    carbon = (values[:, :, 3] - bounds[:, 2:3]) / (bounds[:, 3:4] - bounds[:, 2:3])
    now = slice(LEAD, LEAD + times)
    view = np.zeros((len(values), times, ENTRIES), dtype=np.float32)
    quarter = start[:, None] + np.arange(times)
    angle = np.round(quarter % 96 / 96, 3) * 2 * np.pi
    view[..., 0], view[..., 1] = 0.5 * np.cos(angle) + 0.5, 0.5 * np.sin(angle) + 0.5
    view[..., 2] = carbon[:, now]
    view[..., 3] = sliding_window_view(carbon, 9, axis=1)[:, now] @ CARBON_AHEAD
    past = sliding_window_view(carbon, 17, axis=1)[:, :times] @ CARBON_PAST
    view[..., 4] = np.where(quarter < LEAD, 0.0, past)
    view[..., 5:10] = window_features(sliding_window_view(carbon, 9, axis=1)[:, now])
    ahead = sliding_window_view(temperature, 17, axis=1)[:, now]
    view[..., 13], view[..., 14] = values[:, now, DEMAND], temperature[:, now]
    view[..., 15] = ahead @ TEMPERATURE_AHEAD
    view[..., 16:21] = window_features(ahead)
    following = slice(LEAD + 1, LEAD + 1 + times)
    view[..., 26], view[..., 27] = values[:, following, DEMAND], temperature[:, following]
    return view


def window_features(window: Array) -> Array:
    """Return mean, std, z-score, next peak and next valley, ``(..., 5)``, of the future in ``(..., 1 + k)`` windows that begin with the present."""
    future, k = window[..., 1:], window.shape[-1] - 1
    mean, std = future.mean(-1), future.std(-1)
    gradient = np.empty(window.shape)
    gradient[..., 1:-1] = window[..., 2:] - window[..., :-2]
    gradient[..., 0] = window[..., 1] - window[..., 0]
    gradient[..., -1] = window[..., -1] - window[..., -2]
    rising, falling = gradient > 0, gradient < 0
    peak = _first(rising[..., :-1] & ~rising[..., 1:])
    valley = _first(falling[..., :-1] & ~falling[..., 1:])
    return np.stack([mean, std, (window[..., 0] - mean) / (std + 1e-8), peak / k, valley / k], axis=-1)


def _first(flags: Array) -> Array:
    """Return the index of the first True along the last axis, or its length."""
    first: Array = np.where(flags.any(-1), flags.argmax(-1), flags.shape[-1])
    return first


@compiled
def features(series: Array, at: int, k: int, out: Array, column: int) -> None:
    """Write the five of :func:`window_features` of ``series[at : at + k + 1]`` into ``out[column : column + 5]``."""
    mean = 0.0
    for i in range(1, k + 1):
        mean += series[at + i]
    mean /= k
    square = 0.0
    for i in range(1, k + 1):
        square += (series[at + i] - mean) ** 2
    std = np.sqrt(square / k)
    peak, valley = k, k
    before = series[at + 1] - series[at]
    for i in range(1, k + 1):
        after = series[at + i + 1] - series[at + i - 1] if i < k else series[at + k] - series[at + k - 1]
        if peak == k and before > 0 and not after > 0:
            peak = i - 1
        if valley == k and before < 0 and not after < 0:
            valley = i - 1
        before = after
    out[column], out[column + 1], out[column + 2] = mean, std, (series[at] - mean) / (std + 1e-8)
    out[column + 3], out[column + 4] = peak / k, valley / k


@compiled
def weighed(series: Array, at: int, weights: Array) -> float:
    """Return the sum of ``weights`` times the values from ``series[at]`` on."""
    total = 0.0
    for i in range(len(weights)):
        total += weights[i] * series[at + i]
    return total


@compiled
def entries_loop(
    values: Array, bounds: Array, start: Array, times: int, carbon_ahead: Array, carbon_past: Array, temperature_ahead: Array
) -> Array:
    """Do what :func:`exogenous_entries` does, step by step; the last three are the weights of the slopes."""
    view = np.zeros((len(values), times, ENTRIES), dtype=np.float32)
    angle = np.rint(np.arange(96) / 96 * 1000) / 1000 * 2 * np.pi
    cosine, sine = 0.5 * np.cos(angle) + 0.5, 0.5 * np.sin(angle) + 0.5
    for c in range(len(values)):
        demand = values[c, :, DEMAND]
        temperature = (values[c, :, DRY] - bounds[c, 0]) / (bounds[c, 1] - bounds[c, 0])
        carbon = (values[c, :, 3] - bounds[c, 2]) / (bounds[c, 3] - bounds[c, 2])
        for t in range(times):
            row, quarter, now = view[c, t], start[c] + t, LEAD + t
            row[0], row[1], row[2] = cosine[quarter % 96], sine[quarter % 96], carbon[now]
            row[3] = weighed(carbon, now, carbon_ahead)
            row[4] = 0.0 if quarter < LEAD else weighed(carbon, t, carbon_past)
            features(carbon, now, 8, row, 5)
            row[13], row[14] = demand[now], temperature[now]
            row[15] = weighed(temperature, now, temperature_ahead)
            features(temperature, now, 16, row, 16)
            row[26], row[27] = demand[now + 1], temperature[now + 1]
    return view


def entries(values: Array, bounds: Array, start: Array, times: int) -> Array:
    """Return :func:`exogenous_entries` by the quicker way."""
    if not compiler.FAST:
        return exogenous_entries(values, bounds, start, times)
    view: Array = entries_loop(values, bounds, start, times, CARBON_AHEAD, CARBON_PAST, TEMPERATURE_AHEAD)
    return view
