"""Moist air in closed form: what a data center computes with, once a data set, never in a step.

Saturation over liquid water at every temperature (switching to ice makes the wet bulb jump at 0 °C). Source: O. A. Alduchov and R. E. Eskridge, "Improved
Magnus form approximation of saturation vapor pressure" (1996); psychrometer equation with coefficient 6.62e-4 /K; ASHRAE Fundamentals, chapter 1,
whose relations beside saturation are those of :mod:`wattloom.components.physics.moist_air`.
"""

from __future__ import annotations

import numpy as np

from wattloom.components.physics.compiled import law
from wattloom.components.physics.moist_air import RATIO, STANDARD_PRESSURE, ratio_from_wet_bulb
from wattloom.environment import Array


@law
def saturation_pressure(temperature: Array) -> Array:
    """Return the saturation vapour pressure, Pa, at ``temperature`` °C."""
    pressure: Array = 610.94 * np.exp(17.625 * temperature / (temperature + 243.04))
    return pressure


@law
def saturation_ratio(temperature: Array, pressure: float = STANDARD_PRESSURE) -> Array:
    """Return the humidity ratio of saturated air, kg/kg."""
    return _ratio_of(saturation_pressure(temperature), pressure)


def humidity_ratio_of(temperature: Array, relative_humidity: Array, pressure: float = STANDARD_PRESSURE) -> Array:
    """Return the humidity ratio, kg/kg, from dry bulb °C and relative humidity 0..1."""
    return _ratio_of(relative_humidity * saturation_pressure(temperature), pressure)


def humidity_ratio(dry_bulb: Array, wet_bulb: Array, pressure: float = STANDARD_PRESSURE) -> Array:
    """Return the humidity ratio, kg/kg, from dry and wet bulb °C; at least 1e-5."""
    floored: Array = np.maximum(ratio_from_wet_bulb(dry_bulb, wet_bulb, saturation_ratio(wet_bulb, pressure)), 1e-5)
    return floored


def wet_bulb(temperature: Array, relative_humidity: Array, pressure: float = STANDARD_PRESSURE) -> Array:
    """Return the wet-bulb temperature, °C, by 50 bisections on [T - 45, T]."""
    e = relative_humidity * saturation_pressure(temperature)
    low, high = np.asarray(temperature, dtype=np.float64) - 45.0, np.array(temperature, dtype=np.float64)
    for _ in range(50):
        middle = 0.5 * (low + high)
        wet = saturation_pressure(middle) - 6.62e-4 * pressure * (temperature - middle) > e
        high, low = np.where(wet, middle, high), np.where(wet, low, middle)
    return 0.5 * (low + high)


def dew_point(ratio: Array, pressure: float = STANDARD_PRESSURE) -> Array:
    """Return the dew point, °C, of a humidity ratio in kg/kg."""
    x = np.log(ratio * pressure / ((RATIO + ratio) * 610.94))
    point: Array = 243.04 * x / (17.625 - x)
    return point


@law
def _ratio_of(vapour_pressure: Array, pressure: float) -> Array:
    ratio: Array = RATIO * vapour_pressure / (pressure - vapour_pressure)
    return ratio
