"""Build a :class:`~wattloom.components.power_flow.model.GridModel` from bus, branch and generator tables in MATPOWER columns.

Columns (Zimmerman et al., MATPOWER manual, appendix B): bus 0 number, 1 type (3 slack, 2 PV), 2-3 P and Q demand (MW, MVAr), 4-5 shunt G and B
(MW, MVAr at 1 p.u.), 7-8 voltage magnitude and angle (degrees), 9 rated kV; branch 0-1 ends, 2-4 r, x, b (p.u.), 8 tap ratio, 9 phase shift
(degrees), 10 status; generator 0 bus, 1 P (MW), 5 set-point (p.u.), 7 status. pandapower adds 21-25: differences of the to-side and conductance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wattloom.components.power_flow.elements import Elements
from wattloom.components.power_flow.model import GridModel
from wattloom.errors import ConfigError

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


def build(
    base_mva: float, bus: Floats, branch: Floats, gen: Floats, bus_node: NDArray[np.int64] | None = None, name: str = "case"
) -> GridModel:
    """Return the model of one case.

    Args:
        base_mva: MVA.
        bus: Bus table; its bus numbers are row numbers.
        branch: Branch table.
        gen: Generator table.
        bus_node: ``(n_bus,)`` row of ``bus`` each column of the inputs stands for, -1 where it is out of service. Default: every row.
        name: What errors call it.

    Raises:
        wattloom.errors.ConfigError: If no bus is a slack.
    """
    bus, branch, gen = np.asarray(bus), np.asarray(branch), np.asarray(gen)
    kind = np.real(bus[:, 1]).astype(int)
    slack, pv = np.flatnonzero(kind == 3), np.flatnonzero(kind == 2)
    if not len(slack):
        raise ConfigError(f"case '{name}' has no slack bus (type 3)")
    row_of = np.arange(len(bus)) if bus_node is None else np.asarray(bus_node, dtype=np.int64)
    alive = np.real(gen[:, 7]) > 0
    at, column = np.real(gen[:, 0]).astype(np.int64), {int(node): position for position, node in enumerate(pv)}
    set_point = dict(zip(at[alive].tolist(), np.real(gen[alive, 5]).tolist(), strict=True))
    y_ff, y_ft, y_tf, y_tt = quadruples(branch)
    p, q = case_injections(bus, gen, row_of)
    return GridModel(
        name=name,
        base_mva=float(base_mva),
        bus_index=np.arange(len(row_of)),
        bus_node=row_of,
        node_vn_kv=np.real(bus[:, 9]).astype(float),
        node_shunt=np.asarray((np.real(bus[:, 4]) + 1j * np.real(bus[:, 5])) / float(base_mva), dtype=np.complex128),
        slack=slack,
        slack_voltage=np.real(bus[slack, 7]) * np.exp(1j * np.radians(np.real(bus[slack, 8]))),
        pv=pv,
        pv_vm=np.array([set_point[int(node)] for node in pv], dtype=float),
        gen_pv=np.array([column.get(int(node), -1) if live else -1 for node, live in zip(at, alive, strict=True)], dtype=np.int64),
        branch_table=("line",) * len(branch),
        branch_element=np.arange(len(branch)),
        branch_from=np.real(branch[:, 0]).astype(np.int64),
        branch_to=np.real(branch[:, 1]).astype(np.int64),
        y_ff=y_ff,
        y_ft=y_ft,
        y_tf=y_tf,
        y_tt=y_tt,
        in_service=np.real(branch[:, 10]) > 0,
        rating_from_ka=np.full(len(branch), np.nan),
        rating_to_ka=np.full(len(branch), np.nan),
        elements=Elements.none(len(row_of)),
        p_other_mw=p,
        q_other_mvar=q,
    )


def case_injections(bus: Floats, gen: Floats, row_of: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return the injections the tables state, ``(n_bus,)``; buses that share a row book them on the first."""
    p, q = -np.real(bus[:, 2]).astype(float), -np.real(bus[:, 3]).astype(float)
    np.add.at(p, np.real(gen[:, 0]).astype(np.int64), np.real(gen[:, 1]) * (np.real(gen[:, 7]) > 0))
    nodes, first = np.unique(row_of, return_index=True)
    first, nodes = first[nodes >= 0], nodes[nodes >= 0]
    found = np.zeros((2, len(row_of)))
    found[0, first], found[1, first] = p[nodes], q[nodes]
    return found[0], found[1]


def quadruples(branch: Floats) -> tuple[Complexes, Complexes, Complexes, Complexes]:
    """Return ``y_ff, y_ft, y_tf, y_tt`` of every branch as if it were in service, p.u.

    With series admittance y, charging c and complex tap t = ratio * exp(j shift): ``y_ff = (y + c/2)/|t|^2``, ``y_ft = -y/t*``,
    ``y_tf = -y/t``, ``y_tt = y + c/2``. pandapower may give the to-side other values than the from-side.
    """
    table = np.real(branch)

    def column(number: int) -> Floats:
        return table[:, number] if number < table.shape[1] else np.zeros(len(table))

    r, x, b, g = column(2), column(3), column(4), column(23)
    y_from = np.asarray(1.0 / (r + 1j * x), dtype=np.complex128)
    y_to = np.asarray(1.0 / (r + column(21) + 1j * (x + column(22))), dtype=np.complex128)
    c_from = np.asarray(g + 1j * b, dtype=np.complex128)
    c_to = np.asarray(g + column(24) + 1j * (b + column(25)), dtype=np.complex128)
    ratio = np.where(column(8) == 0.0, 1.0, column(8))
    tap = ratio * np.exp(1j * np.radians(column(9)))
    return (y_from + c_from / 2) / np.abs(tap) ** 2, -y_from / np.conj(tap), -y_to / tap, y_to + c_to / 2
