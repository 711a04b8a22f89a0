"""The network: which feeder, with which ties closed, and what its wires make of injections.

Everything electrical is the power flow's (:mod:`wattloom.components.power_flow`); this part only knows where the loads are and adds up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from wattloom.components.envs.grid.cases import CASES, read_case
from wattloom.components.envs.grid.protocol import Floats, Flow, Integers
from wattloom.components.envs.grid.variants import Setting, Variants
from wattloom.components.power_flow.protocol import Backend, Flows, GridModel, read_network
from wattloom.errors import ConfigError, DataError

GENERATORS = ("constant", "solar", "inverters", "off")


@dataclass
class Network:
    """A distribution network and its loads.

    Attributes:
        network: A feeder that ships with the package (``case69``, ``case118zh``), a pandapower network by name (``case33bw``), a SimBench code, or a
            pandapower JSON file.
        load_scale: Factor on every load.
        close_lines: pandapower lines to close (ties), before the episode and for ever.
        open_lines: Lines to open.
        pv_buses: Buses where the assets part puts inverters unless it names its own; None: it spreads them.
        battery_buses: The same for batteries.
        zones: Buses of each agent unless the territories part names its own; None: it splits the network.
        generators: What the network's own static generators do: ``"constant"``: inject their table values for ever; ``"solar"``: their table values times
            the sun; ``"inverters"``: they are the inverters of the assets part, as large as the table says, unless it names buses of its own (then
            they follow the sun); ``"off"``: nothing.
    """

    network: str = "case33bw"
    load_scale: float = 1.0
    close_lines: Sequence[int] = ()
    open_lines: Sequence[int] = ()
    pv_buses: Sequence[int] | None = None
    battery_buses: Sequence[int] | None = None
    zones: Mapping[str, Sequence[int]] | None = None
    generators: Literal["constant", "solar", "inverters", "off"] = "constant"

    def __post_init__(self) -> None:
        if self.generators not in GENERATORS:
            raise ConfigError(f"network.generators={self.generators!r}: choose {', '.join(GENERATORS[:-1])} or {GENERATORS[-1]}")
        if self.generators == "inverters" and self.pv_buses is not None:
            raise ConfigError("network.pv_buses names sites of inverters, and so does network.generators=inverters: set one of them")
        if not (self.load_scale > 0 and np.isfinite(self.load_scale)):
            raise ConfigError(f"network.load_scale={self.load_scale}: give a positive number")

    def prepare(self, backend: Backend) -> Feeder:
        """Read the network and prepare its power flow.

        Raises:
            ConfigError: An unknown network or line, or one that ``backend`` cannot serve.
            DataError: A file that cannot be read, no load, or a table state without a solution.
        """
        path = Path(self.network)
        model = read_model(self.network, path.stat().st_mtime_ns if path.is_file() else 0)
        if self.close_lines or self.open_lines:
            model = model.switched({**dict.fromkeys(self.close_lines, True), **dict.fromkeys(self.open_lines, False)})
        return Feeder(model, backend, self.load_scale, self.pv_buses, self.battery_buses, self.zones, self.generators)


@lru_cache(maxsize=16)
def read_model(network: str, changed: int) -> GridModel:
    """Return the immutable model of a network, read once a process; ``changed`` tells versions of a file apart."""
    net = read_case(network) if network in CASES else read_network(network)
    return GridModel.from_pandapower(net, name=network)


@dataclass(eq=False)
class Feeder:
    """A network ready to be solved.

    Attributes:
        model: The electrical model.
        backend: Its power flow.
        load_scale: Factor on every load.
        pv_buses, battery_buses, zones: What the network suggests to the other parts.
        generators: What the static generators of the tables do, see :class:`Network`.
        generator_p: ``(n_bus,)`` MW, their table values where they follow the sun or are inverters, else 0.
        load_p, load_q: ``(n_bus,)`` MW, MVAr, table loads times the factor.
        fixed_p, fixed_q: ``(n_bus,)`` MW, MVAr, everything else that the tables inject.
        slack: Bus columns of given voltage.
        live: Bus columns with supply.

    Raises:
        DataError: No load, or a table state without a solution.
    """

    model: GridModel
    backend: Backend
    load_scale: float = 1.0
    pv_buses: Sequence[int] | None = None
    battery_buses: Sequence[int] | None = None
    zones: Mapping[str, Sequence[int]] | None = None
    generators: str = "constant"
    generator_p: Floats = field(init=False)
    load_p: Floats = field(init=False)
    load_q: Floats = field(init=False)
    fixed_p: Floats = field(init=False)
    fixed_q: Floats = field(init=False)
    slack: Integers = field(init=False)
    live: Integers = field(init=False)

    def __post_init__(self) -> None:
        model = self.model
        elements = model.elements
        none = np.zeros((1, elements.n_sgen))
        p, q = elements.injections(elements.load_p_mw[None], elements.load_q_mvar[None], none, none)
        self.load_p, self.load_q = -p[0] * self.load_scale + 0.0, -q[0] * self.load_scale + 0.0
        nominal_p, nominal_q = model.nominal()
        self.fixed_p, self.fixed_q = nominal_p - p[0], nominal_q - q[0]
        self.generator_p = np.zeros(model.n_bus)
        if self.generators != "constant":
            self._take_generators()
        self.slack = np.flatnonzero(np.isin(model.bus_node, model.slack))
        self.live = np.flatnonzero(model.bus_energised)
        if not self.load_p.any():
            raise DataError(f"network '{model.name}' has no load: nothing would ever change")
        self._solver, self._flows = self.backend.prepare(model), Flows(model)
        self._plain = plain_losses(model)
        self._variants = Variants(self.backend, model, self._solver, self._flows)
        flow = self.solve(self.fixed_p[None] - self.load_p, self.fixed_q[None] - self.load_q)
        if not flow.converged[0]:
            raise DataError(
                f"the power flow of network '{model.name}' has no solution at its table loads ({self.load_p.sum():.3g} MW): "
                "lower network.load_scale, or check the file"
            )

    def _take_generators(self) -> None:
        """Take the static generators out of what is injected for ever."""
        elements, none = self.model.elements, np.zeros((1, self.model.elements.n_load))
        p, q = elements.injections(none, none, elements.sgen_p_mw[None], elements.sgen_q_mvar[None])
        self.fixed_p, self.fixed_q = self.fixed_p - p[0], self.fixed_q - q[0]
        if self.generators != "off":
            self.generator_p = p[0]
        if not p.any() and not q.any():
            raise ConfigError(f"network.generators={self.generators}: network '{self.model.name}' has no static generator; use constant")
        if self.generators == "inverters":
            sites = np.flatnonzero((p[0] > 0) & self.model.bus_energised)
            if not len(sites):
                raise ConfigError(f"network.generators=inverters: network '{self.model.name}' has no static generator; use constant")
            self.pv_buses = [int(bus) for bus in self.model.bus_index[sites]]

    @property
    def n_bus(self) -> int:
        """Number of buses."""
        return self.model.n_bus

    def make_switchable(self, lines: Sequence[int], trafos: Sequence[int]) -> None:
        """Declare which lines and taps differ from copy to copy; the states of a :class:`.variants.Setting` are about them, in this order.

        Raises:
            ConfigError: An unknown line or transformer.
        """
        self._variants.make_switchable(lines, trafos)

    def solve(self, p_inj: Floats, q_inj: Floats, setting: Setting | None = None) -> Flow:
        """Solve net injections, ``(n, n_bus)`` MW and MVAr; None: the network as the tables have it."""
        if setting is not None:
            return self._variants.solve(p_inj, q_inj, setting)
        result = self._solver.solve(p_inj, q_inj)
        losses = self._plain or self._flows.loss_mw
        return Flow(result.voltage, result.vm_pu, result.converged, losses(result.voltage))

    def import_mw(self, p_inj: Floats, q_inj: Floats, flow: Flow) -> Floats:
        """Return the power bought at the slack buses, ``(n,)`` MW, negative where it is sold."""
        if flow.import_mw is not None:
            return flow.import_mw
        if self._plain is not None:
            bought: Floats = flow.loss_mw - p_inj.sum(axis=1)
            return bought
        delivered: Floats = self._flows.slack_power(flow.voltage, p_inj, q_inj)[0].sum(axis=1)
        return delivered

    def line_losses(self, flow: Flow) -> Floats:
        """Return the loss of every branch, ``(n, n_branch)`` MW."""
        return self._flows.branches(flow.voltage).loss_mw

    def graph(self) -> tuple[Integers, Integers, Floats]:
        """Return the closed branches as bus columns from and to, and their impedance in p.u.; nodes without a bus are left out."""
        model = self.model
        bus_of = np.full(model.n_node, -1, dtype=np.int64)
        bus_of[model.bus_node[self.live]] = self.live
        start, end = bus_of[model.branch_from], bus_of[model.branch_to]
        use = model.in_service & (start >= 0) & (end >= 0)
        length = 1.0 / np.maximum(np.abs(model.y_ft[use]), 1e-12)
        joined = self.live[np.flatnonzero(bus_of[model.bus_node[self.live]] != self.live)]  # buses that share a node by a closed switch
        start = np.concatenate([start[use], bus_of[model.bus_node[joined]]])
        return start, np.concatenate([end[use], joined]), np.concatenate([length, np.zeros(len(joined))])


def plain_losses(model: GridModel) -> Callable[[Any], Floats] | None:
    """Return a fast function of the total loss, ``(n, n_bus)`` p.u. -> ``(n,)`` MW, for networks of lines without shunt conductance.

    There ``P = sum of g |V_f - V_t|^2``, g being the series conductance. None where a branch is a transformer, a shunt draws power or a bus has no supply.
    """
    on = np.flatnonzero(model.in_service)
    one_to_one = model.n_bus == model.n_node and bool(np.array_equal(model.bus_node, np.arange(model.n_node)))
    same = np.allclose(model.y_ft[on], model.y_tf[on], rtol=1e-12) and np.allclose(model.y_ff[on].real, -model.y_ft[on].real, rtol=1e-12)
    same = same and not model.node_shunt.real.any()
    if not (one_to_one and same and model.energised.all() and np.allclose(model.y_tt[on].real, -model.y_ft[on].real, rtol=1e-12)):
        return None
    start, end, conductance = model.branch_from[on], model.branch_to[on], -model.y_ft[on].real * model.base_mva

    def losses(voltage: Any) -> Floats:
        drop = voltage.take(start, axis=1) - voltage.take(end, axis=1)
        total: Floats = ((drop.real**2 + drop.imag**2) * conductance).sum(axis=1)
        return total

    return losses
