"""Build a :class:`~wattloom.components.power_flow.model.GridModel` from a pandapower network.

pandapower itself turns tables into per-unit matrices (transformer tap formulas, switch logic, open line ends, ...); its internal case of one
solved state is read here, so every one of its modelling rules holds for every backend. All lines are put in service for that pass and masked
again afterwards: a tie that is open today can then be closed by :meth:`GridModel.switched` without pandapower.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wattloom.components.power_flow.elements import Elements
from wattloom.components.power_flow.from_case import quadruples
from wattloom.components.power_flow.model import GridModel
from wattloom.errors import ConfigError, DataError

Floats = NDArray[np.float64]

# What a model of constant power injections and a linear network cannot state.
REFUSED_TABLES = ("svc", "ssc", "tcsc", "vsc", "xward", "dcline", "line_dc", "bus_dc")
VOLTAGE_DEPENDENT = (
    "const_z_percent",
    "const_i_percent",
    "const_z_p_percent",
    "const_z_q_percent",
    "const_i_p_percent",
    "const_i_q_percent",
)


def build(net: Any, name: str | None = None) -> GridModel:
    """Return the model of ``net`` (see :meth:`GridModel.from_pandapower`)."""
    label = name or str(net.get("name") or "pandapower network")
    check(net, label)
    work = solved_copy(net, label)
    case = work._ppc["internal"]
    nodes = len(case["bus"])
    bus_index = net.bus.index.to_numpy(dtype=np.int64)
    lookup = np.asarray(work._pd2ppc_lookups["bus"], dtype=np.int64)[bus_index]
    bus_node = np.where((lookup >= 0) & (lookup < nodes) & net.bus.in_service.to_numpy(dtype=bool), lookup, -1)
    table, element = branch_names(work, np.flatnonzero(case["branch_is"]))
    from_ka, to_ka = ratings(net, table, element)
    elements = element_map(net, bus_index)
    p_other, q_other = other_injections(case, element_map(work, bus_index), bus_node)
    pv = np.asarray(case["pv"], dtype=np.int64)
    slack = np.asarray(case["ref"], dtype=np.int64)
    y_ff, y_ft, y_tf, y_tt = quadruples(case["branch"])
    return GridModel(
        name=label,
        base_mva=float(case["baseMVA"]),
        bus_index=bus_index,
        bus_node=bus_node,
        node_vn_kv=np.real(case["bus"][:, 9]).astype(float),
        node_shunt=(np.real(case["bus"][:, 4]) + 1j * np.real(case["bus"][:, 5])) / float(case["baseMVA"]),
        slack=slack,
        slack_voltage=np.asarray(case["V"])[slack],
        pv=pv,
        pv_vm=np.abs(np.asarray(case["V"])[pv]),
        gen_pv=generator_columns(net, bus_index, bus_node, pv),
        branch_table=table,
        branch_element=element,
        branch_from=np.real(case["branch"][:, 0]).astype(np.int64),
        branch_to=np.real(case["branch"][:, 1]).astype(np.int64),
        y_ff=y_ff,
        y_ft=y_ft,
        y_tf=y_tf,
        y_tt=y_tt,
        in_service=branch_status(net, table, element),
        rating_from_ka=from_ka,
        rating_to_ka=to_ka,
        elements=elements,
        p_other_mw=p_other,
        q_other_mvar=q_other,
        source=copy.deepcopy(net),
    )


def check(net: Any, label: str) -> None:
    """Refuse what constant power injections on a linear network cannot state, naming the table and the fix.

    Raises:
        wattloom.errors.ConfigError: If ``net`` is no pandapower network or holds something refused.
    """
    if not hasattr(net, "bus") or not hasattr(net, "ext_grid"):
        raise ConfigError(f"a pandapower network is expected, got {type(net).__name__}")
    for table in REFUSED_TABLES:
        if table in net and len(net[table]) and bool(net[table].get("in_service", np.ones(len(net[table]))).any()):
            raise ConfigError(
                f"network '{label}' has rows in its table '{table}', which the power flow does not model; remove them or set in_service=False"
            )
    for column in VOLTAGE_DEPENDENT:
        if column in net.load and bool((net.load[column].fillna(0) != 0).any()):
            raise ConfigError(f"network '{label}': load.{column} is not zero, but loads are constant power here; set the column to 0")
    if not len(net.ext_grid) and not (len(net.gen) and bool(net.gen.slack.any())):
        raise ConfigError(f"network '{label}' has no external grid (slack); add one with pandapower.create_ext_grid")


def solved_copy(net: Any, label: str) -> Any:
    """Return a copy of ``net`` with every line in service, solved, so that pandapower's internal case can be read.

    Raises:
        wattloom.errors.DataError: If neither the table values nor a network without loads can be solved.
    """
    import pandapower

    work = copy.deepcopy(net)
    work.line["in_service"] = True
    reason: Exception | None = None
    for idle in (False, True):
        if idle:  # admittances do not depend on the load: an infeasible table state is no reason to refuse the network
            for table in (work.load, work.sgen):
                table[["p_mw", "q_mvar"]] = 0.0
        try:
            pandapower.runpp(work, init="dc", calculate_voltage_angles=True, numba=False, lightsim2grid=False)
        except Exception as error:  # pandapower raises many types on bad tables; each becomes one named error
            reason = error
        else:
            return work
    raise DataError(f"pandapower cannot solve network '{label}' even without loads: {type(reason).__name__}: {reason}") from reason


def branch_names(work: Any, kept: NDArray[np.int64]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return table and number of the branches pandapower kept in its internal case."""
    table: list[str] = []
    element: list[int] = []
    for kind, (first, last) in sorted(work._pd2ppc_lookups["branch"].items(), key=lambda item: item[1][0]):
        numbers = list(work[kind].index) if kind in work else []
        copies = (last - first) // max(len(numbers), 1)  # a three-winding transformer is three branches: all hv sides, then mv, then lv
        table += [kind] * (last - first)
        element += numbers * copies if copies * len(numbers) == last - first else list(range(last - first))
    return tuple(table[row] for row in kept), np.array([element[row] for row in kept], dtype=np.int64)


def branch_status(net: Any, table: tuple[str, ...], element: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether each branch is in service; only lines can be out, the others are dropped by pandapower when they are."""
    return np.array(
        [bool(net.line.in_service.at[number]) if kind == "line" else True for kind, number in zip(table, element, strict=True)], dtype=bool
    )


def ratings(net: Any, table: tuple[str, ...], element: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return the rated current at both ends of each branch, kA, NaN where the tables state none."""
    pairs = [rating(net, kind, number, part) for kind, number, part in with_part(table, element)]
    return np.array([pair[0] for pair in pairs], dtype=float), np.array([pair[1] for pair in pairs], dtype=float)


def with_part(table: tuple[str, ...], element: NDArray[np.int64]) -> list[tuple[str, int, int]]:
    """Return ``(table, number, how many branches of that element came before)``."""
    seen: dict[tuple[str, int], int] = {}
    found = []
    for kind, number in zip(table, element, strict=True):
        part = seen.get((kind, int(number)), 0)
        seen[(kind, int(number))] = part + 1
        found.append((kind, int(number), part))
    return found


def rating(net: Any, kind: str, number: int, part: int) -> tuple[float, float]:
    """Return the rated current at both ends of one branch, kA."""
    root3 = float(np.sqrt(3.0))
    if kind not in ("line", "trafo", "trafo3w"):
        return np.nan, np.nan
    row = net[kind].loc[number]
    if kind == "line":
        limit = float(row.get("max_i_ka", np.nan)) * float(row.get("df", 1.0)) * float(row.get("parallel", 1))
        return limit, limit
    if kind == "trafo":
        power = float(row.sn_mva) * float(row.get("df", 1.0)) * float(row.get("parallel", 1))
        return power / (root3 * float(row.vn_hv_kv)), power / (root3 * float(row.vn_lv_kv))
    side = ("hv", "mv", "lv")[part]  # of a three-winding transformer: the hv winding ends in the star point, the others start there
    limit = float(row[f"sn_{side}_mva"]) / (root3 * float(row[f"vn_{side}_kv"]))
    return (limit, np.nan) if side == "hv" else (np.nan, limit)


def element_map(net: Any, bus_index: NDArray[np.int64]) -> Elements:
    """Return the map of the loads and static generators of ``net``."""
    column = {int(bus): position for position, bus in enumerate(bus_index)}
    parts: dict[str, Any] = {}
    for table, sign in (("load", -1.0), ("sgen", 1.0)):
        rows = net[table]
        parts[f"{table}_bus"] = np.array([column[int(bus)] for bus in rows.bus], dtype=np.int64)
        parts[f"{table}_weight"] = sign * rows.scaling.to_numpy(dtype=float) * rows.in_service.to_numpy(dtype=bool)
        parts[f"{table}_p_mw"] = rows.p_mw.to_numpy(dtype=float)
        parts[f"{table}_q_mvar"] = rows.q_mvar.to_numpy(dtype=float)
    return Elements(n_bus=len(bus_index), **parts)


def other_injections(case: Any, elements: Elements, bus_node: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return what pandapower's case injects beside loads and static generators, ``(n_bus,)`` MW and MVAr.

    Buses joined into one node share one row there; the rest is booked on the first of them.
    """
    p = -np.real(case["bus"][:, 2]).astype(float)
    q = -np.real(case["bus"][:, 3]).astype(float)
    generators = np.setdiff1d(np.arange(len(case["gen"])), case["ref_gens"])
    at = np.real(case["gen"][generators, 0]).astype(np.int64)
    np.add.at(p, at, np.real(case["gen"][generators, 1]))
    known = bus_node >= 0
    own_p, own_q = elements.nominal()
    np.subtract.at(p, bus_node[known], own_p[known])
    np.subtract.at(q, bus_node[known], own_q[known])
    nodes, first = np.unique(np.where(known, bus_node, -1), return_index=True)
    first, nodes = first[nodes >= 0], nodes[nodes >= 0]
    found = np.zeros((2, len(bus_node)))
    found[0, first], found[1, first] = np.round(p[nodes], 12), np.round(q[nodes], 12)  # a sum of equal terms leaves 1e-17, not an injection
    return found[0], found[1]


def generator_columns(net: Any, bus_index: NDArray[np.int64], bus_node: NDArray[np.int64], pv: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the column of ``pv`` each generator holds, -1 where it holds none."""
    node = dict(zip(bus_index.tolist(), bus_node.tolist(), strict=True))
    column = {int(number): position for position, number in enumerate(pv)}
    rows = zip(net.gen.bus, net.gen.in_service, strict=True)
    return np.array([column.get(node[int(bus)], -1) if alive else -1 for bus, alive in rows], dtype=np.int64)
