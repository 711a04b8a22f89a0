"""A network whose substation voltage, lines and taps may differ from copy to copy.

The voltage at the substation needs no variant: with S the injections and k real, V = k V' solves ``V (Y V)* = S`` with slacks at k V_S exactly where
V' solves it with slacks at V_S and injections S / k^2. Lines and taps are variants of the model, each prepared once; copies are grouped by variant
(:class:`wattloom.components.power_flow.protocol.SwitchedSolver`), so a copy's bits do not depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from wattloom.components.envs.grid.protocol import Floats, Flow, Integers
from wattloom.components.power_flow.protocol import Backend, Flows, GridModel, Solver, SwitchedSolver


@dataclass(slots=True, eq=False)
class Setting:
    """State of the network itself in every copy.

    Attributes:
        scale: ``(n,)`` voltage at the slacks over that of the tables; None: 1.
        states: ``(n, n_line + n_trafo)`` 1 for a closed and 0 for an open line, then tap positions; None: those of the tables.
    """

    scale: Floats | None = None
    states: Integers | None = None


class Variants:
    """All states of one network.

    Args:
        backend: Solves each of them.
        model: The network as the tables have it.
        solver: It, prepared.
        flows: Its flows.
    """

    def __init__(self, backend: Backend, model: GridModel, solver: Solver, flows: Flows) -> None:
        self._backend, self._model, self._plain = backend, model, (solver, flows)
        self._switched: SwitchedSolver | None = None

    def make_switchable(self, lines: Sequence[int], trafos: Sequence[int]) -> None:
        """Declare which lines and taps the states are about.

        Raises:
            ConfigError: An unknown line or transformer.
        """
        self._switched = SwitchedSolver(self._backend, self._model, lines, trafos)

    def solve(self, p_inj: Floats, q_inj: Floats, setting: Setting) -> Flow:
        """Solve net injections, ``(n, n_bus)`` MW and MVAr, each row in its own state."""
        rows, scale = len(p_inj), setting.scale
        voltage, vm = np.empty(p_inj.shape, dtype=np.complex128), np.empty(p_inj.shape)
        converged, loss, bought = np.empty(rows, dtype=bool), np.empty(rows), np.empty(rows)
        for (solver, flows), chosen in self._groups(setting.states, rows):
            p, q = p_inj[chosen], q_inj[chosen]
            if scale is None:
                result = solver.solve(p, q)
                found, length = result.voltage, result.vm_pu
            else:
                k = scale[chosen, None]
                held = self._model.pv_vm / k if len(self._model.pv_vm) else None
                result = solver.solve(p / (k * k), q / (k * k), pv_vm=held)
                found, length = result.voltage * k, result.vm_pu * k
            voltage[chosen], vm[chosen], converged[chosen] = found, length, result.converged
            loss[chosen], bought[chosen] = flows.loss_mw(found), flows.slack_power(found, p, q)[0].sum(axis=1)
        return Flow(voltage, vm, converged, loss, bought)

    def _groups(self, states: Integers | None, rows: int) -> Iterator[tuple[tuple[Solver, Flows], Integers]]:
        if states is None or self._switched is None:
            yield self._plain, np.arange(rows)
        else:
            yield from self._switched.groups(states, rows)
