"""Newton's method or iterative current by power-grid-model: an independent check of the fixed points, good at large batches, without PV nodes.

The grid is handed over as series branches and shunts (:mod:`.pi_form`) on nodes of 1 kV, one load a node. Its sources have an inner impedance;
with the short-circuit power of :data:`STIFF` the deviation from an ideal slack is below 1e-13 p.u.
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

METHODS = ("newton_raphson", "iterative_current")
STIFF = 1e20  # VA
RATED_VOLTAGE = 1000.0  # V


@dataclass(frozen=True)
class PowerGridModel:
    """Power flow by power-grid-model (extra ``grid``).

    Args:
        method: ``newton_raphson`` (default) or ``iterative_current`` (faster, but slow to converge near the limit of the network).
        tolerance: p.u., largest change of a voltage at which a row stops.
        max_iterations: Iterations after which a row counts as not converged.
    """

    method: str = "newton_raphson"
    tolerance: float = 1e-10
    max_iterations: int = 100

    name = "power_grid_model"
    capabilities = Capabilities(phase_shift=False, reports_iterations=False)

    def __post_init__(self) -> None:
        positive(self.name, tolerance=self.tolerance, max_iterations=self.max_iterations)
        if self.method not in METHODS:
            raise ConfigError(f"power_flow.method of {self.name} must be one of {', '.join(METHODS)}, got {self.method!r}")

    def prepare(self, model: GridModel) -> PowerGridModelSolver:
        """Return a solver of ``model`` (see :class:`~wattloom.components.power_flow.protocol.Backend`)."""
        need("power_grid_model", "power_flow=power_grid_model", "grid")
        refuse(self.name, self.capabilities, model)
        return PowerGridModelSolver(model, self)


class PowerGridModelSolver(BatchSolver):
    """One network as a power-grid-model."""

    def __init__(self, model: GridModel, method: PowerGridModel) -> None:
        super().__init__(model)
        self._method = method
        self._form = pi_form(model, method.name)
        self._grid = grid(self._form, model.base_mva * 1e6)

    def _solve(self, p: Floats, q: Floats, pv_vm: Floats) -> PowerFlowResult:
        form, rows = self._form, len(p)
        voltage = np.full((rows, self._model.n_node), complex(np.nan, np.nan))
        p_node, q_node = (power[:, form.node] for power in self._node_power(p, q))
        p_node[:, form.slack] = q_node[:, form.slack] = 0.0  # a slack takes what comes
        converged = np.asarray(np.isfinite(p_node).all(axis=1) & np.isfinite(q_node).all(axis=1))
        if converged.any():
            solved, good = self._run(p_node[converged], q_node[converged])
            good &= np.isfinite(solved).all(axis=1)
            converged[converged] = good
            voltage[np.ix_(converged, form.node)] = solved[good] * form.turn
        return PowerFlowResult(self._spread(voltage), converged, np.full(rows, -1))

    def _run(self, p: Floats, q: Floats) -> tuple[Any, Any]:
        """Solve finite rows, ``(rows, n)`` MW and MVAr; returns complex voltages in the turned reference and which rows converged."""
        from power_grid_model import CalculationMethod, ComponentType
        from power_grid_model.errors import PowerGridBatchError  # type: ignore[attr-defined]  # the package names no exports there

        rows, nodes = p.shape
        update = {ComponentType.sym_load: {"p_specified": np.ascontiguousarray(-1e6 * p), "q_specified": np.ascontiguousarray(-1e6 * q)}}
        good = np.ones(rows, dtype=bool)
        wanted = {ComponentType.node: ["u_pu", "u_angle"]}
        options = {"error_tolerance": self._method.tolerance, "max_iterations": self._method.max_iterations, "threading": -1}
        try:
            found = self._grid.calculate_power_flow(
                update_data=update,
                output_component_types=wanted,
                calculation_method=CalculationMethod[self._method.method],
                continue_on_batch_error=True,
                **options,
            )
        except PowerGridBatchError as error:  # raised only where nothing at all could be solved
            good[error.failed_scenarios] = False
            return np.full((rows, nodes), complex(np.nan, np.nan)), good
        failed = self._grid.batch_error
        if failed is not None:
            good[failed.failed_scenarios] = False
        node = found[ComponentType.node]
        return node["u_pu"] * np.exp(1j * node["u_angle"]), good

    def __getstate__(self) -> dict[str, Any]:
        return {"model": self._model, "method": self._method}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["model"], state["method"])  # type: ignore[misc]  # compiled objects do not travel; they are built anew


def grid(form: PiForm, base: float) -> Any:
    """Return the power-grid-model of a series form.

    Args:
        form: The network.
        base: VA.
    """
    from power_grid_model import ComponentType, DatasetType, LoadGenType, PowerGridModel, initialize_array

    def table(kind: Any, count: int, first: int, **columns: Any) -> Any:
        array = initialize_array(DatasetType.input, kind, count)
        array["id"] = np.arange(first, first + count)
        for name, value in columns.items():
            array[name] = value
        return array

    nodes, branches, earth = len(form.node), len(form.impedance), np.flatnonzero(form.shunt)
    ohm = RATED_VOLTAGE**2 / base
    z, y = form.impedance * ohm, form.shunt[earth] / ohm
    at = np.arange(nodes)
    ends = {"from_node": form.start, "to_node": form.end, "from_status": 1, "to_status": 1}
    loads = {"node": at, "status": 1, "type": LoadGenType.const_power, "p_specified": 0.0, "q_specified": 0.0}
    source = {
        "node": form.slack,
        "status": 1,
        "u_ref": np.abs(form.slack_voltage),
        "u_ref_angle": np.angle(form.slack_voltage),
        "sk": STIFF,
    }
    first = np.cumsum([0, nodes, branches, nodes, len(earth)])
    return PowerGridModel(
        {
            ComponentType.node: table(ComponentType.node, nodes, 0, u_rated=RATED_VOLTAGE),
            ComponentType.line: table(ComponentType.line, branches, first[1], r1=z.real, x1=z.imag, c1=0.0, tan1=0.0, **ends),
            ComponentType.sym_load: table(ComponentType.sym_load, nodes, first[2], **loads),
            ComponentType.shunt: table(ComponentType.shunt, len(earth), first[3], node=earth, status=1, g1=y.real, b1=y.imag),
            ComponentType.source: table(ComponentType.source, len(form.slack), first[4], **source),
        }
    )
