"""Rows with different switching states or tap positions: group them, and solve each group on its own variant of the network.

It serves every backend alike and keeps a row's bits independent of its neighbours, because each backend does.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wattloom.components.power_flow.flows import Flows
from wattloom.components.power_flow.model import GridModel
from wattloom.components.power_flow.result import PowerFlowResult
from wattloom.errors import UsageError

if TYPE_CHECKING:
    from wattloom.components.power_flow.protocol import Backend, Solver

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class SwitchedSolver:
    """A solver whose lines and taps may differ from row to row.

    Variants are prepared when first met (a line: 1 ms; a tap: 30 ms, through pandapower) and the last ``keep`` of them are kept.

    Args:
        backend: Solves each variant.
        model: The network; it must come from pandapower if ``trafos`` are given.
        lines: pandapower numbers of the lines that switch.
        trafos: pandapower numbers of the transformers whose taps move.
        keep: Prepared variants kept at most.

    Raises:
        wattloom.errors.ConfigError: If a line or transformer is unknown, or the backend cannot serve the network.
    """

    def __init__(self, backend: Backend, model: GridModel, lines: Sequence[int] = (), trafos: Sequence[int] = (), keep: int = 256) -> None:
        self.model = model
        self._backend, self._lines, self._trafos, self._keep = backend, tuple(lines), tuple(trafos), keep
        self._prepared: OrderedDict[tuple[int, ...], tuple[Solver, Flows]] = OrderedDict()
        model.switched(dict.fromkeys(self._lines, True))
        if self._trafos:
            model.tapped({trafo: model.to_pandapower().trafo.tap_pos.get(trafo, 0) for trafo in self._trafos})

    def solve(self, p_inj: Floats, q_inj: Floats, states: Integers) -> PowerFlowResult:
        """Solve a batch; buses a variant cuts off from every slack are NaN in rows that converged.

        Args:
            p_inj: ``(num_envs, n_bus)`` MW, generation positive.
            q_inj: As ``p_inj``, MVAr.
            states: ``(num_envs, n_line + n_trafo)`` 1 for a closed and 0 for an open line, then tap positions.

        Raises:
            wattloom.errors.UsageError: If a shape does not fit.
            wattloom.errors.ConfigError: If a tap position is out of range.
        """
        shape = (len(p_inj), self.model.n_bus)
        result = PowerFlowResult(np.empty(shape, dtype=np.complex128), np.empty(shape[0], dtype=bool), np.empty(shape[0], dtype=np.int64))
        for (solver, _), rows in self.groups(states, shape[0]):
            part = solver.solve(p_inj[rows], q_inj[rows])
            result.voltage[rows], result.converged[rows], result.iterations[rows] = part.voltage, part.converged, part.iterations
        return result

    def loss_mw(self, result: PowerFlowResult, states: Integers, table: str | None = None) -> Floats:
        """Return the active power lost in each row's own network, ``(num_envs,)`` MW (see :meth:`Flows.loss_mw`)."""
        lost = np.empty(len(result.converged))
        for (_, flows), rows in self.groups(states, len(lost)):
            lost[rows] = flows.loss_mw(result.voltage[rows], table)
        return lost

    def groups(self, states: Integers, count: int) -> Iterator[tuple[tuple[Solver, Flows], Integers]]:
        """Yield every variant met with its rows, for quantities of your own."""
        states = np.asarray(states, dtype=np.int64)
        if states.shape != (count, len(self._lines) + len(self._trafos)):
            raise UsageError(f"states must be ({count}, {len(self._lines)} lines + {len(self._trafos)} transformers), got {states.shape}")
        variants, member = np.unique(states, axis=0, return_inverse=True)
        for number, variant in enumerate(variants):
            yield self.variant(tuple(int(value) for value in variant)), np.flatnonzero(member.reshape(-1) == number)

    def variant(self, state: tuple[int, ...]) -> tuple[Solver, Flows]:
        """Return the prepared solver and flows of one state."""
        if state not in self._prepared:
            closed, taps = state[: len(self._lines)], state[len(self._lines) :]
            model = self.model.switched(dict(zip(self._lines, map(bool, closed), strict=True)))
            if taps:
                model = model.tapped(dict(zip(self._trafos, taps, strict=True)))
            self._prepared[state] = (self._backend.prepare(model), Flows(model))
            if len(self._prepared) > self._keep:
                self._prepared.popitem(last=False)
        self._prepared.move_to_end(state)
        return self._prepared[state]
