"""Branch flows, currents, loading, losses and slack power against pandapower's result tables."""

from __future__ import annotations

import numpy as np
import pandapower as pp
import pytest

from wattloom.components.power_flow import Flows, GridModel, solve

TABLES = {"line": ("from", "to", "from_bus", "to_bus"), "trafo": ("hv", "lv", "hv_bus", "lv_bus")}


def solved(net):
    pp.runpp(net, tolerance_mva=1e-10)
    model = GridModel.from_pandapower(net)
    p, q = (part[None] for part in model.nominal())
    voltage = (net.res_bus.vm_pu * np.exp(1j * np.radians(net.res_bus.va_degree))).to_numpy()[None]
    return model, Flows(model), voltage, p, q


@pytest.mark.parametrize("name", ["case33bw", "mv_oberrhein", "create_cigre_network_mv", "case118", "example_simple"])
def test_lines_and_transformers_are_pandapowers(name, network):
    net = pp.pandapowerNet(network(name))
    model, flows, voltage, p, q = solved(net)
    found = flows.branches(voltage)
    for table, (start, end, *_) in TABLES.items():
        at = [k for k, kind in enumerate(model.branch_table) if kind == table]
        if not at:
            continue
        result = net[f"res_{table}"].loc[model.branch_element[at]].fillna(0.0)
        for quantity, column in (
            ("p_from_mw", f"p_{start}_mw"),
            ("q_to_mvar", f"q_{end}_mvar"),
            ("i_from_ka", f"i_{start}_ka"),
            ("i_to_ka", f"i_{end}_ka"),
        ):
            np.testing.assert_allclose(getattr(found, quantity)[0, at], result[column], rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(found.loss_mw[0, at], result.pl_mw, rtol=0, atol=1e-8)
        np.testing.assert_allclose(found.loss_mvar[0, at], result.ql_mvar, rtol=0, atol=1e-7)
        np.testing.assert_allclose(flows.loading_percent(found)[0, at], result.loading_percent, rtol=1e-7, atol=1e-6)
        np.testing.assert_allclose(flows.loss_mw(voltage, table), net[f"res_{table}"].pl_mw.sum(), rtol=0, atol=1e-8)
    slack_p, slack_q = flows.slack_power(voltage, p, q)
    np.testing.assert_allclose(slack_p.sum(), net.res_ext_grid.p_mw.sum(), rtol=0, atol=1e-7)
    np.testing.assert_allclose(slack_q.sum(), net.res_ext_grid.q_mvar.sum(), rtol=0, atol=1e-7)


def test_three_winding_transformers_have_a_node_without_a_bus():
    net = pp.create_empty_network()
    high, middle, low = (pp.create_bus(net, kv) for kv in (110.0, 20.0, 10.0))
    pp.create_ext_grid(net, high)
    pp.create_transformer3w(net, high, middle, low, "63/25/38 MVA 110/20/10 kV")
    pp.create_load(net, middle, 12.0, 3.0)
    pp.create_load(net, low, 8.0, 2.0)
    model, flows, voltage, p, q = solved(net)
    assert model.n_node == model.n_bus + 1
    for backend in ("zbus", "fixed_point", "lightsim2grid", "power_grid_model"):
        answer = solve(model, backend, p, q)
        np.testing.assert_allclose(answer.voltage, voltage, rtol=0, atol=1e-8)
    np.testing.assert_allclose(flows.loss_mw(voltage, "trafo3w"), net.res_trafo3w.pl_mw, rtol=0, atol=1e-8)
    loading = flows.loading_percent(flows.branches(voltage))
    np.testing.assert_allclose(np.nanmax(loading), net.res_trafo3w.loading_percent[0], rtol=1e-7)


def test_power_is_conserved(model, solver, rows):
    inputs = rows("create_cigre_network_mv")
    grid = model("create_cigre_network_mv")
    p, q = grid.elements.injections(*inputs)
    answer = solver("fixed_point", "create_cigre_network_mv").solve_elements(*inputs)
    flows = Flows(grid)
    slack_p, _ = flows.slack_power(answer.voltage, p, q)
    np.testing.assert_allclose(slack_p.sum(axis=1) + p.sum(axis=1), flows.loss_mw(answer.voltage), rtol=0, atol=1e-7)


def test_open_branches_carry_nothing_and_lost_rows_stay_lost(model):
    grid = model("case33bw")
    p, q = grid.nominal()
    answer = solve(grid, "zbus", np.array([p, 100 * p]), np.array([q, 100 * q]))
    found = Flows(grid).branches(answer.voltage)
    assert (found.i_from_ka[:, ~grid.in_service] == 0).all()
    assert np.isnan(found.loss_mw[1, grid.in_service]).all()
    assert np.isnan(Flows(grid).loss_mw(answer.voltage)[1])
    assert np.isfinite(Flows(grid).loss_mw(answer.voltage)[0])
