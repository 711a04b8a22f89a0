"""The composed environment: options, errors before the first step, carry-over, settlement, determinism."""

from pathlib import Path

import numpy as np
import pytest

import wattloom
import wattloom.conf
from wattloom.components.envs.datacenter.protocol import AGENTS
from wattloom.components.envs.datacenter.render import Strip, round_limits
from wattloom.environment import EnvironmentSpec
from wattloom.errors import DataError, EnvironmentFault, WattloomError
from wattloom.figures import CourseTracker

OPTIONS = [
    ("datacenter", {}),
    ("datacenter", {"actions": "continuous"}),
    ("datacenter", {"cooling": "air"}),
    ("datacenter", {"cooling": "air_airside"}),
    ("datacenter", {"cooling": "water"}),
    ("datacenter", {"cooling": "water_airside"}),
    ("datacenter", {"cooling": "sustaindc"}),
    ("datacenter", {"it_load": "gpu_racks"}),
    ("datacenter", {"it_load": "sustaindc"}),
    ("datacenter", {"hall": "legacy", "losses": "legacy"}),
    ("datacenter", {"hall": "sustaindc"}),
    ("datacenter", {"load_shifting": "sustaindc"}),
    ("datacenter", {"battery": "sustaindc"}),
    ("datacenter", {"reward": "cost"}),
    ("datacenter", {"reward": "energy"}),
    ("sustaindc", {"cooling": "air"}),
    ("sustaindc", {"cooling": "water_waterside", "it_load": "servers", "hall": "contained"}),
]


def act(environment, rng):
    n = environment.num_envs
    if environment.agents[0].action_labels:
        return {name: rng.integers(0, 3, n) for name in AGENTS}
    return {name: rng.uniform(-1, 1, (n, 1)).astype(np.float32) for name in AGENTS}


@pytest.mark.parametrize(("name", "parts"), OPTIONS, ids=lambda value: str(value))
def test_every_combination_runs(name, parts):
    environment, rng = wattloom.make(name, num_envs=3, episode__days=1, **parts), np.random.default_rng(0)
    environment.reset(seed=1)
    for step in range(96):
        result = environment.step(act(environment, rng))
        assert all(np.isfinite(value).all() for value in [*result.metrics.values(), *result.rewards.values()])
        assert all(np.isfinite(value).all() for value in result.snapshot.observations.values())
        whole = result.metrics["energy_it"] + result.metrics["energy_cooling"] + result.metrics["energy_loss"]
        np.testing.assert_allclose(result.metrics["energy_total"], whole, rtol=1e-12)
        assert (result.truncated == (step == 95)).all()
        assert not result.terminated.any()
    assert {"energy_total", "co2", "water"} <= set(result.metrics)


RACKS = [
    {"count": 10, "full_w": 20000, "idle_w": 6000, "fan_max_w": 1600, "airflow_max_m3s": 2.0},
    {"count": 5, "full_w": 40000, "idle_w": 8000, "fan_max_w": 4000, "airflow_max_m3s": 4.0},
]
WRONG = [
    ("datacenter", {"it_load__capacity_mw": 0.0}, "capacity_mw=0"),
    ("datacenter", {"it_load__capacity_mw": float("inf")}, "capacity_mw=inf"),
    ("datacenter", {"it_load__idle_fraction": 0.95, "it_load__fan_max_fraction": 0.9}, "fans take the rest"),
    ("datacenter", {"it_load__leakage_per_k": -0.5}, "leakage_per_k=-0.5"),
    ("datacenter", {"it_load__idle_fraction": 0.4, "it_load__racks": RACKS}, "idle_fraction=0.4 has no effect"),
    ("datacenter", {"it_load__racks": [{**RACKS[0], "count": "x"}]}, "count='x'"),
    ("datacenter", {"it_load__racks": [{**RACKS[0], "full_w": float("nan")}]}, "full_w=nan"),
    ("datacenter", {"it_load__racks": [{**RACKS[0], "idle_w": 9e4}]}, "below full_w"),
    ("datacenter", {"hall__crah_w_per_m3s": float("nan")}, "hall.crah_w_per_m3s=nan: give a finite"),
    ("datacenter", {"losses__ups_fixed": float("inf")}, "losses.ups_fixed=inf"),
    ("datacenter", {"cooling__load_curve": [float("nan"), 0.5, 0.5]}, "load_curve"),
    ("datacenter", {"cooling__load_curve": [0.0, -1.0, 2.0]}, "negative at part load"),
    ("datacenter", {"cooling__tower_fan_fraction": -1.0}, "tower_fan_fraction=-1"),
    ("datacenter", {"cooling__chw_range_k": 0.0}, "chw_range_k=0"),
    ("datacenter", {"cooling__stage_load": 5.0}, "stage_load=5"),
    ("datacenter", {"battery__capacity_mwh": 0.0}, "no battery"),
    ("datacenter", {"reward__cooling__carbon": "much"}, "carbon='much'"),
    ("datacenter", {"carbon": "constant", "carbon__value": -5.0}, "carbon reaches -5"),
    ("datacenter", {"workload": "constant", "workload__value": 1.5}, "share of capacity"),
    ("datacenter", {"data_seed": -1}, "data_seed=-1"),
    ("datacenter", {"battery__soc_low": 0.9, "battery__soc_high": 0.2}, "soc_low"),
    ("datacenter", {"battery__soc_start": 0.95}, "soc_start"),
    ("datacenter", {"battery__charge_efficiency": 0.0}, "charge_efficiency"),
    ("datacenter", {"episode__step_minutes": 7}, "step_minutes"),
    ("datacenter", {"episode__days": 400}, "days"),
    ("datacenter", {"episode__start_month": 13}, "start_month"),
    ("datacenter", {"load_shifting__deadline_h": 0.1}, "deadline_h"),
    ("datacenter", {"load_shifting__flexible_share": 1.4}, "flexible_share"),
    ("datacenter", {"hall__setpoint_start_c": 40.0}, "set-points"),
    ("datacenter", {"hall__bypass": 1.0}, "bypass"),
    ("datacenter", {"cooling__curve": "doe2"}, "curve"),
    ("datacenter", {"cooling__tower_approach_k": 20.0}, "tower_approach_k"),
    ("datacenter", {"cooling__cycles": 1.0}, "cycles"),
    ("datacenter", {"cooling__load_curve": [0.5, 0.5]}, "load_curve"),
    ("datacenter", {"actions": "both"}, "actions"),
    ("datacenter", {"reward__cooling__comfrt": 1.0}, "comfort"),
    ("datacenter", {"reward__battery__move": 1.0}, "reward.battery"),
    ("datacenter", {"reward": "sustaindc"}, "reward=sustaindc"),
    ("datacenter", {"observation": "sustaindc"}, "observation=sustaindc"),
    ("datacenter", {"it_load__racks": [{"count": 3, "full_w": 9000}]}, "lacks"),
    (
        "datacenter",
        {"it_load__racks": [{"count": 3, "full_w": 9000, "idle_w": 1, "fan_max_w": 1, "airflow_max_m3s": 1, "fans": 2}]},
        "fans",
    ),
    ("datacenter", {"battery__capacity_mw": 1.0}, "capacity_mwh"),
    ("datacenter", {"location": "atlantis"}, "atlantis"),
    ("sustaindc", {"episode__month": 12}, "month"),
    ("sustaindc", {"it_load__capacity_mw": 0.3}, "K warmer"),
    ("sustaindc", {"it_load__servers_w": [[170, 20]]}, "lengths"),
    ("sustaindc", {"hall__setpoint_c": 30.0}, "setpoint_c"),
    ("sustaindc", {"actions": "continuous"}, "discrete"),
]


@pytest.mark.parametrize(("name", "changes", "says"), WRONG, ids=lambda value: str(value))
def test_wrong_configuration_is_named_before_the_first_step(name, changes, says):
    with pytest.raises(WattloomError, match=says.replace("(", r"\(")):
        wattloom.make(name, **changes)


def test_part_that_lacks_a_method_is_named():
    from wattloom.components.envs.datacenter import DataCenter

    good = wattloom.make("datacenter")
    parts = {
        name: getattr(good, name) for name in ("episode", "load_shifting", "it_load", "hall", "cooling", "battery", "observation", "reward")
    }
    for name in ("cooling", "losses"):
        with pytest.raises(WattloomError, match=f"{name}=object lacks"):
            DataCenter(**{**parts, name: object()}, **good.episode.tables)


def test_an_episode_must_say_what_scales_are_taken_from(monkeypatch):
    from wattloom.components.envs.datacenter.episode import CalendarEpisode

    monkeypatch.delattr(CalendarEpisode, "scaled_on")
    with pytest.raises(WattloomError, match="episode=CalendarEpisode lacks scaled_on: a part of env=datacenter needs them"):
        wattloom.make("datacenter")


@pytest.mark.parametrize(
    "options", [{"start_day": [1, 2]}, {"start_day": 1.5}, {"start_hour": "noon"}, {"start_day": -1}, {"start_day": 360}]
)
def test_a_start_that_cannot_be_is_named(options):
    environment = wattloom.make("datacenter", num_envs=3)
    with pytest.raises(WattloomError, match=next(iter(options))):
        environment.reset(seed=0, options=options)


STRANGE = [
    {"it_load__capacity_mw": 100.0},
    {"it_load__capacity_mw": 0.1, "it_load__liquid_share": 0.7},
    {"it_load__racks": RACKS, "it_load__liquid_share": 0.5, "it_load__capacity_mw": None},
    {"episode__step_minutes": 60},
    {"episode__step_minutes": 5},
    {"episode__year": 2024, "episode__start_month": 2},
    {"location": "au_nsw", "price": "synthetic", "reward": "cost"},
    {"price": "constant", "price__value": -30.0, "reward": "cost"},
    {"battery__capacity_mwh": 0.001},
    {"load_shifting__flexible_share": 0.0},
    {"load_shifting__flexible_share": 1.0, "load_shifting__queue_limit_h": 0.01},
    {"weather": "constant", "weather__dry_bulb": 60.0, "weather__wet_bulb": 40.0},
    {"weather": "constant", "weather__dry_bulb": -60.0, "weather__wet_bulb": -60.0},
    {"cooling__plant_oversize": 0.05},
    {"carbon": "constant", "carbon__value": 0.0},
]


@pytest.mark.parametrize("changes", STRANGE, ids=lambda value: str(value))
def test_what_is_odd_but_allowed_stays_finite(changes):
    environment, rng = wattloom.make("datacenter", num_envs=2, **changes), np.random.default_rng(0)
    environment.reset(seed=0)
    for _ in range(60):
        result = environment.step(act(environment, rng))
        assert all(np.isfinite(value).all() for value in [*result.metrics.values(), *result.rewards.values()])
        assert all((np.abs(value) <= 5).all() for value in result.snapshot.observations.values())
    work = result.metrics["work_executed"] + result.metrics["work_queued"]
    assert (work <= 1.0 * environment.site.step_hours + 6.0 + 1e-9).all()


def test_series_of_another_step_is_refused(hourly_year):
    from wattloom.components.envs.datacenter.episode import CalendarEpisode

    with pytest.raises(DataError, match="3600 s"):
        CalendarEpisode().bind(hourly_year, None, 1)


def test_state_that_is_not_finite_names_part_copy_and_inputs():
    environment = wattloom.make("datacenter", num_envs=3)
    environment.reset(seed=0)
    environment.arrays["room"][1] = np.nan
    with pytest.raises(EnvironmentFault, match=r"copy 1 at step 0; inputs: demand"):
        environment.step({name: np.ones(3, int) for name in AGENTS})


def test_copies_do_not_depend_on_the_batch():
    rng = np.random.default_rng(5)
    many, one = wattloom.make("datacenter", num_envs=5), wattloom.make("datacenter", num_envs=1)
    many.reset(seed=[11, 12, 13, 14, 15])
    one.reset(seed=[13])
    for _ in range(60):
        actions = act(many, rng)
        wide, narrow = many.step(actions), one.step({name: action[2:3] for name, action in actions.items()})
        for name in AGENTS:
            assert np.array_equal(wide.snapshot.observations[name][2:3], narrow.snapshot.observations[name])
            assert wide.rewards[name][2] == narrow.rewards[name][0]
        assert all(wide.metrics[name][2] == narrow.metrics[name][0] for name in wide.metrics)


@pytest.mark.parametrize("name", ["datacenter", "sustaindc"])
def test_saved_rows_continue_bit_for_bit(name):
    rng = np.random.default_rng(6)
    first = wattloom.make(name, num_envs=3, episode__days=2)
    first.reset(seed=1)
    for _ in range(50):
        first.step(act(first, rng))
    state = first.get_state()
    second = wattloom.make(name, num_envs=3, episode__days=2)
    second.set_state(state)
    for _ in range(50):
        actions = act(first, rng)
        a, b = first.step(actions), second.step(actions)
        assert all(np.array_equal(a.rewards[agent], b.rewards[agent]) for agent in AGENTS)
        assert np.array_equal(a.snapshot.state, b.snapshot.state)


def test_setpoint_carries_over_unless_seeded():
    environment = wattloom.make("sustaindc", num_envs=2, episode__days=1)
    environment.reset(seed=3)
    colder = {"load_shifting": np.ones(2, int), "cooling": np.zeros(2, int), "battery": np.full(2, 2)}
    for _ in range(96):
        environment.step(colder)
    assert (environment.arrays["setpoint"] == 15.0).all()
    environment.reset(seed=[None, 7])
    assert environment.arrays["setpoint"].tolist() == [15.0, 18.0]
    assert environment.arrays["history_seen"].tolist() == [96, 0]


def test_a_picture_does_not_depend_on_those_before_it():
    environment, rng = wattloom.make("datacenter", num_envs=2, episode__days=1), np.random.default_rng(2)
    environment.reset(seed=0)
    environment.render(0)
    environment.render(1)
    for _ in range(30):
        environment.step(act(environment, rng))
        often = environment.render(0)
    strip = environment._strips[0]
    assert np.array_equal(often, Strip(0, strip.step_hours, strip.horizon, strip.rows).draw())
    assert not np.array_equal(often, environment.render(1))


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (22.0, 22.0), (0.3, 1.7), (-5.0, 1e6), (99_999.0, 100_001.0)])
def test_panels_end_at_round_numbers_around_the_data(low, high):
    bottom, top = round_limits(low, high)
    assert bottom < low
    assert high < top
    assert top - bottom < 2.5 * max(high - low, 1e-3 * max(abs(high), 1e-3))


def test_a_picture_of_no_copy_is_refused():
    environment = wattloom.make("datacenter", num_envs=2)
    environment.reset(seed=0)
    assert environment.render(1).shape == (720, 960, 3)
    with pytest.raises(EnvironmentFault, match=r"render\(2\).* 0 \.\. 1"):
        environment.render(2)


def test_backlog_and_empty_battery_are_charged_at_the_end():
    environment = wattloom.make("datacenter", num_envs=2, episode__days=1)
    environment.reset(seed=[4, 4], options={"start_day": 100})
    lazy = {"load_shifting": np.array([0, 1]), "cooling": np.ones(2, int), "battery": np.array([1, 2])}
    for step in range(96):
        result = environment.step(lazy)
        owed = result.metrics["co2_settlement"]
        assert (owed == 0).all() == (step < 95)
    assert owed[0] > 100 * abs(owed[1])
    assert result.rewards["battery"][0] < result.rewards["battery"][1] - 1


def test_individual_reward_weight_mixes():
    own, mixed = (wattloom.make("datacenter", reward__individual_reward_weight=alpha) for alpha in (1.0, 0.5))
    results = []
    for environment in (own, mixed):
        environment.reset(seed=2)
        results.append(
            environment.step({"load_shifting": np.ones(1, int), "cooling": np.ones(1, int), "battery": np.zeros(1, int)}).rewards
        )
    mine = np.array([results[0][name][0] for name in AGENTS])
    expected = 0.5 * mine + 0.25 * (mine.sum() - mine)
    np.testing.assert_allclose([results[1][name][0] for name in AGENTS], expected, rtol=1e-12)


def test_racks_add_up_and_scale():
    summed = wattloom.make("datacenter", it_load__racks=RACKS, it_load__capacity_mw=None)
    scaled = wattloom.make("datacenter", it_load__racks=RACKS, it_load__capacity_mw=4.0)
    assert summed.site.nameplate_w == pytest.approx(0.4e6)
    assert scaled.site.nameplate_w == pytest.approx(4e6)
    inlet, u = np.array([24.0]), np.array([0.4])
    assert scaled.it_load.power(inlet, u).power_w == pytest.approx(10 * summed.it_load.power(inlet, u).power_w)


def test_warmer_setpoint_saves_until_it_does_not():
    totals = []
    for start in (16.0, 24.0, 32.0):
        environment = wattloom.make("datacenter", hall__setpoint_start_c=start)
        environment.reset(seed=0, options={"start_day": 190})
        energy = 0.0
        for _ in range(7 * 96):
            energy += environment.step({"load_shifting": np.ones(1, int), "cooling": np.ones(1, int), "battery": np.full(1, 2)}).metrics[
                "energy_total"
            ][0]
        totals.append(energy)
    assert totals[1] < totals[0]
    assert totals[1] < totals[2]


def test_figures_of_an_episode_follow_from_its_steps():
    environment, rng = wattloom.make("datacenter", num_envs=3, episode__days=1), np.random.default_rng(8)
    tracker = CourseTracker(EnvironmentSpec.of(environment), 3)
    tracker.start(np.arange(3))
    environment.reset(seed=5)
    steps = []
    for _ in range(96):
        result = environment.step(act(environment, rng))
        tracker.add(result)
        steps.append({name: value.copy() for name, value in result.metrics.items()})
    course = tracker.course(np.arange(3))
    found = {figure.name: np.asarray(figure.of(course)) for figure in environment.figures}
    sums = {name: sum(step[name] for step in steps) for name in steps[0]}
    np.testing.assert_allclose(found["pue"], sums["energy_total"] / sums["energy_it"], rtol=1e-12)
    np.testing.assert_allclose(found["wue"], sums["water"] / sums["energy_it"], rtol=1e-12)
    np.testing.assert_allclose(found["energy"], sums["energy_grid"] * 1e-3, rtol=1e-12)
    np.testing.assert_allclose(found["co2_settled"], sums["co2"] + sums["co2_settlement"], rtol=1e-12)
    np.testing.assert_allclose(found["charge_left"], steps[-1]["state_of_charge"], rtol=1e-12)
    np.testing.assert_allclose(found["inlet_max"], np.max([step["inlet"] for step in steps], axis=0), rtol=1e-12)
    undone = 100 * (steps[-1]["work_queued"] + sums["work_dropped"]) / sums["work_demand"]
    np.testing.assert_allclose(found["work_undone"], undone, rtol=1e-12)


@pytest.mark.parametrize("name", ["datacenter", "sustaindc"])
def test_picture_grows_with_the_episode(name):
    environment, rng = wattloom.make(name, num_envs=2, episode__days=1), np.random.default_rng(0)
    environment.reset(seed=0)
    empty = environment.render(1)
    assert empty.shape == (720, 960, 3)
    assert empty.dtype == np.uint8
    inks = []
    for _ in range(2):
        for _ in range(40):
            environment.step(act(environment, rng))
        inks.append(int((environment.render(1) != empty).sum()))
    assert 0 < inks[0] < inks[1]
    environment.reset(seed=0)
    assert np.array_equal(environment.render(1), empty)


LOCATIONS = sorted(file.stem for file in (Path(wattloom.conf.__file__).parent / "location").glob("*.yaml"))


@pytest.mark.parametrize("location", LOCATIONS)
def test_every_location_has_its_data(location):
    environment = wattloom.make("datacenter", location=location, episode__days=1)
    assert environment.episode.calendar.utc_offset_hours == environment.episode.utc_offset_hours
    environment.reset(seed=0)
    result = environment.step({name: np.ones(1, int) for name in AGENTS})
    assert 0.5 < result.metrics["co2"][0] < 400  # hydro power in Ontario, coal in South Africa
