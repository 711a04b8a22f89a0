"""Chargers, controllable loads, tap changers and switches: energy accounts, and voltages against pandapower in the same state."""

import copy

import networkx
import numpy as np
import pandapower
import pandapower.networks
import pytest

from wattloom.components.envs.grid.ev_charger import Chargers
from wattloom.components.envs.grid.flexible_load import FlexibleLoads
from wattloom.components.envs.grid.network import Network
from wattloom.components.envs.grid.protocol import Inputs
from wattloom.components.envs.grid.tap_changer import SubstationTap, TransformerTap
from wattloom.components.envs.grid.topology import Topology
from wattloom.components.envs.grid.variants import Setting
from wattloom.components.power_flow.backends import make_backend
from wattloom.components.sources.protocol import Calendar
from wattloom.errors import ConfigError

DAYS, STEP_HOURS = 40, 0.5
CALENDAR = Calendar.local("2023-01-01", DAYS, 1800)


@pytest.fixture(scope="module")
def feeder():
    return Network().prepare(make_backend("zbus"))


def inputs(feeder, row, n=1):
    load = np.linspace(0.6, 1.0, n)[:, None] * np.abs(np.sin(0.1 * row) + 1.2)
    nothing = np.zeros((n, 0))
    return Inputs(np.full(n, row), load * feeder.load_p, load * feeder.load_q, nothing, np.zeros(n))


def play(device, feeder, action, n=1, rows=CALENDAR.n_steps):
    """Run a device over the calendar; yield the row, what it did and its state afterwards."""
    state = {"row": np.zeros(n, dtype=np.int64), **device.initial(n)}
    device.begin(state, np.arange(n), [])
    for row in range(rows):
        state["row"] = np.full(n, row)
        deed = device.run(state, inputs(feeder, row, n), action(row), np.full(n, row == rows - 1))
        state.update(deed.after)
        yield row, deed, state


@pytest.mark.parametrize("guarantee", [False, True])
@pytest.mark.parametrize("discharge", [False, True])
def test_every_car_gets_what_it_needs_or_lacks_the_rest(feeder, guarantee, discharge):
    kind = Chargers(buses=[3, 17], guarantee=guarantee, discharge=discharge, efficiency=0.9, power_mw=[0.2, 0.3])
    device, rng = kind.prepare(feeder, CALENDAR, 4), np.random.default_rng(2)
    stored, missing, sessions = np.zeros(2), np.zeros(2), device.sessions
    for row, deed, _ in play(device, feeder, lambda row: rng.uniform(-1 if discharge else 0, 0.6, (1, 2))):
        power = -deed.p[0]  # drawn from the grid
        assert (np.abs(power) <= device.power + 1e-12).all()
        assert (power[sessions.left[row] == 0] == 0).all()
        stored += STEP_HOURS * np.where(power > 0, 0.9 * power, power / 0.9)
        missing += deed.cost[0] / kind.missing_usd_per_mwh
    needed = np.where(sessions.new, sessions.need, 0.0).sum(axis=0)
    assert np.abs(needed - stored - missing).max() < 1e-9
    assert needed.min() > 5
    assert (missing.max() < 1e-9) == guarantee


def test_the_deadline_is_kept_by_the_charger_itself_or_missed(feeder):
    for guarantee in (True, False):
        device = Chargers(buses=[3], guarantee=guarantee).prepare(feeder, CALENDAR, 4)
        lacking = [deed.metrics["ev_missing"][0] for _, deed, _ in play(device, feeder, lambda row: np.zeros((1, 1)))]
        needs = device.sessions.need[device.sessions.new].sum()
        assert sum(lacking) == pytest.approx(0.0 if guarantee else needs, abs=1e-9)


def test_sessions_are_seeded_and_as_described(feeder):
    kind = Chargers(buses=[3, 4], arrival_hour=9.0, stay_hours=7.0, daily=0.8)
    year = Calendar.year(2023, 1800)
    first, again, other = (kind.prepare(feeder, year, seed).sessions for seed in (1, 1, 2))
    assert (first.left == again.left).all()
    assert (first.need == again.need).all()
    assert (first.left != other.left).any()
    assert first.new.mean(axis=0) * 48 == pytest.approx([0.8, 0.8], abs=0.06)
    hours = year.local_hour[np.nonzero(first.new)[0]]
    assert hours.mean() == pytest.approx(9.0, abs=0.2)
    assert hours.std() == pytest.approx(1.0, abs=0.15)
    assert first.left[first.new].mean() * 0.5 == pytest.approx(7.0, abs=0.2)


def test_energy_that_a_load_does_not_draw_is_owed(feeder):
    device, rng = FlexibleLoads(buses=[6, 29], share=0.4).prepare(feeder, CALENDAR, 0), np.random.default_rng(3)
    shifted, owed = np.zeros((3, 2)), None
    for row, deed, state in play(device, feeder, lambda row: rng.uniform(-1, 1, (3, 2)) + np.sin(row / 9), n=3):
        loads = inputs(feeder, row, 3)
        assert (np.abs(deed.p) <= 2 * 0.4 * loads.load_p[:, [6, 29]] + 1e-12).all()
        np.testing.assert_allclose(deed.q * loads.load_p[:, [6, 29]], deed.p * loads.load_q[:, [6, 29]], atol=1e-12)
        shifted, owed = shifted + deed.p * STEP_HOURS, state["load_owed"]
        assert np.abs(owed - shifted).max() < 1e-9
        assert (np.abs(owed) <= 2.0 * 0.4 * feeder.load_p[[6, 29]] + 1e-12).all()
    np.testing.assert_allclose(deed.cost, 2.0 * np.abs(deed.p) * STEP_HOURS + 200.0 * np.maximum(owed, 0.0))


def test_a_load_without_load_is_refused(feeder):
    with pytest.raises(ConfigError, match=r"bus 0 .* has no load"):
        FlexibleLoads(buses=[0]).prepare(feeder, CALENDAR, 0)


def reference(net, flow, p_inj, q_inj, row):
    """Solve the same injections by pandapower alone."""
    net.load["scaling"] = 0.0
    net.sgen["in_service"] = False
    pandapower.create_sgens(net, net.bus.index, p_inj[row], q_inj[row])
    pandapower.runpp(net, tolerance_mva=1e-10, numba=False)
    np.testing.assert_allclose(flow.vm[row], net.res_bus.vm_pu, atol=1e-8)
    assert flow.loss_mw[row] == pytest.approx(net.res_line.pl_mw.sum() + net.res_trafo.pl_mw.sum(), abs=1e-8)
    assert flow.import_mw[row] == pytest.approx(net.res_ext_grid.p_mw.sum(), abs=1e-7)


@pytest.mark.parametrize("mode", ["discrete", "continuous"])
def test_a_tap_at_the_substation_equals_another_voltage_there(feeder, mode):
    device = SubstationTap(mode=mode, largest_move=3).prepare(feeder, CALENDAR, 0)
    assert device.levers[0].bus == 0
    moves = [np.array([[1.0], [-0.37], [0.0]])] * 2
    *_, (_, deed, state) = play(device, feeder, lambda row: moves[row], n=3, rows=2)
    expected = [6.0, -0.37 * 8 if mode == "continuous" else -3.0, 0.0]
    np.testing.assert_allclose(state["tap"][:, 0], expected)
    p_inj, q_inj = np.tile(-feeder.load_p, (3, 1)), np.tile(-feeder.load_q, (3, 1))
    flow = feeder.solve(p_inj, q_inj, Setting(deed.scale))
    for row in (0, 1):
        net = pandapower.networks.case33bw()
        net.ext_grid["vm_pu"] = 1.0 + 0.0125 * expected[row]
        reference(net, flow, p_inj, q_inj, row)
    assert np.array_equal(feeder.solve(p_inj[1:2], q_inj[1:2], Setting(deed.scale[1:2])).vm[0], flow.vm[1]), "alone as beside others"


@pytest.fixture
def village(tmp_path):
    """A transformer with a tap changer at its high-voltage side, and two loads behind it."""
    net = pandapower.create_empty_network()
    high, low, end = (pandapower.create_bus(net, kv) for kv in (20.0, 0.4, 0.4))
    pandapower.create_ext_grid(net, high, 1.01)
    pandapower.create_transformer(net, high, low, "0.4 MVA 20/0.4 kV", tap_pos=0)
    pandapower.create_line(net, low, end, 0.3, "NAYY 4x150 SE")
    for bus in (low, end):
        pandapower.create_load(net, bus, 0.08, 0.03)
    pandapower.to_json(net, str(tmp_path / "village.json"))
    return net, str(tmp_path / "village.json")


def test_taps_of_a_transformer_equal_pandapower_s(village):
    ready = Network(village[1]).prepare(make_backend("zbus"))
    device = TransformerTap(largest_move=5).prepare(ready, CALENDAR, 0)
    ready.make_switchable(device.lines, device.trafos)
    target = np.array([[1.0], [-1.0], [0.5]])
    _, deed, state = next(play(device, ready, lambda row: target, n=3, rows=1))
    assert state["tap"][:, 0].tolist() == [2.0, -2.0, 1.0]
    p_inj, q_inj = np.tile(ready.fixed_p - ready.load_p, (3, 1)), np.tile(ready.fixed_q - ready.load_q, (3, 1))
    flow = ready.solve(p_inj, q_inj, Setting(states=deed.states))
    for row, position in enumerate([2, -2, 1]):
        net = copy.deepcopy(village[0])
        net.trafo["tap_pos"] = position
        reference(net, flow, p_inj, q_inj, row)


def test_generators_that_hold_a_voltage_hold_it_while_the_substation_moves():
    ready = Network("case30").prepare(make_backend("lightsim2grid"))
    p_inj, q_inj = (ready.fixed_p - ready.load_p)[None], (ready.fixed_q - ready.load_q)[None]
    flow = ready.solve(p_inj, q_inj, Setting(np.array([1.02])))
    net = pandapower.networks.case30()
    net.ext_grid["vm_pu"] *= 1.02
    pandapower.runpp(net, tolerance_mva=1e-10, numba=False)
    np.testing.assert_allclose(flow.vm[0], net.res_bus.vm_pu, atol=1e-8)


def test_the_published_optimum_of_the_33_bus_feeder_is_a_configuration(feeder):
    """Baran and Wu (1989): lines 7, 9, 14, 32 and 37, counted from 1, open; 139.55 kW, lowest voltage 0.9378."""
    best = [6, 8, 13, 31, 36]
    ready = Network().prepare(make_backend("zbus"))
    device = Topology(configurations=[best], discrete=True).prepare(ready, CALENDAR, 0)
    ready.make_switchable(device.lines, device.trafos)
    chosen = device.choices.index("open 6 8 13 31 36")
    _, deed, _ = next(play(device, ready, lambda row: np.array([[chosen], [1 - chosen]], float), n=2, rows=1))
    p_inj, q_inj = np.tile(-ready.load_p, (2, 1)), np.tile(-ready.load_q, (2, 1))
    flow = ready.solve(p_inj, q_inj, Setting(states=deed.states))
    assert flow.loss_mw * 1e3 == pytest.approx([139.55, 202.68], abs=0.01)
    assert flow.vm.min(axis=1) == pytest.approx([0.9378, 0.9131], abs=5e-5)
    assert deed.metrics["switch_operations"].tolist() == [8.0, 0.0], "line 36 is open in both"
    net = pandapower.networks.case33bw()
    net.line["in_service"] = ~net.line.index.isin(best)
    reference(net, flow, p_inj, q_inj, 0)


@pytest.mark.parametrize(("network", "exchanges", "count"), [("case33bw", 1, 60), ("case118zh", 1, None), ("case33bw", 2, None)])
def test_every_configuration_is_a_tree(network, exchanges, count):
    ready = Network(network).prepare(make_backend("zbus"))
    device = Topology(exchanges=exchanges).prepare(ready, CALENDAR, 0)
    lines = ready.model.to_pandapower().line
    assert count in (None, len(device.configurations))
    for chosen in device.configurations[:: 1 + len(device.configurations) // 200]:
        graph = networkx.Graph(list(lines[~lines.index.isin(chosen)][["from_bus", "to_bus"]].itertuples(index=False)))
        assert networkx.is_tree(graph)
        assert len(graph) == ready.n_bus


def test_neutral_actions_keep_the_network_as_it_stands(feeder):
    for discrete in (False, True):
        device = Topology(discrete=discrete).prepare(feeder, CALENDAR, 0)
        neutral = (len(device.configurations) - 1) // 2 if discrete else 0.0
        _, deed, _ = next(play(device, feeder, lambda row, neutral=neutral: np.full((1, 1), neutral), rows=1))
        assert deed.metrics["switch_operations"].tolist() == [0.0]
        assert len({tuple(sorted(c)) for c in device.configurations}) == 60


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (lambda: Topology(configurations=[[6, 8, 13, 31]]), "a closed loop with lines 6, 8, 13, 31 open"),
        (lambda: Topology(configurations=[[1, 32, 33, 34, 35, 36]]), "has no supply"),
        (lambda: Topology(configurations=[[99]]), "no line 99"),
        (lambda: Topology(exchanges=0), "at least 1"),
        (lambda: Topology(exchanges=4), "more than 2000"),
        (lambda: TransformerTap(), "use tap_changer=substation"),
        (lambda: TransformerTap(trafos=[3]), "no transformer 3"),
        (lambda: TransformerTap(largest_move=0), "positive"),
        (lambda: SubstationTap(mode="smooth"), "discrete or continuous"),
        (lambda: SubstationTap(step_percent=10.0), "less than 50"),
        (lambda: Chargers(buses=[77]), "no bus 77"),
        (lambda: Chargers(need=[0.5, 0.2]), "low <= high"),
        (lambda: Chargers(power_mw=[0.1, 0.1, 0.1]), "a list of 2, one an asset"),
        (lambda: Chargers(efficiency=0.0), "efficiency <= 1"),
        (lambda: FlexibleLoads(share=0.0), "share <= 1"),
        (lambda: FlexibleLoads(count=99), "flexible_load.count=99"),
    ],
)
def test_bad_devices_are_named(feeder, kind, words):
    with pytest.raises(ConfigError, match=words):
        kind().prepare(feeder, CALENDAR, 0)


ALL = ("ev_charger=depot", "ev_charger.discharge=true", "flexible_load=shift", "tap_changer=substation", "topology=exchanges")


def test_all_of_them_together_in_an_environment(make):
    environment = make("grid", *ALL, num_envs=3)
    assert [agent.name for agent in environment.agents] == ["agent_1", "agent_2", "agent_3", "topology"]
    columns = {agent.name: [column.name for column in agent.action_columns] for agent in environment.agents}
    assert columns["agent_1"] == ["battery_23", "pv_20", "tap"], "it looks after the substation"
    assert columns["agent_3"] == ["pv_31", "load_32", "ev_32"]
    seen = {agent.name: {column.name for column in agent.observation_columns} for agent in environment.agents}
    assert {"ev_needed_32", "ev_left_32", "owed_32"} <= seen["agent_3"]
    assert not {"ev_needed_17", "tap", "closed_32"} & seen["agent_3"]
    assert {f"voltage_{bus}" for bus in range(33)} | {"closed_32"} <= seen["topology"]
    environment.reset(seed=1, options={"start_day": 180})
    rng = np.random.default_rng(0)
    for _ in range(48):
        actions = {agent.name: 0.3 * rng.uniform(-1, 1, (3, *agent.action_space.shape)).astype(np.float32) for agent in environment.agents}
        result = environment.step(actions)
        record = environment.record
        parts = sum(value for name, value in result.metrics.items() if name.startswith("reward_"))
        np.testing.assert_allclose(sum(result.rewards.values()), parts, rtol=1e-9)
        np.testing.assert_allclose(record.import_mw, record.flow.loss_mw - record.p_inj.sum(axis=1), atol=1e-8)
        np.testing.assert_allclose(record.flow.vm[:, 0], 1 + 0.0125 * result.metrics["tap_position"], rtol=1e-12)
    figures = {figure.column.name for figure in environment.figures}
    assert {"ev_lacking", "energy_owed", "taps_moved", "lines_switched"} <= figures


def test_an_agent_may_have_a_charger_alone(make):
    assets = ("assets.pv_buses=[16]", "assets.battery_buses=[]", "ev_charger=depot", "ev_charger.buses=[3,29]")
    environment = make("grid", *assets)
    assert [column.name for column in environment.agents[2].action_columns] == ["ev_29"]
    assert environment.agents[2].action_space.low.tolist() == [0.0]
    with pytest.raises(ConfigError, match="nor another device"):
        make("grid", *assets[:3], "ev_charger.buses=[3]")


def test_devices_need_parts_that_show_and_pay_them(make):
    with pytest.raises(ConfigError, match="NeomFlexObservation knows inverters and batteries alone"):
        make("neomflex", "ev_charger=depot")


@pytest.mark.slow
def test_all_of_them_keep_the_contract():
    from wattloom.build import build_environment
    from wattloom.compose import compose
    from wattloom.testing import check_environment

    composed = compose(["env=grid", *ALL])
    assert check_environment(lambda num_envs: build_environment(composed, num_envs=num_envs), steps=20) == []
