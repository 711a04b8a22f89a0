"""Half-hour demand and solar power of a small islanded grid, as fractions of the peak: 48-point shapes with autoregressive residuals.

Two 15-day records were described ("a" and "b"); any number of days is drawn from either. Demand and solar are drawn independently: what
correlation they have comes from their daily shapes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.parameters import table
from wattloom.components.sources.seeds import generator
from wattloom.components.sources.series import DAY, HOUR, Floats, Series
from wattloom.components.sources.transforms import ar1
from wattloom.errors import ConfigError, did_you_mean

HALF_HOUR = 1800


def demand_of(profile: str, peak_kw: float, calendar: Calendar, seed: int) -> Series:
    """Demand in kW: mean level x 48-point shape x (1 + day level) + residual, never negative."""
    p = _profile("demand", profile)
    days, start = _days(calendar)
    level = p["demand_day_level_std"] * ar1(generator(seed, "halfhour", profile, "day"), days, p["demand_day_level_phi"])
    noise = p["demand_shape_resid_std"] * ar1(generator(seed, "halfhour", profile, "demand"), days * 48, p["demand_shape_resid_phi"])
    shape = np.asarray(p["demand_shape"])
    fraction = ((p["demand_mean"] + level)[:, None] * shape).reshape(-1) * (1.0 + noise)
    return _series("demand", "kW", peak_kw * np.maximum(fraction, 0.0), start, calendar, profile, seed)


def solar_of(profile: str, calendar: Calendar, seed: int) -> Series:
    """Solar power as a fraction of the peak: 48-point mean and spread x AR(1), 0 .. 1 (the meter noise below zero at night is left out)."""
    p = _profile("solar", profile)
    days, start = _days(calendar)
    noise = ar1(generator(seed, "halfhour", profile, "solar"), days * 48, p["solar_resid_phi"]).reshape(days, 48)
    mean, spread = np.asarray(p["solar_mean_profile"]), np.asarray(p["solar_std_profile"])
    lit = mean > 0.01
    fraction = np.where(lit, np.clip(mean + spread * noise, 0.0, 1.0), 0.0)
    return _series("solar", "1", fraction.reshape(-1), start, calendar, profile, seed)


def _profile(kind: str, name: str) -> dict[str, Any]:
    known: dict[str, dict[str, Any]] = table("halfhour")["zones"]
    if name not in known:
        raise ConfigError(f"{kind}.profile={name!r} is unknown{did_you_mean(name, known)}")
    return known[name]


def _days(calendar: Calendar) -> tuple[int, int]:
    """Whole local days around the calendar, one more on either side, and the Unix time (UTC) at which they begin."""
    first = int(calendar.local_day[0]) - 1
    days = int(calendar.local_day[-1]) + 2 - first
    return days, first * DAY - round(calendar.utc_offset_hours * HOUR)


def _series(name: str, unit: str, values: Floats, start: int, calendar: Calendar, profile: str, seed: int) -> Series:
    origin = f"half-hour {name} {profile}, seed {seed}"
    return Series(name, unit, values, HALF_HOUR, np.datetime64(start, "s"), calendar.utc_offset_hours, origin, distinct_steps=values.size)
