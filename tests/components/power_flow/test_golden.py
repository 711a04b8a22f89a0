"""Replays of recorded solutions: voltages to 1e-8 p.u., angles to 1e-6 degrees, losses to 1e-8 of the base power."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandapower as pp
import pytest
from pandapower import networks

from wattloom.components.power_flow import Flows, GridModel, make_backend, solve

FAST = ("zbus", "fixed_point", "lightsim2grid", "power_grid_model")
EVERY = [(backend, name) for name in ("case33bw", "case33bw_meshed") for backend in (*FAST, "pandapower")]
EVERY += [("lightsim2grid", "case118"), ("pandapower", "case118")]
SIMBENCH = ("simbench_1-LV-urban6--0-sw", "simbench_1-MV-comm--0-sw")


def pandapower_network(name, recording):
    if name == "case118":
        return networks.case118()
    net = networks.case33bw()
    if name == "case33bw_meshed":
        net.line["in_service"] = True
    for bus in recording["sgen_bus"]:
        pp.create_sgen(net, int(bus), 0.0)
    return net


def bus_injections(recording):
    column = {int(bus): position for position, bus in enumerate(recording["bus_index"])}
    p, q = np.zeros((2, len(recording["vm_pu"]), len(column)))
    for table, sign in (("load", -1), ("sgen", 1)):
        for position, bus in enumerate(recording[f"{table}_bus"]):
            p[:, column[int(bus)]] += sign * recording[f"{table}_p_mw"][:, position]
            q[:, column[int(bus)]] += sign * recording[f"{table}_q_mvar"][:, position]
    for position, bus in enumerate(recording["gen_bus"]):
        p[:, column[int(bus)]] += recording["gen_p_mw"][:, position]
    return p, q


def set_points(model, recording):
    if not len(model.pv):
        return None
    values, held = np.tile(model.pv_vm, (len(recording["vm_pu"]), 1)), model.gen_pv >= 0
    values[:, model.gen_pv[held]] = recording["gen_vm_pu"][:, held]
    return values


def assert_voltages(result, recording):
    count = len(result.converged)
    assert result.converged.all()
    np.testing.assert_allclose(result.vm_pu, recording["vm_pu"][:count], rtol=0, atol=1e-8)
    np.testing.assert_allclose(result.va_degree, recording["va_degree"][:count], rtol=0, atol=1e-6)


@pytest.mark.parametrize(("backend", "name"), EVERY)
def test_recorded_networks_of_pandapower(backend, name, golden):
    recording = golden(name)
    count = 12 if backend == "pandapower" else 120
    model = GridModel.from_pandapower(pandapower_network(name, recording), name)
    p, q = (part[:count] for part in bus_injections(recording))
    held = set_points(model, recording)
    result = solve(model, backend, p, q, pv_vm=None if held is None else held[:count])
    assert_voltages(result, recording)
    flows = Flows(model)
    branches, lines = flows.branches(result.voltage), np.array([kind == "line" for kind in model.branch_table])
    tolerance = 1e-6 if name == "case118" else 1e-8 * model.base_mva
    np.testing.assert_allclose(branches.loss_mw[:, lines], np.nan_to_num(recording["line_pl_mw"][:count]), rtol=0, atol=tolerance)
    np.testing.assert_allclose(
        branches.p_from_mw[:, lines], np.nan_to_num(recording["line_p_from_mw"][:count]), rtol=0, atol=10 * tolerance
    )
    loading = np.nan_to_num(recording["line_loading_percent"][:count])
    np.testing.assert_allclose(flows.loading_percent(branches)[:, lines], loading, rtol=1e-6, atol=1e-9)
    slack_p, slack_q = flows.slack_power(result.voltage, p, q)
    np.testing.assert_allclose(slack_p, recording["ext_grid_p_mw"][:count], rtol=0, atol=10 * tolerance)
    np.testing.assert_allclose(slack_q, recording["ext_grid_q_mvar"][:count], rtol=0, atol=10 * tolerance)
    if len(model.pv):
        delivered = flows.pv_power(result.voltage, p, q)[1]
        np.testing.assert_allclose(delivered[:, model.gen_pv], recording["gen_q_mvar"][:count], rtol=0, atol=10 * tolerance)


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("name", SIMBENCH)
def test_recorded_simbench_networks_without_simbench(backend, name, golden):
    recording = golden(name)
    model = GridModel.from_case(
        float(recording["ppc_baseMVA"]),
        recording["ppc_bus"],
        recording["ppc_branch_re"],
        recording["ppc_gen"],
        recording["pd2ppc_bus"][recording["bus_index"]],
        name,
    )
    # The recorded branch table ends before the conductances; the recorded matrix has them, on its diagonal alone.
    recorded = np.zeros(model.n_node, dtype=np.complex128)
    diagonal = recording["ybus_row"] == recording["ybus_col"]
    recorded[recording["ybus_row"][diagonal]] = (recording["ybus_re"] + 1j * recording["ybus_im"])[diagonal]
    missing = np.where(model.energised, recorded - model.ybus.diagonal(), 0.0)
    assert np.abs(missing).max() < 0.1
    model = dataclasses.replace(model, node_shunt=model.node_shunt + missing)
    assert_voltages(solve(model, backend, *bus_injections(recording)), recording)


@pytest.mark.parametrize("backend", [*FAST, "pandapower"])
def test_recorded_loadability(backend, golden):
    recording = golden("case33bw_loadability")
    model = GridModel.read("case33bw")
    p, q = model.nominal()
    multiplier = recording["multiplier"]
    result = make_backend(backend).prepare(model).solve(multiplier[:, None] * p, multiplier[:, None] * q)
    below, above = multiplier < 3.41, multiplier > 3.65
    assert result.converged[below].all()
    assert not result.converged[above].any()
    np.testing.assert_allclose(result.vm_pu[below], recording["vm_pu"][below], rtol=0, atol=1e-8)
    losses = Flows(model).loss_mw(result.voltage[below], "line")
    np.testing.assert_allclose(losses, recording["line_loss_mw"][below], rtol=0, atol=1e-7)
