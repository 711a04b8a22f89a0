"""What must hold in every state: balances, monotonicity, scale, batches, conservation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattloom.components.envs.datacenter.battery import LithiumBattery
from wattloom.components.envs.datacenter.load_shifting import FluidQueue
from wattloom.components.envs.datacenter.protocol import Inputs, Site, Weather
from wattloom.components.physics import magnus

PLANTS = ("A", "A+ae", "W", "W+we", "W+ae")
ROWS = 400
SIZES = (1.25, 0.5)
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=12, deadline=None)


def states(bench, seed):
    """Random inlet °C, utilisation, set-point °C, outdoor °C and humidity."""
    rng = np.random.default_rng(seed)
    return (
        rng.uniform(14, 40, ROWS),
        rng.uniform(0, 1, ROWS),
        rng.uniform(16, 32, ROWS),
        rng.uniform(-25, 48, ROWS),
        rng.uniform(0.1, 1, ROWS),
    )


def check_balances(site, got, weather):
    room_w = site.hall._mass * (got.end - got.start) / site.site.step_seconds
    it, air, plant = got.it, got.air, got.plant
    heat = it.power_w - it.liquid_w
    useful = air.room[0]
    recirculated, bypassed = 1 - useful / it.heat_rate, 1 - useful / air.flow
    wall = site.hall._ua * (weather.dry_bulb - got.mean)
    scale = heat + np.abs(air.heat_0) + air.heat_1 * np.abs(plant.supply)  # W, of the terms that cancel
    assert (np.abs(room_w - (heat + wall - (plant.heat_w - air.fan_w))) <= 1e-12 * scale).all()
    hot = got.mean + heat / it.heat_rate
    returned = bypassed * plant.supply + (1 - bypassed) * hot
    assert (np.abs(air.flow * (returned - plant.supply) - (plant.heat_w - air.fan_w)) <= 1e-12 * scale).all()
    line = useful * (got.mean - plant.supply) + (1 - recirculated) * heat + air.fan_w
    assert (np.abs(plant.heat_w - line) <= 1e-12 * scale).all()
    assert ((bypassed >= 0.15 - 1e-12) & (recirculated >= 0.08 - 1e-12)).all()


@pytest.mark.parametrize("kind", PLANTS)
@pytest.mark.parametrize("size", SIZES)
@few
@given(seed=seeds)
def test_balances_and_bounds(bench, kind, size, seed):
    site = bench(kind, plant_oversize=size)
    room, u, setpoint, dry, humidity = states(bench, seed)
    weather = site.weather(dry, humidity)
    got = site.step(room, u, setpoint, weather)
    check_balances(site, got, weather)
    for part in got.parts:
        assert np.isfinite(part).all()
        assert (part >= 0).all()
    assert (got.plant.heat_w >= 0).all()
    assert (got.plant.water_l >= 0).all()
    no_heating = got.air.heat_0 / got.air.heat_1 < setpoint
    assert (got.plant.supply >= setpoint - 1e-9)[~no_heating].all()
    if kind.startswith("W"):
        share = np.clip((got.air.heat_0 - got.air.heat_1 * setpoint) / site.plant.rated_w, 0.05, 1.2)
        approach = 3.9 * share * np.maximum(1 + 0.05 * (25.6 - weather.wet_bulb), 0.5)
        assert (got.plant.condenser_c >= weather.wet_bulb + approach - 1e-9).all()
    running = got.plant.chiller_w > 0
    cop = (got.plant.coil_w * (1 - got.plant.economiser))[running] / got.plant.chiller_w[running]
    assert np.isfinite(cop).all()
    low, high = np.quantile(cop, [0.02, 0.98])
    assert (low > 4.5 and high < 13) if kind.startswith("W") else (low > 2.7 and high < 7)


@pytest.mark.parametrize("kind", PLANTS)
@pytest.mark.parametrize("warmer", [0.05, 0.5, 3.0])
@few
@given(seed=seeds)
def test_power_grows_with_the_outdoor_temperature_at_fixed_humidity(bench, kind, warmer, seed):
    for size in SIZES:
        site = bench(kind, plant_oversize=size)
        room, u, setpoint, dry, humidity = states(bench, seed)
        cold = site.step(room, u, setpoint, site.weather(dry, humidity))
        warm = site.step(room, u, setpoint, site.weather(dry + warmer, humidity))
        met = (cold.plant.supply <= setpoint + 1e-9) & (warm.plant.supply <= setpoint + 1e-9)
        assert met.any()
        assert (warm.total >= cold.total * (1 - 1e-12))[met].all()
        assert (warm.end >= cold.end - 1e-9)[~met].all()  # an overloaded plant loses capacity, so its power may fall while the room warms


@pytest.mark.parametrize("kind", ["W", "W+we", "W+ae"])
@pytest.mark.parametrize("warmer", [0.05, 0.5, 3.0])
@few
@given(seed=seeds)
def test_power_grows_with_the_wet_bulb_alone(bench, kind, warmer, seed):
    site = bench(kind)
    room, u, setpoint, dry, humidity = states(bench, seed)
    weather = site.weather(dry, humidity)
    humid = Weather(weather.dry_bulb, weather.wet_bulb + warmer, weather.humidity_ratio, weather.dew_point)
    dry_step, humid_step = site.step(room, u, setpoint, weather), site.step(room, u, setpoint, humid)
    met = (dry_step.plant.supply <= setpoint + 1e-9) & (humid_step.plant.supply <= setpoint + 1e-9)
    assert (humid_step.total >= dry_step.total * (1 - 1e-12))[met].all()


@pytest.mark.parametrize("kind", ["A", "W", "W+we"])
@pytest.mark.parametrize("warmer", [0.05, 0.5, 3.0])
@few
@given(seed=seeds)
def test_power_grows_with_the_dry_bulb_alone(bench, kind, warmer, seed):
    site = bench(kind)
    room, u, setpoint, dry, humidity = states(bench, seed)
    weather = site.weather(dry, humidity)
    warm = Weather(weather.dry_bulb + warmer, weather.wet_bulb, weather.humidity_ratio, weather.dew_point)
    a, b = site.step(room, u, setpoint, weather), site.step(room, u, setpoint, warm)
    met = (a.plant.supply <= setpoint + 1e-9) & (b.plant.supply <= setpoint + 1e-9)
    assert (b.total >= a.total * (1 - 1e-12))[met].all()


@pytest.mark.parametrize("kind", ["A+ae", "W+ae"])
@few
@given(seed=seeds)
def test_with_outdoor_air_only_an_opening_lock_saves_power_on_a_hotter_day(bench, kind, seed):
    site = bench(kind)
    room, u, setpoint, dry, humidity = states(bench, seed)
    wet = site.weather(dry, humidity).wet_bulb

    def at(temperature):  # at a fixed wet bulb a hotter day is a drier one
        ratio = magnus.humidity_ratio(temperature, wet)
        return Weather(temperature, wet, ratio, magnus.dew_point(ratio))

    before, after = at(dry), at(dry + 3.0)
    a, b = site.step(room, u, setpoint, before), site.step(room, u, setpoint, after)
    met = (a.plant.supply <= setpoint + 1e-9) & (b.plant.supply <= setpoint + 1e-9)
    opened = (before.dew_point > 15.0) & (after.dew_point <= 15.0)
    assert (b.total >= a.total * (1 - 1e-12))[met & ~opened].all()
    assert (b.total >= 0.65 * a.total)[met & opened].all()


@pytest.mark.parametrize("kind", PLANTS)
@few
@given(seed=seeds)
def test_power_grows_with_work(bench, kind, seed):
    site = bench(kind)
    room, u, setpoint, dry, humidity = states(bench, seed)
    weather = site.weather(dry, humidity)
    a, b = site.step(room, 0.95 * u, setpoint, weather), site.step(room, 0.95 * u + 0.05, setpoint, weather)
    met = (a.plant.supply <= setpoint + 1e-9) & (b.plant.supply <= setpoint + 1e-9)
    assert ((b.total - a.total)[met] >= 34e3).all()  # W of 1 MW for a twentieth of the work


@pytest.mark.parametrize("kind", PLANTS)
def test_a_hundred_megawatts_is_a_hundred_times_one(bench, kind):
    room, u, setpoint, dry, humidity = states(bench, 5)
    small, large = bench(kind), bench(kind, capacity_mw=100.0)
    one = small.step(room, u, setpoint, small.weather(dry, humidity))
    hundred = large.step(room, u, setpoint, large.weather(dry, humidity))
    np.testing.assert_allclose(hundred.total, 100 * one.total, rtol=1e-12)
    np.testing.assert_allclose(hundred.end, one.end, rtol=1e-12)


@pytest.mark.parametrize("kind", PLANTS)
@pytest.mark.parametrize("share", [0.0, 0.7])
def test_a_row_of_a_batch_equals_the_single_run(bench, kind, share):
    room, u, setpoint, dry, humidity = states(bench, 6)
    site = bench(kind, liquid_share=share)
    whole = site.step(room, u, setpoint, site.weather(dry, humidity))
    for i in range(0, ROWS, 37):
        alone = site.step(room[i], u[i], setpoint[i], site.weather(dry[i], humidity[i]))
        assert alone.total[0] == whole.total[i]
        assert alone.end[0] == whole.end[i]
        assert alone.plant.water_l[0] == whole.plant.water_l[i]


def test_undersized_plant_stays_finite(bench):
    for size, hottest in ((0.7, 43.5), (0.5, 46.5), (0.3, 53.0)):
        site, room, worst = bench("A", plant_oversize=size), 23.0, 0.0
        for k in range(5 * 96):
            weather = site.weather(32 - 8 * np.cos(2 * np.pi * k / 96), 0.3)
            u = min(0.9, float(site.servers.capacity(np.array([room]))[0]))
            room = site.step(room, u, 22.0, weather).end.item()
            worst = max(worst, room)
        assert 38 < worst < hottest


def test_longer_steps_keep_the_energy(bench):
    def week(step_seconds):
        site, room, energy, n = bench(step_seconds=step_seconds), 23.0, 0.0, round(86400 / step_seconds)
        for k in range(7 * n):
            weather = site.weather(15 + 8 * np.sin(2 * np.pi * k / n), 0.5)
            got = site.step(room, 0.5 + 0.3 * np.sin(2 * np.pi * k / n - 1), 22.0, weather)
            room, energy = got.end.item(), energy + got.total.item() * step_seconds
        return energy

    fine = week(300.0)
    assert abs(week(900.0) / fine - 1) < 1e-3


@few
@given(seed=seeds, window=st.tuples(st.floats(0, 0.4), st.floats(0.5, 1)))
def test_battery_keeps_its_window_and_meters_its_losses(seed, window):
    rng = np.random.default_rng(seed)
    low, high = window
    battery = LithiumBattery(soc_low=low, soc_high=high, soc_start=(low + high) / 2)
    battery.bind(Site(1e6, 900.0, 96))
    battery.control("continuous")
    state = battery.initial(3)
    keep = np.exp(-2e-4 * 0.25)
    for _ in range(300):
        before = state["battery_mwh"].copy()
        total = rng.uniform(0, 2e6, 3)
        power = battery.dispatch(state, rng.uniform(-1, 1, 3), total)
        after = state["battery_mwh"]
        assert (after <= high * 2 + 1e-12).all()
        assert (after >= np.minimum(low * 2, before * keep) - 1e-12).all()  # only self-discharge goes below
        assert ((power.charge_w == 0) | (power.discharge_w == 0)).all()
        assert (power.charge_w <= 0.5e6 + 1e-6).all()
        assert (power.discharge_w <= np.minimum(0.5e6, total) + 1e-6).all()
        exchanged = 0.25 * (power.charge_w - power.discharge_w) * 1e-6
        np.testing.assert_allclose(after - before, exchanged - power.loss_kwh * 1e-3, atol=1e-12)
        assert (power.loss_kwh >= -1e-9).all()
        assert (power.grid_kwh >= -1e-9).all()


def test_round_trip_efficiency():
    battery = LithiumBattery(self_discharge_per_h=0.0)
    battery.bind(Site(1e6, 900.0, 96))
    battery.control("discrete")
    state = battery.initial(1)
    drawn = battery.dispatch(state, np.array([0]), np.array([1e6])).charge_w.item()
    given_back = 0.0
    while state["battery_mwh"][0] > 1.0 + 1e-12:
        battery.control("continuous")
        left = (state["battery_mwh"][0] - 1.0) * 0.95 / 0.25 / 0.5
        given_back += battery.dispatch(state, np.array([-min(left, 1.0)]), np.array([1e6])).discharge_w.item()
    assert given_back / drawn == pytest.approx(0.9025)


class ExplicitQueue:
    """The queue as a list of (arrival, amount), oldest first."""

    def __init__(self, share, deadline, limit):
        self.share, self.deadline, self.limit, self.rows, self.time = share, deadline, limit, [], 0

    def step(self, w, action, capacity):
        fixed = (1 - self.share) * w
        run = min(fixed, capacity)
        arrivals, queue = self.share * w + fixed - run, sum(amount for _, amount in self.rows)
        due = sum(amount for arrival, amount in self.rows if self.time - arrival >= self.deadline)
        wish = (1 + min(action, 0)) * arrivals + max(action, 0) * queue
        executed = min(max(wish, due, queue + arrivals - self.limit), capacity - run, queue + arrivals)
        dropped = min(max(queue + arrivals - executed - self.limit, 0), arrivals)
        self.rows.append((self.time, arrivals - dropped))
        left = executed
        while left > 1e-15 and self.rows:
            arrival, amount = self.rows[0]
            taken = min(amount, left)
            left -= taken
            self.rows[0] = (arrival, amount - taken)
            if amount - taken > 1e-15:
                break
            self.rows.pop(0)
        self.time += 1
        overdue = sum(amount for arrival, amount in self.rows if self.time - arrival > self.deadline)
        return run + executed, dropped, overdue, sum(amount for _, amount in self.rows)


@few
@given(
    seed=seeds, capacity=st.sampled_from([1.0, 0.7, 0.55]), deadline=st.sampled_from([1.0, 6.0, 24.0]), limit=st.sampled_from([0.5, 6.0])
)
def test_queue_conserves_work_and_equals_the_explicit_list(seed, capacity, deadline, limit):
    rng = np.random.default_rng(seed)
    queue = FluidQueue(flexible_share=0.3, deadline_h=deadline, queue_limit_h=limit)
    queue.bind(Site(1e6, 900.0, 96))
    queue.control("continuous")
    state, explicit = queue.initial(1), ExplicitQueue(0.3, round(deadline * 4), limit * 4)
    arrived = executed = dropped = 0.0
    for _ in range(400):
        w, action = rng.uniform(0.2, 0.9), rng.uniform(-1, 1)
        work = queue.execute(state, demand(w), np.array([action]), capacity)
        expected = explicit.step(w, action, capacity)
        got = [x.item() for x in (work.utilisation, work.dropped, work.overdue, work.queued)]
        np.testing.assert_allclose(got, expected, atol=1e-10)
        assert got[0] <= capacity + 1e-12
        assert 0 <= got[3] <= limit * 4 + 1e-9
        arrived, executed, dropped = arrived + w, executed + got[0], dropped + got[1]
    assert arrived == pytest.approx(executed + dropped + got[3], rel=1e-9)
    view = queue.view(state)[0]
    assert view[0] == pytest.approx(got[3] / (limit * 4), abs=1e-12)
    assert view[1:6].sum() == pytest.approx(1.0 if got[3] > 1e-9 else 0.0, abs=1e-9)


def test_narrow_queue_drops_and_wide_one_does_not():
    for capacity, expected in ((1.0, 0.0), (0.55, 0.09)):
        rng = np.random.default_rng(0)
        queue = FluidQueue(queue_limit_h=1.5)
        queue.bind(Site(1e6, 900.0, 96))
        queue.control("continuous")
        state, dropped, total = queue.initial(1), 0.0, 0.0
        for _ in range(4000):
            w = rng.uniform(0.2, 0.9)
            work = queue.execute(state, demand(w), rng.uniform(-1, 1, 1), capacity)
            dropped, total = dropped + work.dropped.item(), total + w
            if capacity == 1.0:
                assert work.overdue.item() == 0
        assert dropped / total == pytest.approx(expected, abs=0.02)


def demand(w):
    one = np.array([w])
    return Inputs(one, Weather(one, one, one, one), one, one, one, one, one[:, None], one, one[:, None])
