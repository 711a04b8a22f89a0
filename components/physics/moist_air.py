"""Moist air at the pressure of its place: wet bulb and humidity as weather stations know them, over water and over ice.

Source: ASHRAE Handbook of Fundamentals 2017, chapter 1, SI units; the equation numbers are the handbook's. The closed form that a data center
computes with while it runs is :mod:`wattloom.components.physics.magnus`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
STANDARD_PRESSURE = 101_325.0  # Pa
RATIO = 0.621945  # molar mass of water over that of dry air
ICE = (-5.6745359e3, 6.3925247, -9.677843e-3, 6.2215701e-7, 2.0747825e-9, -9.484024e-13, 4.1635019)  # eq. 5, C1 .. C7
WATER = (-5.8002206e3, 1.3914993, -4.8640239e-2, 4.1764768e-5, -1.4452093e-8, 0.0, 6.5459673)  # eq. 6, C8 .. C13, without a fourth power


@dataclass(frozen=True, slots=True)
class _Surface:
    """A wet bulb covered with water (eq. 33) or ice (eq. 35): heat of evaporation ``latent - slope * wet`` in kJ/kg, heat capacity of its mass."""

    saturation: tuple[float, ...]
    latent: float
    slope: float
    heat: float


OVER_WATER = _Surface(WATER, 2501.0, 2.326, 4.186)
OVER_ICE = _Surface(ICE, 2830.0, 0.24, 2.1)


def saturation_pressure(dry_bulb: Floats) -> Floats:
    """Saturation vapour pressure in Pa over ice below, and water above, the triple point (eqs. 5 and 6); ``dry_bulb`` in degC."""
    t = dry_bulb + 273.15
    log = np.log(t)
    ice = ICE[0] / t + ICE[1] + ICE[2] * t + ICE[3] * t**2 + ICE[4] * t**3 + ICE[5] * t**4 + ICE[6] * log
    water = WATER[0] / t + WATER[1] + WATER[2] * t + WATER[3] * t**2 + WATER[4] * t**3 + WATER[6] * log
    result: Floats = np.exp(np.where(dry_bulb <= 0.01, ice, water))
    return result


def humidity_ratio(vapour_pressure: Floats, pressure: Floats | float) -> Floats:
    """Kilograms of water per kilogram of dry air (eq. 20); both pressures in Pa."""
    result: Floats = np.maximum(RATIO * vapour_pressure / (pressure - vapour_pressure), 1e-7)
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
    vapour = pressure * ratio / (RATIO + ratio)
    return np.clip(100.0 * vapour / saturation_pressure(dry_bulb), 1.0, 100.0)


def ratio_from_wet_bulb(dry_bulb: Floats, wet: Floats, saturated: Floats, surface: _Surface = OVER_WATER) -> Floats:
    """Humidity ratio of air with this dry and wet bulb (eq. 33; over ice eq. 35), from the saturated ratio at the wet bulb."""
    s = surface
    result: Floats = ((s.latent - s.slope * wet) * saturated - 1.006 * (dry_bulb - wet)) / (s.latent + 1.86 * dry_bulb - s.heat * wet)
    return result


def wet_bulb(dry_bulb: Floats, relative_humidity: Floats, pressure: Floats | float = STANDARD_PRESSURE) -> Floats:
    """Thermodynamic wet bulb in degC, shape (n,): the root of eqs. 33 (water) and 35 (ice), to 1e-6 K.

    The two equations do not meet at 0 degC: there some air has a wet bulb over water and another over ice. Which one is returned follows from
    bisection of [-100 degC, dry bulb]; everywhere else Newton's method finds the only root, in a quarter of the time.

    Args:
        dry_bulb: Shape (n,), degC.
        relative_humidity: Shape (n,), %, limited to 0 .. 100.
        pressure: Station pressure, Pa, a number or shape (n,).
    """
    actual = humidity_ratio(np.clip(relative_humidity, 0.0, 100.0) / 100.0 * saturation_pressure(dry_bulb), pressure)
    station = np.broadcast_to(np.asarray(pressure, dtype=np.float64), dry_bulb.shape)
    freezing, triple = np.array([0.0]), np.array([0.01])  # between them water evaporates at the pressure over ice
    at_ice = ratio_from_wet_bulb(dry_bulb, freezing, humidity_ratio(saturation_pressure(freezing), station), OVER_ICE)
    at_water, at_triple = _ratio_at(dry_bulb, freezing, station), _ratio_at(dry_bulb, triple, station)
    found = np.empty_like(dry_bulb)
    ice, water = actual < np.minimum(at_ice, at_water), actual > np.maximum(at_ice, at_triple)
    for where, surface in ((ice, OVER_ICE), (water, OVER_WATER)):
        found[where] = _newton(dry_bulb[where], actual[where], station[where], surface)
    both = ~(ice | water)
    found[both] = _bisected(dry_bulb[both], actual[both], station[both])
    return found


def _newton(dry_bulb: Floats, actual: Floats, pressure: Floats, surface: _Surface) -> Floats:
    """Root of eq. 33 or 35 times its denominator. It is convex and rises, so from the dry bulb down no step goes too far."""
    s, wet = surface, dry_bulb.copy()
    c1, _, c3, c4, c5, c6, c7 = s.saturation
    for _ in range(6):  # 1e-8 K from -60 to 55 degC, whatever the humidity; a fixed number, so that no hour depends on another
        t = wet + 273.15
        vapour = np.exp(c1 / t + s.saturation[1] + t * (c3 + t * (c4 + t * (c5 + t * c6))) + c7 * np.log(t))
        slope = vapour * ((c7 - c1 / t) / t + c3 + t * (2 * c4 + t * (3 * c5 + t * 4 * c6)))  # Pa/K
        saturated = RATIO * vapour / (pressure - vapour)
        latent = s.latent - s.slope * wet
        excess = latent * saturated - 1.006 * (dry_bulb - wet) - actual * (s.latent + 1.86 * dry_bulb - s.heat * wet)
        rise = latent * saturated * slope * pressure / (vapour * (pressure - vapour)) - s.slope * saturated + 1.006 + s.heat * actual
        wet -= excess / rise
    return wet


def _bisected(dry_bulb: Floats, actual: Floats, pressure: Floats) -> Floats:
    low, high = np.full_like(dry_bulb, -100.0), dry_bulb.copy()
    for _ in range(28):  # 200 K halved to less than 1e-6
        middle = 0.5 * (low + high)
        wetter = _ratio_at(dry_bulb, middle, pressure) > actual
        high, low = np.where(wetter, middle, high), np.where(wetter, low, middle)
    return 0.5 * (low + high)


def _ratio_at(dry_bulb: Floats, wet: Floats, pressure: Floats | float) -> Floats:
    """Humidity ratio of air with this dry and wet bulb: over water from 0 degC, over ice below."""
    saturated = humidity_ratio(saturation_pressure(wet), pressure)
    water, ice = (ratio_from_wet_bulb(dry_bulb, wet, saturated, surface) for surface in (OVER_WATER, OVER_ICE))
    result: Floats = np.where(wet >= 0.0, water, ice)
    return result
