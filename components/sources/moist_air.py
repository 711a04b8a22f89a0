"""Wet bulb and humidity of moist air at the pressure of its place: ASHRAE Handbook of Fundamentals 2017, chapter 1, SI units."""

from __future__ import annotations

import numpy as np

from wattloom.components.sources.series import Floats

STANDARD_PRESSURE = 101_325.0  # Pa
TOLERANCE = 1e-6  # K
ICE = (-5.6745359e3, 6.3925247, -9.677843e-3, 6.2215701e-7, 2.0747825e-9, -9.484024e-13, 4.1635019)  # eq. 5, C1 .. C7
WATER = (-5.8002206e3, 1.3914993, -4.8640239e-2, 4.1764768e-5, -1.4452093e-8, 6.5459673)  # eq. 6, C8 .. C13


def saturation_pressure(dry_bulb: Floats) -> Floats:
    """Saturation vapour pressure in Pa over ice below, and water above, the triple point (eqs. 5 and 6); ``dry_bulb`` in degC."""
    t = dry_bulb + 273.15
    log = np.log(t)
    ice = ICE[0] / t + ICE[1] + ICE[2] * t + ICE[3] * t**2 + ICE[4] * t**3 + ICE[5] * t**4 + ICE[6] * log
    water = WATER[0] / t + WATER[1] + WATER[2] * t + WATER[3] * t**2 + WATER[4] * t**3 + WATER[5] * log
    result: Floats = np.exp(np.where(dry_bulb <= 0.01, ice, water))
    return result


def humidity_ratio(vapour_pressure: Floats, pressure: Floats | float) -> Floats:
    """Kilograms of water per kilogram of dry air (eq. 20); both pressures in Pa."""
    result: Floats = np.maximum(0.621945 * vapour_pressure / (pressure - vapour_pressure), 1e-7)
    return result


def pressure_at(elevation_m: float) -> float:
    """Standard atmosphere's pressure in Pa at an elevation in m (eq. 3)."""
    return float(STANDARD_PRESSURE * (1 - 2.25577e-5 * elevation_m) ** 5.2559)


def humidity_from_dew_point(dry_bulb: Floats, dew_point: Floats) -> Floats:
    """Relative humidity in % from dry bulb and dew point, degC."""
    return np.clip(100.0 * saturation_pressure(dew_point) / saturation_pressure(dry_bulb), 0.0, 100.0)


def humidity_from_wet_bulb(dry_bulb: Floats, wet: Floats, pressure: Floats | float = STANDARD_PRESSURE) -> Floats:
    """Relative humidity in % from dry and wet bulb, degC (eqs. 33 and 35, then 20 solved for the vapour pressure), limited to 1 .. 100."""
    ratio = _ratio_at(dry_bulb, wet, pressure)
    vapour = pressure * ratio / (0.621945 + ratio)
    return np.clip(100.0 * vapour / saturation_pressure(dry_bulb), 1.0, 100.0)


def wet_bulb(
    dry_bulb: Floats, relative_humidity: Floats, pressure: Floats | float = STANDARD_PRESSURE, *, tolerance: float = TOLERANCE
) -> Floats:
    """Thermodynamic wet bulb in degC, shape (n,): the root of eqs. 33 (water) and 35 (ice), found by bisection.

    Args:
        dry_bulb: Shape (n,), degC.
        relative_humidity: Shape (n,), %, limited to 0 .. 100.
        pressure: Station pressure, Pa.
        tolerance: Width of the last bracket, K.
    """
    actual = humidity_ratio(np.clip(relative_humidity, 0.0, 100.0) / 100.0 * saturation_pressure(dry_bulb), pressure)
    low, high = np.full_like(dry_bulb, -100.0), dry_bulb.copy()
    for _ in range(int(np.ceil(np.log2(200.0 / tolerance)))):
        middle = 0.5 * (low + high)
        wetter = _ratio_at(dry_bulb, middle, pressure) > actual
        high, low = np.where(wetter, middle, high), np.where(wetter, low, middle)
    return 0.5 * (low + high)


def _ratio_at(dry_bulb: Floats, wet: Floats, pressure: Floats | float) -> Floats:
    """Humidity ratio of air with this dry and wet bulb."""
    saturated = humidity_ratio(saturation_pressure(wet), pressure)
    water = ((2501.0 - 2.326 * wet) * saturated - 1.006 * (dry_bulb - wet)) / (2501.0 + 1.86 * dry_bulb - 4.186 * wet)
    ice = ((2830.0 - 0.24 * wet) * saturated - 1.006 * (dry_bulb - wet)) / (2830.0 + 1.86 * dry_bulb - 2.1 * wet)
    result: Floats = np.where(wet >= 0.0, water, ice)
    return result
