"""Curves of single buses, and what a network's own generators do."""

import numpy as np
import pandapower
import pandapower.networks
import pytest

from wattloom.components.envs.grid.assets import Assets
from wattloom.components.envs.grid.network import Network
from wattloom.components.envs.grid.profiles import Profiles
from wattloom.components.power_flow.backends import make_backend
from wattloom.components.sources.table import Table
from wattloom.environment import Column
from wattloom.errors import ConfigError, DataError

ROWS = 96


@pytest.fixture(scope="module")
def own_network(tmp_path_factory):
    """The 33-bus feeder with two generators at bus 9 and one at bus 20."""
    net = pandapower.networks.case33bw()
    for bus, mw in ((9, 0.2), (9, 0.3), (20, 0.4)):
        pandapower.create_sgen(net, bus, mw, q_mvar=0.05)
    path = tmp_path_factory.mktemp("network") / "own.json"
    pandapower.to_json(net, str(path))
    return str(path)


def feeder(network, **settings):
    return Network(network, **settings).prepare(make_backend("zbus"))


def rows_of(ready, fleet, demand, solar, **settings):
    profiles = Profiles(days=2, demand_base=None, **settings)
    tables = {}
    for name, columns in (("demand", demand), ("solar", solar)):
        names = tuple(Column(column, "1") for column in columns)
        tables[name] = Table(profiles.calendar, names, np.column_stack([np.broadcast_to(v, ROWS) for v in columns.values()]))
    return profiles.prepare(tables, ready, fleet, 0)


def test_a_bus_with_a_curve_of_its_own_follows_it_and_the_others_the_common_one():
    ready = feeder("case33bw")
    fleet = Assets(pv_buses=[16, 20], battery_buses=[]).prepare(ready, 0.5)
    curve, own, reactive = np.linspace(50.0, 100.0, ROWS), np.linspace(90.0, 20.0, ROWS), np.linspace(10.0, 30.0, ROWS)
    demand = {"demand": curve, "demand_5": own, "reactive_5": reactive, "demand_6": own}
    sun = np.linspace(0.0, 1.0, ROWS)
    rows = rows_of(ready, fleet, demand, {"solar": sun, "solar_20": sun**2, "solar_99": sun})
    inputs = rows.inputs(np.arange(ROWS))
    np.testing.assert_allclose(inputs.load_p[:, 5], ready.load_p[5] * own / 100.0)
    np.testing.assert_allclose(inputs.load_q[:, 5], ready.load_q[5] * reactive / 100.0)
    np.testing.assert_allclose(inputs.load_q[:, 6], ready.load_q[6] * own / 100.0)
    np.testing.assert_allclose(inputs.load_p[:, 7], ready.load_p[7] * curve / 100.0)
    np.testing.assert_allclose(inputs.solar, np.stack([sun, sun**2], axis=1))


def test_diversity_comes_on_top_and_moves_both_powers_alike():
    ready = feeder("case33bw")
    fleet = Assets(pv_buses=[16], battery_buses=[]).prepare(ready, 0.5)
    curve = np.linspace(0.5, 1.0, ROWS)
    demand = {"demand": curve, "demand_5": curve, "reactive_5": curve**2}
    inputs = rows_of(ready, fleet, demand, {"solar": 0.5}, load_diversity=0.2).inputs(np.arange(ROWS))
    factor = inputs.load_p[:, 5] / (ready.load_p[5] * curve)
    assert factor.std() > 0.05
    np.testing.assert_allclose(inputs.load_q[:, 5], ready.load_q[5] * curve**2 * factor)


@pytest.mark.parametrize(
    ("demand", "words"),
    [({"demand": 1.0, "demand_77": 1.0}, "network has no bus 77"), ({"demand": 1.0, "demand_5": -0.5}, "single bus is negative")],
)
def test_bad_curves_of_single_buses_are_named(demand, words):
    ready = feeder("case33bw")
    with pytest.raises(DataError, match=words):
        rows_of(ready, Assets(pv_buses=[16], battery_buses=[]).prepare(ready, 0.5), demand, {"solar": 0.5})


def net_load(network, generators, assets, sun):
    ready = feeder(network, generators=generators)
    fleet = assets.prepare(ready, 0.5)
    inputs = rows_of(ready, fleet, {"demand": 1.0}, {"solar": sun}).inputs(np.arange(3))
    return ready, fleet, inputs.load_p - ready.fixed_p


def test_generators_of_the_network_do_what_is_asked(own_network):
    named, spread = Assets(pv_buses=[16], battery_buses=[]), Assets(battery_buses=[])
    plain = feeder("case33bw").load_p
    generated = np.zeros(33)
    generated[[9, 20]] = 0.5, 0.4
    for generators, share in (("constant", 1.0), ("solar", 0.25), ("inverters", 0.25), ("off", 0.0)):
        ready, _, load = net_load(own_network, generators, named, 0.25)
        np.testing.assert_allclose(load, np.tile(plain - share * generated, (3, 1)), atol=1e-12)
        assert (ready.fixed_q[9] == pytest.approx(0.1)) == (generators == "constant")
    _, fleet, load = net_load(own_network, "inverters", spread, 0.25)
    assert (fleet.pv_numbers, fleet.pv_mw.tolist()) == ((9, 20), [0.5, 0.4])
    np.testing.assert_allclose(load, np.tile(plain, (3, 1)), atol=1e-12)


def test_bad_uses_of_generators_are_named(own_network):
    for settings, words in (
        ({"generators": "wind"}, "choose constant, solar, inverters or off"),
        ({"generators": "inverters", "pv_buses": [3]}, "set one of them"),
        ({"generators": "inverters", "network": "case33bw"}, "has no static generator"),
    ):
        with pytest.raises(ConfigError, match=words):
            feeder(**{"network": own_network, **settings})
