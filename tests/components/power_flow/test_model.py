"""The grid model: immutable, faithful to its network, and clear about what it cannot state."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pandapower as pp
import pytest
from pandapower import networks
from pandapower.toolbox import nets_equal

from wattloom.components.power_flow import GridModel
from wattloom.errors import ConfigError, DataError, MissingExtraError


def two_buses():
    net = pp.create_empty_network()
    pp.create_buses(net, 2, 10.0)
    pp.create_ext_grid(net, 0)
    pp.create_line_from_parameters(net, 0, 1, 1.0, 0.3, 0.3, 0.0, 0.2)
    pp.create_load(net, 1, 0.5, 0.1)
    return net


def test_a_model_cannot_be_changed(model):
    grid = model("case33bw")
    for part in dataclasses.fields(grid):
        value = getattr(grid, part.name)
        if isinstance(value, np.ndarray) and value.size:
            with pytest.raises(ValueError, match="read-only"):
                value[...] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        grid.base_mva = 1.0


def test_building_and_switching_leave_network_and_model_alone():
    net = networks.case33bw()
    untouched = pp.pandapowerNet(net)
    grid = GridModel.from_pandapower(net)
    before = grid.ybus.copy()
    grid.switched({32: True})
    grid.to_pandapower().line["in_service"] = False
    assert nets_equal(net, untouched)
    assert abs(grid.ybus - before).max() == 0
    net.line["r_ohm_per_km"] = 9.0  # the caller may go on using the network
    assert grid.to_pandapower().line.r_ohm_per_km.max() < 9.0


@pytest.mark.parametrize("name", ["case33bw", "mv_oberrhein", "case118"])
def test_the_admittance_matrix_is_pandapowers(name, network, model):
    net = pp.pandapowerNet(network(name))
    net.line["in_service"] = True
    pp.runpp(net)
    closed = model(name).switched(dict.fromkeys(net.line.index.tolist(), True))
    assert abs(closed.ybus - net._ppc["internal"]["Ybus"]).max() < 1e-11


def test_pickled_and_read_from_a_file_it_is_the_same(tmp_path, model):
    grid = model("create_cigre_network_mv")
    path = tmp_path / "feeder.json"
    pp.to_json(grid.to_pandapower(), str(path))
    for other in (pickle.loads(pickle.dumps(grid)), GridModel.read(path)):
        assert abs(other.ybus - grid.ybus).max() < 1e-12
        np.testing.assert_allclose(other.nominal(), grid.nominal(), rtol=1e-12)  # the file holds 15 digits


def test_nominal_injections_are_the_tables():
    net = two_buses()
    pp.create_sgen(net, 1, 0.2, 0.05, scaling=0.5)
    pp.create_load(net, 1, 9.0, 9.0, in_service=False)
    pp.create_storage(net, 1, 0.03, 1.0, q_mvar=0.01)
    pp.create_gen(net, 1, 0.04, in_service=False)
    grid = GridModel.from_pandapower(net)
    p, q = grid.nominal()
    np.testing.assert_allclose(p, [0.0, -0.5 + 0.1 - 0.03], atol=1e-12)
    np.testing.assert_allclose(q, [0.0, -0.1 + 0.025 - 0.01], atol=1e-12)
    np.testing.assert_allclose(grid.p_other_mw, [0.0, -0.03], atol=1e-12)


def test_a_network_whose_table_values_cannot_be_solved_still_has_a_model():
    net = two_buses()
    net.load["p_mw"] = 1e6
    grid = GridModel.from_pandapower(net)
    assert grid.nominal()[0].tolist() == [0.0, -1e6]


def test_buses_without_supply(model):
    cut = model("case33bw").switched({19: False})
    dead = [20, 21]
    assert np.flatnonzero(~cut.bus_energised).tolist() == dead
    net = two_buses()
    pp.create_bus(net, 10.0, in_service=False)
    assert GridModel.from_pandapower(net).bus_energised.tolist() == [True, True, False]


def test_bus_numbers_need_not_count_from_zero():
    net = pp.create_empty_network()
    for number in (70, 5, 33):
        pp.create_bus(net, 10.0, index=number)
    pp.create_ext_grid(net, 5)
    pp.create_line_from_parameters(net, 5, 70, 1.0, 0.3, 0.3, 0.0, 0.2)
    pp.create_line_from_parameters(net, 70, 33, 1.0, 0.3, 0.3, 0.0, 0.2)
    grid = GridModel.from_pandapower(net)
    assert grid.bus_index.tolist() == [70, 5, 33]
    assert grid.bus_positions([33, 70]).tolist() == [2, 0]
    with pytest.raises(ConfigError, match="has no bus 71; known: 33, 5, 70"):
        grid.bus_positions([71])


def test_lines_taps_and_networks_that_do_not_exist(model):
    with pytest.raises(ConfigError, match=r"'case33bw' has no line 99"):
        model("case33bw").switched({99: True})
    with pytest.raises(ConfigError, match="has no transformer 7"):
        model("case33bw").tapped({7: 1})
    with pytest.raises(ConfigError, match=r"tap position 40 of transformer \d+ is outside its range -9"):
        model("mv_oberrhein").tapped({int(model("mv_oberrhein").to_pandapower().trafo.index[0]): 40})
    with pytest.raises(ConfigError, match=r"no network 'case33bx'.*did you mean 'case33bw'"):
        GridModel.read("case33bx")
    with pytest.raises(DataError, match=r"feeder\.json does not exist"):
        GridModel.read("feeder.json")


def test_a_file_that_is_no_network(tmp_path):
    path = tmp_path / "other.json"
    path.write_text('{"a": 1}')
    with pytest.raises(DataError, match="is not a pandapower JSON file"):
        GridModel.read(path)


@pytest.mark.parametrize("code", ["1-LV-urban6--0-sw", "1-MV-comm--0-sw", "1-MVLV-rural-1.108-0-no_sw"])
def test_simbench_codes_need_the_extra(code, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"wattloom\[grid\]"):
        GridModel.read(code)


def test_what_a_constant_power_model_cannot_state_is_refused():
    with pytest.raises(ConfigError, match="table 'xward'"):
        GridModel.read("example_multivoltage")
    net = two_buses()
    net.load["const_z_p_percent"] = 30.0
    with pytest.raises(ConfigError, match="const_z_p_percent is not zero"):
        GridModel.from_pandapower(net)
    net = two_buses()
    net.ext_grid = net.ext_grid.iloc[:0]
    with pytest.raises(ConfigError, match="no external grid"):
        GridModel.from_pandapower(net)
    with pytest.raises(ConfigError, match="pandapower network is expected, got dict"):
        GridModel.from_pandapower({})
    net = two_buses()
    net.line["r_ohm_per_km"] = net.line["x_ohm_per_km"] = 0.0
    with pytest.raises(DataError, match="cannot solve network"):
        GridModel.from_pandapower(net)


def test_a_case_without_a_slack_is_refused():
    bus = np.zeros((2, 13))
    bus[:, 1], bus[:, 9] = 1, 10.0
    with pytest.raises(ConfigError, match="no slack bus"):
        GridModel.from_case(1.0, bus, np.zeros((0, 13)), np.zeros((0, 10)))
    grid = GridModel.read("case33bw")
    case = dataclasses.replace(grid, source=None)
    with pytest.raises(ConfigError, match="built from a case"):
        case.to_pandapower()
