"""The reference: one ``pandapower.runpp`` a row. Slow (about 10 ms a row), independent of everything else here, and what the others are tested against.

Each row starts afresh (no ``init="results"``, no recycling), so no row depends on the one before.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wattloom.components.power_flow.model import GridModel
from wattloom.components.power_flow.protocol import Capabilities
from wattloom.components.power_flow.result import PowerFlowResult
from wattloom.components.power_flow.solver import BatchSolver, positive, refuse

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PandaPower:
    """Newton-Raphson by pandapower, row by row.

    Args:
        tolerance_mva: MVA, largest power mismatch at a node at which a row stops.
        max_iterations: Newton steps after which a row counts as not converged.
    """

    tolerance_mva: float = 1e-10
    max_iterations: int = 30

    name = "pandapower"
    capabilities = Capabilities(pv_buses=True, needs_pandapower=True)

    def __post_init__(self) -> None:
        positive(self.name, tolerance_mva=self.tolerance_mva, max_iterations=self.max_iterations)

    def prepare(self, model: GridModel) -> PandaPowerSolver:
        """Return a solver of ``model`` (see :class:`~wattloom.components.power_flow.protocol.Backend`)."""
        refuse(self.name, self.capabilities, model)
        return PandaPowerSolver(model, self)


class PandaPowerSolver(BatchSolver):
    """A private copy of the network whose every injection is one static generator a bus."""

    def __init__(self, model: GridModel, method: PandaPower) -> None:
        super().__init__(model)
        self._method = method
        self._net = bare(model)
        self._counted = model.bus_energised & ~np.isin(model.bus_node, model.slack)  # a slack takes what comes

    def _solve(self, p: Floats, q: Floats, pv_vm: Floats) -> PowerFlowResult:
        rows = len(p)
        voltage = np.full((rows, self._model.n_bus), complex(np.nan, np.nan))
        converged, iterations = np.zeros(rows, dtype=bool), np.zeros(rows, dtype=np.int64)
        for row in range(rows):
            solved = self._row(p[row], q[row], pv_vm[row] if pv_vm.size else pv_vm)
            if solved is None:
                iterations[row] = self._method.max_iterations
            else:
                voltage[row], iterations[row] = solved
                converged[row] = True
        return PowerFlowResult(voltage, converged, iterations)

    def _row(self, p: Floats, q: Floats, pv_vm: Floats) -> tuple[Any, int] | None:
        """Return bus voltages and iterations of one row, None where there is no solution."""
        import pandapower

        net, live, counted = self._net, self._model.bus_energised, self._counted
        if not (np.isfinite(p[counted]).all() and np.isfinite(q[counted]).all()):
            return None
        net.sgen["p_mw"], net.sgen["q_mvar"] = np.where(counted, p, 0.0), np.where(counted, q, 0.0)
        held = self._model.gen_pv >= 0
        if held.any():
            net.gen.loc[held, "vm_pu"] = pv_vm[self._model.gen_pv[held]]
        options = {"tolerance_mva": self._method.tolerance_mva, "max_iteration": self._method.max_iterations}
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():  # a row without a solution overflows on its way; that is its answer
                warnings.simplefilter("ignore")
                pandapower.runpp(net, init="dc", calculate_voltage_angles=True, lightsim2grid=False, **options)
        except Exception as error:
            if not no_solution(error):
                raise
            return None
        angle = np.radians(net.res_bus.va_degree.to_numpy())
        found = net.res_bus.vm_pu.to_numpy() * np.exp(1j * angle)
        return (found, int(net._ppc["iterations"])) if np.isfinite(found[live]).all() else None


def no_solution(error: Exception) -> bool:
    """Return whether an exception means that a row has no solution: not converged, or a matrix that became singular or infinite on the way."""
    from pandapower import LoadflowNotConverged

    return isinstance(error, LoadflowNotConverged | np.linalg.LinAlgError | FloatingPointError | ZeroDivisionError)


def bare(model: GridModel) -> Any:
    """Return the network of ``model`` without loads, storages and other injections, and with one static generator at every bus."""
    import pandapower

    net = model.to_pandapower()
    for table in ("load", "sgen", "storage", "motor", "asymmetric_load", "asymmetric_sgen"):
        if table in net and len(net[table]):
            net[table] = net[table].iloc[:0]
    for column in ("ps_mw", "qs_mvar"):
        if len(net.ward):
            net.ward[column] = 0.0
    net.gen["p_mw"] = 0.0
    pandapower.create_sgens(net, buses=list(model.bus_index), p_mw=0.0, q_mvar=0.0)
    return net
