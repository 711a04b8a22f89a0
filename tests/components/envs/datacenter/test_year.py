"""A whole year of every plant at every fixed set-point and place: the level of PUE and water, and where the best set-point lies."""

import numpy as np
import pytest

from wattloom.components.envs.datacenter.protocol import Weather
from wattloom.components.physics.magnus import dew_point, humidity_ratio
from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.weather import SyntheticWeather
from wattloom.components.sources.workload import SyntheticWorkload

SETPOINTS = np.array([16, 18, 20, 21, 22, 23, 24, 25, 26, 27, 28, 30, 32], float)
PLACES = ("AZ-Phoenix", "CA-SanJose", "GA-Atlanta", "IL-Chicago", "NY-LaGuardia", "TX-Dallas", "VA-Leesburg", "WA-Seattle")
PUE_AT_24 = {  # reference values, one a place
    "A": (1.329, 1.295, 1.301, 1.295, 1.296, 1.310, 1.298, 1.293),
    "A+ae": (1.234, 1.142, 1.207, 1.173, 1.181, 1.224, 1.187, 1.140),
    "W": (1.269, 1.258, 1.268, 1.258, 1.261, 1.272, 1.262, 1.253),
    "W+we": (1.213, 1.187, 1.221, 1.195, 1.202, 1.230, 1.205, 1.177),
    "W+ae": (1.200, 1.140, 1.197, 1.167, 1.174, 1.208, 1.180, 1.138),
}
WUE_AT_24 = {"W": (2.63, 1.75, 1.83, 1.59, 1.67, 2.05, 1.67, 1.54), "W+we": (2.59, 1.68, 1.78, 1.52, 1.60, 2.01, 1.61, 1.46)}


@pytest.fixture(scope="module")
def year():
    """Demand (n,) and weather (n, places) of the generated year."""
    calendar = Calendar.year(2023, 900)
    demand = SyntheticWorkload(trace="alibaba_1").load(calendar, 0).values[:, 0]
    tables = [SyntheticWeather(zone=place).load(calendar, 0) for place in PLACES]
    dry = np.stack([table.column("dry_bulb") for table in tables], axis=1)
    wet = np.minimum(np.stack([table.column("wet_bulb") for table in tables], axis=1), dry)
    ratio = humidity_ratio(dry, wet)
    return demand, Weather(dry, wet, ratio, dew_point(ratio))


def run(site, demand, weather):
    """Energy kWh, IT energy kWh and water L of the year, ``(places, setpoints)`` each."""
    rows = len(PLACES) * len(SETPOINTS)
    setpoint = np.tile(SETPOINTS, len(PLACES))
    state, sums = {"room": setpoint + 1.0, "setpoint": setpoint}, np.zeros((3, rows))
    columns = site.plant.columns(weather)
    series = [np.repeat(x, len(SETPOINTS), axis=1) for x in (weather.dry_bulb, weather.wet_bulb, weather.humidity_ratio, weather.dew_point)]
    columns = np.repeat(columns, len(SETPOINTS), axis=1)
    for k, u in enumerate(demand):
        now = Weather(*(x[k] for x in series))
        it = site.servers.power(state["room"], np.full(rows, u))
        air = site.hall.air(state, setpoint, it, now)
        plant = site.plant.cool(air, it, now, columns[k])
        site.hall.settle(state, air, plant.supply)
        cooling = air.fan_w + plant.chiller_w + plant.chilled_pump_w + plant.condenser_pump_w + plant.tower_w
        sums[0] += it.power_w + cooling + site.losses.power(it.power_w, 1e6)
        sums[1] += it.power_w
        sums[2] += plant.water_l
    sums[:2] *= 0.25e-3
    return sums.reshape(3, len(PLACES), len(SETPOINTS))


@pytest.mark.slow
@pytest.mark.parametrize("kind", PUE_AT_24)
def test_year(bench, year, kind):
    total, it, water = run(bench(kind), *year)
    at_24 = list(SETPOINTS).index(24.0)
    np.testing.assert_allclose((total / it)[:, at_24], PUE_AT_24[kind], atol=0.02)
    if kind in WUE_AT_24:
        np.testing.assert_allclose((water / it)[:, at_24], WUE_AT_24[kind], rtol=0.07)  # another draw of the weather
    best = SETPOINTS[total.argmin(axis=1)]
    if kind == "W+we":
        assert ((best > 16) & (best < 32)).all()
    assert (total.argmin(axis=1) > 0).all()  # coldest is never the best of a year
