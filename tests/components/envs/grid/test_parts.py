"""Networks, assets, territories and profiles, each by itself."""

import numpy as np
import pytest

from wattloom.build import build_algorithm
from wattloom.components.envs.grid.assets import Assets, layers
from wattloom.components.envs.grid.network import Network
from wattloom.components.envs.grid.profiles import Profiles
from wattloom.components.envs.grid.territories import Zones, partition
from wattloom.components.power_flow.backends import make_backend
from wattloom.components.sources.demand import HalfHourDemand
from wattloom.components.sources.solar import HalfHourSolar
from wattloom.components.sources.table import Table
from wattloom.compose import compose
from wattloom.environment import Column, EnvironmentSpec
from wattloom.errors import ConfigError, DataError
from wattloom.seeding import Seeds


def feeder(name="case33bw", **settings):
    return Network(name, **settings).prepare(make_backend("zbus"))


@pytest.mark.parametrize(
    ("name", "p", "q", "loss_kw", "lowest"),
    [
        ("case33bw", 3.715, 2.3, 202.68, 0.9131),
        ("case69", 3.8021, 2.6947, 224.99, 0.9092),
        ("case118zh", 22.7097, 17.0411, 1298.09, 0.8688),
        ("case141", 11.9029, 7.375, 629.06, 0.9281),
    ],
)
def test_feeders_have_their_published_state(name, p, q, loss_kw, lowest):
    ready = feeder(name)
    flow = ready.solve((ready.fixed_p - ready.load_p)[None], (ready.fixed_q - ready.load_q)[None])
    assert (ready.load_p.sum(), ready.load_q.sum()) == pytest.approx((p, q), abs=1e-4)
    assert flow.loss_mw[0] * 1e3 == pytest.approx(loss_kw, abs=0.01)
    assert flow.vm.min() == pytest.approx(lowest, abs=5e-5)


@pytest.mark.parametrize("name", ["case33bw", "case30"])
def test_losses_and_import_equal_pandapower(name):
    import pandapower

    ready = Network(name, load_scale=0.9).prepare(make_backend("pandapower"))
    p_inj, q_inj = (ready.fixed_p - ready.load_p)[None], (ready.fixed_q - ready.load_q)[None]
    flow = ready.solve(p_inj, q_inj)
    net = ready.model.to_pandapower()
    net.load[["p_mw", "q_mvar"]] *= 0.9
    pandapower.runpp(net, tolerance_mva=1e-10, numba=False)
    lost = net.res_line.pl_mw.sum() + net.res_trafo.pl_mw.sum()
    assert flow.loss_mw[0] == pytest.approx(lost, abs=1e-8)
    assert ready.import_mw(p_inj, q_inj, flow)[0] == pytest.approx(net.res_ext_grid.p_mw.sum(), abs=1e-7)


def test_ties_close_and_lines_open():
    ready = feeder(close_lines=[32], open_lines=[6])
    assert ready.model.in_service[[32, 6]].tolist() == [True, False]
    with pytest.raises(ConfigError, match="no line 99"):
        feeder(close_lines=[99])


def test_an_impossible_network_is_named():
    with pytest.raises(DataError, match=r"no solution at its table loads .* lower network.load_scale"):
        feeder(load_scale=5.0)


def test_a_network_without_load_is_named(tmp_path):
    import pandapower

    net = pandapower.create_empty_network()
    pandapower.create_buses(net, 2, 10.0)
    pandapower.create_ext_grid(net, 0)
    pandapower.create_line(net, 0, 1, 1.0, "NAYY 4x50 SE")
    pandapower.to_json(net, str(tmp_path / "idle.json"))
    with pytest.raises(DataError, match="has no load"):
        feeder(str(tmp_path / "idle.json"))


def test_assets_spread_over_a_network_that_names_no_sites():
    ready = feeder("case69")
    fleet = Assets(pv_count=4, battery_count=2).prepare(ready, 0.5)
    assert (fleet.n_pv, fleet.n_battery) == (4, 2)
    assert len(set(fleet.pv_numbers)) == 4
    assert (ready.load_p[fleet.pv_bus] > 0).all()
    assert fleet.battery_numbers[0] == 60, "the largest load"
    assert Assets(pv_count=4, battery_count=2).prepare(ready, 0.5).pv_numbers == fleet.pv_numbers


@pytest.mark.parametrize(("name", "pv", "power"), [("case33bw", 1.0, 0.5), ("case118zh", 6.0, 3.0)])
def test_assets_are_sized_to_the_network_unless_told(name, pv, power):
    ready = feeder(name)
    fleet = Assets().prepare(ready, 0.5)
    np.testing.assert_allclose(fleet.pv_mw, pv)
    np.testing.assert_allclose(fleet.pv_mva, pv)
    np.testing.assert_allclose(fleet.parameters.power_mw, power)
    np.testing.assert_allclose(fleet.capacity_mwh, 4 * power)
    told = Assets(pv_mw=0.3, pv_mva=[0.4, 0.5, 0.6], battery_mw=0.2).prepare(ready, 0.5)
    assert (told.pv_mw.tolist(), told.pv_mva.tolist(), told.capacity_mwh.tolist()) == ([0.3] * 3, [0.4, 0.5, 0.6], [0.8] * 3)


def test_several_assets_at_one_bus_add_up():
    groups = layers(np.array([3, 5, 3, 3]))
    total = np.zeros(6)
    for columns, buses in groups:
        total[buses] += np.array([1.0, 10.0, 100.0, 1000.0])[columns]
    assert total[[3, 5]].tolist() == [1101.0, 10.0]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"pv_buses": [99]}, "no bus 99"),
        ({"pv_buses": [], "battery_buses": []}, "neither an inverter nor a battery"),
        ({"pv_buses": [3, 4], "pv_mva": [1.0, 1.0, 1.0]}, "a list of 2, one an asset"),
        ({"pv_mw": -1.0}, "positive numbers"),
        ({"soc_low": 0.6}, "0 <= low <= start <= high <= 1"),
        ({"charge_efficiency": 0.0}, "efficiency <= 1"),
        ({"start": "full"}, "choose fixed, random or carry"),
        ({"pv_count": 40}, "has 32 load buses"),
        ({"reactive_share": 1.2}, "share <= 1"),
        ({"wear_usd_per_mwh": -1.0}, "from 0"),
    ],
)
def test_bad_assets_are_named(settings, words):
    with pytest.raises(ConfigError, match=words):
        Assets(**settings).prepare(feeder(), 0.5)


@pytest.mark.parametrize(("name", "count"), [("case33bw", 3), ("case69", 4), ("case118zh", 6)])
def test_any_network_is_split_into_connected_zones(name, count):
    ready = feeder(name)
    fleet = Assets(pv_count=6).prepare(ready, 0.5)
    zones = partition(ready, fleet, count)
    assert sorted(bus for buses in zones.values() for bus in buses) == ready.model.bus_index.tolist()
    start, end, _ = ready.graph()
    for buses in zones.values():
        own = set(ready.model.bus_positions(buses).tolist())
        inside = [(a, b) for a, b in zip(start.tolist(), end.tolist(), strict=True) if a in own and b in own]
        assert len(inside) >= len(own) - 1, "a zone of a tree is connected when it has one branch less than buses"
    territories = Zones(count=count).prepare(Network(name).prepare(make_backend("zbus")), fleet)
    assert all(len(own.pvs) + len(own.batteries) for own in territories)


@pytest.mark.parametrize(
    ("zones", "words"),
    [
        ({"a": [0, 1, 2], "b": [2, 3]}, "bus 2 belongs to 'a' and to 'b'"),
        ({"a": [*range(32)]}, "bus 32 has a battery and belongs to no agent"),
        ({"a": [*range(33)], "b": [77]}, "no bus 77"),
        ({"a": [*range(1, 33)], "b": [0]}, "agent 'b' has neither"),
        ({}, "at least one agent"),
        ({"a": []}, "at least one bus"),
    ],
)
def test_bad_territories_are_named(zones, words):
    fleet = Assets(pv_buses=[16], battery_buses=[32]).prepare(feeder(), 0.5)
    with pytest.raises(ConfigError, match=words):
        Zones(zones).prepare(feeder(), fleet)


def test_more_agents_than_assets_are_refused():
    fleet = Assets(pv_buses=[16, 16], battery_buses=[32]).prepare(feeder(), 0.5)
    with pytest.raises(ConfigError, match=r"territories.count=3: give 1 \.\. 2"):
        Zones(count=3).prepare(feeder(), fleet)


class TestProfiles:
    def rows(self, tables=None, **settings):
        ready = feeder()
        profiles = Profiles(**{"demand_base": 1.0, **settings})
        found = {"demand": HalfHourDemand(), "solar": HalfHourSolar(), **(tables or {})}
        return profiles, profiles.prepare(found, ready, Assets(pv_buses=[16, 20], battery_buses=[]).prepare(ready, 0.5), seed=3)

    def table(self, profiles, values, name="demand"):
        return Table(
            profiles.calendar, (Column(name, "1"),), np.broadcast_to(np.asarray(values, float), profiles.calendar.n_steps)[:, None]
        )

    def test_without_diversity_every_load_follows_one_curve(self):
        _, rows = self.rows(days=3)
        inputs = rows.inputs(np.arange(10))
        np.testing.assert_allclose(inputs.load_p.sum(axis=1), 3.715 * rows.demand[:10], rtol=1e-12)
        np.testing.assert_allclose(inputs.load_q.sum(axis=1), 2.3 * rows.demand[:10], rtol=1e-12)

    def test_diversity_has_the_spread_and_memory_asked_for(self):
        profiles, rows = self.rows(load_diversity=0.1, solar_diversity=0.1, diversity_hours=3.0)
        factor = rows.inputs(np.arange(rows.n_rows)).load_p[:, 1:] / (rows.demand[:, None] * feeder().load_p[1:])
        assert factor.std() == pytest.approx(0.1, rel=0.02)
        assert factor.mean() == pytest.approx(1.0, abs=0.005)
        apart = np.corrcoef(factor[:, :6].T) - np.eye(6)
        assert np.abs(apart).max() < 0.1
        later = np.corrcoef(factor[:-1, 0], factor[1:, 0])[0, 1]
        assert later == pytest.approx(np.exp(-profiles.step_hours / 3.0), abs=0.02)
        sun = rows.inputs(np.arange(rows.n_rows)).solar
        assert (sun[rows.solar == 0] == 0).all(), "no sun at night"
        assert sun.max() <= 1.0

    def test_diversity_depends_on_the_seed_alone(self):
        first, again = (self.rows(days=5, load_diversity=0.2)[1].inputs(np.arange(9)).load_p for _ in range(2))
        assert (first == again).all()

    def test_episodes_begin_at_midnight_of_the_months_asked_for(self):
        profiles, rows = self.rows(months=[6, 7])
        state = rows.initial(50)
        generators = [np.random.default_rng(k) for k in range(50)]
        rows.begin(state, np.arange(50), generators, np.ones(50, bool), {})
        assert set(profiles.calendar.month[state["row"]].tolist()) == {6, 7}
        assert (profiles.calendar.local_hour[state["row"]] == 0).all()
        assert (state["solved"] == state["row"] - 1).all(), "the first observation shows the row before"
        assert len(set(state["day"].tolist())) > 20

    def test_episodes_anywhere_begin_at_any_step_and_fit(self):
        profiles, rows = self.rows(days=2, order="anywhere", episode_days=0.5)
        state = rows.initial(300)
        rows.begin(state, np.arange(300), [np.random.default_rng(k) for k in range(300)], np.ones(300, bool), {})
        assert profiles.horizon == 24
        assert (state["row"].min(), state["row"].max()) == (0, 72)
        assert len(set((state["row"] % 48).tolist())) == 48

    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ({"days": 1, "episode_days": 2}, "hold 1 days, too few"),
            ({"months": [13]}, r"months 1 \.\. 12"),
            ({"months": [1], "days": 2, "start": "2023-05-01"}, "no episode of 1 days begins there"),
            ({"months": [1], "order": "sequential"}, "no effect"),
            ({"order": "backwards"}, "random, anywhere or sequential"),
            ({"episode_days": 0.51}, "whole number of steps"),
            ({"episode_days": 0.5, "order": "sequential"}, "and of days"),
            ({"reactive_load": "none"}, "scaled or frozen"),
            ({"load_diversity": 2.0}, r"0 \.\. 1"),
            ({"demand_base": 0.0}, "positive"),
            ({"start": "soon"}, "is no date"),
            ({"first_look": "never"}, "before or first"),
            ({"diversity_hours": 0.0}, "positive"),
        ],
    )
    def test_bad_settings_are_named(self, settings, words):
        with pytest.raises(ConfigError, match=words):
            self.rows(**settings)

    @pytest.mark.parametrize(
        ("name", "values", "words"),
        [
            ("demand", 87.0, "is it in per cent"),
            ("demand", 0.0, "never positive"),
            ("demand", np.nan, "missing values"),
            ("solar", 60.0, "Divide per cent by 100 .*Scale, factor: 0.01667"),
        ],
    )
    def test_bad_data_is_named(self, name, values, words):
        table = self.table(Profiles(days=2), values, name)
        with pytest.raises(DataError, match=words):
            self.rows({name: table}, days=2)

    def test_a_table_on_another_clock_is_named(self):
        with pytest.raises(DataError, match="the profiles have 96 of 1800 s"):
            self.rows({"demand": self.table(Profiles(days=3), 1.0)}, days=2)

    def test_demand_in_kilowatts_is_divided_by_its_largest(self):
        _, rows = self.rows({"demand": HalfHourDemand(peak_kw=5000.0)}, days=30, demand_base=None)
        assert rows.demand.max() == 1.0


def test_agents_that_are_alike_form_a_group_and_may_share_a_learner(make):
    """MAPDN's six inverters are; the zones of the default feeder, which differ in size, are not, and sharing is refused."""
    assert {agent.group for agent in make("mapdn33").agents} == {"pv"}
    assert {agent.group for agent in make().agents} == {""}
    twins = "territories.zones={north: [1, 2, 3, 18, 19, 20, 21, 22], south: [4, 5, 6, 7, 8, 9, 10, 11]}"
    assert {agent.group for agent in make("grid", twins, "assets.pv_buses=[20, 8]", "assets.battery_buses=[21, 10]").agents} == {
        "battery+pv"
    }

    shared = build_algorithm(compose(["algorithm=sac", "algorithm.share_parameters=true", "algorithm.hidden_sizes=[8]"]))
    shared.setup(EnvironmentSpec.of(make("mapdn33")), Seeds(1), 100)
    assert len(shared.learners) == 1
    with pytest.raises(ConfigError, match="no two agents of this environment are alike"):
        shared.setup(EnvironmentSpec.of(make()), Seeds(1), 100)
