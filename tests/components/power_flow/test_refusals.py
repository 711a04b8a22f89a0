"""A backend that cannot serve says so before anything is solved, and names what can."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from wattloom.components.power_flow import BACKENDS, Backend, Solver, make_backend, solve
from wattloom.components.power_flow.fixed_point import FixedPointSolver
from wattloom.components.power_flow.lightsim2grid import LightSim2GridSolver
from wattloom.components.power_flow.pandapower import PandaPowerSolver
from wattloom.components.power_flow.zbus import ZBusSolver
from wattloom.errors import ConfigError, MissingExtraError, UsageError


@pytest.mark.parametrize("name", sorted(BACKENDS))
def test_every_backend_keeps_the_protocol(name, model):
    backend = make_backend(name)
    assert isinstance(backend, Backend)
    assert backend.name == name
    assert isinstance(backend.prepare(model("case33bw")), Solver)


@pytest.mark.parametrize("backend", ["zbus", "fixed_point", "power_grid_model"])
def test_pv_nodes_are_refused_where_they_cannot_be_held(backend, model):
    with pytest.raises(ConfigError, match=f"power_flow={backend} cannot solve network 'case118'.*53 voltage-controlling.*lightsim2grid"):
        make_backend(backend).prepare(model("case118"))


def test_several_slacks_cases_and_sizes(model):
    with pytest.raises(ConfigError, match="2 slack nodes; use power_flow=zbus"):
        make_backend("lightsim2grid").prepare(model("mv_oberrhein"))
    with pytest.raises(ConfigError, match="built from a case; use power_flow=zbus"):
        make_backend("pandapower").prepare(dataclasses.replace(model("case33bw"), source=None))
    with pytest.raises(ConfigError, match="3026 nodes are more than its limit of 2000; use power_flow=fixed_point"):
        make_backend("zbus").prepare(model("lv_schutterwald"))


@pytest.mark.parametrize("backend", ["lightsim2grid", "power_grid_model"])
def test_a_phase_shift_in_a_loop_is_refused(backend, model):
    grid = model("case33bw").switched({32: True})
    turned = dataclasses.replace(
        grid, y_ft=grid.y_ft * np.where(np.arange(37) == 32, 1j, 1), y_tf=grid.y_tf * np.where(np.arange(37) == 32, -1j, 1)
    )
    with pytest.raises(ConfigError, match=r"line \d+ of network 'case33bw': a phase shift in a loop"):
        make_backend(backend).prepare(turned)
    make_backend("fixed_point").prepare(turned)


@pytest.mark.parametrize(("backend", "extra"), [("fixed_point", "fast"), ("lightsim2grid", "grid"), ("power_grid_model", "grid")])
def test_a_missing_extra_is_named(backend, extra, model, monkeypatch):
    grid = model("case33bw")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=rf"power_flow={backend} needs .*wattloom\[{extra}\]"):
        make_backend(backend).prepare(grid)


def test_auto_takes_the_fastest_that_serves(model, monkeypatch):
    auto = make_backend("auto")
    assert isinstance(auto.prepare(model("case33bw")), FixedPointSolver)
    assert isinstance(auto.prepare(model("case118")), LightSim2GridSolver)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert isinstance(auto.prepare(model("case33bw")), ZBusSolver)
    with pytest.warns(RuntimeWarning, match="about 10 ms a row"):
        assert isinstance(auto.prepare(model("case118")), PandaPowerSolver)


def test_names_and_parameters():
    with pytest.raises(ConfigError, match="no power_flow backend 'zbuss'; did you mean 'zbus'"):
        make_backend("zbuss")
    with pytest.raises(ConfigError, match=r"power_flow.tolerance of zbus must be positive, got 0"):
        make_backend("zbus", tolerance=0)
    with pytest.raises(ConfigError, match=r"power_flow.max_iterations of fixed_point must be positive, got -1"):
        make_backend("fixed_point", max_iterations=-1)
    with pytest.raises(ConfigError, match="must be one of newton_raphson, iterative_current, got 'linear'"):
        make_backend("power_grid_model", method="linear")


@pytest.mark.parametrize("backend", ["zbus", "fixed_point", "lightsim2grid", "power_grid_model", "pandapower"])
def test_shapes_that_do_not_fit(backend, solver, rows):
    prepared = solver(backend, "case33bw")
    good = np.zeros((2, 33))
    for p, q in ((good[:, :32], good[:, :32]), (good, good[:1]), (good[0], good[0])):
        with pytest.raises(UsageError, match=r"must be \(num_envs, 33\)"):
            prepared.solve(p, q)
    with pytest.raises(UsageError, match=r"pv_vm must be \(2, 0\)"):
        prepared.solve(good, good, pv_vm=np.ones((2, 3)))
    load_p, load_q, sgen_p, sgen_q = rows("case33bw")
    with pytest.raises(UsageError, match="element arrays must be"):
        prepared.solve_elements(load_p, load_q, sgen_p[:, :2], sgen_q)
    with pytest.raises(UsageError, match="element arrays must be"):
        prepared.solve_elements(load_p, load_q[:1], sgen_p, sgen_q)


@pytest.mark.parametrize("backend", ["zbus", "fixed_point", "lightsim2grid", "power_grid_model"])
def test_any_layout_and_type_of_input_gives_the_same_bits(backend, solver, rows):
    prepared = solver(backend, "case33bw")
    inputs = [np.round(part, 2) for part in rows("case33bw")]
    expected = prepared.solve_elements(*inputs).voltage
    for change in (np.asfortranarray, lambda a: np.repeat(a, 2, axis=0)[::2], lambda a: np.broadcast_to(a, a.shape)):
        np.testing.assert_array_equal(prepared.solve_elements(*(change(part) for part in inputs)).voltage, expected)
    whole = [np.zeros((1, 33), dtype=kind) for kind in (np.int64, np.float32, np.float64)]
    for other in whole[:2]:
        np.testing.assert_array_equal(prepared.solve(other, other).voltage, prepared.solve(whole[2], whole[2]).voltage)


def test_one_call_takes_models_networks_names_and_files(tmp_path, network, model):
    import pandapower as pp

    net, grid = network("case33bw"), model("case33bw")
    path = tmp_path / "net.json"
    pp.to_json(net, str(path))
    p, q = grid.nominal()
    expected = solve(grid, "zbus", p, q)
    assert expected.vm_pu.shape == (1, 33)
    for other in (net, path, str(path)):
        np.testing.assert_allclose(solve(other, make_backend("zbus"), p, q).voltage, expected.voltage, rtol=0, atol=1e-12)
    vm, va, converged, iterations = expected
    np.testing.assert_allclose(vm * np.exp(1j * va), expected.voltage)
    np.testing.assert_allclose(np.degrees(va), expected.va_degree)
    assert converged.tolist() == [True]
    assert iterations[0] > 4


def test_importing_the_power_flow_is_light():
    heavy = "[n for n in ('numba', 'pandapower', 'pandas', 'scipy', 'lightsim2grid', 'power_grid_model', 'torch') if n in sys.modules]"
    code = f"import sys, wattloom.components.power_flow, wattloom.components.power_flow.fixed_point; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
