"""Forecasts: what is believed at each step about the next ``length`` steps, computed once per data set and then gathered by row.

Persistence within a day is the last day's stretch, so its rows share the memory of the series; the others are tables of their own.

The growing error is a martingale, as real forecasts are: with a random walk W, the forecast made at t for t + l is wrong by ``W[t + l] - W[t]``.
Its standard deviation grows with the square root of the lead, errors of neighbouring leads go together, and a later forecast of the same step only
removes error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wattloom.components.sources.calendar import Ints
from wattloom.components.sources.rows import Precision, Rows, Separate, at_precision, sliding
from wattloom.components.sources.seeds import generator
from wattloom.components.sources.series import Floats
from wattloom.errors import ConfigError

if TYPE_CHECKING:
    from wattloom.components.sources.table import ForecastMode, Table


def forecast_rows(table: Table, length: int, mode: ForecastMode, error: float, precision: Precision) -> Rows:
    """Return all forecasts of ``length`` leads, one row a step.

    Args:
        table: The true columns.
        length: Number of leads.
        mode: ``"persistence"``, ``"growing"`` or ``"stored"``.
        error: Standard deviation of the growing error 24 h ahead, as a share of each column's standard deviation.
        precision: Of the rows.
    """
    day = table.calendar.steps_per_day
    if mode == "persistence" and length <= day:
        steps = np.arange(1 - day, table.calendar.n_steps + length - day)
        return sliding(at_precision(table.values[_known(table, steps)], precision), length)
    forecasts = {"persistence": persistence, "growing": lambda t, n: growing(t, n, error), "stored": stored}[mode](table, length)
    return Separate(np.ascontiguousarray(at_precision(forecasts, precision)))


def persistence(table: Table, length: int) -> Floats:
    """The same hour of the last day that is fully known at t: ``x[t + l - ceil(l / day) * day]``; the first day looks back over the wrap."""
    day = table.calendar.steps_per_day
    lead = np.arange(1, length + 1)
    behind = lead - -(-lead // day) * day  # in (-day, 0]
    index = np.arange(table.calendar.n_steps)[:, None] + behind
    return table.values[_known(table, index.reshape(-1))].reshape(*index.shape, -1)


def _known(table: Table, steps: Ints) -> Ints:
    """Steps that stand for ``steps`` up to the last one; nothing is known before data that must not wrap: the first value is held."""
    return np.maximum(steps, 0) if table.wrap == "error" else table.wrapped(steps)


def growing(table: Table, length: int, error: float) -> Floats:
    """The truth plus ``W[t + l] - W[t]``; columns that are never negative stay so."""
    n, k = table.values.shape
    if error < 0:
        raise ConfigError(f"forecast error={error}: a standard deviation is not negative")
    step = error * np.nanstd(table.values, axis=0) / np.sqrt(table.calendar.steps_per_day)
    walk = np.cumsum(generator(table.seed, "forecast", *table.names).normal(size=(n + length, k)) * step, axis=0)
    later = np.lib.stride_tricks.sliding_window_view(walk[1:], length, axis=0).transpose(0, 2, 1)
    forecasts: Floats = later - walk[:n, None, :]
    forecasts += _truth(table, length)
    lower = np.where(np.nanmin(table.values, axis=0) >= 0, 0.0, -np.inf)
    np.maximum(forecasts, lower, out=forecasts)
    return forecasts


def stored(table: Table, length: int) -> Floats:
    """The first ``length`` leads that came with the data."""
    if table.stored is None or table.stored.shape[1] < length:
        have = 0 if table.stored is None else table.stored.shape[1]
        raise ConfigError(
            f"{table.origin or 'table'} stores forecasts of {have} steps, {length} were asked for: use perfect, persistence or growing"
        )
    return table.stored[:, :length].copy()


def _truth(table: Table, length: int) -> Floats:
    n, k = table.values.shape
    index = np.arange(1, n + 1)
    if table.wrap == "error":  # rows that would look beyond the data hold its last value; a split keeps starts away from them
        reach = np.minimum(index[:, None] + np.arange(length), n - 1)
        held: Floats = table.values[reach]
        return held
    return table.window(index, length).reshape(n, length, k)
