"""What every power-flow backend offers: its capabilities, and the two steps prepare and solve; also the door for components of other kinds.

A :class:`Backend` is a configured object holding parameters only (built from ``conf/power_flow/<name>.yaml``). ``prepare(model)`` checks that it
can serve the model and does all work that does not depend on the injections; the :class:`Solver` it returns answers batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from wattloom.components.power_flow.flows import BranchFlows, Flows
from wattloom.components.power_flow.model import GridModel
from wattloom.components.power_flow.read import read_network, simbench_profiles
from wattloom.components.power_flow.result import PowerFlowResult
from wattloom.components.power_flow.switching import SwitchedSolver

__all__ = [
    "Backend",
    "BranchFlows",
    "Capabilities",
    "Flows",
    "GridModel",
    "PowerFlowResult",
    "Solver",
    "SwitchedSolver",
    "read_network",
    "simbench_profiles",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can serve; :func:`~wattloom.components.power_flow.solver.refuse` compares it with a model.

    Attributes:
        pv_buses: Nodes of given active power and voltage magnitude.
        several_slacks: More than one node of fixed voltage.
        phase_shift: Transformers that turn the angle, also inside a loop.
        largest: Nodes beyond which it is refused, None for no limit.
        needs_pandapower: The model must have been built from a pandapower network.
        reports_iterations: False: :attr:`PowerFlowResult.iterations` is -1 throughout.
    """

    pv_buses: bool = False
    several_slacks: bool = True
    phase_shift: bool = True
    largest: int | None = None
    needs_pandapower: bool = False
    reports_iterations: bool = True


@runtime_checkable
class Solver(Protocol):
    """A backend prepared for one model."""

    @property
    def model(self) -> GridModel:
        """The network solved."""
        ...

    def solve(self, p_inj: Floats, q_inj: Floats, *, pv_vm: Floats | None = None) -> PowerFlowResult:
        """Solve a batch of net bus injections; a row's result depends on that row alone, bit for bit.

        Args:
            p_inj: ``(num_envs, n_bus)`` MW, generation positive, in the order of ``model.bus_index``. At a slack it is not used.
            q_inj: ``(num_envs, n_bus)`` MVAr. At slack and PV buses it is not used.
            pv_vm: ``(num_envs, n_pv)`` p.u., set-points of ``model.pv``; default: those of the model.

        Returns:
            The voltages. A row without a solution is NaN with ``converged`` False; it never raises and touches no other row.

        Raises:
            wattloom.errors.UsageError: If a shape does not fit the model, or ``pv_vm`` is given where nothing holds a voltage.
        """
        ...

    def solve_elements(self, load_p: Floats, load_q: Floats, sgen_p: Floats, sgen_q: Floats) -> PowerFlowResult:
        """Solve from table values of loads and static generators; everything else keeps its table value.

        Args:
            load_p: ``(num_envs, n_load)`` MW, consumption positive, in table order.
            load_q: As ``load_p``, MVAr.
            sgen_p: ``(num_envs, n_sgen)`` MW, generation positive.
            sgen_q: As ``sgen_p``, MVAr.

        Raises:
            wattloom.errors.UsageError: If a shape does not fit the model.
        """
        ...


@runtime_checkable
class Backend(Protocol):
    """One method of solving, with its parameters."""

    @property
    def name(self) -> str:
        """What errors and the command line call it."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can serve."""
        ...

    def prepare(self, model: GridModel) -> Solver:
        """Return a solver of ``model``.

        Raises:
            wattloom.errors.ConfigError: If the backend cannot serve the model; the message names the backend to use instead.
            wattloom.errors.MissingExtraError: If an optional package is not installed.
        """
        ...
