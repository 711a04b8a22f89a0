"""Tangents of a data center's power over its utilisation, at a steady room temperature.

The parts of the environment are asked for their power with the room at rest (a step of 50 h, repeated), so that the tangents follow whatever plant,
hall and servers are composed. Where the power is convex in the utilisation they bound it from below, and chords bound it from above; the tower's fan
bends it the other way by less than 1 % of the nameplate.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from wattloom.components.envs.datacenter.protocol import Inputs, Site
from wattloom.environment import Array

POINTS = np.array([0.2, 0.4, 0.6, 0.8, 1.0])
WIDTH = 0.01
CURVE = np.linspace(0.0, 1.0, 5)  # utilisations between which chords are drawn
REST_H, REPEATS = 50.0, 6
CHUNK = 4096  # steps whose power is computed together


def power_tangents(environment: Any, inputs: Inputs, setpoint_c: float) -> tuple[Array, Array]:
    """Return intercepts MW and slopes MW per share of capacity, ``(n, 5)`` each, for the ``n`` rows of ``inputs``."""
    u = np.stack([POINTS - WIDTH, POINTS + WIDTH], axis=1).reshape(-1)
    rows = len(inputs.demand)
    power = np.concatenate(
        [steady_power(environment, inputs, np.arange(i, min(i + CHUNK, rows)), u, setpoint_c) for i in range(0, rows, CHUNK)]
    )
    below, above = power[:, ::2], power[:, 1::2]
    slope = (above - below) / (2 * WIDTH)
    return 0.5 * (above + below) - slope * POINTS, slope


def power_curve(environment: Any, inputs: Inputs, index: Array, setpoint_c: float) -> Array:
    """Return the power MW at the utilisations of :data:`CURVE` in the rows ``index`` of ``inputs``, ``(len(index), 5)``."""
    return steady_power(environment, inputs, index, CURVE, setpoint_c) if len(index) else np.zeros((0, len(CURVE)))


def chord(curve: Array, low: Array, high: float) -> Array:
    """Return intercept MW and slope of the line above a convex ``curve`` ``(n, 5)`` from utilisation ``low`` ``(n,)`` to ``high``, ``(n, 2)``."""
    first, last = _between(curve, low), _between(curve, np.full(len(low), high))
    slope = (last - first) / np.maximum(high - low, 1e-9)
    return np.stack([first - slope * low, slope], axis=1)


def _between(curve: Array, utilisation: Array) -> Array:
    """Return the power at a utilisation ``(n,)`` on the lines between the points of the curve, which lie above it."""
    left = np.clip(np.searchsorted(CURVE, utilisation, side="right") - 1, 0, len(CURVE) - 2)
    row, share = np.arange(len(curve)), (utilisation - CURVE[left]) / (CURVE[left + 1] - CURVE[left])
    power: Array = (1.0 - share) * curve[row, left] + share * curve[row, left + 1]
    return power


def steady_power(environment: Any, inputs: Inputs, index: Array, utilisation: Array, setpoint_c: float) -> Array:
    """Return facility power MW, ``(len(index), len(utilisation))``, with the room at rest."""
    hall = copy.copy(environment.hall)
    hall.bind(Site(environment.site.nameplate_w, 3600.0 * REST_H, environment.horizon), environment.it_load)
    at = np.repeat(index, len(utilisation))
    u = np.tile(utilisation, len(index))
    weather = type(inputs.weather)(*(getattr(inputs.weather, name)[at] for name in ("dry_bulb", "wet_bulb", "humidity_ratio", "dew_point")))
    columns, setpoint = inputs.plant[at], np.full(len(at), setpoint_c)
    state = {"setpoint": setpoint.copy(), "room": setpoint + 1.0}
    total = np.zeros(len(at))
    for _ in range(REPEATS):
        it = environment.it_load.power(hall.inlet(state), u)
        air = hall.air(state, setpoint, it, weather)
        plant = environment.cooling.cool(air, it, weather, columns)
        hall.settle(state, air, plant.supply)
        cooling = air.fan_w + plant.chiller_w + plant.chilled_pump_w + plant.condenser_pump_w + plant.tower_w + plant.liquid_loop_w
        loss = environment.losses.power(it.power_w, environment.site.nameplate_w) if environment.losses is not None else 0.0
        total = it.power_w + cooling + loss
    megawatt: Array = total.reshape(len(index), len(utilisation)) * 1e-6
    return megawatt
