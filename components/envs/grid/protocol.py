"""What the parts of the grid environment hand to one another. Arrays have the copies in front: ``(num_envs, ...)``.

    profiles   which rows of demand, sun and price a copy meets        Inputs
    assets     what actions make of inverters and batteries            Dispatch
    network    what the wires make of injections                       Flow
    termination, reward, observation read the Record of all three

A part of your own needs the methods of its protocol and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from wattloom.environment import Array, Column

if TYPE_CHECKING:
    from wattloom.components.envs.grid.assets import Fleet
    from wattloom.components.envs.grid.devices import Deeds
    from wattloom.components.envs.grid.environment import Grid
    from wattloom.components.envs.grid.network import Feeder

State = dict[str, Array]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(slots=True, eq=False)
class Inputs:
    """What a step meets from outside.

    Attributes:
        row: ``(n,)`` row of the profiles.
        load_p, load_q: ``(n, n_bus)`` MW and MVAr drawn.
        solar: ``(n, n_pv)`` power of the panels over their rating.
        price: ``(n,)`` USD/MWh.
    """

    row: Integers
    load_p: Floats
    load_q: Floats
    solar: Floats
    price: Floats


@dataclass(slots=True, eq=False)
class Dispatch:
    """What the assets do in a step; injections positive.

    Attributes:
        pv_p, pv_q: ``(n, n_pv)`` MW, MVAr.
        battery_p: ``(n, n_battery)`` MW, discharge positive.
        soc_before, soc: ``(n, n_battery)`` MWh stored before and after the step.
        devices: What further devices do; None: there are none, or they rest.
    """

    pv_p: Floats
    pv_q: Floats
    battery_p: Floats
    soc_before: Floats
    soc: Floats
    devices: Deeds | None = None


@dataclass(slots=True, eq=False)
class Flow:
    """What the network answers; rows that did not converge are NaN.

    Attributes:
        voltage: ``(n, n_bus)`` complex p.u.
        vm: ``(n, n_bus)`` p.u.
        converged: ``(n,)`` bool.
        loss_mw: ``(n,)`` MW lost in the lines.
        import_mw: ``(n,)`` MW bought at the slacks, where it came out with the voltages; None: it follows from them.
    """

    voltage: NDArray[np.complex128]
    vm: Floats
    converged: NDArray[np.bool_]
    loss_mw: Floats
    import_mw: Floats | None = None


@dataclass(slots=True, eq=False)
class Record:
    """Everything that happened in a step.

    Attributes:
        inputs, dispatch, flow: The three above.
        p_inj, q_inj: ``(n, n_bus)`` MW, MVAr, net injections.
        vm: ``(n, n_bus)`` p.u. as judged: those of the flow, or of the step before where it did not converge.
        loss_mw, import_mw: ``(n,)`` MW, lost and bought, in the same way.
        violated: ``(n,)`` bool, a voltage left the limits of the termination part.
        terminated: ``(n,)`` bool, the episode ends by it.
        moved: ``(n,)`` bool, time goes on.
        last: ``(n,)`` bool, the horizon is reached with this step.
    """

    inputs: Inputs
    dispatch: Dispatch
    flow: Flow
    p_inj: Floats
    q_inj: Floats
    vm: Floats
    loss_mw: Floats
    import_mw: Floats
    violated: NDArray[np.bool_]
    terminated: NDArray[np.bool_]
    moved: NDArray[np.bool_]
    last: NDArray[np.bool_]


class Observation(Protocol):
    """What agents see."""

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """Columns by agent, and of the central state under ``"state"``."""
        ...

    @property
    def bounds(self) -> Mapping[str, tuple[Array, Array]]:
        """Float32 lowest and highest values, by the same names."""
        ...

    def bind(self, environment: Grid) -> None:
        """Learn who owns what."""
        ...

    def observe(self, state: State) -> tuple[Mapping[str, Array], Array]:
        """Return float32 observations by agent and the central state, fresh arrays."""
        ...


class Reward(Protocol):
    """What agents earn."""

    @property
    def shared(self) -> bool:
        """True where all agents earn one common reward."""
        ...

    def bind(self, environment: Grid) -> None:
        """Learn who owns what."""
        ...

    def rewards(self, state: State, record: Record) -> tuple[Mapping[str, Array], Mapping[str, Array]]:
        """Return float64 ``(n,)`` by agent, and the parts of their sum by the names of :data:`.metrics.REWARD_COLUMNS`."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Territory:
    """One agent's share of the network.

    Attributes:
        name: The agent.
        buses: ``(k,)`` bus columns.
        batteries, pvs: ``(b,)`` and ``(p,)`` columns of the assets, in table order.
        levers: Of further devices, numbers among all of them.
    """

    name: str
    buses: Integers
    batteries: Integers
    pvs: Integers
    levers: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


class Territories(Protocol):
    """Who looks after what."""

    def prepare(self, feeder: Feeder, fleet: Fleet) -> tuple[Territory, ...]:
        """Return the territory of every agent, in order."""
        ...


def part_problem(part: Any, protocol: type) -> str:
    """Return the names that ``part`` lacks of its protocol, joined by commas; empty where it has them all."""
    return ", ".join(name for name in vars(protocol) if not name.startswith("_") and not hasattr(type(part), name))
