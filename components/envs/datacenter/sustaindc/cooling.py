"""SustainDC's plant: an air-cooled chiller and a cooling tower, both charged, sized from the racks.

With C the sized reference power [W] and T the outdoor air [°C]:

    d = (T - 35)/2.778 - (6.67 - 35);   A = 0.944836 - 0.0570088 d + 0.00185486 d^2;   g = 2.333 - 1.975 A + 0.6121 A^2
    r = clip(q/(C A), 0.05, 1);         P_chiller = (0.03303 + 0.6852 r + 0.2818 r^2) g C A / 3 * min(1, q/(C A)/0.05)
    P_tower = C min(q / (1006 * 1.225 max(50 - (T - S), 1) V_ref), 1)^3, 0 below 5 °C
    water [L per 15 min] = round(1.01 * 250 max(0.044 T_wb + 0.3528 (T_return - S) + 0.101, 0), 4)

Defect kept: d uses the difference of two design temperatures, so the chiller gets better and larger as it gets hotter. Pumps and room fans are not
charged. Sizing follows the original's grid of set-points and utilisations.
"""

from __future__ import annotations

import numpy as np

from wattloom.components.envs.datacenter.protocol import Air, ItLoad, ItPower, Plant, Site, Weather
from wattloom.components.envs.datacenter.sustaindc.hall import SUPPLY_M3S_PER_W, return_temperature
from wattloom.components.envs.datacenter.sustaindc.racks import C_AIR, RHO_AIR
from wattloom.components.physics.compiled import compiled, law, quickest
from wattloom.environment import Array
from wattloom.errors import ConfigError

PUMP_W = 300000.0 * 0.0011 / 0.87  # each of two; reported, never charged
COP = 3.0
DESIGN_OUTDOOR_C = {"ny": 30.0, "az": 50.0, "wa": 20.0}  # every other place: 50


@law
def chiller_power(q: Array, capacity: Array, full: Array) -> Array:
    """Return compressor power, W."""
    load = q / capacity
    part = np.minimum(np.maximum(load, 0.05), 1.0)
    power: Array = (0.03303 + 0.6852 * part + 0.2818 * part * part) * full * np.minimum(load / 0.05, 1.0)
    return power


@law
def served(
    reference_w: float,
    reference_m3s: float,
    heat_0: Array,
    flow: Array,
    setpoint: Array,
    returned: Array,
    outdoor: Array,
    wet_bulb: Array,
    capacity: Array,
    full: Array,
    fan_on: Array,
) -> tuple[Array, Array, Array, Array, Array]:
    """Return heat removed W, compressors W, tower fan W, water L and chiller load; ``returned``: return air, °C."""
    q = np.maximum(heat_0 - flow * setpoint, 0.0)
    spread = np.maximum(50.0 - (outdoor - setpoint), 1.0)
    share = np.minimum(q / (C_AIR * spread) / RHO_AIR / reference_m3s, 1.0)
    tower = reference_w * share * share * share * fan_on
    water = np.rint(1.01 * np.maximum(0.044 * wet_bulb + 0.3528 * (returned - setpoint) + 0.101, 0.0) * 250.0 * 1e4) / 1e4
    return q, chiller_power(q, capacity, full), tower, water, q / capacity


@compiled
def served_loop(
    reference_w: float,
    reference_m3s: float,
    heat_0: Array,
    flow: Array,
    setpoint: Array,
    returned: Array,
    outdoor: Array,
    wet_bulb: Array,
    capacity: Array,
    full: Array,
    fan_on: Array,
) -> Array:
    """Return the five of :func:`served` for every copy, ``(5, num_envs)``."""
    out = np.empty((5, len(heat_0)))
    for i in range(len(heat_0)):
        row = served(
            reference_w,
            reference_m3s,
            heat_0[i],
            flow[i],
            setpoint[i],
            returned[i],
            outdoor[i],
            wet_bulb[i],
            capacity[i],
            full[i],
            fan_on[i],
        )
        for k in range(5):
            out[k, i] = row[k]
    return out


class SustainDcCooling:
    """The original's chiller, tower and water.

    Args:
        place: Name of the location, which decides the outdoor temperature the tower is sized for: ny 30, wa 20, every other place 50 °C.
        design_outdoor_c: °C, that temperature itself; None: by place.
    """

    def __init__(self, place: str | None = None, design_outdoor_c: float | None = None) -> None:
        if design_outdoor_c is not None and not np.isfinite(design_outdoor_c):
            raise ConfigError(f"cooling.design_outdoor_c must be a number in °C, not {design_outdoor_c}")
        self.design_outdoor_c = DESIGN_OUTDOOR_C.get(place or "", 50.0) if design_outdoor_c is None else design_outdoor_c
        self.reference_w = self.reference_m3s = self.power_lb_kw = self.power_ub_kw = 0.0

    def bind(self, site: Site, it_load: ItLoad) -> None:
        """Size the plant: tower fan power, its air flow, and the bounds of facility power."""
        it = it_load.power(np.array([21.6]), np.array([1.0]))
        flow = RHO_AIR * SUPPLY_M3S_PER_W * it.power_w * C_AIR
        self.reference_w = float((flow * np.maximum(return_temperature(it, np.array([21.6])) - 15.0, 0.0))[0])
        self.reference_m3s = self.reference_w / (C_AIR * max(50.0 - (self.design_outdoor_c - 15.0), 1.0)) / RHO_AIR
        setpoint, u = np.meshgrid(np.arange(15.0, 23.0), np.arange(0, 101, 10) / 100)
        grid = it_load.power(setpoint.ravel(), u.ravel()).power_w
        low, high = float(grid.min()), float(grid.max())
        capacity, scale = self._chiller(np.array(self.design_outdoor_c))
        chiller = float(chiller_power(np.array(high), capacity, scale))
        self.power_lb_kw = 0.9 * low / 1e3
        self.power_ub_kw = 1.1 * (high + self.reference_w + chiller) / 1e3
        site.peak_power_mw = self.power_ub_kw / 1e3

    def _chiller(self, dry_bulb: Array) -> tuple[Array, Array]:
        """Return capacity C A and full-load power g C A / COP at an outdoor temperature, W."""
        d = (dry_bulb - 35.0) / 2.778 - (6.67 - 35.0)
        ratio = 0.944836 - 0.0570088 * d + 0.00185486 * d**2
        full = 2.333 - 1.975 * ratio + 0.6121 * ratio**2
        capacity = self.reference_w * ratio
        return capacity, full * capacity / COP

    def columns(self, weather: Weather) -> Array:
        """Return chiller capacity W, chiller full-load power W, and whether the tower fan may run."""
        capacity, full = self._chiller(weather.dry_bulb)
        return np.stack([capacity, full, (weather.dry_bulb >= 5.0).astype(np.float64)], axis=-1)

    def cool(self, air: Air, it: ItPower, weather: Weather, columns: Array) -> Plant:
        """Remove q at the set-point; the original's plant never fails to."""
        setpoint = air.setpoint
        capacity, full, fan_on = np.ascontiguousarray(columns.T)
        heat, chiller, tower, water, load = quickest(served, served_loop)(
            self.reference_w,
            self.reference_m3s,
            air.heat_0,
            air.heat_1,
            setpoint,
            return_temperature(it, setpoint),
            weather.dry_bulb,
            weather.wet_bulb,
            capacity,
            full,
            fan_on,
        )
        zero = np.zeros(len(heat))
        return Plant(setpoint, heat, heat, chiller, zero, zero, tower, zero, water, zero, water, weather.dry_bulb, zero, capacity, load)
