"""The electrical model every power-flow backend solves: admittances, sources and element maps, and nothing that changes.

Three kinds of place are told apart. A **bus** is a row of the pandapower bus table and the unit of every input and output. A **node** is an
electrical point: buses joined by a closed bus-bus switch are one node, and a few nodes have no bus (the star point of a three-winding
transformer, the open end of a line). A node is **energised** if closed branches join it to a slack; voltages of dead buses are NaN.

A branch joins node f to node t by its admittance quadruple (per unit; Zimmerman et al., MATPOWER manual, section 3.2)::

    [I_f]   [y_ff  y_ft] [V_f]
    [I_t] = [y_tf  y_tt] [V_t]
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wattloom.components.power_flow.elements import Elements
from wattloom.errors import ConfigError, did_you_mean

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class GridModel:
    """An immutable, picklable network in per unit; build it with :meth:`from_pandapower`, :meth:`read` or :meth:`from_case`.

    Attributes:
        name: What errors call the network.
        base_mva: MVA, base of the per-unit system.
        bus_index: ``(n_bus,)`` pandapower's bus numbers, in table order: the order of every input and output.
        bus_node: ``(n_bus,)`` node of each bus, -1 where the bus is out of service.
        node_vn_kv: ``(n_node,)`` kV, rated voltage.
        node_shunt: ``(n_node,)`` p.u., admittance to earth.
        slack: ``(n_slack,)`` nodes of fixed complex voltage.
        slack_voltage: ``(n_slack,)`` p.u.
        pv: ``(n_pv,)`` nodes of given active power and magnitude.
        pv_vm: ``(n_pv,)`` p.u., their set-points.
        gen_pv: ``(n_gen,)`` column of ``pv`` each row of the gen table holds, -1 where it is out of service or on a slack.
        branch_table: ``(n_branch,)`` pandapower table of each branch: ``line``, ``trafo``, ``trafo3w``, ``impedance``, ``switch``.
        branch_element: ``(n_branch,)`` its number in that table.
        branch_from, branch_to: ``(n_branch,)`` nodes.
        y_ff, y_ft, y_tf, y_tt: ``(n_branch,)`` p.u., as if in service.
        in_service: ``(n_branch,)`` whether the branch is closed.
        rating_from_ka, rating_to_ka: ``(n_branch,)`` kA, rated current at each end, NaN where there is none.
        elements: Map of loads and static generators to buses.
        p_other_mw, q_other_mvar: ``(n_bus,)`` table values of everything else that injects (generators, storages, wards, motors).
        source: The pandapower network the model was built from (None for :meth:`from_case`); never handed out, see :meth:`to_pandapower`.
    """

    name: str
    base_mva: float
    bus_index: Integers
    bus_node: Integers
    node_vn_kv: Floats
    node_shunt: Complexes
    slack: Integers
    slack_voltage: Complexes
    pv: Integers
    pv_vm: Floats
    gen_pv: Integers
    branch_table: tuple[str, ...]
    branch_element: Integers
    branch_from: Integers
    branch_to: Integers
    y_ff: Complexes
    y_ft: Complexes
    y_tf: Complexes
    y_tt: Complexes
    in_service: Booleans
    rating_from_ka: Floats
    rating_to_ka: Floats
    elements: Elements
    p_other_mw: Floats
    q_other_mvar: Floats
    source: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for part in dataclasses.fields(self):
            value = getattr(self, part.name)
            if isinstance(value, np.ndarray):
                frozen = value.copy()  # the caller's own array stays writeable
                frozen.setflags(write=False)
                object.__setattr__(self, part.name, frozen)

    # ------------------------------------------------------------------ building

    @classmethod
    def from_pandapower(cls, net: Any, name: str | None = None) -> GridModel:
        """Build the model of a pandapower network; the network itself is copied, never changed.

        Raises:
            wattloom.errors.ConfigError: If the network holds something a constant-power model cannot state (voltage-dependent loads, FACTS).
            wattloom.errors.DataError: If pandapower cannot build or solve it.
        """
        from wattloom.components.power_flow.from_pandapower import build

        return build(net, name)

    @classmethod
    def read(cls, network: str | Path) -> GridModel:
        """Build the model of a pandapower JSON file, a pandapower network by name, or a SimBench code (see :mod:`.read`)."""
        from wattloom.components.power_flow.read import read_network

        return cls.from_pandapower(read_network(network), name=str(network))

    @classmethod
    def from_case(
        cls, base_mva: float, bus: Floats, branch: Floats, gen: Floats, bus_node: Integers | None = None, name: str = "case"
    ) -> GridModel:
        """Build the model of a case in MATPOWER columns (as pandapower's internal tables have them); see :mod:`.from_case`."""
        from wattloom.components.power_flow.from_case import build

        return build(base_mva, bus, branch, gen, bus_node, name)

    # ------------------------------------------------------------------ sizes and sets

    @property
    def n_bus(self) -> int:
        """Number of buses: the width of every input and output."""
        return len(self.bus_index)

    @property
    def n_node(self) -> int:
        """Number of electrical nodes."""
        return len(self.node_vn_kv)

    @cached_property
    def energised(self) -> Booleans:
        """``(n_node,)`` whether closed branches join the node to a slack."""
        live = np.zeros(self.n_node, dtype=bool)
        live[self.slack] = True
        start, end = self.branch_from[self.in_service], self.branch_to[self.in_service]
        before = -1
        while (count := int(live.sum())) != before:
            before = count
            live[end[live[start]]] = True
            live[start[live[end]]] = True
        return live

    @cached_property
    def bus_energised(self) -> Booleans:
        """``(n_bus,)`` whether the bus has a voltage."""
        known: Booleans = self.bus_node >= 0
        return known & self.energised[np.maximum(self.bus_node, 0)]

    @cached_property
    def unknown(self) -> Integers:
        """Energised nodes without a slack: the unknowns of a network without PV nodes."""
        free = self.energised.copy()
        free[self.slack] = False
        return np.flatnonzero(free)

    @cached_property
    def live_pv(self) -> Integers:
        """Columns of ``pv`` whose node is energised."""
        return np.flatnonzero(self.energised[self.pv])

    # ------------------------------------------------------------------ matrices

    @cached_property
    def ybus(self) -> Any:
        """``(n_node, n_node)`` p.u. nodal admittance matrix of the closed branches (a SciPy CSR matrix, the one cached copy)."""
        from scipy.sparse import coo_matrix

        on = self.in_service
        f, t, diagonal = self.branch_from[on], self.branch_to[on], np.arange(self.n_node)
        rows = np.concatenate([f, f, t, t, diagonal])
        columns = np.concatenate([f, t, f, t, diagonal])
        values = np.concatenate([self.y_ff[on], self.y_ft[on], self.y_tf[on], self.y_tt[on], self.node_shunt])
        return coo_matrix((values, (rows, columns)), shape=(self.n_node, self.n_node)).tocsr()

    # ------------------------------------------------------------------ variants

    def switched(self, lines: Mapping[int, bool]) -> GridModel:
        """Return the model with pandapower lines opened (False) or closed (True), without another pass through pandapower.

        Raises:
            wattloom.errors.ConfigError: If a line number is unknown.
        """
        mask = self.in_service.copy()
        position = self.branch_positions("line")
        for line, closed in lines.items():
            if line not in position:
                known = [str(number) for number in position]
                raise ConfigError(f"network '{self.name}' has no line {line} that can be switched{did_you_mean(str(line), known)}")
            mask[position[line]] = closed
        return dataclasses.replace(self, in_service=mask)

    def tapped(self, positions: Mapping[int, float]) -> GridModel:
        """Return the model with transformers at other tap positions; pandapower computes their new admittances (some 20 ms).

        Raises:
            wattloom.errors.ConfigError: If a transformer is unknown, has no tap changer, or the position lies outside its range.
        """
        net = self.to_pandapower()
        for trafo, position in positions.items():
            if trafo not in net.trafo.index:
                raise ConfigError(f"network '{self.name}' has no transformer {trafo}{did_you_mean(str(trafo), map(str, net.trafo.index))}")
            lowest, highest = net.trafo.tap_min.at[trafo], net.trafo.tap_max.at[trafo]
            if not lowest <= position <= highest:  # NaN, no tap changer, compares false
                raise ConfigError(
                    f"network '{self.name}': tap position {position} of transformer {trafo} is outside its range {lowest} to {highest}"
                )
            net.trafo.at[trafo, "tap_pos"] = position
        return GridModel.from_pandapower(net, self.name)

    def branch_positions(self, table: str) -> dict[int, int]:
        """Return pandapower number -> branch position of one table (the first branch of a three-winding transformer)."""
        found: dict[int, int] = {}
        for position, (kind, element) in enumerate(zip(self.branch_table, self.branch_element, strict=True)):
            if kind == table:
                found.setdefault(int(element), position)
        return found

    def bus_positions(self, buses: Sequence[int]) -> Integers:
        """Return the columns of pandapower bus numbers.

        Raises:
            wattloom.errors.ConfigError: If a bus is unknown.
        """
        position = {int(bus): column for column, bus in enumerate(self.bus_index)}
        for bus in buses:
            if int(bus) not in position:
                raise ConfigError(f"network '{self.name}' has no bus {bus}{did_you_mean(str(bus), [str(known) for known in position])}")
        return np.array([position[int(bus)] for bus in buses], dtype=np.int64)

    def to_pandapower(self) -> Any:
        """Return a fresh pandapower network in the model's own switching state, to inspect or to hand to the reference backend.

        Raises:
            wattloom.errors.ConfigError: If the model was not built from one.
        """
        import copy

        if self.source is None:
            raise ConfigError(f"network '{self.name}' was built from a case, not from a pandapower network, so none can be shown")
        net = copy.deepcopy(self.source)
        position = self.branch_positions("line")
        for line in net.line.index:
            if int(line) in position:
                net.line.at[line, "in_service"] = bool(self.in_service[position[int(line)]])
        return net

    # ------------------------------------------------------------------ injections

    def nominal(self) -> tuple[Floats, Floats]:
        """Return the bus injections of the tables as they stand, ``(n_bus,)`` each, MW and MVAr, generation positive."""
        p, q = self.elements.nominal()
        return p + self.p_other_mw, q + self.q_other_mvar
