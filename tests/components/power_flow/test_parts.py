"""Elements to buses, sparse factors, and rows that differ in switches and taps."""

from __future__ import annotations

import numpy as np
import pandapower as pp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from wattloom.components.power_flow import Flows, GridModel, SwitchedSolver, make_backend
from wattloom.components.power_flow.elements import Elements
from wattloom.components.power_flow.factor import factorise
from wattloom.errors import ConfigError, DataError, UsageError


def test_several_elements_at_a_bus_are_summed_with_their_weights():
    elements = Elements(
        n_bus=3,
        load_bus=np.array([1, 1, 2]),
        load_weight=np.array([-1.0, -0.5, 0.0]),
        load_p_mw=np.ones(3),
        load_q_mvar=np.zeros(3),
        sgen_bus=np.array([2, 1]),
        sgen_weight=np.array([1.0, 2.0]),
        sgen_p_mw=np.ones(2),
        sgen_q_mvar=np.zeros(2),
    )
    p, q = elements.injections(np.array([[1.0, 2.0, 9.0]]), np.zeros((1, 3)), np.array([[4.0, 5.0]]), np.array([[0.1, 0.2]]))
    np.testing.assert_allclose(p, [[0.0, -1.0 - 1.0 + 10.0, 4.0]])
    np.testing.assert_allclose(q, [[0.0, 0.4, 0.1]])


def test_a_network_without_elements_has_none(model):
    none = np.zeros((2, 0))
    p, q = Elements.none(4).injections(none, none, none, none)
    assert p.shape == q.shape == (2, 4)
    assert not p.any()


@st.composite
def feeders(draw):
    """A random tree with a few loops, as a case in MATPOWER columns, and injections well inside its limits."""
    nodes = draw(st.integers(2, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ends = [(int(rng.integers(0, k)), k) for k in range(1, nodes)] + [
        tuple(rng.choice(nodes, 2, replace=False)) for _ in range(draw(st.integers(0, 4)))
    ]
    branch = np.zeros((len(ends), 13))
    branch[:, :2], branch[:, 2], branch[:, 3] = ends, rng.uniform(1e-3, 4e-3, len(ends)), rng.uniform(1e-3, 4e-3, len(ends))
    branch[:, 4], branch[:, 8], branch[:, 10] = rng.uniform(0, 0.01, len(ends)), rng.choice([0.0, 0.98, 1.02], len(ends)), 1
    bus = np.zeros((nodes, 13))
    bus[:, 0], bus[:, 1], bus[0, 1], bus[:, 7], bus[:, 9] = np.arange(nodes), 1, 3, 1.0, 20.0
    order = rng.permutation(nodes)  # the slack may be anywhere
    bus, branch[:, :2] = bus[np.argsort(order)], order[branch[:, :2].astype(int)]
    bus[:, 0] = np.arange(nodes)
    model = GridModel.from_case(1.0, bus, branch, np.zeros((0, 10)))
    return model, rng.uniform(-0.3, 0.3, (3, nodes)), rng.uniform(-0.3, 0.3, (3, nodes))


@given(feeders())
@settings(max_examples=60, deadline=None)
def test_on_random_feeders_what_flows_out_of_each_node_is_what_was_put_in(case):
    model, p, q = case
    for backend in ("zbus", "fixed_point"):
        answer = make_backend(backend).prepare(model).solve(p, q)
        assert answer.converged.all()
        mismatch = Flows(model).injected(answer.voltage) - (p + 1j * q)
        mismatch[:, model.slack] = 0.0
        assert np.abs(mismatch).max() < 1e-7


@pytest.mark.parametrize("name", ["case33bw", "mv_oberrhein", "lv_schutterwald"])
def test_a_radial_network_has_factors_without_fill(name, model):
    grid = model(name)
    matrix = grid.ybus[grid.unknown][:, grid.unknown].tocsr()
    factors = factorise(matrix, name)
    assert len(factors.column) <= 1.01 * (matrix.nnz - matrix.shape[0])
    right = np.exp(1j * np.arange(matrix.shape[0]) ** 2)
    np.testing.assert_allclose(matrix @ factors.solve(right), right, rtol=0, atol=1e-7)


def test_a_singular_matrix_is_named():
    with pytest.raises(DataError, match="network 'x' is singular"):
        factorise(csr_matrix(np.array([[1.0, 1.0], [1.0, 1.0]], dtype=complex)), "x")


@pytest.mark.parametrize("backend", ["zbus", "fixed_point", "lightsim2grid"])
def test_rows_may_differ_in_their_switches(backend, network, model):
    grid = model("case33bw")
    switched = SwitchedSolver(make_backend(backend), grid, lines=[32, 35, 19], keep=2)
    p, q = (np.tile(part, (5, 1)) for part in grid.nominal())
    states = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 0, 0], [1, 0, 1]])
    answer = switched.solve(p, q, states)
    losses = switched.loss_mw(answer, states, "line")
    for row, state in enumerate(states):
        net = pp.pandapowerNet(network("case33bw"))
        net.line.loc[[32, 35, 19], "in_service"] = state.astype(bool)
        pp.runpp(net, tolerance_mva=1e-10)
        np.testing.assert_allclose(answer.vm_pu[row], net.res_bus.vm_pu, rtol=0, atol=1e-8)
        np.testing.assert_allclose(losses[row], net.res_line.pl_mw.sum(), rtol=0, atol=1e-8)
    np.testing.assert_array_equal(answer.voltage[1], answer.voltage[4])


def test_rows_may_differ_in_their_taps(network, model):
    grid = model("mv_oberrhein")
    trafos = [int(number) for number in network("mv_oberrhein").trafo.index]
    switched = SwitchedSolver(make_backend("zbus"), grid, trafos=trafos)
    p, q = (np.tile(part, (3, 1)) for part in grid.nominal())
    states = np.array([[-2, 2], [0, 0], [3, -3]])
    answer = switched.solve(p, q, states)
    for row, state in enumerate(states):
        net = pp.pandapowerNet(network("mv_oberrhein"))
        net.trafo["tap_pos"] = state
        pp.runpp(net, tolerance_mva=1e-10)
        np.testing.assert_allclose(answer.vm_pu[row], net.res_bus.vm_pu, rtol=0, atol=1e-8)


def test_states_and_numbers_are_checked_before_anything_is_solved(model):
    grid = model("case33bw")
    with pytest.raises(ConfigError, match="has no line 77"):
        SwitchedSolver(make_backend("zbus"), grid, lines=[77])
    switched = SwitchedSolver(make_backend("zbus"), grid, lines=[32])
    with pytest.raises(UsageError, match=r"states must be \(2, 1 lines \+ 0 transformers\), got \(2, 3\)"):
        switched.solve(np.zeros((2, 33)), np.zeros((2, 33)), np.zeros((2, 3), dtype=int))
