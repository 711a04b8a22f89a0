"""Networks to test on, and the reference: pandapower on the untouched network, row by row."""

from __future__ import annotations

import os
import random
from functools import cache
from pathlib import Path

import numpy as np
import pandapower as pp
import pytest
from pandapower import networks

from wattloom.components.power_flow import GridModel, make_backend

BACKENDS = ("zbus", "fixed_point", "lightsim2grid", "power_grid_model", "pandapower")

# Multiple of all loads, without static generators, at which the power flow ceases to have a solution (bisection, 1e-5).
PQ_NETWORKS = {
    "case33bw": 3.6222,
    "case33bw_meshed": 6.6414,
    "mv_oberrhein": 2.9028,
    "create_cigre_network_mv": 2.4420,
    "create_cigre_network_lv": 3.4146,
    "simple_mv_open_ring_net": 15.0999,
    "create_kerber_dorfnetz": 6.1588,
    "kb_extrem_landnetz_kabel_trafo": 2.0027,
}
PV_NETWORKS = ("case118", "case_ieee30", "example_simple", "case14")


ONE_SLACK_ONLY = {("lightsim2grid", "mv_oberrhein")}
SERVED_WITHOUT_PV = [(backend, name) for name in PQ_NETWORKS for backend in BACKENDS if (backend, name) not in ONE_SLACK_ONLY]
SERVED = SERVED_WITHOUT_PV + [(backend, name) for name in PV_NETWORKS for backend in ("lightsim2grid", "pandapower")]


def pytest_generate_tests(metafunc):
    """``served``: every backend with every network it can serve, as ``(backend, network)``; ``served_without_pv``: those without generators."""
    for argument, pairs in (("served", SERVED), ("served_without_pv", SERVED_WITHOUT_PV)):
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, pairs, ids=["-".join(pair) for pair in pairs])


@pytest.fixture(scope="session")
def noses():
    """Network -> multiple of its loads at which it ceases to have a solution."""
    return PQ_NETWORKS


@cache
def build(name: str):
    random.seed(7)  # the Kerber networks draw the order of their loads
    if name == "case33bw_meshed":
        net = networks.case33bw()
        net.line["in_service"] = True
    elif name == "create_cigre_network_mv":
        net = networks.create_cigre_network_mv(with_der="pv_wind")
    else:
        made = getattr(networks, name)()
        net = made[0] if isinstance(made, tuple) else made
    if name == "case33bw":
        pp.create_sgens(net, [16, 20, 31, 23, 7, 14], p_mw=0.5, q_mvar=0.1)
    return net


@pytest.fixture(scope="session")
def network():
    """A pandapower network by name; shared, so never to be changed."""
    return build


@pytest.fixture(scope="session")
def model():
    """The grid model of a network by name."""
    return cache(lambda name: GridModel.from_pandapower(build(name), name))


@pytest.fixture(scope="session")
def solver(model):
    """A backend prepared for a network, both by name."""
    return cache(lambda backend, name: make_backend(backend).prepare(model(name)))


def element_rows(net, name: str, count: int, seed: int):
    """Load and static-generator values: random rows, reverse flow, zero load, and all loads at 0.95 of the nose without generation."""
    rng = np.random.default_rng(seed)
    around = (0.9, 1.1) if name in PV_NETWORKS else (0.3, 1.2)
    draws = ((net.load, around), (net.sgen, (0.0, 1.0)))
    load_p, load_q, sgen_p, sgen_q = (
        table[column].to_numpy() * rng.uniform(*bounds, size=(count, len(table)))
        for table, bounds in draws
        for column in ("p_mw", "q_mvar")
    )
    if name in PQ_NETWORKS:
        load_p[1], load_q[1] = -0.6 * load_p[1], -0.2 * load_q[1]  # every load feeds back
        load_p[2], load_q[2], sgen_p[2], sgen_q[2] = 0.0, 0.0, 0.0, 0.0
        share = 0.95 * PQ_NETWORKS[name]
        load_p[3], load_q[3], sgen_p[3], sgen_q[3] = share * net.load.p_mw, share * net.load.q_mvar, 0.0, 0.0
    return load_p, load_q, sgen_p, sgen_q


@pytest.fixture(scope="session")
def rows():
    """``rows(name, count, seed)``: element arrays of a network."""
    return cache(lambda name, count=6, seed=0: element_rows(build(name), name, count, seed))


@pytest.fixture(scope="session")
def reference():
    """``reference(name)``: the rows of a network solved by pandapower on its own tables, as solved networks."""

    @cache
    def solve(name: str):
        solved = []
        for load_p, load_q, sgen_p, sgen_q in zip(*element_rows(build(name), name, 6, 0), strict=True):
            net = pp.pandapowerNet(build(name))
            net.load["p_mw"], net.load["q_mvar"], net.sgen["p_mw"], net.sgen["q_mvar"] = load_p, load_q, sgen_p, sgen_q
            pp.runpp(net, tolerance_mva=1e-10, max_iteration=50, calculate_voltage_angles=True)
            solved.append(net)
        return solved

    return solve


@pytest.fixture(scope="session")
def golden():
    """``golden(name)``: a recorded file of solutions; skips where the recordings are not at hand."""
    root = Path(os.environ.get("WATTLOOM_SHARED", Path(__file__).resolve().parents[4] / "shared"))

    def load(name: str):
        path = root / "golden" / "powerflow" / f"{name}.npz"
        if not path.is_file():
            pytest.skip(f"no recording {path.name}; set WATTLOOM_SHARED")
        with np.load(path) as data:
            return {key: data[key] for key in data.files}

    return load
