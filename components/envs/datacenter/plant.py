"""Cooling plants: chilled water with an air-cooled chiller or with a cooling tower, each with or without an economiser.

A plant holds what is configured; :mod:`wattloom.components.envs.datacenter.plant_laws` says what it does in a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wattloom.components.envs.datacenter.chiller import CURVES, ChillerConstants
from wattloom.components.envs.datacenter.plant_laws import (
    BARRED,
    C_WATER,
    H_FG,
    REJECTED,
    TOWER_RANGE_K,
    PlantConstants,
    TowerConstants,
    air_cooled,
    air_cooled_loop,
    water_cooled,
    water_cooled_loop,
)
from wattloom.components.envs.datacenter.protocol import Air, ItLoad, ItPower, Plant, Site, Weather
from wattloom.components.physics.compiled import constants, quickest
from wattloom.environment import Array
from wattloom.errors import ConfigError, did_you_mean


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
        for name in ("plant_oversize", "cop_ref", "ct_min", "capacity_low"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"cooling.{name}={getattr(self, name)}: give a positive number")
        for name in ("stage_load", "least_load"):
            if not 0 < getattr(self, name) <= 1:
                raise ConfigError(f"cooling.{name}={getattr(self, name)}: give a share of 0 .. 1, not 0")
        if not self.chw_min_c < self.chw_max_c or not self.capacity_low <= self.capacity_high or self.chillers < 1:
            raise ConfigError("cooling: chw_min_c < chw_max_c, capacity_low <= capacity_high and chillers >= 1 are needed")
        if len(self.load_curve) != 3 or abs(sum(self.load_curve) - 1.0) > 0.01:
            raise ConfigError(f"cooling.load_curve={list(self.load_curve)}: give three coefficients that add up to 1")
        if np.polyval(self.load_curve[::-1], np.linspace(0.0, 1.0, 101)).min() < 0:
            raise ConfigError(f"cooling.load_curve={list(self.load_curve)}: power is negative at part load; give other coefficients")
        if self.pump_fraction < 0 or not 0 <= self.pump_min_speed <= 1 or self.coil_approach_k < 0:
            raise ConfigError("cooling: pump_fraction >= 0, 0 <= pump_min_speed <= 1 and coil_approach_k >= 0 are needed")

    def bind(self, site: Site, it_load: ItLoad) -> None:
        """Size the plant."""
        liquid = it_load.liquid_share
        self.rated_w = self.plant_oversize * site.nameplate_w * (1.0 - 0.9 * liquid)
        self._constants = constants(
            PlantConstants,
            self._chillers(),
            self.coil_approach_k,
            self.chw_min_c,
            self.chw_max_c,
            self.pump_fraction * self.rated_w,
            self.pump_min_speed,
            liquid * site.nameplate_w,
            self._dew_point_lock() is not None,
        )
        site.peak_power_mw = 1.5e-6 * site.nameplate_w

    def _chillers(self) -> ChillerConstants:
        """Return the constants of the chillers."""
        curve, (c0, c1, c2) = CURVES[self.curve], self.load_curve
        return constants(
            ChillerConstants,
            curve.capft,
            curve.eir,
            *curve.x_range,
            *curve.y_range,
            self.capacity_low,
            self.capacity_high,
            self.ct_min,
            self.rated_w,
            self.rated_w / self.cop_ref,
            self.stage_load,
            1.0 / self.chillers,
            self.least_load,
            (float(c0), float(c1), float(c2)),
        )

    def _dew_point_lock(self) -> float | None:
        """Return the dew point up to which outdoor air is mixed in, °C; None: never."""
        return None

    def _barred(self, weather: Weather) -> Array:
        """Return 0 where outdoor air may be mixed in, else :data:`BARRED`."""
        lock = self._dew_point_lock()
        return np.where(weather.dew_point <= (-np.inf if lock is None else lock), 0.0, BARRED)

    def columns(self, weather: Weather) -> Array:
        """Return what depends on the weather alone, ``(..., 2)``."""
        raise NotImplementedError


@dataclass
class AirCooledPlant(ChillerPlant):
    """Air-cooled chillers (condenser fans are inside ``cop_ref``); no tower, no water."""

    def columns(self, weather: Weather) -> Array:
        """Return the condenser temperature, °C, and whether outdoor air is barred."""
        low, high = CURVES[self.curve].y_range
        return np.stack([np.clip(weather.dry_bulb, low, high), self._barred(weather)], axis=-1)

    def cool(self, air: Air, it: ItPower, weather: Weather, columns: Array) -> Plant:
        """Serve the air side."""
        condenser, barred = np.ascontiguousarray(columns.T)
        return Plant(
            *quickest(air_cooled, air_cooled_loop)(
                self._constants,
                air.heat_0,
                air.heat_1,
                air.setpoint,
                air.flow,
                air.fan_rise,
                it.liquid_w,
                weather.dry_bulb,
                condenser,
                barred,
            )
        )


@dataclass
class AirCooledAirside(AirCooledPlant):
    """Air-cooled chillers with outdoor air.

    Attributes:
        econ_dew_point_c: °C, outdoor air is used while its dew point is at most this.
    """

    econ_dew_point_c: float = 15.0

    def _dew_point_lock(self) -> float:
        return self.econ_dew_point_c


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
        for name in ("tower_fan_fraction", "condenser_pump_fraction", "drift_fraction"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"cooling.{name}={getattr(self, name)}: give a share of 0 .. 1")

    def bind(self, site: Site, it_load: ItLoad) -> None:
        """Size plant and tower."""
        super().bind(site, it_load)
        design, seconds = REJECTED * self.rated_w, site.step_seconds
        self._tower = constants(
            TowerConstants,
            *self._free_cooling(),
            self.tower_fan_fraction * design,
            self.tower_min_speed,
            self.condenser_pump_fraction,
            design,
            seconds / H_FG,
            self.drift_fraction * seconds / (C_WATER * TOWER_RANGE_K),
            1.0 / (self.cycles - 1.0),
        )

    def _free_cooling(self) -> tuple[bool, float, float, float, float]:
        """Return whether there is a waterside economiser, the tower's target, its least target, the exchanger's approach and the coil's range."""
        raise NotImplementedError

    def columns(self, weather: Weather) -> Array:
        """Return the tower's approach at full load, K, which grows as the wet bulb falls, and whether outdoor air is barred."""
        reach = self.tower_approach_k * np.maximum(1.0 + 0.05 * (25.6 - weather.wet_bulb), 0.5)
        return np.stack([reach, self._barred(weather)], axis=-1)

    def cool(self, air: Air, it: ItPower, weather: Weather, columns: Array) -> Plant:
        """Serve the air side and reject the heat by the tower."""
        reach, barred = np.ascontiguousarray(columns.T)
        return Plant(
            *quickest(water_cooled, water_cooled_loop)(
                self._constants,
                self._tower,
                air.heat_0,
                air.heat_1,
                air.setpoint,
                air.flow,
                air.fan_rise,
                it.liquid_w,
                weather.dry_bulb,
                weather.wet_bulb,
                weather.humidity_ratio,
                reach,
                barred,
            )
        )


@dataclass
class WaterCooledPlant(TowerPlant):
    """Water-cooled chillers with a cooling tower.

    Attributes:
        tower_target_c: °C, condenser water that the tower aims at.
    """

    tower_target_c: float = 18.0

    def _free_cooling(self) -> tuple[bool, float, float, float, float]:
        return False, self.tower_target_c, self.tower_target_c, 0.0, 1.0


@dataclass
class WaterCooledAirside(WaterCooledPlant):
    """Water-cooled chillers with outdoor air.

    Attributes:
        econ_dew_point_c: °C, outdoor air is used while its dew point is at most this.
    """

    econ_dew_point_c: float = 15.0

    def _dew_point_lock(self) -> float:
        return self.econ_dew_point_c


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

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.chw_range_k > 0 or not self.exchanger_approach_k >= 0:
            raise ConfigError(
                f"cooling.chw_range_k={self.chw_range_k}, exchanger_approach_k={self.exchanger_approach_k}: give K above 0, and K not below 0"
            )

    def _free_cooling(self) -> tuple[bool, float, float, float, float]:
        return True, self.tower_min_c, self.tower_min_c, self.exchanger_approach_k, self.chw_range_k
