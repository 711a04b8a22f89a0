"""The SustainDC preset against recordings of the original."""

import csv
import gzip

import numpy as np
import pytest

from wattloom.components.envs.datacenter import replay
from wattloom.components.envs.datacenter.replay import sizing
from wattloom.components.envs.datacenter.sustaindc.data import FIRST_DAY_OF_MONTH, demand_of, filled, quarter_hours
from wattloom.errors import DataError

PLACES = ("az", "ca", "ga", "il", "ny", "tx", "va", "wa")
SINGLE = [
    f"{setting}__{program}"
    for setting in ("ny_m06_alibaba1", "az_m07_alibaba1_noise", "wa_m00_google", "ca_m11_alibaba2")
    for program in ("noop", "random", "rbc", "stress")
]
Z_SCORE = 18  # entry of the load-shifting observation that is amplified round-off where its window is constant


def assert_equal_to_recording(table, recording, flags=True):
    names = [name for name in recording if name.startswith(("info_", "int_"))]
    assert len(names) > 35
    for name in names:
        if name == "info_isterminal" and not flags:
            continue
        np.testing.assert_allclose(np.asarray(table[name], float), np.asarray(recording[name], float), rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(table["rewards"], recording["rewards"], rtol=1e-9, atol=1e-11)
    for agent in ("ls", "dc", "bat"):
        ours, theirs = (np.array(source[f"obs_agent_{agent}"]) for source in (table, recording))
        if agent == "ls":
            ours[:, Z_SCORE], theirs[:, Z_SCORE] = np.clip(ours[:, Z_SCORE], -10, 10), np.clip(theirs[:, Z_SCORE], -10, 10)
        np.testing.assert_allclose(ours, theirs, atol=1e-6, rtol=1e-5, err_msg=agent)


@pytest.mark.parametrize("name", ["az_m07_alibaba1_noise__stress", "wa_m00_google__random"])
def test_excerpt_is_reproduced(excerpts, name):
    recording = excerpts[name]
    table = replay(recording, recording["actions"], location=name[:2])
    assert_equal_to_recording(table, recording, flags=False)
    assert table["done_flags"][-1].tolist() == [False, True, False, False, False, True, True, True]
    assert not table["done_flags"][:-1].any()
    np.testing.assert_allclose(sizing(name[:2], recording["rack_full_load_idle_W"]), recording["sizing"], rtol=1e-12)


def test_stress_excerpt_reaches_the_corners(excerpts):
    recording = excerpts["az_m07_alibaba1_noise__stress"]
    assert recording["info_ls_overdue_penalty"].max() > 0
    assert recording["info_dc_crac_setpoint"].min() == 15.0
    assert recording["info_dc_crac_setpoint"].max() == 21.6
    assert recording["int_action_scaling_factor"].max() > 1


@pytest.mark.parametrize("name", SINGLE)
def test_whole_week_is_reproduced(shared, name):
    recording = dict(np.load(shared / "golden" / "sustaindc" / f"{name}.npz"))
    table = replay(recording, recording["actions"], location=name[:2])
    assert_equal_to_recording(table, recording)
    assert np.array_equal(table["done_flags"], recording["done_flags"])
    np.testing.assert_allclose(sizing(name[:2]), recording["sizing"], rtol=1e-12)


def test_setpoint_and_reward_history_carry_over(shared):
    both = dict(np.load(shared / "golden" / "sustaindc" / "ga_m05_alibaba1_two_episodes.npz"))
    energies = np.zeros(0)
    for prefix in ("ep0_", "ep1_"):
        recording = {name[4:]: value for name, value in both.items() if name.startswith(prefix)}
        table = replay(recording, recording["actions"], location="ga", setpoint=float(recording["setpoint_at_reset"]), history=energies)
        assert_equal_to_recording(table | {"int_": 0}, recording)
        energies = np.concatenate([energies, table["info_bat_total_energy_with_battery_KWh"]])
        last = table["info_dc_crac_setpoint"][-1]
    assert both["ep1_setpoint_at_reset"] == 15.0
    assert last == both["ep1_info_dc_crac_setpoint"][-1]


def test_sizing_of_every_place(shared):
    spots = np.load(shared / "golden" / "sustaindc" / "managers_spot_values.npz")
    for place, expected in zip(PLACES, spots["sizing__capMW1"], strict=True):
        np.testing.assert_allclose(sizing(place), expected, rtol=1e-12, err_msg=place)


def test_demand_from_raw_files(shared):
    spots = np.load(shared / "golden" / "sustaindc" / "managers_spot_values.npz")
    for name in ("Alibaba_CPU_Data_Hourly_1", "Alibaba_CPU_Data_Hourly_2", "GoogleClusteData_CPU_Data_Hourly_1"):
        hourly = np.loadtxt(shared / "data" / "workload" / "dcrl_csv" / f"{name}.csv", delimiter=",", skiprows=1, usecols=1)
        raw = quarter_hours(hourly)
        demand = demand_of(raw)
        np.testing.assert_allclose(raw[spots["index"]], spots[f"workload_raw__{name}"], rtol=1e-10)
        np.testing.assert_allclose(demand[spots["index"]], spots[f"workload_final__{name}"], rtol=1e-10, atol=1e-12)
        measured = [demand.mean(), demand.std(), demand.min(), demand.max()]
        np.testing.assert_allclose(measured, spots[f"workload_stats__{name}"], rtol=1e-10)


def test_carbon_from_raw_files(shared):
    spots = np.load(shared / "golden" / "sustaindc" / "managers_spot_values.npz")
    for place in PLACES:
        path = shared / "data" / "carbon" / "eia_ng_avgci" / f"{place.upper()}_NG_&_avgCI.csv.gz"
        with gzip.open(path, "rt") as file:
            hourly = [float(row["avg_CI"] or "nan") for row in csv.DictReader(file)]
        carbon = quarter_hours(filled(hourly))
        np.testing.assert_allclose(carbon[spots["index"]], spots[f"ci__{place}"], rtol=1e-10, err_msg=place)
        np.testing.assert_allclose([carbon.mean(), carbon.std(), carbon.min(), carbon.max()], spots[f"stats__{place}"][2], rtol=1e-10)


def test_first_day_of_every_month(shared):
    spots = np.load(shared / "golden" / "sustaindc" / "managers_spot_values.npz")
    assert tuple(spots["init_day_by_month"]) == FIRST_DAY_OF_MONTH


def test_replay_says_what_is_missing(excerpts):
    recording = excerpts["wa_m00_google__random"]
    with pytest.raises(DataError, match="in_wetbulb"):
        replay({name: value for name, value in recording.items() if name != "in_wetbulb"}, recording["actions"])
    with pytest.raises(DataError, match="97 steps need series"):
        replay({**recording, **{name: recording[name][:100] for name in recording if name.startswith("in_")}}, np.ones((97, 3), int))
    with pytest.raises(DataError, match=r"\(steps, 3\)"):
        replay(recording, recording["actions"][:, :2])


@pytest.mark.parametrize(
    ("policy", "action"), [("noop", (1, 1, 2)), ("hvac_lower", (1, 0, 2)), ("hvac_raise", (1, 2, 2)), ("always_defer", (0, 1, 2))]
)
def test_reference_weeks(shared, policy, action):
    weeks = np.load(shared / "golden" / "sustaindc" / "ny_july_reference_weeks.npz")
    with (shared / "golden" / "sustaindc" / "ny_july_reference_weeks.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["policy"] == policy]
    assert len(rows) == 4
    for row in rows:
        recording = {name.partition("_")[2]: weeks[name] for name in weeks.files if name.startswith(f"week{row['week']}_")}
        table = replay(recording, np.tile(action, (672, 1)), location="ny")
        energy = table["info_bat_total_energy_with_battery_KWh"].sum()
        co2 = table["info_bat_CO2_footprint"].sum() / 1e3
        water = table["info_dc_water_usage"].sum()
        np.testing.assert_allclose([energy, co2, water], [float(row[k]) for k in ("energy_kwh", "co2_kg", "water_l")], rtol=1e-6)
        assert table["info_ls_tasks_dropped"].sum() == int(row["tasks_dropped"])
        assert table["info_ls_tasks_in_queue"][-1] == int(row["queue_end"])
