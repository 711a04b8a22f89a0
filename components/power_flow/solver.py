"""What the backends share: refusing a model, checking inputs, summing buses into nodes and spreading nodes to buses."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from wattloom.components.power_flow.model import GridModel
from wattloom.components.power_flow.protocol import Capabilities
from wattloom.components.power_flow.result import PowerFlowResult
from wattloom.errors import ConfigError, MissingExtraError, UsageError

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


FLOAT = np.dtype(np.float64)
NOTHING: Floats = np.zeros((0, 0))


def refuse(name: str, capabilities: Capabilities, model: GridModel) -> None:
    """Raise where a backend cannot serve a model.

    Raises:
        wattloom.errors.ConfigError: Naming the backend, the network, the reason and a backend that can.
    """
    where = f"power_flow={name} cannot solve network '{model.name}': "
    if len(model.live_pv) and not capabilities.pv_buses:
        raise ConfigError(
            f"{where}it has {len(model.live_pv)} voltage-controlling (PV) nodes; use power_flow=lightsim2grid or power_flow=pandapower"
        )
    if len(model.slack) > 1 and not capabilities.several_slacks:
        raise ConfigError(f"{where}it has {len(model.slack)} slack nodes; use power_flow=zbus, fixed_point or pandapower")
    if capabilities.largest is not None and model.n_node > capabilities.largest:
        raise ConfigError(f"{where}{model.n_node} nodes are more than its limit of {capabilities.largest}; use power_flow=fixed_point")
    if capabilities.needs_pandapower and model.source is None:
        raise ConfigError(f"{where}it solves pandapower networks, and this model was built from a case; use power_flow=zbus or fixed_point")


def need(package: str, feature: str, extra: str) -> None:
    """Raise where an optional package is not installed.

    Raises:
        wattloom.errors.MissingExtraError: Naming the extra to install.
    """
    if importlib.util.find_spec(package) is None:
        raise MissingExtraError(feature, extra)


def positive(name: str, **values: float) -> None:
    """Check that parameters of a backend are positive numbers.

    Raises:
        wattloom.errors.ConfigError: Naming backend, key and value.
    """
    for key, value in values.items():
        if not value > 0:
            raise ConfigError(f"power_flow.{key} of {name} must be positive, got {value!r}")


def plain(array: Floats) -> Floats:
    """Return ``array`` as a writeable C-contiguous float64 array; one that is already passes through, since every call here is on the fast path.

    A read-only array is copied: compiled loops would otherwise be compiled a second time for it.
    """
    return (
        array if type(array) is np.ndarray and array.dtype is FLOAT and array.flags.carray else np.array(array, dtype=np.float64, order="C")
    )


class BatchSolver(ABC):
    """Checks and conversions around :meth:`_solve`, which a backend writes for clean ``(num_envs, n_bus)`` arrays."""

    def __init__(self, model: GridModel) -> None:
        self._model = model
        self._known = np.flatnonzero(model.bus_energised)
        self._node = model.bus_node[self._known]
        self._one_to_one = model.n_bus == model.n_node and bool(np.array_equal(self._node, np.arange(model.n_node)))
        self._other = (model.p_other_mw, model.q_other_mvar) if model.p_other_mw.any() or model.q_other_mvar.any() else None

    @property
    def model(self) -> GridModel:
        """The network solved."""
        return self._model

    def solve(self, p_inj: Floats, q_inj: Floats, *, pv_vm: Floats | None = None) -> PowerFlowResult:
        """Solve a batch of net bus injections (see :class:`~wattloom.components.power_flow.protocol.Solver`)."""
        p, q = plain(p_inj), plain(q_inj)
        if p.ndim != 2 or p.shape[1] != self._model.n_bus or q.shape != p.shape:
            raise UsageError(
                f"p_inj and q_inj must be (num_envs, {self._model.n_bus}) for network '{self._model.name}', got {p.shape} and {q.shape}"
            )
        return self._solve(p, q, self._set_points(len(p), pv_vm))

    def solve_elements(self, load_p: Floats, load_q: Floats, sgen_p: Floats, sgen_q: Floats) -> PowerFlowResult:
        """Solve from table values of loads and static generators (see :class:`~wattloom.components.power_flow.protocol.Solver`)."""
        p, q = self._model.elements.injections(load_p, load_q, sgen_p, sgen_q)
        if self._other is not None:
            p, q = p + self._other[0], q + self._other[1]
        return self._solve(p, q, self._set_points(len(p), None))

    @abstractmethod
    def _solve(self, p: Floats, q: Floats, pv_vm: Floats) -> PowerFlowResult:
        """Solve checked arrays; ``pv_vm`` is ``(num_envs, n_pv)``."""

    def _set_points(self, rows: int, pv_vm: Floats | None) -> Floats:
        count = len(self._model.pv_vm)
        if pv_vm is None:
            return np.broadcast_to(self._model.pv_vm, (rows, count)) if count else NOTHING
        given = plain(pv_vm)
        if given.shape != (rows, count):
            raise UsageError(f"pv_vm must be ({rows}, {count}) for network '{self._model.name}', got {given.shape}")
        return given

    def _node_power(self, p: Floats, q: Floats) -> tuple[Floats, Floats]:
        """Sum bus injections into nodes, ``(num_envs, n_node)`` MW and MVAr; buses without supply inject nothing."""
        if self._one_to_one:
            return p, q
        total = np.zeros((2, len(p), self._model.n_node))
        np.add.at(total[0].T, self._node, p[:, self._known].T)
        np.add.at(total[1].T, self._node, q[:, self._known].T)
        return total[0], total[1]

    def _spread(self, node_voltage: Complexes) -> Complexes:
        """Give every bus the voltage of its node; NaN where there is none."""
        if self._one_to_one:
            return node_voltage
        voltage = np.full((len(node_voltage), self._model.n_bus), complex(np.nan, np.nan))
        voltage[:, self._known] = node_voltage[:, self._node]
        return voltage
