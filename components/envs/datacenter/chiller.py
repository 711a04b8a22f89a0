"""Chillers: capacity and power from chilled-water and condenser temperature, and the staging of several machines.

The EnergyPlus electric-EIR form with its own variables: x leaving chilled water [°C], y entering condenser temperature [°C],

    Q_cap = Q_n CAPFT(x, y);   P = Q_cap on EIRFT(x, y)/COP_ref (c0 + c1 p + c2 p^2) cyc,

``on`` the share of machines that run. The own curves are least-squares fits of a lift model EIR ~ (lift + L0)/T_evaporator over x 5 .. 24 °C;
``doe2_centrifugal`` and ``air_2004_path_a`` are published sets (EnergyPlus reference data), clamped to the range they were fitted in. Full-load
compressor power never falls below ``ct_min`` of the reference, whatever the lift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from wattloom.components.physics.compiled import law
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

    @property
    def capft(self) -> Six:
        """Biquadratic coefficients of CAPFT, of the own curves too."""
        if self.capacity is not None:
            return self.capacity
        x, y = self.reference
        return (1.0 - 0.025 * x - self.capacity_per_y * y, 0.025, 0.0, self.capacity_per_y, 0.0, 0.0)


class ChillerConstants(NamedTuple):
    """Constants of the laws below.

    Attributes:
        capft: Biquadratic coefficients of capacity over rated capacity.
        eirft: Biquadratic coefficients of full-load power over capacity.
        x_low: °C, chilled water at which the curves are held.
        x_high: °C, chilled water at which the curves are held.
        y_low: °C, coldest condenser.
        y_high: °C, hottest condenser.
        least_ratio: Least CAPFT.
        most_ratio: Most CAPFT.
        least_full: Least full-load power over the rated one.
        rated_w: Q_n, W.
        rated_power_w: Q_n/COP_ref, W.
        stage: Load at which another machine is started.
        one: One machine over all of them.
        cycling: Load below which a machine cycles.
        part_load: Power over load, constant, linear and quadratic coefficient.
    """

    capft: Six
    eirft: Six
    x_low: float
    x_high: float
    y_low: float
    y_high: float
    least_ratio: float
    most_ratio: float
    least_full: float
    rated_w: float
    rated_power_w: float
    stage: float
    one: float
    cycling: float
    part_load: tuple[float, float, float]


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


@law
def biquadratic(c: Six, x: Array, y: Array) -> Array:
    """Return c0 + c1 x + c2 x^2 + c3 y + c4 y^2 + c5 x y."""
    value: Array = (c[0] + (c[1] + c[2] * x) * x) + (c[3] + c[4] * y + c[5] * x) * y
    return value


@law
def full_load(p: ChillerConstants, x: Array, y: Array) -> tuple[Array, Array]:
    """Return capacity and full-load power of all machines, W, at chilled water ``x`` and condenser ``y``, °C."""
    x = np.minimum(np.maximum(x, p.x_low), p.x_high)
    ratio = np.minimum(np.maximum(biquadratic(p.capft, x, y), p.least_ratio), p.most_ratio)
    full = np.maximum(ratio * biquadratic(p.eirft, x, y), p.least_full)  # a product, so that power stays monotone
    return p.rated_w * ratio, full * p.rated_power_w


@law
def staged_power(p: ChillerConstants, load: Array, full_w: Array) -> Array:
    """Return compressor power, W.

    Args:
        p: Constants.
        load: X = heat over capacity of all machines.
        full_w: Power of all machines at full load, W.
    """
    on = np.minimum(np.maximum(load / p.stage, p.one), 1.0)
    part = load / on
    held = np.maximum(part, p.cycling)
    c = p.part_load
    power: Array = full_w * on * (c[0] + (c[1] + c[2] * held) * held) * np.minimum(part / p.cycling, 1.0)
    return power
