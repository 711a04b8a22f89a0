"""What NeomFlex's agents see: the voltages of their buses less one, demand and sun of the NEXT row, the state of charge of their batteries, the clock.

The voltages are those of the row just solved. A row is "next" because time goes on before one looks; after a violation it does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wattloom.components.envs.grid.protocol import State
from wattloom.environment import Array, Column

if TYPE_CHECKING:
    from wattloom.components.envs.grid.environment import Grid


@dataclass
class NeomFlexObservation:
    """``[v_b - 1 for own b] + [demand, solar] + [soc_b / capacity for own b] + [step of the day / last step of the day]``."""

    def bind(self, environment: Grid) -> None:
        """Learn who owns what."""
        self._rows, self._fleet, feeder = environment.rows, environment.fleet, environment.feeder
        buses, batteries = feeder.n_bus, self._fleet.n_battery
        names = [Column(f"voltage_{bus}", "p.u.") for bus in feeder.model.bus_index] + [Column("demand", "1"), Column("solar", "1")]
        names += [Column(f"soc_{bus}", "1") for bus in self._fleet.battery_numbers] + [Column("clock", "1")]
        low = np.array([-1.0] * buses + [0.0, -1.0] + [0.0] * batteries + [0.0], dtype=np.float32)
        high = np.array([1.0] * buses + [3.0, 3.0] + [1.0] * batteries + [1.0], dtype=np.float32)
        self._entries = {}
        self._columns: dict[str, tuple[Column, ...]] = {"state": tuple(names)}
        self._bounds: dict[str, tuple[Array, Array]] = {"state": (low, high)}
        for own in environment.territories:
            entries = np.concatenate([own.buses, [buses, buses + 1], buses + 2 + own.batteries, [buses + 2 + batteries]]).astype(np.int64)
            self._entries[own.name] = entries
            self._columns[own.name] = tuple(names[k] for k in entries)
            self._bounds[own.name] = (low[entries], high[entries])

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """Columns by agent and of the central state."""
        return self._columns

    @property
    def bounds(self) -> Mapping[str, tuple[Array, Array]]:
        """Lowest and highest values by the same names."""
        return self._bounds

    def observe(self, state: State) -> tuple[Mapping[str, Array], Array]:
        """Return the observations and, as the central state, all entries there are."""
        rows, row, vm = self._rows, state["row"], state["vm"]
        buses = vm.shape[1]
        central = np.empty((len(row), buses + 3 + self._fleet.n_battery), dtype=np.float32)
        central[:, :buses] = vm - 1.0
        central[:, buses] = rows.demand.take(row)
        central[:, buses + 1] = rows.solar.take(row)
        central[:, buses + 2 : -1] = state["soc"] / self._fleet.capacity_mwh
        central[:, -1] = row % rows.per_day / (rows.per_day - 1)
        return {name: central.take(entries, axis=1) for name, entries in self._entries.items()}, central
