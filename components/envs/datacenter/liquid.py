"""Liquid loop: carries a share of the processors' heat to a dry cooler at 40 °C or more, without a chiller."""

from __future__ import annotations

import numpy as np

from wattloom.components.physics.compiled import law
from wattloom.environment import Array

SUPPLY_C, RANGE_K = 40.0, 8.0
FAN_FRACTION, PUMP_FRACTION = 0.015, 0.012  # of the loop's nameplate, of its heat


def loop_temperature(heat_w: Array, design_w: float, outdoor: Array) -> Array:
    """Return the temperature of the liquid supplied, °C."""
    temperature: Array = np.maximum(SUPPLY_C, outdoor + RANGE_K * heat_w / design_w)
    return temperature


@law
def loop_parts(heat_w: Array, design_w: float, outdoor: Array) -> tuple[Array, Array]:
    """Return pump and dry-cooler fan power, W."""
    rise = RANGE_K * heat_w / design_w
    above = np.maximum(SUPPLY_C, outdoor + rise) - outdoor
    speed = np.minimum(np.maximum(rise / np.maximum(above, 1e-6), 0.1), 1.0)
    return PUMP_FRACTION * heat_w, FAN_FRACTION * design_w * (speed * speed * speed)


@law
def liquid_loop(heat_w: Array, design_w: float, outdoor: Array) -> Array:
    """Return pumps and dry coolers together, W."""
    pump, fan = loop_parts(heat_w, design_w, outdoor)
    return pump + fan
