"""Hourly series of a place from its fitted model: the part that carbon, price, demand, weather and workload share."""

from __future__ import annotations

import warnings

import numpy as np

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.climate import dated, hourly_year, years_of
from wattloom.components.sources.parameters import Zone
from wattloom.components.sources.series import Floats, Series


class WeakSeriesWarning(UserWarning):
    """A generator that is known to reproduce its series poorly."""


def hourly(
    zone: Zone, quantity: str, node: str, calendar: Calendar, seed: int, utc_offset_hours: float | None = None
) -> tuple[Floats, int, float]:
    """Draw the local years of a zone that a calendar touches.

    Args:
        zone: Zone with its fitted models.
        quantity: Which model.
        node: Which stream of the place's climate.
        calendar: The clock.
        seed: Base seed.
        utc_offset_hours: Local standard time minus UTC; None: the zone's own.

    Returns:
        Values of whole years (hours,), the first year, and the offset used.
    """
    offset = float(zone.facts["utc_offset_hours"]) if utc_offset_hours is None else utc_offset_hours
    years = years_of(calendar, offset)
    values = np.concatenate([hourly_year(zone.models[quantity], seed, zone.place, node, year) for year in years])
    return values, years[0], offset


def hourly_series(zone: Zone, quantity: str, node: str, unit: str, calendar: Calendar, seed: int, *, factor: float = 1.0) -> Series:
    """Draw one quantity of a zone as a dated series (interval means).

    Args:
        zone: Zone with its fitted models.
        quantity: Name of the model and of the series.
        node: Which stream of the place's climate.
        unit: Unit of the series.
        calendar: The clock.
        seed: Base seed.
        factor: What the model's values are multiplied by.
    """
    values, year, offset = hourly(zone, quantity, node, calendar, seed)
    warn_if_weak(zone, quantity)
    return dated(quantity, unit, factor * values, year, offset, f"synthetic {quantity} of {zone.name}, seed {seed}")


def warn_if_weak(zone: Zone, quantity: str) -> None:
    """Warn where the table labels a zone as weak."""
    if zone.facts.get("weak"):
        warnings.warn(
            f"synthetic {quantity} of {zone.name}: weak_series: spikes or tariff steps of this market are not reproduced. "
            f"Fix: use real data where they matter, e.g. {quantity}=csv {quantity}.path=FILE.",
            WeakSeriesWarning,
            stacklevel=4,
        )
