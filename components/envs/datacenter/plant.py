"""Cooling plants: chilled water with an air-cooled chiller or with a cooling tower, each with or without an economiser.

Chilled water follows the set-point, T_chw = clip(T_set - approach, low, high), which is what rewards a warmer set-point. The supply temperature obeys
T_s = max(min(T_set, A0/A1), (A0 - Q_max)/A1): the plant never heats, and where it is too small the supply air floats up.

An airside economiser mixes in outdoor air while its dew point is low; a waterside one pre-cools the return water by the tower. Neglected: latent coil
load, humidification, filter pressure. The approach, pump and fan constants of the tower are engineering values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wattloom.components.envs.datacenter.chiller import CURVES, capacity_ratio, input_ratio, staged_power
from wattloom.components.envs.datacenter.liquid import liquid_loop
from wattloom.components.envs.datacenter.protocol import Air, ItLoad, ItPower, Plant, Site, Weather
from wattloom.components.physics.magnus import saturation_ratio
from wattloom.environment import Array
from wattloom.errors import ConfigError, did_you_mean

H_FG = 2.45e6  # J/kg, heat of evaporation
C_AIR, C_WATER = 1006.0, 4186.0  # J/(kg K)
REJECTED = 1.18  # design heat to reject over heat to remove
TOWER_RANGE_K = 5.5  # K, cooling of the condenser water at design


@dataclass
class ChillerPlant:
    """What all plants share; use one of the five below.

    Attributes:
        plant_oversize: Rated cooling capacity over IT nameplate (less nine tenths of the liquid share).
        cop_ref: Rated coefficient of performance.
        curve: Chiller curves, see :mod:`wattloom.components.envs.datacenter.chiller`.
        coil_approach_k: K, supply air above chilled water.
        chw_min_c: °C, coldest chilled water.
        chw_max_c: °C, warmest chilled water.
        ct_min: Least full-load compressor power over the rated one.
        capacity_low: Least capacity over the rated one.
        capacity_high: Most capacity over the rated one.
        chillers: Number of equal machines.
        stage_load: Load at which another machine is started.
        least_load: Load below which a machine cycles.
        load_curve: Power over load, three coefficients that add up to 1.
        pump_fraction: Chilled-water pump power at design flow over rated capacity.
        pump_min_speed: Least pump speed.
    """

    plant_oversize: float = 1.25
    cop_ref: float = 3.1
    curve: str = "air"
    coil_approach_k: float = 6.0
    chw_min_c: float = 6.0
    chw_max_c: float = 24.0
    ct_min: float = 0.70
    capacity_low: float = 0.6
    capacity_high: float = 1.3
    chillers: int = 4
    stage_load: float = 0.75
    least_load: float = 0.15
    load_curve: Sequence[float] = (0.15, 0.35, 0.50)
    pump_fraction: float = 0.022
    pump_min_speed: float = 0.35

    def __post_init__(self) -> None:
        if self.curve not in CURVES:
            raise ConfigError(f"cooling.curve={self.curve!r} is unknown{did_you_mean(self.curve, CURVES)}")
        for name in ("plant_oversize", "cop_ref", "ct_min", "capacity_low", "stage_load", "least_load"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"cooling.{name}={getattr(self, name)}: give a positive number")
        if not self.chw_min_c < self.chw_max_c or not self.capacity_low <= self.capacity_high or self.chillers < 1:
            raise ConfigError("cooling: chw_min_c < chw_max_c, capacity_low <= capacity_high and chillers >= 1 are needed")
        if len(self.load_curve) != 3 or abs(sum(self.load_curve) - 1.0) > 0.01:
            raise ConfigError(f"cooling.load_curve={list(self.load_curve)}: give three coefficients that add up to 1")
        if self.pump_fraction < 0 or not 0 <= self.pump_min_speed <= 1 or self.coil_approach_k < 0:
            raise ConfigError("cooling: pump_fraction >= 0, 0 <= pump_min_speed <= 1 and coil_approach_k >= 0 are needed")
        self._curve = CURVES[self.curve]
        c0, c1, c2 = (float(c) for c in self.load_curve)
        self._load_curve = (c0, c1, c2)

    def bind(self, site: Site, it_load: ItLoad) -> None:
        """Size the plant."""
        self._liquid = it_load.liquid_share
        self._nameplate = site.nameplate_w
        self.rated_w = self.plant_oversize * site.nameplate_w * (1.0 - 0.9 * it_load.liquid_share)
        self._seconds = site.step_seconds
        site.peak_power_mw = 1.5e-6 * site.nameplate_w

    def _chilled_water(self, setpoint: Array) -> Array:
        """Return the chilled-water temperature, °C."""
        water: Array = np.minimum(np.maximum(setpoint - self.coil_approach_k, self.chw_min_c), self.chw_max_c)
        return water

    def _capacity(self, chilled: Array, condenser: Array) -> tuple[Array, Array]:
        """Return capacity and full-load power of all machines, W."""
        ratio = capacity_ratio(self._curve, chilled, condenser, self.capacity_low, self.capacity_high)
        full = np.maximum(ratio * input_ratio(self._curve, chilled, condenser), self.ct_min)  # a product, so that power stays monotone
        return self.rated_w * ratio, full * (self.rated_w / self.cop_ref)

    def _power(self, heat: Array, capacity: Array, full_w: Array) -> tuple[Array, Array]:
        """Return chiller load and compressor power, W."""
        load = heat / capacity
        return load, staged_power(load, full_w, self.chillers, self.stage_load, self.least_load, self._load_curve)

    def _pump(self, coil: Array) -> Array:
        """Return chilled-water pump power, W; the last factor removes a jump at no load."""
        z = coil / self.rated_w
        speed = np.maximum(z, self.pump_min_speed)
        power: Array = (self.pump_fraction * self.rated_w) * (speed * speed * speed) * np.minimum(z * 50.0, 1.0)
        return power

    def columns(self, weather: Weather) -> Array:
        """Return what depends on the weather alone, ``(..., k)``."""
        raise NotImplementedError

    def _air(self, air: Air, most: Array, weather: Weather, columns: Array) -> tuple[Array, Array, Array]:
        """Return supply °C, heat removed W and coil heat W; without outdoor air the coil takes all."""
        supply = closed_supply(air, most)[1]
        heat = np.maximum(air.heat_0 - air.heat_1 * supply, 0.0)
        return supply, heat, heat

    def _loop(self, it: ItPower, weather: Weather, like: Array) -> Array:
        """Return the liquid loop's power, W."""
        if self._liquid == 0:
            return np.zeros(len(like))
        return liquid_loop(it.liquid_w, self._liquid * self._nameplate, weather.dry_bulb)


def closed_supply(air: Air, most: Array) -> tuple[Array, Array]:
    """Return the supply temperature wanted (never heating) and the one a plant of capacity ``most`` (W) can hold, °C."""
    heat_1 = np.maximum(air.heat_1, 1e-300)
    wanted = np.minimum(air.setpoint, air.heat_0 / heat_1)
    return wanted, np.maximum(wanted, (air.heat_0 - most) / heat_1)


def mixed_supply(air: Air, most: Array, outdoor: Array, allowed: Array) -> tuple[Array, Array, Array]:
    """Return supply °C, heat removed W and coil heat W with outdoor air mixed in where ``allowed`` (bool)."""
    wanted, supply = closed_supply(air, most)
    outside = outdoor + air.fan_rise
    supply = np.where(allowed, np.minimum(supply, np.maximum(wanted, outside - most / air.flow)), supply)
    heat = np.maximum(air.heat_0 - air.heat_1 * supply, 0.0)
    mixed = np.minimum(heat, np.maximum(air.flow * (outside - supply), 0.0))
    return supply, heat, np.where(allowed, mixed, heat)


@dataclass
class AirCooledPlant(ChillerPlant):
    """Air-cooled chillers (condenser fans are inside ``cop_ref``); no tower, no water."""

    def columns(self, weather: Weather) -> Array:
        """Return the condenser temperature, °C."""
        low, high = self._curve.y_range
        return np.clip(weather.dry_bulb, low, high)[..., None]

    def cool(self, air: Air, it: ItPower, weather: Weather, columns: Array) -> Plant:
        """Serve the air side."""
        capacity, full = self._capacity(self._chilled_water(air.setpoint), columns[:, 0])
        supply, heat, coil = self._air(air, capacity, weather, columns)
        load, chiller = self._power(coil, capacity, full)
        zero = np.zeros(len(heat))
        loop = self._loop(it, weather, heat)
        return Plant(
            supply, heat, coil, chiller, self._pump(coil), zero, zero, loop, zero, zero, zero, weather.dry_bulb, zero, capacity, load
        )


@dataclass
class AirCooledAirside(AirCooledPlant):
    """Air-cooled chillers with outdoor air.

    Attributes:
        econ_dew_point_c: °C, outdoor air is used while its dew point is at most this.
    """

    econ_dew_point_c: float = 15.0

    def columns(self, weather: Weather) -> Array:
        """Return the condenser temperature, °C, and whether outdoor air is allowed."""
        allowed = (weather.dew_point <= self.econ_dew_point_c).astype(np.float64)
        return np.concatenate([super().columns(weather), allowed[..., None]], axis=-1)

    def _air(self, air: Air, most: Array, weather: Weather, columns: Array) -> tuple[Array, Array, Array]:
        return mixed_supply(air, most, weather.dry_bulb, columns[:, 1] > 0)


@dataclass
class TowerPlant(ChillerPlant):
    """What the plants with a cooling tower share; use one of the three below.

    Attributes:
        tower_approach_k: K, water above wet bulb at full load and 25.6 °C wet bulb.
        tower_fan_fraction: Tower fan power over design heat to reject.
        tower_min_speed: Least fan speed.
        condenser_pump_fraction: Condenser pump power over heat to reject.
        cycles: Cycles of concentration; blowdown = evaporation / (cycles - 1).
        drift_fraction: Droplets lost over water circulated.
    """

    cop_ref: float = 5.5
    curve: str = "water"
    tower_approach_k: float = 3.9
    tower_fan_fraction: float = 0.015
    tower_min_speed: float = 0.2
    condenser_pump_fraction: float = 0.020
    cycles: float = 5.0
    drift_fraction: float = 2e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.tower_approach_k * 1.2 * 0.05 < 1:
            raise ConfigError(f"cooling.tower_approach_k={self.tower_approach_k}: give 0 .. 16 K, or warm weather would cool the water")
        if self.cycles <= 1 or not 0 <= self.tower_min_speed <= 1:
            raise ConfigError("cooling: cycles > 1 and 0 <= tower_min_speed <= 1 are needed")

    def columns(self, weather: Weather) -> Array:
        """Return the approach's factor: it grows as the wet bulb falls."""
        return (self.tower_approach_k * np.maximum(1.0 + 0.05 * (25.6 - weather.wet_bulb), 0.5))[..., None]

    def cool(self, air: Air, it: ItPower, weather: Weather, columns: Array) -> Plant:
        """Serve the air side and reject the heat by the tower."""
        chilled = self._chilled_water(air.setpoint)
        share = np.minimum(np.maximum((air.heat_0 - air.heat_1 * air.setpoint) / self.rated_w, 0.05), 1.2)
        approach = columns[:, 0] * share
        water = np.maximum(self._target(chilled), weather.wet_bulb + approach)
        low, high = self._curve.y_range
        capacity, full = self._capacity(chilled, np.minimum(np.maximum(water, low), high))
        free = self._economiser(chilled, water)
        most = self._most(capacity, free)
        supply, heat, coil = self._air(air, most, weather, columns)
        load, chiller = self._power(coil if free is None else coil * (1.0 - free), capacity, full)
        rejected = coil + chiller
        tower = self._tower(rejected, approach, water - weather.wet_bulb)
        evaporated, bled, total = self._water(rejected, water, weather)
        return Plant(
            supply,
            heat,
            coil,
            chiller,
            self._pump(coil),
            self.condenser_pump_fraction * rejected,
            tower,
            self._loop(it, weather, heat),
            evaporated,
            bled,
            total,
            water,
            np.zeros(len(heat)) if free is None else free,
            most,
            load,
        )

    def _target(self, chilled: Array) -> Array | float:
        """Return the condenser water that the tower aims at, °C."""
        raise NotImplementedError

    def _economiser(self, chilled: Array, water: Array) -> Array | None:
        """Return the share that the tower pre-cools; None: no economiser."""
        return None

    def _most(self, capacity: Array, free: Array | None) -> Array:
        """Return the heat that the coil can take, W."""
        return capacity

    def _tower(self, rejected: Array, approach: Array, above: Array) -> Array:
        """Return tower fan power, W; ``above``: condenser water over wet bulb, K."""
        design = REJECTED * self.rated_w
        speed = np.minimum(np.maximum(approach / np.maximum(above, 1e-6), self.tower_min_speed), 1.0)
        power: Array = (self.tower_fan_fraction * design) * (speed * speed * speed) * np.minimum(rejected * (4.0 / design), 1.0)
        return power

    def _water(self, rejected: Array, condenser: Array, weather: Weather) -> tuple[Array, Array, Array]:
        """Return evaporated, bled and total water, L a step: air leaves the tower saturated, and its latent share of the heat is evaporation."""
        leaving = condenser + (0.5 * TOWER_RANGE_K) * np.minimum(rejected / (REJECTED * self.rated_w), 1.0)
        latent = H_FG * (saturation_ratio(leaving) - weather.humidity_ratio)
        total = C_AIR * (leaving - weather.dry_bulb) + latent
        # hot dry air evaporates more than the heat; water is never below wet bulb, so latent > 0 and a total below 1 J/kg ends at the limit too
        share = np.minimum(latent / np.maximum(total, 1.0), 1.6)
        evaporated = share * rejected * (self._seconds / H_FG)
        drift = rejected * (self.drift_fraction * self._seconds / (C_WATER * TOWER_RANGE_K))
        bled = np.maximum(evaporated * (1.0 / (self.cycles - 1.0)) - drift, 0.0)
        return evaporated, bled, evaporated + drift + bled


@dataclass
class WaterCooledPlant(TowerPlant):
    """Water-cooled chillers with a cooling tower.

    Attributes:
        tower_target_c: °C, condenser water that the tower aims at.
    """

    tower_target_c: float = 18.0

    def _target(self, chilled: Array) -> float:
        return self.tower_target_c


@dataclass
class WaterCooledAirside(WaterCooledPlant):
    """Water-cooled chillers with outdoor air.

    Attributes:
        econ_dew_point_c: °C, outdoor air is used while its dew point is at most this.
    """

    econ_dew_point_c: float = 15.0

    def columns(self, weather: Weather) -> Array:
        """Return the approach's factor and whether outdoor air is allowed."""
        allowed = (weather.dew_point <= self.econ_dew_point_c).astype(np.float64)
        return np.concatenate([super().columns(weather), allowed[..., None]], axis=-1)

    def _air(self, air: Air, most: Array, weather: Weather, columns: Array) -> tuple[Array, Array, Array]:
        return mixed_supply(air, most, weather.dry_bulb, columns[:, 1] > 0)


@dataclass
class WaterCooledWaterside(TowerPlant):
    """Water-cooled chillers whose tower pre-cools the return water: the default.

    Attributes:
        tower_min_c: °C, coldest condenser water.
        exchanger_approach_k: K, of the heat exchanger.
        chw_range_k: K, warming of the chilled water in the coil.
    """

    tower_min_c: float = 5.0
    exchanger_approach_k: float = 1.7
    chw_range_k: float = 6.0

    def _target(self, chilled: Array) -> Array:
        return np.maximum(chilled - self.exchanger_approach_k, self.tower_min_c)

    def _economiser(self, chilled: Array, water: Array) -> Array:
        share = (chilled + (self.chw_range_k - self.exchanger_approach_k) - water) * (1.0 / self.chw_range_k)
        clipped: Array = np.minimum(np.maximum(share, 0.0), 1.0)
        return clipped

    def _most(self, capacity: Array, free: Array | None) -> Array:
        rest = 1.0 if free is None else np.maximum(1.0 - free, 1e-9)
        most: Array = np.minimum(capacity / rest, 1.5 * self.rated_w)
        return most
