"""The laws of the cooling plants: supply temperature, economisers, tower and water, for one copy or for all at once.

Chilled water follows the set-point, T_chw = clip(T_set - approach, low, high), which is what rewards a warmer set-point. The supply temperature obeys
T_s = max(min(T_set, A0/A1), (A0 - Q_max)/A1): the plant never heats, and where it is too small the supply air floats up.

An airside economiser mixes in outdoor air while its dew point is low; a waterside one pre-cools the return water by the tower. Neglected: latent coil
load, humidification, filter pressure. The approach, pump and fan constants of the tower are engineering values.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from wattloom.components.envs.datacenter import chiller, liquid
from wattloom.components.envs.datacenter.chiller import ChillerConstants, full_load, staged_power
from wattloom.components.envs.datacenter.liquid import liquid_loop
from wattloom.components.physics import magnus
from wattloom.components.physics.compiled import compiled, edition, law
from wattloom.components.physics.magnus import saturation_ratio
from wattloom.environment import Array

H_FG = 2.45e6  # J/kg, heat of evaporation
C_AIR, C_WATER = 1006.0, 4186.0  # J/(kg K)
REJECTED = 1.18  # design heat to reject over heat to remove
BARRED = 1e30  # °C and W, added where outdoor air may not enter: more than any temperature or heat
TOWER_RANGE_K = 5.5  # K, cooling of the condenser water at design


class PlantConstants(NamedTuple):
    """What every plant is made of.

    Attributes:
        chiller: Constants of the chillers.
        coil_approach: K, supply air above chilled water.
        chw_low: °C, coldest chilled water.
        chw_high: °C, warmest chilled water.
        pump_w: W, chilled-water pumps at design flow.
        pump_low: Least pump speed.
        liquid_w: W, nameplate on the liquid loop; 0: none.
        airside: Whether outdoor air may be mixed in.
    """

    chiller: ChillerConstants
    coil_approach: float
    chw_low: float
    chw_high: float
    pump_w: float
    pump_low: float
    liquid_w: float
    airside: bool


class TowerConstants(NamedTuple):
    """What a plant with a cooling tower has besides.

    Attributes:
        waterside: Whether the tower pre-cools the return water.
        target: °C, condenser water that the tower aims at without waterside economiser.
        target_low: °C, coldest condenser water with one.
        exchanger: K, approach of its heat exchanger.
        chw_range: K, warming of the chilled water in the coil.
        fan_w: W, tower fans at full speed.
        fan_low: Least fan speed.
        pump: Condenser pump power over heat to reject.
        design_w: W, heat to reject at design.
        l_per_j: L of evaporation per J, a step's seconds included.
        drift: L a step per W rejected.
        bleed: Blowdown over evaporation, 1/(cycles - 1).
    """

    waterside: bool
    target: float
    target_low: float
    exchanger: float
    chw_range: float
    fan_w: float
    fan_low: float
    pump: float
    design_w: float
    l_per_j: float
    drift: float
    bleed: float


@law
def clipped(value: Array, low: float, high: float) -> Array:
    """Return ``value`` within ``low .. high``."""
    inside: Array = np.minimum(np.maximum(value, low), high)
    return inside


@law
def pump_power(p: PlantConstants, coil: Array) -> Array:
    """Return chilled-water pump power, W; the last factor removes a jump at no load."""
    z = coil / p.chiller.rated_w
    speed = np.maximum(z, p.pump_low)
    power: Array = p.pump_w * (speed * speed * speed) * np.minimum(z * 50.0, 1.0)
    return power


@law
def supplied(
    p: PlantConstants,
    most: Array,
    heat_0: Array,
    heat_1: Array,
    setpoint: Array,
    flow: Array,
    fan_rise: Array,
    outdoor: Array,
    barred: Array,
) -> tuple[Array, Array, Array]:
    """Return supply °C, heat removed W and coil heat W of a plant that can take ``most`` W; ``barred``: 0 where outdoor air may enter, else BARRED."""
    slope = np.maximum(heat_1, 1e-300)
    wanted = np.minimum(setpoint, heat_0 / slope)  # never heating
    supply = np.maximum(wanted, (heat_0 - most) / slope)  # what the closed plant can hold
    if p.airside:
        outside = outdoor + fan_rise
        supply = np.minimum(supply, np.maximum(wanted, outside - most / flow) + barred)
        heat = np.maximum(heat_0 - heat_1 * supply, 0.0)
        return supply, heat, np.minimum(heat, np.maximum(flow * (outside - supply), 0.0) + barred)
    heat = np.maximum(heat_0 - heat_1 * supply, 0.0)
    return supply, heat, heat


@law
def loop_power(p: PlantConstants, heat: Array, outdoor: Array) -> Array:
    """Return the liquid loop's power, W."""
    if p.liquid_w > 0:
        return liquid_loop(heat, p.liquid_w, outdoor)
    return 0.0 * heat


@law
def air_cooled(
    p: PlantConstants,
    heat_0: Array,
    heat_1: Array,
    setpoint: Array,
    flow: Array,
    fan_rise: Array,
    liquid_heat: Array,
    outdoor: Array,
    condenser: Array,
    barred: Array,
) -> tuple[Array, ...]:
    """Return the fifteen values of :class:`~wattloom.components.envs.datacenter.protocol.Plant` of an air-cooled plant, in its order.

    Args:
        p: Constants.
        heat_0: A0, W.
        heat_1: A1, W/K.
        setpoint: T_set, °C.
        flow: G_c of the air handlers, W/K.
        fan_rise: Warming of their air by the fans, K.
        liquid_heat: Heat of the liquid loop, W.
        outdoor: T_o, °C.
        condenser: y, outdoor air within the curves' range, °C.
        barred: 0 where outdoor air may be mixed in, else BARRED.
    """
    chilled = clipped(setpoint - p.coil_approach, p.chw_low, p.chw_high)
    capacity, full = full_load(p.chiller, chilled, condenser)
    supply, heat, coil = supplied(p, capacity, heat_0, heat_1, setpoint, flow, fan_rise, outdoor, barred)
    load = coil / capacity
    power = staged_power(p.chiller, load, full)
    zero, loop = 0.0 * capacity, loop_power(p, liquid_heat, outdoor)
    return supply, heat, coil, power, pump_power(p, coil), zero, zero, loop, zero, zero, zero, outdoor + zero, zero, capacity, load


@law
def water_cooled(
    p: PlantConstants,
    t: TowerConstants,
    heat_0: Array,
    heat_1: Array,
    setpoint: Array,
    flow: Array,
    fan_rise: Array,
    liquid_heat: Array,
    outdoor: Array,
    wet_bulb: Array,
    humidity: Array,
    reach: Array,
    barred: Array,
) -> tuple[Array, ...]:
    """Return the fifteen values of :class:`~wattloom.components.envs.datacenter.protocol.Plant` of a plant with a tower, in its order.

    Args beyond those of :func:`air_cooled`:
        t: Constants of the tower.
        wet_bulb: °C.
        humidity: w_o, kg/kg.
        reach: Approach of the tower at full load and this wet bulb, K.
    """
    chilled = clipped(setpoint - p.coil_approach, p.chw_low, p.chw_high)
    approach = reach * clipped((heat_0 - heat_1 * setpoint) / p.chiller.rated_w, 0.05, 1.2)
    aim = np.maximum(chilled - t.exchanger, t.target_low) if t.waterside else t.target + 0.0 * chilled
    water = np.maximum(aim, wet_bulb + approach)
    capacity, full = full_load(p.chiller, chilled, clipped(water, p.chiller.y_low, p.chiller.y_high))
    free, most = 0.0 * water, capacity
    if t.waterside:
        free = clipped((chilled + (t.chw_range - t.exchanger) - water) * (1.0 / t.chw_range), 0.0, 1.0)
        most = np.minimum(capacity / np.maximum(1.0 - free, 1e-9), 1.5 * p.chiller.rated_w)
    supply, heat, coil = supplied(p, most, heat_0, heat_1, setpoint, flow, fan_rise, outdoor, barred)
    load = coil * (1.0 - free) / capacity
    power = staged_power(p.chiller, load, full)
    rejected = coil + power
    tower = tower_fans(t, rejected, approach, water - wet_bulb)
    evaporated, bled, total = tower_water(t, rejected, water, outdoor, humidity)
    loop = loop_power(p, liquid_heat, outdoor)
    pump = pump_power(p, coil)
    return supply, heat, coil, power, pump, t.pump * rejected, tower, loop, evaporated, bled, total, water, free, most, load


@law
def tower_fans(t: TowerConstants, rejected: Array, approach: Array, above: Array) -> Array:
    """Return tower fan power, W; ``above``: condenser water over wet bulb, K."""
    speed = clipped(approach / np.maximum(above, 1e-6), t.fan_low, 1.0)
    power: Array = t.fan_w * (speed * speed * speed) * np.minimum(rejected * (4.0 / t.design_w), 1.0)
    return power


@law
def tower_water(t: TowerConstants, rejected: Array, condenser: Array, outdoor: Array, humidity: Array) -> tuple[Array, Array, Array]:
    """Return evaporated, bled and total water, L a step: air leaves the tower saturated, and its latent share of the heat is evaporation."""
    leaving = condenser + (0.5 * TOWER_RANGE_K) * np.minimum(rejected / t.design_w, 1.0)
    latent = H_FG * (saturation_ratio(leaving) - humidity)
    total = C_AIR * (leaving - outdoor) + latent
    # hot dry air evaporates more than the heat; water is never below wet bulb, so latent > 0 and a total below 1 J/kg ends at the limit too
    share = np.minimum(latent / np.maximum(total, 1.0), 1.6)
    evaporated = share * rejected * t.l_per_j
    drift = rejected * t.drift
    bled = np.maximum(evaporated * t.bleed - drift, 0.0)
    return evaporated, bled, evaporated + drift + bled


def _air_cooled_loop(version: int) -> Any:
    """Return the law as a loop over copies, ``(15, num_envs)``; ``version`` stands in it so that another one is compiled anew."""

    @compiled
    def air_cooled_loop(
        p: PlantConstants,
        heat_0: Array,
        heat_1: Array,
        setpoint: Array,
        flow: Array,
        fan_rise: Array,
        liquid_heat: Array,
        outdoor: Array,
        condenser: Array,
        barred: Array,
    ) -> Array:
        out = np.empty((15, len(heat_0)))
        out[0, 0] = version
        for i in range(len(heat_0)):
            row = air_cooled(
                p, heat_0[i], heat_1[i], setpoint[i], flow[i], fan_rise[i], liquid_heat[i], outdoor[i], condenser[i], barred[i]
            )
            for k in range(15):
                out[k, i] = row[k]
        return out

    return air_cooled_loop


def _water_cooled_loop(version: int) -> Any:
    """Return the law as a loop over copies, ``(15, num_envs)``; ``version`` as above."""

    @compiled
    def water_cooled_loop(
        p: PlantConstants,
        t: TowerConstants,
        heat_0: Array,
        heat_1: Array,
        setpoint: Array,
        flow: Array,
        fan_rise: Array,
        liquid_heat: Array,
        outdoor: Array,
        wet_bulb: Array,
        humidity: Array,
        reach: Array,
        barred: Array,
    ) -> Array:
        out = np.empty((15, len(heat_0)))
        out[0, 0] = version
        for i in range(len(heat_0)):
            row = water_cooled(
                p,
                t,
                heat_0[i],
                heat_1[i],
                setpoint[i],
                flow[i],
                fan_rise[i],
                liquid_heat[i],
                outdoor[i],
                wet_bulb[i],
                humidity[i],
                reach[i],
                barred[i],
            )
            for k in range(15):
                out[k, i] = row[k]
        return out

    return water_cooled_loop


_EDITION = edition(chiller, liquid, magnus)
air_cooled_loop, water_cooled_loop = _air_cooled_loop(_EDITION), _water_cooled_loop(_EDITION)
