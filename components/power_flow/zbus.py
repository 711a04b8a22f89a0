"""The fixed point on the dense impedance matrix, in plain NumPy: exact, short, and fast for small networks.

With S the injections at the nodes without a slack (L) and V_S the slack voltages, Kirchhoff's laws read ``Y_LL V + Y_LS V_S = (S/V)*``, so::

    V <- w + Z (S/V)*        Z = Y_LL^-1,  w = -Z Y_LS V_S

Under its contraction condition this converges to the high-voltage solution, about one digit a step (Salazar Duque et al. 2024,
"Tensor Power Flow", arXiv:2403.04578; the current-injection method of Shirmohammadi et al. 1988 in matrix form).

The iteration's step IS the power mismatch: after a step, ``Y_LL V' + Y_LS V_S = (S/V)*`` holds, so ``S_calc - S = S (V' - V)/V``. A small step
can therefore not be a false solution. Rows stop one by one and are never touched again, and each matrix product is one call per row of always the
same size, so that a row's bits do not depend on its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wattloom.components.power_flow.model import GridModel
from wattloom.components.power_flow.protocol import Capabilities
from wattloom.components.power_flow.result import PowerFlowResult
from wattloom.components.power_flow.solver import BatchSolver, positive, refuse

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

FIRST_CHECK = 4  # at about a digit a step no row is done before, and looking costs as much as a step


@dataclass(frozen=True)
class ZBus:
    """Fixed point with a dense impedance matrix; needs NumPy alone and is the default without extras.

    Args:
        tolerance: p.u., estimated distance to the solution at which a row stops.
        max_iterations: Iterations after which a row counts as not converged.
    """

    tolerance: float = 1e-10
    max_iterations: int = 100

    name = "zbus"
    capabilities = Capabilities(largest=2000)

    def __post_init__(self) -> None:
        positive(self.name, tolerance=self.tolerance, max_iterations=self.max_iterations)

    def prepare(self, model: GridModel) -> ZBusSolver:
        """Return a solver of ``model`` (see :class:`~wattloom.components.power_flow.protocol.Backend`)."""
        refuse(self.name, self.capabilities, model)
        return ZBusSolver(model, self)


class ZBusSolver(BatchSolver):
    """The impedance matrix of one network, ready to iterate."""

    def __init__(self, model: GridModel, method: ZBus) -> None:
        super().__init__(model)
        self._method = method
        free, y = model.unknown, model.ybus
        y_ll = y[free][:, free].toarray()
        z = np.linalg.inv(y_ll)
        no_load = z @ (-(y[free][:, model.slack] @ model.slack_voltage))
        self._size = len(free)
        self._no_load = np.ascontiguousarray(no_load).view(np.float64)
        self._step = conjugating_product(z)
        self._gather = gathered_bus(model, free)
        place = np.full(
            model.n_node, len(free) + len(model.slack)
        )  # columns of a solved row: unknown nodes, slacks, and NaN for dead buses
        place[free], place[model.slack] = np.arange(len(free)), len(free) + np.arange(len(model.slack))
        self._place = np.where(model.bus_energised, place[model.bus_node], place.max(initial=len(free) + len(model.slack)))
        self._known_columns = np.append(model.slack_voltage, complex(np.nan, np.nan))

    def _solve(self, p: Floats, q: Floats, pv_vm: Floats) -> PowerFlowResult:
        rows = len(p)
        solved = np.empty((rows, self._size + len(self._known_columns)), dtype=np.complex128)
        solved[:, self._size :] = self._known_columns
        converged = np.zeros(rows, dtype=bool)
        iterations = np.full(rows, self._method.max_iterations)
        with np.errstate(all="ignore"):  # an impossible row overflows on its way to NaN; that is its answer, not a warning
            self._iterate(self._power(p, q), solved, converged, iterations)
        if np.count_nonzero(converged) < rows:
            solved[~converged] = complex(np.nan, np.nan)
        return PowerFlowResult(solved.take(self._place, axis=1), converged, iterations)

    def _power(self, p: Floats, q: Floats) -> Complexes:
        """Return the complex injections at the unknown nodes, p.u."""
        if self._gather is None:
            p, q = self._node_power(p, q)
            columns = self._model.unknown
        else:
            columns = self._gather
        power = np.empty((len(p), self._size), dtype=np.complex128)
        power.real, power.imag = p.take(columns, axis=1), q.take(columns, axis=1)
        power *= 1.0 / self._model.base_mva
        return power

    def _iterate(self, power: Complexes, solved: Complexes, converged: NDArray[np.bool_], iterations: NDArray[np.int64]) -> None:
        """Run V <- w + Z (S/V)* and write each row into ``solved`` when it stops."""
        tolerance, size, row = self._method.tolerance, self._size, np.arange(len(power))
        voltage, voltage_floats = paired(len(power), size)
        voltage[:] = self._no_load.view(np.complex128)
        following, following_floats = paired(len(power), size)
        current, current_floats = paired(len(power), size)
        before = np.zeros(len(power))
        for iteration in range(1, self._method.max_iterations + 1):
            np.divide(power, voltage, out=current)
            np.matmul(current_floats, self._step, out=following_floats)
            np.add(following_floats, self._no_load, out=following_floats)
            voltage, voltage_floats, following, following_floats = following, following_floats, voltage, voltage_floats
            if iteration < FIRST_CHECK:
                continue
            np.subtract(voltage_floats, following_floats, out=following_floats)
            square = np.vecdot(following_floats, following_floats)[:, 0]
            done = finished(square, before, tolerance)
            before = square
            if not np.count_nonzero(done):
                continue
            ended = row[done]
            solved[ended, :size] = voltage[done]
            converged[ended], iterations[ended] = True, iteration
            if len(ended) == len(row):
                return
            keep = ~done
            row, power, before, kept = row[keep], power[keep], before[keep], voltage[keep]
            (voltage, voltage_floats), (following, following_floats), (current, current_floats) = (paired(len(row), size) for _ in range(3))
            voltage[:] = kept


def paired(rows: int, size: int) -> tuple[Complexes, Floats]:
    """Return a complex ``(rows, size)`` array and the same memory as floats, ``(rows, 1, 2 size)``: one matrix product per row."""
    array = np.empty((rows, size), dtype=np.complex128)
    return array, array.view(np.float64)[:, None]


def finished(square: Floats, before: Floats, tolerance: float) -> NDArray[np.bool_]:
    """Return the rows whose estimated distance to the solution is within ``tolerance``.

    With d the length of this step and e that of the one before, the steps to come add up to about ``d^2/(e - d)`` (geometric series). A single
    lucky ratio must not end a row, so the step itself has to be within ten tolerances too. NaN compares false: such a row never finishes.

    Args:
        square: ``(rows,)`` squared length of the last step.
        before: ``(rows,)`` squared length of the step before it, 0 if there was none.
        tolerance: p.u.
    """
    near: NDArray[np.bool_] = square <= (10.0 * tolerance) ** 2
    if np.count_nonzero(near):
        near &= square <= tolerance * (np.sqrt(before) - np.sqrt(square))
    return near


def gathered_bus(model: GridModel, nodes: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return the one bus of each node, or None where a node has no bus or several (then injections must be summed)."""
    buses = [np.flatnonzero(model.bus_energised & (model.bus_node == node)) for node in nodes]
    return np.array([bus[0] for bus in buses], dtype=np.int64) if all(len(bus) == 1 for bus in buses) else None


def conjugating_product(z: Complexes) -> Floats:
    """Return the real matrix M with ``view(t) @ M == view(z @ t*)`` for ``view`` = real and imaginary parts interleaved."""
    size = len(z)
    matrix = np.empty((2 * size, 2 * size))
    matrix[0::2, 0::2], matrix[0::2, 1::2] = z.real.T, z.imag.T
    matrix[1::2, 0::2], matrix[1::2, 1::2] = z.imag.T, -z.real.T
    return matrix
