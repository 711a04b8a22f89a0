"""Power flow on case33bw (33 buses, 32 loads, 12 static generators): from load and generator arrays to voltages, one thread.

    python experiments/benchmarks/power_flow.py [--rounds 15] [--batches 1 8 64 512]

Every row of the table is measured in this one process, in turns (round by round, so that a busy machine slows all of them), by process CPU time
over chunks of about 10 ms; the figure is the least of all rounds. Voltages are compared with pandapower's before anything is timed.
lightsim2grid's InjectionSweep is used on its own terms: its pandapower converter, static generators as negative loads, the sweep object reused.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"  # before numpy is imported, hence the imports below

import numpy as np  # noqa: E402
import pandapower as pp  # noqa: E402
from pandapower import networks  # noqa: E402

from wattloom.components.power_flow import GridModel, make_backend  # noqa: E402

CHUNK_SECONDS = 0.01
BARS = {("fixed_point", 1): 1500, ("fixed_point", 64): 10_000, ("zbus", 1): 300, ("zbus", 64): 3000}
SWEEP_BARS = {1: 4, 64: 9}


def network():
    net = networks.case33bw()
    pp.create_sgens(net, list(range(2, 26, 2)), p_mw=0.1, q_mvar=0.0)
    return net


def inputs(net, rows: int, rng):
    load_p, load_q = (net.load[c].to_numpy() * rng.uniform(0.3, 1.2, (rows, len(net.load))) for c in ("p_mw", "q_mvar"))
    return load_p, load_q, rng.uniform(0.0, 0.1, (rows, 12)), rng.uniform(-0.03, 0.03, (rows, 12))


def runpp_loop(net, load_p, load_q, sgen_p, sgen_q) -> Callable[[], object]:
    """What everyone runs: write four columns, call runpp with its defaults."""

    def solve():
        net.load["p_mw"], net.load["q_mvar"], net.sgen["p_mw"], net.sgen["q_mvar"] = load_p[0], load_q[0], sgen_p[0], sgen_q[0]
        pp.runpp(net)
        return net.res_bus.vm_pu.to_numpy()[None]

    return solve


def sweep(net, load_p, load_q, sgen_p, sgen_q) -> Callable[[], object] | None:
    """lightsim2grid's batch of independent rows, or None where the installed version has none."""
    if find_spec("lightsim2grid") is None:
        return None
    from lightsim2grid import lightsim2grid_cpp
    from lightsim2grid.network import init_from_pandapower

    if not hasattr(lightsim2grid_cpp, "InjectionSweepCPP"):
        return None
    loads = networks.case33bw()
    pp.create_loads(loads, list(net.sgen.bus), p_mw=0.0, q_mvar=0.0)
    pp.runpp(loads)
    batch = lightsim2grid_cpp.InjectionSweepCPP(init_from_pandapower(loads, pp_orig_file="pandapower_v3"))
    batch.nb_thread = 1
    start = np.ones(33, dtype=np.complex128)

    def solve():
        batch.modify_load_p(np.concatenate([load_p, -sgen_p], axis=1))
        batch.modify_load_q(np.concatenate([load_q, -sgen_q], axis=1))
        batch.compute(start, 20, 1e-10)
        batch.converged_mask()
        return np.abs(batch.get_voltages())

    return solve


def contestants(net, arrays, rows: int) -> dict[str, Callable[[], object]]:
    model = GridModel.from_pandapower(net)
    found: dict[str, Callable[[], object]] = {}
    if rows == 1:
        found["pandapower.runpp"] = runpp_loop(net, *arrays)
    other = sweep(net, *arrays)
    if other is not None:
        found["InjectionSweep"] = other
    for name in ("fixed_point", "zbus", "lightsim2grid", "power_grid_model"):
        if find_spec({"fixed_point": "numba", "zbus": "numpy"}.get(name, name)) is not None:
            solver = make_backend(name).prepare(model)
            found[name] = lambda solver=solver: solver.solve_elements(*arrays)
            found[f"{name}, by bus"] = by_bus(solver, model.elements.injections(*arrays))
    return found


def by_bus(solver, injections):
    return lambda: solver.solve(*injections)


def check(net, arrays, solvers) -> None:
    """Compare the first row of every contestant with pandapower."""
    reference = pp.pandapowerNet(net)
    load_p, load_q, sgen_p, sgen_q = (part[0] for part in arrays)
    reference.load["p_mw"], reference.load["q_mvar"], reference.sgen["p_mw"], reference.sgen["q_mvar"] = load_p, load_q, sgen_p, sgen_q
    pp.runpp(reference, tolerance_mva=1e-10)
    for name, solve in solvers.items():
        answer = solve()
        error = np.abs(getattr(answer, "vm_pu", answer)[0] - reference.res_bus.vm_pu.to_numpy()).max()
        assert error < 1e-7, f"{name} is off by {error:.1e} p.u."


def least(solvers, rounds: int) -> dict[str, float]:
    """Least CPU seconds a call, measured in turns."""
    repeats = {}
    for name, solve in solvers.items():
        began = time.process_time()
        solve()
        repeats[name] = max(1, int(CHUNK_SECONDS / max(time.process_time() - began, 1e-6)))
    best = dict.fromkeys(solvers, float("inf"))
    for _ in range(rounds):
        for name, solve in solvers.items():
            began = time.process_time()
            for _ in range(repeats[name]):
                solve()
            best[name] = min(best[name], (time.process_time() - began) / repeats[name])
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 64, 512])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    net, rng = network(), np.random.default_rng(0)
    one = inputs(net, 1, rng)
    baseline = runpp_loop(net, *one)
    print("| rows | method | us a row | times runpp | times InjectionSweep | bar |")
    print("|---|---|---|---|---|---|")
    for rows in options.batches:
        arrays = inputs(net, rows, rng)
        solvers = contestants(net, arrays, rows)
        check(net, arrays, solvers)
        best = least({"pandapower.runpp": baseline, **solvers}, options.rounds)
        reference = best.pop("pandapower.runpp")
        print(f"| 1 | pandapower.runpp, defaults | {reference * 1e6:.0f} | 1 | | |")
        other = best.get("InjectionSweep", float("nan")) / rows
        for name, seconds in best.items():
            each = seconds / rows
            bars = [f">= {BARS[name, rows]} x runpp"] if (name, rows) in BARS else []
            bars += [f">= {SWEEP_BARS[rows]} x sweep"] if name == "fixed_point" and rows in SWEEP_BARS else []
            print(f"| {rows} | {name} | {each * 1e6:.2f} | {reference / each:,.0f} | {other / each:.1f} | {', '.join(bars)} |")


if __name__ == "__main__":
    main()
