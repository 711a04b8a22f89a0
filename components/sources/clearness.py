"""Global horizontal irradiance: how high the sun stands, how clear the day is, and how the hours of the day scatter.

Clear sky after Haurwitz (1945): ``1098 cos Z exp(-0.057 / cos Z)`` W/m2. A daily clearness index follows an AR(1) on normal scores, mapped to the
month's quantiles; within the day an AR(1) log-normal ratio, wider on cloudy days, is rescaled so that the day keeps its clearness.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wattloom.components.sources.noise import ar1
from wattloom.components.sources.parameters import Zone, table
from wattloom.components.sources.seeds import generator
from wattloom.components.sources.series import Floats

CLEAREST = 1.15  # an hour's irradiance over clear sky, at most: reflecting clouds


def hourly_year(site: Zone, seed: int, year: int) -> Floats:
    """One local standard year of hourly mean irradiance, W/m2, shape (8760 or 8784,).

    Args:
        site: Zone of table ``solar_clearness_us``.
        seed: Base seed.
        year: Local year.
    """
    days = np.arange(np.datetime64(f"{year}-01-01"), np.datetime64(f"{year + 1}-01-01"))
    clear = clear_sky(days.size, site.facts["latitude"], site.facts["longitude"], site.facts["utc_offset_hours"])
    month = days.astype("datetime64[M]").astype(np.int64) % 12
    k = daily_clearness(site, seed, year, month)
    ratio = hourly_ratio(site, seed, year, k)
    ghi, target = clear * ratio, k * clear.sum(axis=1)
    for _ in range(2):  # what an hour loses at its limit, the other hours of the day get back
        ghi = np.minimum(ghi * (target / ghi.sum(axis=1))[:, None], CLEAREST * clear)
    return ghi.reshape(-1)


def clear_sky(days: int, latitude: float, longitude: float, utc_offset_hours: float) -> Floats:
    """Haurwitz clear-sky irradiance at the middle of every local standard hour, W/m2, shape (days, 24)."""
    day = np.arange(1, days + 1)[:, None]
    b = 2 * np.pi * (day - 1) / 365
    declination = (
        0.006918 - 0.399912 * np.cos(b) + 0.070257 * np.sin(b) - 0.006758 * np.cos(2 * b) + 0.000907 * np.sin(2 * b)
    )  # Spencer 1971, rad
    equation = 229.18 * (
        0.000075 + 0.001868 * np.cos(b) - 0.032077 * np.sin(b) - 0.014615 * np.cos(2 * b) - 0.040849 * np.sin(2 * b)
    )  # min
    solar_time = np.arange(24) + 0.5 + (longitude - 15 * utc_offset_hours) / 15 + equation / 60
    angle = np.deg2rad(15 * (solar_time - 12))
    phi = np.deg2rad(latitude)
    cosine = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(angle)
    up = np.maximum(cosine, 1e-3)
    return np.where(cosine > 0, 1098 * up * np.exp(-0.057 / up), 0.0)


def daily_clearness(site: Zone, seed: int, year: int, month: NDArray[np.int64]) -> Floats:
    """Clearness index of every day (1: clear), shape (days,); AR(1) normal scores through the month's quantiles."""
    from scipy.special import ndtr

    score = ndtr(ar1(generator(seed, "clearness", site.place, year), month.size, site.facts["daily_phi"]))
    levels, quantiles = np.asarray(table("solar_clearness_us")["levels"]), np.asarray(site.facts["clearness"])
    k = np.empty(month.size)
    for m in range(12):
        k[month == m] = np.interp(score[month == m], levels, quantiles[m])
    return k


def hourly_ratio(site: Zone, seed: int, year: int, k: Floats) -> Floats:
    """Log-normal ratio of every hour to its day, shape (days, 24), before it is rescaled to the day's clearness."""
    stds = np.array([np.nan if s is None else s for s in site.facts["hourly_std"]])
    stds = np.where(np.isnan(stds), np.nanmax(stds), stds)  # a class of days never seen at the site is as wide as its widest
    kind = np.digitize(k, table("solar_clearness_us")["bins"][1:-1])
    u = ar1(generator(seed, "hours", site.place, year), k.size * 24, site.facts["hourly_phi"]).reshape(k.size, 24)
    result: Floats = np.exp(stds[kind][:, None] * u)
    return result
