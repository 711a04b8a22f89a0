"""Half-hour demand and solar power of a small islanded grid, as fractions of the peak: 48-point shapes with autoregressive residuals.

Two 15-day records were described ("a" and "b"); any number of days is drawn from either. Demand and solar are drawn independently: what
correlation they have comes from their daily shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.climate import days_in, years_of
from wattloom.components.sources.noise import ar1
from wattloom.components.sources.parameters import table
from wattloom.components.sources.seeds import generator
from wattloom.components.sources.series import HOUR, Floats, Series
from wattloom.errors import ConfigError, did_you_mean

HALF_HOUR = 1800


def demand_of(profile: str, peak_kw: float, calendar: Calendar, seed: int) -> Series:
    """Demand in kW: (mean + level of the day) x 48-point shape x (1 + residual), never negative."""
    p = _profile("demand", profile)
    shape = np.asarray(p["demand_shape"])

    def year(number: int) -> Floats:
        days = days_in(number)
        level = p["demand_day_level_std"] * ar1(generator(seed, "halfhour", profile, "day", number), days, p["demand_day_level_phi"])
        noise = p["demand_shape_resid_std"] * ar1(
            generator(seed, "halfhour", profile, "demand", number), days * 48, p["demand_shape_resid_phi"]
        )
        fraction = ((p["demand_mean"] + level)[:, None] * shape).reshape(-1) * (1.0 + noise)
        power: Floats = peak_kw * np.maximum(fraction, 0.0)
        return power

    return _series("demand", "kW", year, calendar, profile, seed)


def solar_of(profile: str, calendar: Calendar, seed: int) -> Series:
    """Solar power as a fraction of the peak: 48-point mean and spread x AR(1), 0 .. 1 (the meter noise below zero at night is left out)."""
    p = _profile("solar", profile)
    mean, spread = np.asarray(p["solar_mean_profile"]), np.asarray(p["solar_std_profile"])

    def year(number: int) -> Floats:
        days = days_in(number)
        noise = ar1(generator(seed, "halfhour", profile, "solar", number), days * 48, p["solar_resid_phi"]).reshape(days, 48)
        return np.where(mean > 0.01, np.clip(mean + spread * noise, 0.0, 1.0), 0.0).reshape(-1)

    return _series("solar", "1", year, calendar, profile, seed)


def _profile(kind: str, name: str) -> dict[str, Any]:
    known: dict[str, dict[str, Any]] = table("halfhour")["zones"]
    if name not in known:
        raise ConfigError(f"{kind}.profile={name!r} is unknown{did_you_mean(name, known)}")
    return known[name]


def _series(name: str, unit: str, year: Callable[[int], Floats], calendar: Calendar, profile: str, seed: int) -> Series:
    years = years_of(calendar, calendar.utc_offset_hours)
    values = np.concatenate([year(number) for number in years])
    start = np.datetime64(f"{years[0]}-01-01", "s") - np.timedelta64(round(calendar.utc_offset_hours * HOUR), "s")
    origin = f"half-hour {name} {profile}, seed {seed}"
    return Series(name, unit, values, HALF_HOUR, start, calendar.utc_offset_hours, origin, distinct_steps=values.size)
