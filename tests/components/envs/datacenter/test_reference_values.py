"""The default model against printed reference values of independent implementations."""

from pathlib import Path

import numpy as np
import pytest

from wattloom.components.envs.datacenter.battery import LithiumBattery
from wattloom.components.envs.datacenter.chiller import CURVES, biquadratic, full_load
from wattloom.components.envs.datacenter.load_shifting import FluidQueue
from wattloom.components.envs.datacenter.protocol import Inputs, Site, Weather
from wattloom.components.envs.datacenter.servers import C_AIR, RHO_AIR, Servers

CASES = {  # inlet °C, utilisation, set-point °C, outdoor °C, relative humidity
    "1": (22, 0.5, 24, 10, 0.6),
    "2": (22, 0.5, 24, 30, 0.5),
    "3": (18, 0.2, 16, -10, 0.8),
    "4": (28, 1, 28, 35, 0.3),
    "5": (30, 0.9, 32, 25, 0.9),
    "6": (24, 0.6, 22, 20, 0.5),
    "over .5": (26, 0.9, 22, 40, 0.3),
    "liq .7": (22, 0.5, 24, 30, 0.5),
}
AIR = {  # wet bulb °C, humidity ratio kg/kg, dew point °C
    "1": ("6.526069", "0.00454830", "2.588043"),
    "2": ("22.071799", "0.01328017", "18.446995"),
    "3": ("-10.643045", "0.00141139", "-12.795104"),
    "4": ("21.641062", "0.01051936", "14.846706"),
    "5": ("23.732622", "0.01797109", "23.244437"),
    "6": ("13.845034", "0.00724489", "9.261107"),
}
ROWS = [
    line.strip().strip("|").split("|")
    for line in (Path(__file__).parent / "fixtures" / "one_step.txt").read_text().splitlines()
    if line.startswith("|")
]


def printed(value, digits):
    """``value`` with as many digits after the point as the printed one."""
    return f"{value:.{len(digits.partition('.')[2])}f}"


@pytest.mark.parametrize("case", AIR)
def test_moist_air(bench, case):
    weather = bench.weather(*CASES[case][3:])
    for value, digits in zip((weather.wet_bulb, weather.humidity_ratio, weather.dew_point), AIR[case], strict=True):
        assert printed(value.item(), digits) == digits


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_one_step(bench, row):
    case, kind, *digits = row
    room, u, setpoint, dry, humidity = CASES[case]
    site = bench(kind, liquid_share=0.7 if case == "liq .7" else 0.0, plant_oversize=0.5 if case == "over .5" else 1.25)
    got = site.step(room, u, setpoint, site.weather(dry, humidity))
    p = got.plant
    powers = [x / 1e3 for x in (*got.parts[:6], got.total)]
    values = [*powers, p.supply, got.end, got.mean, p.heat_w / 1e3, p.coil_w / 1e3, p.economiser, p.condenser_c, p.water_l]
    assert len(values) == len(digits)
    for value, text in zip(values, digits, strict=True):
        assert float(f"{value.item():.6g}") == float(text)


@pytest.mark.parametrize(("kind", "unmet", "capacity"), [("A", 12.06, 596.625), ("W+we", 11.6877, 613.875), ("A+ae", 12.06, 596.625)])
def test_overload(bench, kind, unmet, capacity):
    site = bench(kind, plant_oversize=0.5)
    room, u, setpoint, dry, humidity = CASES["over .5"]
    got = site.step(room, u, setpoint, site.weather(dry, humidity))
    assert float(f"{(got.plant.supply - setpoint).item():.6g}") == unmet
    assert float(f"{(got.plant.capacity_w / 1e3).item():.6g}") == capacity


def test_server_curve():
    table = """18 0.30343 0.035 0.647856 0.0525 1 0.07
    20 0.30343 0.035 0.647856 0.0525 1 0.07
    25 0.30568 0.035 0.652628 0.0525 1.00729 0.07
    27 0.309511 0.043 0.660677 0.0605 1.02074 0.078
    30 0.31781 0.055 0.67631 0.0725 1.04547 0.09
    32 0.325404 0.063 0.689466 0.0805 1.06536 0.098
    35 0.3405 0.075 0.713913 0.0925 1.07444 0.1"""
    servers = Servers()
    for line in table.splitlines():
        inlet, *expected = (float(x) for x in line.split())
        it = servers.power(np.full(3, inlet), np.array([0.0, 0.5, 1.0]))
        flow = it.heat_rate / (C_AIR * RHO_AIR) / 1e3  # m3/s per kW of a 1 MW hall
        got = np.stack([it.power_w / 1e6, flow], axis=1).ravel()
        assert [float(f"{x:.6g}") for x in got] == expected


@pytest.mark.parametrize(
    ("curve", "x", "y", "expected"),
    [
        ("water", 10, 18, "0.601551"),
        ("water", 18, 18, "0.382820"),
        ("water", 18, 25, "0.559615"),
        ("water", 22, 30, "0.577530"),
        ("air", 10, 20, "0.604580"),
        ("air", 18, 30, "0.628577"),
        ("air", 18, 40, "0.831392"),
    ],
)
def test_curve(curve, x, y, expected):
    value = biquadratic(CURVES[curve].eir, np.array(float(x)), np.array(float(y)))
    assert abs(float(value) - float(expected)) < 6e-7


def test_published_curve_is_clamped_to_its_range(bench):
    site = bench("W", curve="doe2_centrifugal")
    cool, warm = (full_load(site.plant._constants.chiller, np.array([x]), np.array([28.0]))[1] for x in (10.0, 20.0))
    assert cool == warm  # outside 5 .. 10 °C the published curve would turn upward


def test_day_rollout(bench):
    expected = {  # step: inlet afterwards °C, total kW, IT kW, water L
        0: (23.072461, 634.986789, 547.047462, 168.139439),
        1: (22.650696, 619.242062, 534.729796, 151.575012),
        15: (22.117774, 513.263587, 442.262863, 103.732310),
        16: (23.112791, 511.052544, 441.819337, 92.055303),
        47: (26.661424, 911.364666, 753.439957, 365.568233),
        95: (26.224995, 656.781717, 563.987995, 164.546939),
    }
    site, room, sums = bench("W+we"), 24.0, np.zeros(3)
    for k in range(96):
        theta = 2 * np.pi * (k - 36) / 96
        dry = 15 + 8 * np.sin(theta)
        one = [np.array([x]) for x in (dry, dry - 4 - 2 * np.sin(theta), 0.007, 0.0)]
        got = site.step(room, 0.5 + 0.3 * np.sin(2 * np.pi * (k - 40) / 96), 22 + 2 * (k // 16 % 3), Weather(*one))
        room = got.end.item()
        row = (room, got.total.item() / 1e3, got.it.power_w.item() / 1e3, got.plant.water_l.item())
        if k in expected:
            np.testing.assert_allclose(row, expected[k], atol=6e-7, rtol=0)
        sums += [row[1] / 4, row[2] / 4, row[3]]
    np.testing.assert_allclose(sums, [18904.240012, 15701.495320, 25429.396813], atol=6e-7, rtol=0)
    assert round(sums[0] / sums[1], 6) == 1.203977


def test_battery_rows():
    rows = [
        (1, 1.0, 0.5, 0, 1.1187),
        (0.5, 1.0, 0.25, 0, 1.1780191),
        (-1, 1.0, 0, 0.5, 1.0463812),
        (-1, 0.2, 0, 0.2, 0.99369732),
        (1, 1.0, 0.5, 0, 1.1123976),
        (1, 1.0, 0.5, 0, 1.231092),
        (1, 1.0, 0.5, 0, 1.3497805),
        (1, 1.0, 0.5, 0, 1.468463),
        (1, 1.0, 0.5, 0, 1.5871396),
        (1, 1.0, 0.5, 0, 1.7058102),
        (1, 1.0, 0.396948, 0, 1.8),
        (-1.0, 1.0, 0, 0.5, 1.6683311),
    ]
    battery = LithiumBattery()
    battery.bind(Site(1e6, 900.0, 96))
    battery.control("continuous")
    state = battery.initial(1)
    for action, total, charge, discharge, stored in rows:
        power = battery.dispatch(state, np.array([float(action)]), np.array([total * 1e6]))
        got = (power.charge_w.item() / 1e6, power.discharge_w.item() / 1e6, state["battery_mwh"].item())
        for value, reference in zip(got, (charge, discharge, stored), strict=True):
            assert float(f"{value:.8g}") == pytest.approx(reference, abs=6e-8 if reference > 0.4 else 6e-7)


def test_queue_rows():
    rows = """0.6 -1 0.3 0 0 0 0.3
    0.8 -1 0.4 0 0 0 0.7
    0.8 -0.5 0.6 0.2 0 0 0.9
    0.4 0 0.4 0.2 0 0 0.9
    0.3 1 0.9 0.75 0 0 0.3
    0.9 -1 0.45 0 0 0 0.75
    0.9 -1 0.65 0.2 0 0 1
    0.9 -1 0.9 0.45 0 0 1
    1.0 -1 0.9 0.4 0.1 0 1
    0.2 0.5 0.7 0.6 0 0 0.5
    0.2 1 0.7 0.6 0 0 0"""
    queue = FluidQueue(flexible_share=0.5, deadline_h=1.0, queue_limit_h=0.25)
    queue.bind(Site(1e6, 900.0, 96))
    queue.control("continuous")
    state = queue.initial(1)
    for line in rows.splitlines():
        w, action, *expected = (float(x) for x in line.split())
        work = queue.execute(state, inputs(w), np.array([action]), 0.9)
        got = (work.utilisation, work.extra["executed"], work.dropped, work.overdue, work.queued)
        np.testing.assert_allclose([x.item() for x in got], expected, atol=1e-12)


def inputs(demand):
    one = np.array([float(demand)])
    return Inputs(one, Weather(one, one, one, one), one, one, one, one, one[:, None], one, one[:, None])
