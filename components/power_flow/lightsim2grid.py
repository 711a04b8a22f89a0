"""Newton's method by lightsim2grid: networks with PV nodes and meshes, and an independent check of the fixed points.

The grid is handed over as series branches and shunts (:mod:`.pi_form`) with one load a node, not by lightsim2grid's own pandapower converter:
the converter reads transformers with iron losses differently (errors up to 2e-5 p.u.) and knows no three-winding transformers or switches.
Rows are solved by ``InjectionSweep``: each starts from the same voltage, so no row depends on another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wattloom.components.power_flow.model import GridModel
from wattloom.components.power_flow.pi_form import PiForm, pi_form
from wattloom.components.power_flow.protocol import Capabilities
from wattloom.components.power_flow.result import PowerFlowResult
from wattloom.components.power_flow.solver import BatchSolver, need, positive, refuse
from wattloom.errors import ConfigError

Floats = NDArray[np.float64]

REACHABLE = 1e-13  # times the largest admittance: the mismatch, p.u., below which rounding decides; as a voltage it is about as small


@dataclass(frozen=True)
class LightSim2Grid:
    """Newton-Raphson by lightsim2grid (extra ``grid``).

    Args:
        tolerance_mva: MVA, largest power mismatch at a node at which a row stops; raised to :data:`REACHABLE` where that is more.
        max_iterations: Newton steps after which a row counts as not converged.
    """

    tolerance_mva: float = 1e-10
    max_iterations: int = 30

    name = "lightsim2grid"
    capabilities = Capabilities(pv_buses=True, several_slacks=False, phase_shift=False)

    def __post_init__(self) -> None:
        positive(self.name, tolerance_mva=self.tolerance_mva, max_iterations=self.max_iterations)

    def prepare(self, model: GridModel) -> LightSim2GridSolver:
        """Return a solver of ``model`` (see :class:`~wattloom.components.power_flow.protocol.Backend`)."""
        need("lightsim2grid", "power_flow=lightsim2grid", "grid")
        refuse(self.name, self.capabilities, model)
        return LightSim2GridSolver(model, self)


class LightSim2GridSolver(BatchSolver):
    """One network as a lightsim2grid grid."""

    def __init__(self, model: GridModel, method: LightSim2Grid) -> None:
        super().__init__(model)
        self._method = method
        self._form = pi_form(model, method.name)
        self._grid = grid(self._form, model)
        self._sweep = sweep_class()
        self._batch: tuple[int, Any] = (0, None)
        reachable = REACHABLE * float(np.abs(model.ybus.diagonal()).max())
        self._tolerance = max(method.tolerance_mva / model.base_mva, reachable)
        self._start = np.ones(len(self._form.node), dtype=np.complex128)

    def _solve(self, p: Floats, q: Floats, pv_vm: Floats) -> PowerFlowResult:
        form, model, rows = self._form, self._model, len(p)
        voltage = np.full((rows, model.n_node), complex(np.nan, np.nan))
        converged, iterations = np.zeros(rows, dtype=bool), np.zeros(rows, dtype=np.int64)
        p_node, q_node = (power[:, form.node] for power in self._node_power(p, q))
        p_node[:, form.slack] = q_node[:, form.slack] = 0.0  # a slack takes what comes
        finite = np.isfinite(p_node).all(axis=1) & np.isfinite(q_node).all(axis=1)
        if len(model.live_pv):
            finite &= np.isfinite(pv_vm).all(axis=1)
        if finite.any():
            solved, good, counts = self._run(p_node[finite], q_node[finite], pv_vm[finite] if len(model.live_pv) else pv_vm)
            good &= np.isfinite(solved).all(axis=1)
            converged[finite], iterations[finite] = good, counts
            voltage[np.ix_(converged, form.node)] = solved[good] * form.turn
        return PowerFlowResult(self._spread(voltage), converged, iterations)

    def _run(self, p: Floats, q: Floats, pv_vm: Floats) -> tuple[Any, Any, Any]:
        """Sweep over finite rows; a sweep fixes its row count at first use, so the last one is kept and another size gets a new one."""
        if self._batch[0] != len(p):
            self._batch = (len(p), self._sweep(self._grid))
        sweep = self._batch[1]
        sweep.nb_thread = 1
        sweep.modify_load_p(np.ascontiguousarray(-p))
        sweep.modify_load_q(np.ascontiguousarray(-q))
        live = self._model.live_pv
        if len(live):
            slack = np.full((len(p), 1), np.abs(self._form.slack_voltage[0]))
            sweep.modify_gen_v(np.ascontiguousarray(np.concatenate([slack, pv_vm[:, live]], axis=1)))
        sweep.compute(self._start.copy(), self._method.max_iterations, self._tolerance)
        return (
            np.array(sweep.get_voltages()),
            np.array(sweep.converged_mask(), dtype=bool),
            np.array(sweep.get_row_nb_iter(), dtype=np.int64),
        )

    def __getstate__(self) -> dict[str, Any]:
        return {"model": self._model, "method": self._method}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["model"], state["method"])  # type: ignore[misc]  # compiled objects do not travel; they are built anew


def sweep_class() -> Any:
    """Return lightsim2grid's sweep over independent rows.

    Raises:
        wattloom.errors.ConfigError: If the installed version has none.
    """
    from lightsim2grid import lightsim2grid_cpp

    if not hasattr(lightsim2grid_cpp, "InjectionSweepCPP"):
        raise ConfigError(
            "power_flow=lightsim2grid needs a version of lightsim2grid with InjectionSweep (1.2 or newer): pip install -U lightsim2grid"
        )
    return lightsim2grid_cpp.InjectionSweepCPP


def grid(form: PiForm, model: GridModel) -> Any:
    """Return the lightsim2grid grid of a series form: generator 0 is the slack, the others hold the PV nodes, load k sits at node k."""
    from lightsim2grid.lightsim2grid_cpp import LSGrid, klu_solver_available

    count, nodes, earth = len(form.impedance), len(form.node), np.flatnonzero(form.shunt)
    made = LSGrid()
    if klu_solver_available:  # a quarter of the time of the default, Eigen's sparse LU
        made.change_algorithm("NR_KLU")
    made.set_sn_mva(model.base_mva)
    made.set_init_vm_pu(1.0)
    made.init_bus(nodes, 1, model.node_vn_kv[form.node], count, 0)
    no_charge = np.zeros(count, dtype=np.complex128)
    made.init_powerlines(
        form.impedance.real.copy(), form.impedance.imag.copy(), no_charge, form.start.astype(np.int32), form.end.astype(np.int32)
    )
    if len(earth):  # a shunt's power is what it consumes at 1 p.u.: conj(y)
        consumed = np.conj(form.shunt[earth]) * model.base_mva
        made.init_shunt(consumed.real.copy(), consumed.imag.copy(), earth.astype(np.int32))
    made.init_loads(np.zeros(nodes), np.zeros(nodes), np.arange(nodes, dtype=np.int32))
    holding = np.concatenate([form.slack[:1], form.pv])
    set_point = np.concatenate([np.abs(form.slack_voltage[:1]), model.pv_vm[model.live_pv]])
    limit = np.full(len(holding), 1e9)
    made.init_generators(np.zeros(len(holding)), set_point, -limit, limit, holding.astype(np.int32))
    made.add_gen_slackbus(0, 1.0)
    return made
