import os
import typing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from wattloom.components.envs.datacenter import plant
from wattloom.components.envs.datacenter.hall import Hall
from wattloom.components.envs.datacenter.losses import Losses
from wattloom.components.envs.datacenter.protocol import Site, Weather
from wattloom.components.envs.datacenter.servers import Servers
from wattloom.components.physics import magnus
from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.table import Table
from wattloom.environment import Column

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(scope="session")
def excerpts():
    return {path.stem: dict(np.load(path)) for path in sorted(FIXTURES.glob("*.npz"))}


@pytest.fixture(scope="session")
def shared():
    root = Path(__file__).resolve().parents[4]
    folder = Path(os.environ.get("WATTLOOM_SHARED", root.parent / "shared"))
    if not (folder / "golden" / "sustaindc").is_dir():
        pytest.skip("needs the recorded trajectories of ../shared")
    return folder


@pytest.fixture(scope="session")
def hourly_year():
    """Smooth hourly tables of an ordinary year."""
    calendar = Calendar.year(2023)
    t = np.arange(calendar.n_steps)
    rng = np.random.default_rng(3)
    day = 2 * np.pi * t / 24
    demand = 0.5 + 0.2 * np.sin(day) + 0.05 * rng.standard_normal(len(t))
    dry = 14 - 10 * np.cos(2 * np.pi * t / 8760) - 4 * np.cos(day)
    carbon = 320 + 60 * np.cos(day) + 25 * rng.standard_normal(len(t))
    return {
        "workload": Table(calendar, (Column("utilisation", "1"),), demand[:, None]),
        "weather": Table(calendar, (Column("dry_bulb", "degC"), Column("wet_bulb", "degC")), np.stack([dry, dry - 4], axis=1)),
        "carbon": Table(calendar, (Column("carbon_intensity", "gCO2/kWh"),), carbon[:, None]),
    }


class Bench:
    """One site whose parts are called by hand."""

    PLANTS: typing.ClassVar = {
        "A": plant.AirCooledPlant,
        "A+ae": plant.AirCooledAirside,
        "W": plant.WaterCooledPlant,
        "W+we": plant.WaterCooledWaterside,
        "W+ae": plant.WaterCooledAirside,
    }

    def __init__(self, kind="W+we", step_seconds=900.0, capacity_mw=1.0, liquid_share=0.0, servers=None, hall=None, **cooling):
        self.servers = Servers(capacity_mw=capacity_mw, liquid_share=liquid_share, **(servers or {}))
        self.site = Site(self.servers.nameplate_w, step_seconds, 96)
        self.hall = Hall(**(hall or {}))
        self.hall.bind(self.site, self.servers)
        self.plant = self.PLANTS[kind](**cooling)
        self.plant.bind(self.site, self.servers)
        self.losses = Losses()

    @staticmethod
    def weather(dry_bulb, humidity):
        dry, rh = (np.atleast_1d(np.asarray(x, float)) for x in (dry_bulb, humidity))
        ratio = magnus.humidity_ratio_of(dry, rh)
        return Weather(dry, magnus.wet_bulb(dry, rh), ratio, magnus.dew_point(ratio))

    def step(self, room, u, setpoint, weather):
        """One step from rows of inlet temperature, utilisation and set-point; returns parts and totals."""
        state = {"room": np.array(room, float, ndmin=1), "setpoint": np.array(setpoint, float, ndmin=1)}
        start = state["room"].copy()
        it = self.servers.power(state["room"], np.array(u, float, ndmin=1))
        air = self.hall.air(state, state["setpoint"], it, weather)
        plant = self.plant.cool(air, it, weather, self.plant.columns(weather))
        mean = self.hall.settle(state, air, plant.supply)
        loss = self.losses.power(it.power_w, self.site.nameplate_w)
        parts = [
            it.power_w,
            air.fan_w,
            plant.chiller_w,
            plant.chilled_pump_w,
            plant.condenser_pump_w,
            plant.tower_w,
            plant.liquid_loop_w,
            loss,
        ]
        return SimpleNamespace(it=it, air=air, plant=plant, mean=mean, start=start, end=state["room"], parts=parts, total=sum(parts))


@pytest.fixture(scope="session")
def bench():
    return Bench
