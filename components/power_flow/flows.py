"""What follows from the voltages, for every backend alike: branch flows, currents, loading, losses, and what slacks and generators deliver.

All of it comes from the admittance quadruples of the model, so that two backends that agree on voltages agree on everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wattloom.components.power_flow.model import GridModel

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


@dataclass(frozen=True, slots=True, eq=False)
class BranchFlows:
    """Flows of every branch, ``(num_envs, n_branch)``; powers flow into the branch, so from and to add up to the loss. Open branches are 0.

    Attributes:
        p_from_mw, q_from_mvar: Power entering at the from-end (the high-voltage end of a transformer).
        p_to_mw, q_to_mvar: Power entering at the to-end.
        i_from_ka, i_to_ka: kA, current at either end.
    """

    p_from_mw: Floats
    q_from_mvar: Floats
    p_to_mw: Floats
    q_to_mvar: Floats
    i_from_ka: Floats
    i_to_ka: Floats

    @property
    def loss_mw(self) -> Floats:
        """``(num_envs, n_branch)`` MW, active power lost in each branch."""
        return self.p_from_mw + self.p_to_mw

    @property
    def loss_mvar(self) -> Floats:
        """``(num_envs, n_branch)`` MVAr, reactive power consumed in each branch."""
        return self.q_from_mvar + self.q_to_mvar


class Flows:
    """Derived values of one model, prepared once; rows of NaN voltage give rows of NaN.

    Args:
        model: The network.
    """

    def __init__(self, model: GridModel) -> None:
        self._model = model
        self._known = np.flatnonzero(model.bus_energised)
        self._closed = np.flatnonzero(model.in_service & model.energised[model.branch_from] & model.energised[model.branch_to])
        with_bus = np.zeros(model.n_node, dtype=bool)
        with_bus[model.bus_node[self._known]] = True
        self._tables: dict[str | None, tuple[Any, ...]] = {}
        self._hidden = np.flatnonzero(model.energised & ~with_bus)
        self._visible = np.flatnonzero(with_bus)
        self._one_to_one = bool(np.array_equal(model.bus_node, np.arange(model.n_node)))
        self._recover = self._recovery() if len(self._hidden) else np.zeros((0, len(self._visible)), dtype=np.complex128)

    def _recovery(self) -> Complexes:
        """Matrix that gives nodes without a bus (nothing is injected there) from those with one: ``Y_hh V_h + Y_hv V_v = 0``."""
        y = self._model.ybus[self._hidden]
        recovered: Complexes = np.linalg.solve(y[:, self._hidden].toarray(), -y[:, self._visible].toarray())
        return recovered

    def node_voltage(self, voltage: Complexes) -> Complexes:
        """Return the voltage of every node, ``(num_envs, n_node)`` p.u., from that of every bus; NaN at dead nodes."""
        if self._one_to_one:
            return voltage.copy()
        node = np.full((len(voltage), self._model.n_node), complex(np.nan, np.nan))
        node[:, self._model.bus_node[self._known]] = voltage[:, self._known]
        if len(self._hidden):
            node[:, self._hidden] = np.matmul(node[:, None, self._visible], self._recover.T)[:, 0]
        return node

    def branches(self, voltage: Complexes) -> BranchFlows:
        """Return the flows of every branch.

        Args:
            voltage: ``(num_envs, n_bus)`` complex p.u. (``PowerFlowResult.voltage``).
        """
        model, on = self._model, self._closed
        node = self.node_voltage(voltage)
        v_from, v_to = node[:, model.branch_from[on]], node[:, model.branch_to[on]]
        i_from = model.y_ff[on] * v_from + model.y_ft[on] * v_to
        i_to = model.y_tf[on] * v_from + model.y_tt[on] * v_to
        s_from, s_to = v_from * np.conj(i_from) * model.base_mva, v_to * np.conj(i_to) * model.base_mva
        base_from = model.base_mva / (np.sqrt(3.0) * model.node_vn_kv[model.branch_from[on]])
        base_to = model.base_mva / (np.sqrt(3.0) * model.node_vn_kv[model.branch_to[on]])
        parts = (s_from.real, s_from.imag, s_to.real, s_to.imag, np.abs(i_from) * base_from, np.abs(i_to) * base_to)
        return BranchFlows(*(self._every(part) for part in parts))

    def _every(self, closed: Floats) -> Floats:
        values = np.zeros((len(closed), len(self._model.in_service)))
        values[:, self._closed] = closed
        return values

    def loading_percent(self, flows: BranchFlows) -> Floats:
        """Return the larger of both ends' current over its rating, ``(num_envs, n_branch)`` per cent; NaN where no rating is known."""
        start, end = flows.i_from_ka / self._model.rating_from_ka, flows.i_to_ka / self._model.rating_to_ka
        return 100.0 * np.fmax(start, end)

    def loss_mw(self, voltage: Complexes, table: str | None = None) -> Floats:
        """Return the active power lost in all branches, or in those of one table (``"line"``), ``(num_envs,)`` MW.

        Losses are what the conductances draw: summed over the branches, ``Re(V_f* y_ff V_f + V_f* y_ft V_t + V_t* y_tf V_f + V_t* y_tt V_t)``.
        """
        start, end, g_ff, g_tt, y_across = self._chosen(table)
        node = self.node_voltage(voltage)
        v_from, v_to = node.take(start, axis=1), node.take(end, axis=1)
        across = np.conj(v_from) * v_to
        own = g_ff * (v_from.real**2 + v_from.imag**2) + g_tt * (v_to.real**2 + v_to.imag**2)
        lost: Floats = (own + across.real * y_across.real - across.imag * y_across.imag).sum(axis=1) * self._model.base_mva
        return lost

    def _chosen(self, table: str | None) -> tuple[Any, ...]:
        """Return ends and admittances of the closed branches of one table; the transfer terms fold into ``y_ft + conj(y_tf)``."""
        if table not in self._tables:
            model = self._model
            chosen = np.array([k for k in self._closed if table is None or model.branch_table[k] == table], dtype=np.int64)
            across = model.y_ft[chosen] + np.conj(model.y_tf[chosen])
            ends = (model.branch_from[chosen], model.branch_to[chosen])
            self._tables[table] = (*ends, model.y_ff[chosen].real.copy(), model.y_tt[chosen].real.copy(), across)
        return self._tables[table]

    def injected(self, voltage: Complexes) -> Complexes:
        """Return the power every node feeds into the network, ``(num_envs, n_node)`` MVA; 0 at dead nodes."""
        model = self._model
        node = self.node_voltage(voltage)
        node[:, ~model.energised] = 0.0
        current: Complexes = (model.ybus @ node.T).T
        return node * np.conj(current) * model.base_mva

    def slack_power(self, voltage: Complexes, p_inj: Floats, q_inj: Floats) -> tuple[Floats, Floats]:
        """Return what each slack delivers beside the injections given at its buses, ``(num_envs, n_slack)`` MW and MVAr."""
        return self._delivered(voltage, p_inj, q_inj, self._model.slack)

    def pv_power(self, voltage: Complexes, p_inj: Floats, q_inj: Floats) -> tuple[Floats, Floats]:
        """Return what each PV node delivers beside the injections given at its buses, ``(num_envs, n_pv)`` MW (about 0) and MVAr."""
        return self._delivered(voltage, p_inj, q_inj, self._model.pv)

    def _delivered(self, voltage: Complexes, p_inj: Floats, q_inj: Floats, nodes: NDArray[np.int64]) -> tuple[Floats, Floats]:
        given = np.zeros((len(voltage), self._model.n_node), dtype=np.complex128)
        np.add.at(given.T, self._model.bus_node[self._known], (p_inj + 1j * q_inj)[:, self._known].T)
        delivered = (self.injected(voltage) - given)[:, nodes]
        return delivered.real, delivered.imag
