"""The weather a place has this year, shared by all that depends on it.

Sources are configured one by one, yet the heat, the load, the carbon intensity and the price of one place belong together. So no source owns its
random numbers: it asks the climate of its place. Every series of a place has its own stream of white noise, named by (seed, place, series, year);
the innovations are those streams joined by the place's correlation matrix. Whoever asks for the same seed, place and year is told the same story,
in whatever order, on whatever calendar.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from wattloom.components.sources.calendar import MONDAY_1970, Calendar
from wattloom.components.sources.parameters import joint
from wattloom.components.sources.seasonal_ar import BURN_IN, SeasonalAR
from wattloom.components.sources.seeds import generator
from wattloom.components.sources.series import DAY, HOUR, Floats, Series, frozen


@lru_cache(maxsize=48)
def white(seed: int, place: str, node: str, year: int) -> Floats:
    """White noise of one series in one local year, shape (8760 or 8784,), read-only; the series of a place ask for each other's, so it is kept."""
    return frozen(generator(seed, "climate", place, node, year).standard_normal(days_in(year) * 24))


def innovations(seed: int, place: str, node: str, year: int, lead: int = 0) -> Floats:
    """Innovations of one series: the last ``BURN_IN`` hours of the year before, then the year, shape (BURN_IN + hours,).

    Args:
        seed: Base seed.
        place: Whose climate.
        node: Which series of the place, e.g. ``"dry_bulb"``; one the place has no correlations for is independent.
        year: Local year.
        lead: Hours by which the whole is read later: the stamps of intervals that are stamped at their end.
    """
    nodes, factor = joint(place)
    if node not in nodes:
        return _joined(seed, place, node, year, lead)
    row = factor[nodes.index(node)]
    total = np.zeros(BURN_IN + days_in(year) * 24)
    for other, weight in zip(nodes, row, strict=True):
        if weight != 0.0:
            total += weight * _joined(seed, place, other, year, lead)
    return total


def hourly_year(model: SeasonalAR, seed: int, place: str, node: str, year: int) -> Floats:
    """One local year of a fitted series, hour by hour, shape (8760 or 8784,)."""
    first = (year - 1970) * 365 + (year - 1969) // 4 - (year - 1901) // 100 + (year - 1601) // 400
    weekday = (first - MONDAY_1970 // DAY + np.arange(days_in(year))) % 7
    return model.generate(np.arange(1, days_in(year) + 1), weekday >= 5, innovations(seed, place, node, year, model.lead))


def years_of(calendar: Calendar, utc_offset_hours: float) -> range:
    """Local years of a place that a calendar touches."""
    first = calendar.start_utc + np.timedelta64(round(utc_offset_hours * HOUR), "s")
    last = first + np.timedelta64(calendar.n_steps * calendar.step_seconds - 1, "s")
    return range(_year(first), _year(last) + 1)


def dated(name: str, unit: str, values: Floats, first_year: int, utc_offset_hours: float, origin: str, *, instant: bool = False) -> Series:
    """Return hourly values of whole local years as a series with a date."""
    start = np.datetime64(f"{first_year}-01-01", "s") - np.timedelta64(round(utc_offset_hours * HOUR), "s")
    kind = "instant" if instant else "mean"
    return Series(name, unit, values, HOUR, start, utc_offset_hours, origin, kind, distinct_steps=values.size)  # type: ignore[arg-type]


def _joined(seed: int, place: str, node: str, year: int, lead: int) -> Floats:
    after = white(seed, place, node, year + 1)[:lead] if lead else ()
    return np.concatenate([white(seed, place, node, year - 1)[lead - BURN_IN :], white(seed, place, node, year), after])


def days_in(year: int) -> int:
    """Days of a calendar year: 365 or 366."""
    return 366 if year % 4 == 0 and (year % 100 or year % 400 == 0) else 365


def _year(instant: np.datetime64) -> int:
    return int(instant.astype("datetime64[Y]").astype(np.int64)) + 1970
