"""Tables of an evaluation: NeomFlex's columns, equal rows, and what a power flow of pandapower makes of a row; and the pictures drawn from them."""

from __future__ import annotations

import numpy as np
import pandapower as pp
import pandapower.networks as networks
import pandas as pd
import pytest

import wattloom
from wattloom.components.baselines.constant import Constant
from wattloom.components.envs.grid.devices import distinct
from wattloom.errors import RunError, UsageError
from wattloom.evaluation import evaluate_policy
from wattloom.plots import PlotRequest, plots_of
from wattloom.reports import Played, open_report, write_reports
from wattloom.run import set_up

AGENTS, BATTERIES, PVS = ("agent_1", "agent_2", "agent_3"), (23, 7, 14), (16, 20, 31)
NEOMFLEX = [
    "run", "day", "step", "dataset_index", "load_factor", "solar_factor", "losses_mw", "voltage_min_pu", "voltage_max_pu", "voltage_mean_pu",
    "voltage_violations", *(f"reward_{agent}" for agent in AGENTS), *(f"battery_soc_bus_{bus}" for bus in BATTERIES),
    *(f"battery_power_bus_{bus}_mw" for bus in BATTERIES), *(f"pv_bus_{bus}_{what}" for bus in PVS for what in ("p_mw", "q_mvar")),
    *(f"voltage_bus_{bus}_pu" for bus in range(33)), "terminated_early",
]  # fmt: skip
SUMMARY = [
    "min_voltage_pu",
    "max_voltage_pu",
    "mean_voltage_pu",
    "total_losses_mw",
    "voltage_violations",
    *(f"total_reward_{a}" for a in AGENTS),
]


def played(environment, name, seeds, **actions):
    """Play a constant policy and return its report."""
    about = Played(name, tuple(seeds), is_reference=name != "sac", training_seed=3 if name == "sac" else None)
    report = open_report(environment, about)
    algorithm = set_up(Constant(**actions), environment, 0, 1)
    result = evaluate_policy(environment, lambda count: algorithm.policy(count, explore=False), seeds, report)
    return report, result


@pytest.fixture(scope="module")
def neomflex(tmp_path_factory):
    """Two days of NeomFlex's task by three methods, one of which ends early."""
    environment = wattloom.make("neomflex", num_envs=2, profiles__episode_days=2)
    cases = (("sac", {"value": 0.3}), ("zero", {}), ("low", {"value": -1.0}))
    parts, results = zip(*(played(environment, name, [2000], **how) for name, how in cases), strict=True)
    folder = tmp_path_factory.mktemp("neomflex")
    write_reports(folder, parts)
    return environment, folder, dict(zip(("controlled", "baseline", "low"), results, strict=True))


def read(folder, name):
    return pd.read_csv(folder / f"{name}.csv")


def test_the_sixty_columns_come_first_and_in_order(neomflex):
    _, folder, _ = neomflex
    steps = read(folder, "step_metrics")
    assert len(NEOMFLEX) == 60
    assert steps.columns[:60].tolist() == NEOMFLEX
    assert {"policy", "training_seed", "seed", "time", "losses_mwh", "buses_outside", "energy_left_mwh", "violated", "truncated"} <= set(
        steps
    )
    assert read(folder, "daily_summary").columns[:10].tolist() == ["run", "day", *SUMMARY]
    assert read(folder, "run_summary").columns[:9].tolist() == ["run", *SUMMARY]


def test_a_row_is_what_pandapower_finds(neomflex):
    _, folder, _ = neomflex
    steps = read(folder, "step_metrics")
    for row in (steps[steps["run"] == "controlled"].iloc[k] for k in (29, 70)):
        net = networks.case33bw()
        frozen = steps["load_factor"][row["day"] * 48]
        net.load["p_mw"], net.load["q_mvar"] = net.load["p_mw"] * row["load_factor"], net.load["q_mvar"] * frozen
        for bus in PVS:
            pp.create_sgen(net, bus, row[f"pv_bus_{bus}_p_mw"], row[f"pv_bus_{bus}_q_mvar"])
        for bus in BATTERIES:
            pp.create_sgen(net, bus, row[f"battery_power_bus_{bus}_mw"])
        pp.runpp(net, tolerance_mva=1e-10, numba=False)
        voltages = row[[f"voltage_bus_{bus}_pu" for bus in range(33)]].to_numpy(dtype=float)
        np.testing.assert_allclose(voltages, net.res_bus["vm_pu"], atol=1e-8)
        assert row["losses_mw"] == pytest.approx(net.res_line["pl_mw"].sum(), abs=1e-8)
        assert row["losses_mwh"] == pytest.approx(0.5 * row["losses_mw"])
        assert row["buses_outside"] == np.sum((voltages[1:] < 0.95) | (voltages[1:] > 1.05))


def test_every_method_has_equally_many_rows_and_an_early_end_is_told(neomflex):
    _, folder, results = neomflex
    steps, days, runs = (read(folder, name) for name in ("step_metrics", "daily_summary", "run_summary"))
    assert steps.groupby("run").size().to_dict() == {"baseline": 96, "controlled": 96, "low": 96}
    assert results["low"].terminated.all(), "the check needs an episode that ends early"
    low, length = steps[steps["run"] == "low"], int(results["low"].lengths[0])
    assert low["played"].sum() == length
    assert low["terminated_early"].to_numpy().nonzero()[0].tolist() == [length - 1]
    assert low["violated"].sum() == 1
    assert low["losses_mw"][low["played"]].notna().all()
    assert low["losses_mw"][~low["played"]].isna().all()
    assert low["dataset_index"].tolist() == list(range(96))
    controlled = steps[steps["run"] == "controlled"]
    assert not controlled["terminated_early"].any()
    assert controlled["truncated"].to_numpy().nonzero()[0].tolist() == [95]
    assert runs.set_index("run").loc["low", ["steps_missing", "violated", "truncated"]].tolist() == [96 - length, True, False]
    assert days.groupby("run").size().to_dict() == {"baseline": 2, "controlled": 2, "low": 2}


def test_summaries_add_up_to_the_evaluation(neomflex):
    _, folder, results = neomflex
    runs, days = read(folder, "run_summary").set_index("run"), read(folder, "daily_summary")
    for run, result in results.items():
        assert runs.loc[run, "losses_mwh"] == pytest.approx(result.figures["losses"][0])
        assert runs.loc[run, "total_losses_mw"] == pytest.approx(2.0 * result.figures["losses"][0]), "MW over half-hours, as there"
        assert runs.loc[run, "min_voltage_pu"] == pytest.approx(result.figures["voltage_lowest"][0])
        assert runs.loc[run, "energy_left_mwh"] == pytest.approx(result.figures["energy_left"][0])
        assert runs.loc[run, [f"total_reward_{agent}" for agent in AGENTS]].sum() == pytest.approx(result.returns[0])
        assert days[days["run"] == run]["total_losses_mw"].sum() == pytest.approx(runs.loc[run, "total_losses_mw"])
    assert runs["training_seed"].dropna().to_dict() == {"controlled": 3.0}


def test_columns_follow_any_network_and_episodes_stay_apart(tmp_path):
    environment = wattloom.make("grid", network="case69", territories__count=2, assets__pv_buses=[4, 9, 9], num_envs=2)
    report, result = played(environment, "zero", [2000, 2001, 2002])
    write_reports(tmp_path, [report])
    steps = read(tmp_path, "step_metrics")
    assert len(steps) == 3 * 48
    assert {"pv_bus_4_p_mw", "pv_bus_9_p_mw", "pv_bus_9_2_q_mvar", "voltage_bus_68_pu"} <= set(steps)
    assert [name for name in steps if name.startswith("reward_")] == [f"reward_{agent.name}" for agent in environment.agents]
    losses = steps.groupby("seed")["losses_mwh"].sum()
    np.testing.assert_allclose(losses.loc[[2000, 2001, 2002]], result.figures["losses"])
    assert len(read(tmp_path, "daily_summary")) == 3
    assert distinct([7, 3, 7, 7]) == ["7", "3", "7_2", "7_3"]


# pictures


def drawn(neomflex, kind, run="controlled", days=None, seed=None):
    environment, folder, _ = neomflex
    return plots_of(environment)[kind](PlotRequest(folder, run, days, seed))


def test_the_voltage_picture_shows_the_data_and_the_band_in_use(neomflex):
    environment, folder, _ = neomflex
    steps = read(folder, "step_metrics")
    (axes,) = drawn(neomflex, "voltage", days=(1,)).axes
    mean = steps[(steps["run"] == "controlled") & (steps["day"] == 1)]["voltage_mean_pu"]
    lines = {line.get_label(): line for line in axes.get_lines()}
    np.testing.assert_allclose(lines["mean"].get_ydata(), mean)
    assert list(lines["band 0.95 to 1.05 p.u."].get_ydata()) == [0.95, 0.95]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels[:2] == ["00:00\nday 1", "03:00"]
    low, high = environment.band
    environment.band = (0.97, 1.03)
    try:
        (axes,) = drawn(neomflex, "voltage").axes
    finally:
        environment.band = (low, high)
    assert "band 0.97 to 1.03 p.u." in {line.get_label() for line in axes.get_lines()}
    assert [label.get_text() for label in axes.get_xticklabels()][4] == "00:00\nday 1"


def test_batteries_inverters_and_map(neomflex):
    _, folder, _ = neomflex
    steps = read(folder, "step_metrics")
    own = steps[steps["run"] == "controlled"]
    for kind, column in (("soc", "battery_soc_bus_{}"), ("reactive", "pv_bus_{}_q_mvar")):
        lines = {line.get_label(): line for line in drawn(neomflex, kind).axes[0].get_lines()}
        for bus in BATTERIES if kind == "soc" else PVS:
            np.testing.assert_allclose(lines[f"bus {bus}"].get_ydata(), own[column.format(bus)])
    left, right = drawn(neomflex, "map").axes
    assert left.get_title().startswith(f"lowest: {own['voltage_min_pu'].min():.4f} p.u. at bus")
    assert right.get_title().startswith(f"highest: {own['voltage_max_pu'].max():.4f} p.u. at bus")
    assert left.get_images()[0].get_array().shape == (400, 640, 3)


def test_what_is_not_there_is_an_error_that_names_what_is(neomflex, tmp_path):
    environment, _, _ = neomflex
    with pytest.raises(UsageError, match=r"no run 'contrlled'.*did you mean 'controlled'\?; there are: baseline, controlled, low"):
        drawn(neomflex, "soc", run="contrlled")
    with pytest.raises(UsageError, match="no day 5 in this evaluation; there are: 0, 1"):
        drawn(neomflex, "voltage", days=(0, 5))
    with pytest.raises(UsageError, match="no seed 1 in this evaluation; there are: 2000"):
        drawn(neomflex, "map", seed=1)
    with pytest.raises(RunError, match=r"step_metrics\.csv"):
        plots_of(environment)["voltage"](PlotRequest(tmp_path, "controlled"))


# devices


@pytest.fixture(scope="module")
def devices(tmp_path_factory):
    """Random levers of every device for a day; two copies, and after every step what the environment itself holds."""
    parts = {"flexible_load": "shift", "ev_charger": "depot", "topology": "exchanges", "tap_changer": "substation"}
    environment = wattloom.make(
        "grid", num_envs=2, **parts, ev_charger__guarantee=False, ev_charger__discharge=True, ev_charger__buses=[9, 9]
    )
    report = open_report(environment, Played("random", (1, 2), is_reference=True))
    generator, kept = np.random.default_rng(0), []
    snapshot = environment.reset(seed=[1, 2])
    for _ in range(environment.rows.profiles.horizon):
        actions = {a.name: generator.uniform(-1, 1, (2, *a.action_space.shape)).astype(np.float32) for a in environment.agents}
        result = environment.step(actions)
        report(snapshot, actions, result, np.arange(2))
        snapshot, record = result.snapshot, environment.record
        others = environment.feeder.fixed_p - record.inputs.load_p
        environment.fleet.inject(record.dispatch, others, np.zeros_like(others))
        state = {f"own {name}": environment.arrays[name].copy() for name in ("ev_needed", "load_owed", "tap", "configuration")}
        kept.append(state | {"injected": record.p_inj - others} | {name: value.copy() for name, value in result.metrics.items()})
    folder = tmp_path_factory.mktemp("devices")
    write_reports(folder, [report])
    return environment, folder, {name: np.stack([step[name] for step in kept], axis=1) for name in kept[0]}


def test_columns_of_devices_hold_the_powers_energies_and_states_of_the_environment(devices):
    environment, folder, kept = devices
    steps, cars, loads = read(folder, "step_metrics"), ("9", "9_2"), [lever.name[5:] for lever in environment.devices.levers[:2]]

    def column(name):
        return steps[name].to_numpy(dtype=float).reshape(2, -1)

    at = {int(bus): k for k, bus in enumerate(environment.feeder.model.bus_index)}
    injected = {int(bus): column(f"load_bus_{bus}_put_off_mw") for bus in loads}
    injected[9] = injected.get(9, 0.0) - sum(column(f"ev_bus_{car}_p_mw") for car in cars)
    for bus, power in injected.items():
        np.testing.assert_allclose(power, kept["injected"][:, :, at[bus]], atol=1e-12)
    for k, car in enumerate(cars):
        np.testing.assert_allclose(column(f"ev_bus_{car}_needed_mwh"), kept["own ev_needed"][:, :, k])
        np.testing.assert_allclose(column(f"ev_bus_{car}_drawn_mwh"), 0.5 * column(f"ev_bus_{car}_p_mw"))
    for word, metric in (("drawn", "ev_energy"), ("unserved", "ev_missing")):
        np.testing.assert_allclose(sum(column(f"ev_bus_{car}_{word}_mwh") for car in cars), kept[metric], atol=1e-12)
    for k, bus in enumerate(loads):
        np.testing.assert_allclose(column(f"load_bus_{bus}_owed_mwh"), kept["own load_owed"][:, :, k])
    np.testing.assert_allclose(sum(column(f"load_bus_{bus}_shifted_mwh") for bus in loads), kept["load_shifted"])
    np.testing.assert_array_equal(column("tap_position"), kept["own tap"][:, :, 0])
    np.testing.assert_allclose(column("tap_voltage_ratio"), 1 + 0.0125 * column("tap_position"))
    np.testing.assert_array_equal(column("configuration"), kept["own configuration"])
    np.testing.assert_allclose(column("device_cost_usd"), kept["device_cost"])


def test_a_car_gets_what_it_came_for_or_the_rest_is_unserved(devices):
    _, folder, _ = devices
    steps = read(folder, "step_metrics").iloc[:48]
    left = steps["ev_bus_9_needed_mwh"].to_numpy()
    there = np.flatnonzero(steps["ev_bus_9_connected"])
    assert there.size > 2
    assert (np.diff(there) == 1).all(), "one car in the day"
    stays = there[1:-1]
    np.testing.assert_allclose(left[stays - 1] - steps["ev_bus_9_delivered_mwh"][stays], left[stays], atol=1e-12)
    end = there[-1]
    assert steps["ev_bus_9_unserved_mwh"][end] == pytest.approx(left[end - 1] - steps["ev_bus_9_delivered_mwh"][end], abs=1e-12)
    assert steps["ev_bus_9_unserved_mwh"].drop(end).eq(0).all()


def test_a_configuration_opens_as_many_lines_as_the_tables_and_switching_is_counted(devices):
    _, folder, _ = devices
    steps = read(folder, "step_metrics").iloc[:48]
    lines = steps[[name for name in steps if name.startswith("line_")]]
    assert ((lines == 0).sum(axis=1) == 5).all(), "the feeder of Baran and Wu has five ties"
    np.testing.assert_array_equal(lines.diff().abs().sum(axis=1)[1:], steps["switch_operations"][1:])


def test_summaries_of_devices_add_up_and_without_devices_there_are_none(devices, neomflex):
    _, folder, kept = devices
    steps, days, runs = (read(folder, name) for name in ("step_metrics", "daily_summary", "run_summary"))
    for name in ("ev_bus_9_drawn_mwh", "ev_bus_9_2_unserved_mwh", "tap_moves", "switch_operations", "device_cost_usd"):
        assert runs[name][0] == pytest.approx(steps[name].sum())
        assert days[name].sum() == pytest.approx(steps[name].sum())
    ends = kept["own load_owed"][:, -1, 0]
    owed = next(name for name in steps if name.endswith("_owed_mwh"))
    np.testing.assert_allclose(np.sort(days[owed]), np.sort(ends))
    assert runs[owed][0] == pytest.approx(ends.mean())
    new = [name for name in steps if name not in set(read(neomflex[1], "step_metrics"))]
    assert steps.columns[-1] == "device_cost_usd"
    assert len(new) > 20
    assert read(neomflex[1], "step_metrics").columns[-1] == "played"


def test_transformers_tell_their_own_positions(tmp_path):
    net = pp.create_empty_network()
    high, low = (pp.create_bus(net, kv) for kv in (20.0, 0.4))
    pp.create_ext_grid(net, high)
    pp.create_transformer(net, high, low, "0.4 MVA 20/0.4 kV", tap_pos=-1)
    pp.create_load(net, low, 0.08, 0.03)
    pp.to_json(net, str(tmp_path / "village.json"))
    changed = {"network": "named", "network__network": str(tmp_path / "village.json"), "tap_changer": "transformer"}
    assets = {"territories__count": 1, "assets__pv_count": 1, "assets__battery_count": 1}
    report, _ = played(wattloom.make("grid", **changed, **assets), "up", [2000], value=1.0)
    write_reports(tmp_path, [report])
    steps = read(tmp_path, "step_metrics")
    assert steps["tap_position"][:3].tolist() == [2, 3, 3], "two positions a step at most, counted from the tables, -2 .. 2 in all"
    np.testing.assert_array_equal(steps["tap_position_trafo_0"], steps["tap_position"] - 1)
