"""MAPDN's task: one agent an inverter, which sees its whole zone (J. Wang et al., NeurIPS 2021).

Agents of one zone see the same buses, so territories overlap here; the reward is one for all. An observation holds, in this order, active and reactive
load (MW, MVAr) of the zone's buses, active power in the NEXT row and reactive power of the agent's own inverter, then voltages (p.u.) and angles (rad)
of the zone, and zeros up to the length of the longest. The central state holds the same for all buses and inverters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wattloom.components.envs.grid.assets import Fleet
from wattloom.components.envs.grid.network import Feeder
from wattloom.components.envs.grid.protocol import State, Territory
from wattloom.environment import Array, Column
from wattloom.errors import ConfigError

if TYPE_CHECKING:
    from wattloom.components.envs.grid.environment import Grid

MOST_MW = 100.0  # bound of powers in the declared spaces


@dataclass
class Inverters:
    """One agent an inverter, named ``agent_0`` ...; it sees the zone in which it lies.

    Attributes:
        zones: Buses of each zone; None: those of the network.
    """

    zones: Mapping[str, Sequence[int]] | None = None

    def prepare(self, feeder: Feeder, fleet: Fleet) -> tuple[Territory, ...]:
        """Return one territory an inverter.

        Raises:
            ConfigError: No zones, a battery, or an inverter outside every zone.
        """
        zones = self.zones if self.zones is not None else feeder.zones
        if zones is None:
            raise ConfigError("territories.zones: network names none either; give the buses of each zone")
        if fleet.n_battery:
            raise ConfigError("territories=inverters leaves batteries to nobody; set assets.battery_buses=[]")
        columns = [feeder.model.bus_positions(list(buses)) for buses in zones.values()]
        none = np.zeros(0, dtype=np.int64)
        territories = []
        for k, (bus, number) in enumerate(zip(fleet.pv_bus, fleet.pv_numbers, strict=True)):
            own = [buses for buses in columns if bus in buses]
            if not own:
                raise ConfigError(f"territories.zones: the inverter at bus {number} lies in no zone")
            territories.append(Territory(f"agent_{k}", own[0], none, np.array([k])))
        return tuple(territories)


@dataclass
class ZoneObservation:
    """Loads, own inverter, voltages and angles of the zone, padded with zeros; see the module's text."""

    def bind(self, environment: Grid) -> None:
        """Learn who sees what."""
        self._rows, self._fleet = environment.rows, environment.fleet
        n, pvs = environment.feeder.n_bus, self._fleet.n_pv
        buses, inverters = environment.feeder.model.bus_index, self._fleet.pv_numbers
        parts = [("load_p", "MW", buses), ("load_q", "MVAr", buses), ("pv_p", "MW", inverters), ("pv_q", "MVAr", inverters)]
        names = [Column(f"{name}_{bus}", unit) for name, unit, where in parts for bus in where]
        for name, unit in (("vm", "p.u."), ("angle", "rad")):  # the voltage itself, where others show its deviation
            names += [Column(f"{name}_{bus}", unit) for bus in buses]
        names.append(Column("zero", "1"))
        high = np.concatenate([np.full(2 * n + 2 * pvs, MOST_MW), np.full(n, 2.0), np.full(n, np.pi), [0.0]]).astype(np.float32)
        self._entries: dict[str, Array] = {}
        longest = max(4 * len(own.buses) + 2 * len(own.pvs) for own in environment.territories)
        after = 2 * n + 2 * pvs
        for own in environment.territories:
            own_pvs = [2 * n + own.pvs, 2 * n + pvs + own.pvs]  # one in MAPDN's task; with other territories as many as the agent has
            seen = np.concatenate([own.buses, n + own.buses, *own_pvs, after + own.buses, after + n + own.buses])
            self._entries[own.name] = np.pad(seen, (0, longest - len(seen)), constant_values=len(names) - 1).astype(np.int64)
        self._columns = {name: _distinct([names[k] for k in entries]) for name, entries in self._entries.items()} | {
            "state": tuple(names[:-1])
        }
        self._bounds = {name: (-high[entries], high[entries]) for name, entries in self._entries.items()} | {
            "state": (-high[:-1], high[:-1])
        }

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """Columns by agent and of the central state."""
        return self._columns

    @property
    def bounds(self) -> Mapping[str, tuple[Array, Array]]:
        """Lowest and highest values by the same names."""
        return self._bounds

    def observe(self, state: State) -> tuple[Mapping[str, Array], Array]:
        """Return the observations and the central state."""
        solved = self._rows.inputs(state["solved"])
        coming = self._fleet.pv_mw * self._rows.inputs(state["row"]).solar
        angle = np.nan_to_num(np.arctan2(state["voltage"].imag, state["voltage"].real))
        zero = np.zeros((len(coming), 1))
        parts = [solved.load_p, solved.load_q, coming, state["pv_q"], state["vm"], angle, zero]
        everything = np.concatenate(parts, axis=1).astype(np.float32)
        return {name: everything.take(entries, axis=1) for name, entries in self._entries.items()}, everything[:, :-1].copy()


def _distinct(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Number the zeros of the padding, so that no two columns have one name."""
    return tuple(Column(f"{column.name}_{k}", column.unit) if column.name == "zero" else column for k, column in enumerate(columns))
