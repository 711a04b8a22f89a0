"""The fixed point on sparse LU factors, compiled: the same iteration as :mod:`.zbus` at a cost that grows with the branches, not with their square.

::

    Y_LL V' = (S/V)* - Y_LS V_S        by forward and backward substitution, about 40 floating-point operations a node

Radial or meshed, taps, shunts, phase shifts and several slacks are all in Y; only nodes that hold a voltage (PV) are not. For the method, its
convergence and why a small step proves a solution see :mod:`.zbus`; for the ordering :mod:`.factor`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wattloom.components.power_flow.model import GridModel
from wattloom.components.power_flow.protocol import Capabilities
from wattloom.components.power_flow.result import PowerFlowResult
from wattloom.components.power_flow.solver import BatchSolver, need, plain, positive, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = NDArray[np.float64]

COMPLEX, BOOLEAN, INTEGER = np.dtype(np.complex128), np.dtype(np.bool_), np.dtype(np.int64)
FEW = 6  # rows up to which one at a time is faster than a block of lanes


@dataclass(frozen=True)
class FixedPoint:
    """Fixed point with compiled sparse substitution (extra ``fast``); the default where numba is installed.

    Args:
        tolerance: p.u., estimated distance to the solution at which a row stops.
        max_iterations: Iterations after which a row counts as not converged.
    """

    tolerance: float = 1e-10
    max_iterations: int = 100

    name = "fixed_point"
    capabilities = Capabilities()

    def __post_init__(self) -> None:
        positive(self.name, tolerance=self.tolerance, max_iterations=self.max_iterations)

    def prepare(self, model: GridModel) -> FixedPointSolver:
        """Return a solver of ``model`` (see :class:`~wattloom.components.power_flow.protocol.Backend`)."""
        need("numba", "power_flow=fixed_point", "fast")
        refuse(self.name, self.capabilities, model)
        return FixedPointSolver(model, self)


class FixedPointSolver(BatchSolver):
    """The factors of one network, ready to iterate. The loops are compiled at the first solve and kept on disk."""

    def __init__(self, model: GridModel, method: FixedPoint) -> None:
        from wattloom.components.power_flow.fixed_point_plan import Inputs, pack, prepare

        super().__init__(model)
        self._tolerance, self._limit = float(method.tolerance), int(method.max_iterations)
        self._width = model.n_bus
        factors, right = prepare(model)
        self._buses = pack(model, factors, right, Inputs.buses(model))
        self._elements = pack(model, factors, right, Inputs.elements(model))

    @cached_property
    def _loops(self) -> tuple[Callable[..., None], Callable[..., None], int]:
        from wattloom.components.power_flow.fixed_point_loops import LANES, solve_lanes, solve_rows

        return solve_rows, solve_lanes, LANES

    def _solve(self, p: Floats, q: Floats, pv_vm: Floats) -> PowerFlowResult:
        nothing = np.empty((0, 0))
        return self._run(self._buses, p, q, nothing, nothing)

    def solve_elements(self, load_p: Floats, load_q: Floats, sgen_p: Floats, sgen_q: Floats) -> PowerFlowResult:
        """Solve from table values (see :class:`~wattloom.components.power_flow.protocol.Solver`); they are summed in the compiled loop."""
        load_p, load_q, sgen_p, sgen_q = plain(load_p), plain(load_q), plain(sgen_p), plain(sgen_q)
        self._model.elements.check(load_p, load_q, sgen_p, sgen_q)
        return self._run(self._elements, load_p, load_q, sgen_p, sgen_q)

    def _run(self, packed: tuple[Any, Any], p1: Floats, q1: Floats, p2: Floats, q2: Floats) -> PowerFlowResult:
        rows_loop, lanes_loop, lanes = self._loops
        rows = len(p1)
        out, converged, iterations = np.empty((rows, self._width), COMPLEX), np.empty(rows, BOOLEAN), np.empty(rows, INTEGER)
        plan, data = packed
        by_lanes = rows - rows % lanes if rows % lanes <= FEW else rows
        if by_lanes:
            lanes_loop(plan, data, p1, q1, p2, q2, self._tolerance, self._limit, by_lanes, out, converged, iterations)
        if by_lanes < rows:
            rows_loop(plan, data, p1, q1, p2, q2, self._tolerance, self._limit, by_lanes, out, converged, iterations)
        return PowerFlowResult(out, converged, iterations)
