"""The network as plain series branches and shunts, the form other solvers take without interpreting transformers their own way.

A branch whose two transfer admittances are equal is a pi circuit: series admittance ``-y_ft`` and the rest to earth at either end. A phase
shifter is not, but if every node's angle is counted from a reference turned by the shifts on the way to it, V_i = V'_i exp(j phi_i), the shifts
disappear: ``y_ft exp(j(phi_t - phi_f))`` and ``y_tf exp(j(phi_f - phi_t))`` are then equal. That works whenever shifts around a loop cancel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wattloom.components.power_flow.model import GridModel
from wattloom.errors import ConfigError

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PiForm:
    """Live nodes, numbered 0 to n - 1, joined by series impedances.

    Attributes:
        node: ``(n,)`` model node of each.
        turn: ``(n,)`` unit complex numbers: V = turn * V'.
        start, end: ``(m,)`` ends of each series branch.
        impedance: ``(m,)`` p.u.
        shunt: ``(n,)`` p.u., admittance to earth.
        slack, pv: Positions of the slack and the live PV nodes.
        slack_voltage: ``(n_slack,)`` p.u., in the turned reference.
    """

    node: Integers
    turn: Complexes
    start: Integers
    end: Integers
    impedance: Complexes
    shunt: Complexes
    slack: Integers
    pv: Integers
    slack_voltage: Complexes


def pi_form(model: GridModel, backend: str) -> PiForm:
    """Return the series form of the live part of ``model``.

    Args:
        model: The network.
        backend: Named in the error.

    Raises:
        wattloom.errors.ConfigError: If a branch is asymmetric beyond a phase shift, or shifts around a loop do not cancel.
    """
    on = np.flatnonzero(model.in_service & model.energised[model.branch_from] & model.energised[model.branch_to])
    node = np.flatnonzero(model.energised)
    place = np.full(model.n_node, -1)
    place[node] = np.arange(len(node))
    start, end = place[model.branch_from[on]], place[model.branch_to[on]]
    y_ft, y_tf = model.y_ft[on], model.y_tf[on]
    turn = turns(len(node), place[model.slack], float(np.angle(model.slack_voltage[0])), start, end, shifts(y_ft, y_tf))
    series = -y_ft * np.conj(turn[start]) * turn[end]
    back = -y_tf * np.conj(turn[end]) * turn[start]
    odd = np.flatnonzero(~np.isclose(series, back, rtol=1e-9, atol=0.0))
    if len(odd):
        branch = on[odd[0]]
        where = f"{model.branch_table[branch]} {model.branch_element[branch]} of network '{model.name}'"
        raise ConfigError(
            f"power_flow={backend} cannot serve {where}: a phase shift in a loop, or asymmetric; use power_flow=fixed_point or pandapower"
        )
    shunt = model.node_shunt[node].copy()
    np.add.at(shunt, start, model.y_ff[on] - series)
    np.add.at(shunt, end, model.y_tt[on] - series)
    slack = place[model.slack]
    return PiForm(
        node, turn, start, end, 1.0 / series, shunt, slack, place[model.pv[model.live_pv]], model.slack_voltage * np.conj(turn[slack])
    )


def shifts(y_ft: Complexes, y_tf: Complexes) -> Floats:
    """Return phi_t - phi_f of each branch, rad: half the angle between its transfer admittances, on the side where the series branch is R + jX."""
    delta: Floats = np.angle(y_tf / y_ft) / 2
    series = -y_ft * np.exp(1j * delta)
    return np.where(series.real - series.imag < 0, delta + np.pi, delta)


def turns(nodes: int, slack: Integers, first: float, start: Integers, end: Integers, delta: Floats) -> Complexes:
    """Return the turn of every node, adding up shifts along a tree from the slacks, which are turned by ``first`` (rad)."""
    angle = np.full(nodes, np.nan)
    angle[slack] = first
    while np.isnan(angle).any():
        ahead = ~np.isnan(angle[start]) & np.isnan(angle[end])
        angle[end[ahead]] = angle[start[ahead]] + delta[ahead]
        behind = ~np.isnan(angle[end]) & np.isnan(angle[start])
        angle[start[behind]] = angle[end[behind]] - delta[behind]
    return np.exp(1j * angle)
