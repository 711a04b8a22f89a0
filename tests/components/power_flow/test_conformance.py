"""What every backend must do: agree with pandapower, fail row by row, and let no row depend on another."""

from __future__ import annotations

import numpy as np
import pandapower as pp
import pytest

from wattloom.components.power_flow import GridModel, make_backend

BACKENDS = ("zbus", "fixed_point", "lightsim2grid", "power_grid_model", "pandapower")


def complex_voltage(net):
    return net.res_bus.vm_pu.to_numpy() * np.exp(1j * np.radians(net.res_bus.va_degree.to_numpy()))


def test_random_rows_reverse_flow_no_load_and_nearly_the_nose_agree_with_pandapower(served, solver, rows, reference):
    backend, name = served
    solved = solver(backend, name).solve_elements(*rows(name))
    expected = np.array([complex_voltage(net) for net in reference(name)])
    assert solved.converged.all()
    np.testing.assert_array_equal(np.isnan(solved.voltage), np.isnan(expected))
    np.testing.assert_allclose(solved.vm_pu, np.abs(expected), rtol=0, atol=1e-8)
    np.testing.assert_allclose(solved.voltage, expected, rtol=0, atol=2e-8)


def test_bus_injections_give_what_element_values_give(served, solver, rows):
    prepared, name = solver(*served), served[1]
    p, q = prepared.model.elements.injections(*rows(name))
    by_bus = prepared.solve(p + prepared.model.p_other_mw, q + prepared.model.q_other_mvar)
    np.testing.assert_allclose(by_bus.voltage, prepared.solve_elements(*rows(name)).voltage, rtol=0, atol=1e-12)


def test_past_the_nose_is_said_and_never_answered(served_without_pv, solver, noses):
    backend, name = served_without_pv
    prepared = solver(backend, name)
    e = prepared.model.elements
    none = np.zeros((1, e.n_sgen))
    for factor in (1.02, 3.0, 1e3):
        share = factor * noses[name]
        lost = prepared.solve_elements(share * e.load_p_mw[None], share * e.load_q_mvar[None], none, none)
        assert not lost.converged.any()
        assert np.isnan(lost.vm_pu).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("bad", [1e4, np.nan, np.inf, 1e300])
def test_one_impossible_row_harms_no_other(backend, bad, solver, rows):
    prepared = solver(backend, "case33bw")
    p, q = prepared.model.elements.injections(*rows("case33bw"))
    alone = prepared.solve(p, q)
    broken, row = p.copy(), 2
    broken[row] = bad
    mixed = prepared.solve(broken, q)
    others = np.arange(len(p)) != row
    np.testing.assert_array_equal(mixed.converged, others)
    np.testing.assert_array_equal(mixed.voltage[others], alone.voltage[others])
    assert np.isnan(mixed.voltage[row]).all()
    np.testing.assert_array_equal(prepared.solve(p, q).voltage, alone.voltage)  # nothing is left behind either


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["case33bw", "create_cigre_network_mv"])
def test_a_row_does_not_depend_on_batch_size_or_order(backend, name, solver, rows):
    count = 8 if backend == "pandapower" else 67
    prepared, inputs = solver(backend, name), rows(name, count, 3)
    whole = prepared.solve_elements(*inputs)
    assert whole.converged.all()
    order = np.random.default_rng(0).permutation(count)
    shuffled = prepared.solve_elements(*(part[order] for part in inputs))
    for size in (1, 2, 7, 16, 22):
        parts = [prepared.solve_elements(*(part[i : i + size] for part in inputs)) for i in range(0, count, size)]
        for field in ("voltage", "vm_pu", "va_rad", "iterations"):
            together = np.concatenate([getattr(part, field) for part in parts])
            np.testing.assert_array_equal(together, getattr(whole, field), err_msg=f"{field} in batches of {size}")
            np.testing.assert_array_equal(getattr(shuffled, field), getattr(whole, field)[order])


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_injected_at_a_slack_or_a_dead_bus_does_not_matter(backend, model, rows):
    grid = model("case33bw").switched({19: False})
    prepared = make_backend(backend).prepare(grid)
    p, q = grid.elements.injections(*rows("case33bw"))
    expected = prepared.solve(p, q)
    assert expected.converged.all()
    ignored = np.append(np.flatnonzero(~grid.bus_energised), 0)
    p[:, ignored], q[:, ignored] = np.nan, np.inf
    np.testing.assert_array_equal(prepared.solve(p, q).voltage, expected.voltage)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_empty_batch_is_an_empty_answer(backend, solver):
    empty = np.zeros((0, 33))
    answer = solver(backend, "case33bw").solve(empty, empty)
    assert answer.voltage.shape == (0, 33)
    assert len(answer.converged) == len(answer.iterations) == 0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("lines", [{32: True}, {32: True, 33: True, 34: True, 35: True, 36: True}, {32: True, 6: False}, {19: False}])
def test_ties_opened_and_closed(backend, lines, network, model):
    net = pp.pandapowerNet(network("case33bw"))
    for line, closed in lines.items():
        net.line.at[line, "in_service"] = closed
    pp.runpp(net, tolerance_mva=1e-10)
    switched = model("case33bw").switched(lines)
    p, q = switched.nominal()
    solved = make_backend(backend).prepare(switched).solve(p[None], q[None])
    assert solved.converged.all()
    np.testing.assert_allclose(solved.vm_pu[0], net.res_bus.vm_pu, rtol=0, atol=1e-8)
    np.testing.assert_array_equal(np.isnan(solved.vm_pu[0]), np.isnan(net.res_bus.vm_pu))


@pytest.mark.parametrize("backend", [b for b in BACKENDS if b != "lightsim2grid"])
@pytest.mark.parametrize("move", [-2, 2])
def test_taps(backend, move, network, model):
    net = pp.pandapowerNet(network("mv_oberrhein"))
    trafo = int(net.trafo.index[0])
    position = net.trafo.tap_pos.at[trafo] + move
    net.trafo.at[trafo, "tap_pos"] = position
    pp.runpp(net, tolerance_mva=1e-10)
    before = model("mv_oberrhein")
    tapped = before.tapped({trafo: position})
    p, q = tapped.nominal()
    solved, untouched = (make_backend(backend).prepare(m).solve(p[None], q[None]).vm_pu[0] for m in (tapped, before))
    np.testing.assert_allclose(solved, net.res_bus.vm_pu, rtol=0, atol=1e-8)
    assert np.nanmax(np.abs(solved - untouched)) > 0.005


@pytest.mark.parametrize("backend", ["lightsim2grid", "pandapower"])
def test_set_points_of_generators_may_differ_from_row_to_row(backend, network, solver):
    prepared = solver(backend, "case118")
    model = prepared.model
    p, q = (np.tile(part, (3, 1)) for part in model.nominal())
    pv_vm = model.pv_vm + np.array([[0.0], [0.01], [-0.01]])
    solved = prepared.solve(p, q, pv_vm=pv_vm)
    for row in range(3):
        net = pp.pandapowerNet(network("case118"))
        held = model.gen_pv >= 0
        net.gen.loc[held, "vm_pu"] = pv_vm[row, model.gen_pv[held]]
        pp.runpp(net, tolerance_mva=1e-10)
        np.testing.assert_allclose(solved.vm_pu[row], net.res_bus.vm_pu, rtol=0, atol=1e-8)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_solver_travels_to_another_process(backend, solver):
    import pickle

    prepared = solver(backend, "case33bw")
    p, q = prepared.model.nominal()
    copy = pickle.loads(pickle.dumps(prepared))
    np.testing.assert_array_equal(copy.solve(p[None], q[None]).voltage, prepared.solve(p[None], q[None]).voltage)


def test_the_two_fixed_points_are_the_same_iteration(solver, rows, noses):
    for name in noses:
        dense, sparse = (solver(backend, name).solve_elements(*rows(name)) for backend in ("zbus", "fixed_point"))
        np.testing.assert_allclose(dense.voltage, sparse.voltage, rtol=0, atol=1e-12)
        late = sparse.iterations > 4  # the dense one looks for the first time after four
        np.testing.assert_array_equal(dense.iterations[late], sparse.iterations[late])


def test_lines_with_an_open_end_and_fused_buses_are_served():
    net = pp.create_empty_network(sn_mva=10.0)
    buses = pp.create_buses(net, 5, 20.0)
    pp.create_ext_grid(net, buses[0], vm_pu=1.02, va_degree=10.0)
    for start, end in ((0, 1), (1, 2), (3, 4)):
        pp.create_line_from_parameters(net, buses[start], buses[end], 4.0, 0.3, 0.35, 210.0, 0.3)
    pp.create_line_from_parameters(net, buses[4], buses[2], 4.0, 0.3, 0.35, 210.0, 0.3)
    pp.create_switch(net, buses[2], buses[3], "b")  # 2 and 3 become one node
    pp.create_switch(net, buses[2], 3, "l", closed=False)  # line 3 hangs open on bus 4
    for bus in buses[1:]:
        pp.create_load(net, bus, 1.0, 0.4)
    pp.runpp(net, tolerance_mva=1e-10)
    model = GridModel.from_pandapower(net)
    p, q = model.nominal()
    for backend in BACKENDS:
        solved = make_backend(backend).prepare(model).solve(p[None], q[None])
        np.testing.assert_allclose(solved.voltage[0], complex_voltage(net), rtol=0, atol=1e-8)
