"""Moist air: saturation pressure, humidity ratio, wet bulb and dew point; computed once a data set, never in a step.

Saturation over liquid water at every temperature (switching to ice makes the wet bulb jump at 0 °C). Source: O. A. Alduchov and R. E. Eskridge, "Improved
Magnus form approximation of saturation vapor pressure" (1996); psychrometer equation with coefficient 6.62e-4 /K; ASHRAE Fundamentals, chapter 1.
"""

from __future__ import annotations

import numpy as np

from wattloom.environment import Array

PRESSURE = 101325.0  # Pa
RATIO = 0.621945  # molar mass of water over that of dry air


def saturation_pressure(temperature: Array) -> Array:
    """Return the saturation vapour pressure, Pa, at ``temperature`` °C."""
    pressure: Array = 610.94 * np.exp(17.625 * temperature / (temperature + 243.04))
    return pressure


def saturation_ratio(temperature: Array, pressure: float = PRESSURE) -> Array:
    """Return the humidity ratio of saturated air, kg/kg."""
    p_s = saturation_pressure(temperature)
    ratio: Array = RATIO * p_s / (pressure - p_s)
    return ratio


def humidity_ratio_of(temperature: Array, relative_humidity: Array, pressure: float = PRESSURE) -> Array:
    """Return the humidity ratio, kg/kg, from dry bulb °C and relative humidity 0..1."""
    e = relative_humidity * saturation_pressure(temperature)
    ratio: Array = RATIO * e / (pressure - e)
    return ratio


def humidity_ratio(dry_bulb: Array, wet_bulb: Array, pressure: float = PRESSURE) -> Array:
    """Return the humidity ratio, kg/kg, from dry and wet bulb °C; at least 1e-5."""
    saturated = saturation_ratio(wet_bulb, pressure)
    ratio = ((2501.0 - 2.326 * wet_bulb) * saturated - 1.006 * (dry_bulb - wet_bulb)) / (2501.0 + 1.86 * dry_bulb - 4.186 * wet_bulb)
    floored: Array = np.maximum(ratio, 1e-5)
    return floored


def wet_bulb(temperature: Array, relative_humidity: Array, pressure: float = PRESSURE) -> Array:
    """Return the wet-bulb temperature, °C, by 50 bisections on [T - 45, T]."""
    e = relative_humidity * saturation_pressure(temperature)
    low, high = np.asarray(temperature, dtype=np.float64) - 45.0, np.array(temperature, dtype=np.float64)
    for _ in range(50):
        middle = 0.5 * (low + high)
        wet = saturation_pressure(middle) - 6.62e-4 * pressure * (temperature - middle) > e
        high, low = np.where(wet, middle, high), np.where(wet, low, middle)
    return 0.5 * (low + high)


def dew_point(ratio: Array, pressure: float = PRESSURE) -> Array:
    """Return the dew point, °C, of a humidity ratio in kg/kg."""
    x = np.log(ratio * pressure / ((RATIO + ratio) * 610.94))
    point: Array = 243.04 * x / (17.625 - x)
    return point
