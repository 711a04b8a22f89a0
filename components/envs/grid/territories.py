"""Who looks after which buses: given zones, those of the network, or a partition along the wires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wattloom.components.envs.grid.assets import Fleet
from wattloom.components.envs.grid.layout import distances, spread_apart
from wattloom.components.envs.grid.network import Feeder
from wattloom.components.envs.grid.protocol import Territory
from wattloom.errors import ConfigError

COUNT = 3  # zones where nobody says


@dataclass
class Zones:
    """One agent a zone.

    Attributes:
        zones: Buses of each agent, in the order they are observed; None: ``count`` zones along the wires.
        count: Number of zones; each grows around assets that lie far apart. None: the zones that the network names, or else 3.

    Raises:
        ConfigError: Zones and a number of them.
    """

    zones: Mapping[str, Sequence[int]] | None = None
    count: int | None = None

    def __post_init__(self) -> None:
        if self.zones is not None and self.count is not None:
            raise ConfigError(f"territories.count={self.count} has no effect beside territories.zones: set one of them to null")

    def prepare(self, feeder: Feeder, fleet: Fleet) -> tuple[Territory, ...]:
        """Return the territories of a network and its assets.

        Raises:
            ConfigError: An unknown bus, a bus in two zones, an asset in none, or an agent without an asset.
        """
        given = feeder.zones if self.zones is None and self.count is None else self.zones
        count = COUNT if self.count is None else self.count
        zones = partition(feeder, fleet, count) if given is None else {str(name): list(buses) for name, buses in given.items()}
        _check(zones)
        columns = {name: feeder.model.bus_positions(buses) for name, buses in zones.items()}
        owned = np.concatenate(list(columns.values()))
        for kind, numbers, buses in (("inverter", fleet.pv_numbers, fleet.pv_bus), ("battery", fleet.battery_numbers, fleet.battery_bus)):
            for number, bus in zip(numbers, buses, strict=True):
                if bus not in owned:
                    raise ConfigError(f"territories.zones: bus {number} has a {kind} and belongs to no agent; add it to one")
        return tuple(_territory(name, own, fleet) for name, own in columns.items())


def _territory(name: str, own: np.ndarray[tuple[int], np.dtype[np.int64]], fleet: Fleet) -> Territory:
    batteries, pvs = np.flatnonzero(np.isin(fleet.battery_bus, own)), np.flatnonzero(np.isin(fleet.pv_bus, own))
    if not len(batteries) + len(pvs) and not np.isin(fleet.device_bus, own).any():
        raise ConfigError(f"territories.zones: agent '{name}' has neither an inverter nor a battery, nor another device, so it cannot act")
    return Territory(name, own, batteries, pvs)


def _check(zones: Mapping[str, Sequence[int]]) -> None:
    """Refuse no zone, an empty one, and buses named twice."""
    if not zones or not all(zones.values()):
        raise ConfigError("territories.zones: name at least one agent, and at least one bus for each")
    seen: dict[int, str] = {}
    for name, buses in zones.items():
        for bus in buses:
            if bus in seen:
                raise ConfigError(f"territories.zones: bus {bus} belongs to '{seen[bus]}' and to '{name}'; territories must not overlap")
            seen[bus] = name


def partition(feeder: Feeder, fleet: Fleet, count: int) -> dict[str, list[int]]:
    """Split a network into ``count`` connected zones: every bus joins the nearest of as many asset buses that lie far apart.

    Raises:
        ConfigError: More zones than buses with assets.
    """
    with_asset = [*fleet.pv_bus.tolist(), *fleet.battery_bus.tolist()]
    if not 1 <= count <= len(set(with_asset)):
        raise ConfigError(f"territories.count={count}: give 1 .. {len(set(with_asset))}, one agent for each bus with an asset at most")
    owner = distances(feeder, spread_apart(feeder, with_asset, count))[1]
    return {f"agent_{k + 1}": feeder.model.bus_index[np.flatnonzero(owner == k)].tolist() for k in range(count)}
