"""Chillers: capacity and power from chilled-water and condenser temperature, and the staging of several machines.

The EnergyPlus electric-EIR form with its own variables: x leaving chilled water [°C], y entering condenser temperature [°C],

    Q_cap = Q_n CAPFT(x, y);   P = Q_cap on EIRFT(x, y)/COP_ref (c0 + c1 p + c2 p^2) cyc,

``on`` the share of machines that run. The own curves are least-squares fits of a lift model EIR ~ (lift + L0)/T_evaporator over x 5 .. 24 °C;
``doe2_centrifugal`` and ``air_2004_path_a`` are published sets (EnergyPlus reference data), clamped to the range they were fitted in. Full-load
compressor power never falls below ``ct_min`` of the reference, whatever the lift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wattloom.environment import Array

Six = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class Curve:
    """One set of curves.

    Attributes:
        eir: Biquadratic coefficients of EIRFT: 1, x, x^2, y, y^2, x y.
        x_range: °C, range of chilled water.
        y_range: °C, range of condenser temperature.
        reference: °C, (x, y) of rated capacity.
        capacity_per_y: 1/K, linear capacity slope in y (own curves).
        capacity: Biquadratic coefficients of CAPFT (published curves), or None.
    """

    eir: Six
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    reference: tuple[float, float]
    capacity_per_y: float = 0.0
    capacity: Six | None = None


CURVES = {
    "water": Curve(
        (0.410690234, -0.028701388, 1.16393e-4, 0.026814154, 7.935e-6, -1.055e-4), (-1e3, 1e3), (12.0, 42.0), (6.67, 29.44), -0.010
    ),
    "air": Curve((0.413373277, -0.023348414, 9.9935e-5, 0.021491022, 4.46e-6, -8.4535e-5), (-1e3, 1e3), (5.0, 50.0), (6.67, 35.0), -0.008),
    "doe2_centrifugal": Curve(
        (0.933884, -0.058212, 4.50036e-3, 2.43e-3, 4.86e-4, -1.215e-3),
        (5.0, 10.0),
        (24.0, 35.0),
        (6.67, 29.44),
        capacity=(0.257896, 0.0389016, -2.1708e-4, 0.0468684, -9.4284e-4, -3.4344e-4),
    ),
    "air_2004_path_a": Curve(
        (0.5961915, -0.0099496, 7.888e-4, 4.506e-4, 4.875e-4, -7.623e-4),
        (-1e3, 16.0),
        (5.0, 50.0),
        (6.67, 35.0),
        capacity=(1.0433825, 0.0407073, 4.506e-4, -4.1514e-3, -8.86e-5, -3.467e-4),
    ),
}


def biquadratic(c: Six, x: Array, y: Array) -> Array:
    """Return c0 + c1 x + c2 x^2 + c3 y + c4 y^2 + c5 x y."""
    value: Array = (c[0] + (c[1] + c[2] * x) * x) + (c[3] + c[4] * y + c[5] * x) * y
    return value


def capacity_ratio(curve: Curve, x: Array, y: Array, low: float, high: float) -> Array:
    """Return CAPFT, clipped to ``low .. high``."""
    if curve.capacity is None:
        ratio = (1.0 - 0.025 * curve.reference[0] - curve.capacity_per_y * curve.reference[1]) + 0.025 * x + curve.capacity_per_y * y
    else:
        ratio = biquadratic(curve.capacity, _within(x, curve.x_range), _within(y, curve.y_range))
    clipped: Array = np.minimum(np.maximum(ratio, low), high)
    return clipped


def input_ratio(curve: Curve, x: Array, y: Array) -> Array:
    """Return EIRFT before its floor."""
    return biquadratic(curve.eir, x if curve.x_range[0] < -100 else _within(x, curve.x_range), y)


def staged_power(load: Array, full_w: Array, machines: int, stage: float, least: float, curve: tuple[float, float, float]) -> Array:
    """Return compressor power, W.

    Args:
        load: X = heat over capacity of all machines, ``(num_envs,)``.
        full_w: Power of all machines at full load, W, ``(num_envs,)``.
        machines: Number of equal machines.
        stage: Load at which another machine is started.
        least: Load below which a machine cycles.
        curve: Power over load, constant, linear and quadratic coefficient.
    """
    on = np.minimum(np.maximum(load / stage, 1.0 / machines), 1.0)
    part = load / on
    held = np.maximum(part, least)
    power: Array = full_w * on * (curve[0] + (curve[1] + curve[2] * held) * held) * np.minimum(part / least, 1.0)
    return power


def _within(value: Array, bounds: tuple[float, float]) -> Array:
    """Return ``value`` clipped to ``bounds``."""
    inside: Array = np.minimum(np.maximum(value, bounds[0]), bounds[1])
    return inside
