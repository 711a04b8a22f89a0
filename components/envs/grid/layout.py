"""Distances along the wires, and what follows: where assets are spread, how a network is split, where a picture puts its buses."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import numpy as np

from wattloom.components.envs.grid.network import Feeder
from wattloom.components.envs.grid.protocol import Floats, Integers
from wattloom.errors import ConfigError


def neighbours(feeder: Feeder) -> list[list[tuple[int, float]]]:
    """Return for every bus column its neighbours and the impedance between, p.u."""
    joined: list[list[tuple[int, float]]] = [[] for _ in range(feeder.n_bus)]
    for start, end, length in zip(*(part.tolist() for part in feeder.graph()), strict=True):
        joined[start].append((end, length))
        joined[end].append((start, length))
    return joined


def distances(feeder: Feeder, sources: Iterable[int]) -> tuple[Floats, Integers]:
    """Return the electrical distance of every bus to the nearest source (Dijkstra), p.u., and which source that is; inf and -1 out of reach.

    Equal distances go to the source named first.
    """
    joined, origins = neighbours(feeder), list(sources)
    best, owner = np.full(feeder.n_bus, np.inf), np.full(feeder.n_bus, -1, dtype=np.int64)
    queue = [(0.0, number, bus) for number, bus in enumerate(origins)]
    while queue:
        distance, number, bus = heapq.heappop(queue)
        if owner[bus] >= 0:
            continue
        best[bus], owner[bus] = distance, number
        for neighbour, length in joined[bus]:
            if owner[neighbour] < 0:
                heapq.heappush(queue, (distance + length, number, neighbour))
    return best, owner


def spread_buses(feeder: Feeder, count: int, key: str) -> tuple[int, ...]:
    """Choose ``count`` load buses far from the substation and from one another, as pandapower numbers.

    Batteries begin at the largest load, everything else at the far end of the network; each next one is the load bus farthest from those chosen.

    Raises:
        ConfigError: More assets than load buses.
    """
    candidates = np.intersect1d(np.flatnonzero(feeder.load_p > 0), np.setdiff1d(feeder.live, feeder.slack))
    if not 0 <= count <= len(candidates):
        raise ConfigError(f"{key}count={count}: network '{feeder.model.name}' has {len(candidates)} load buses")
    chosen = [int(candidates[np.argmax(feeder.load_p[candidates])])] if key == "assets.battery_" and count else []
    while len(chosen) < count:
        distance = distances(feeder, [*feeder.slack.tolist(), *chosen])[0][candidates]
        chosen.append(int(candidates[np.argmax(np.where(np.isfinite(distance), distance, -1.0))]))
    return tuple(int(feeder.model.bus_index[bus]) for bus in chosen)


def spread_apart(feeder: Feeder, buses: Iterable[int], count: int) -> list[int]:
    """Return ``count`` of the bus columns that lie far from one another, the one farthest from the substation first."""
    left = list(dict.fromkeys(buses))
    chosen: list[int] = []
    while len(chosen) < count:
        distance = distances(feeder, chosen or feeder.slack.tolist())[0]
        chosen.append(max((bus for bus in left if bus not in chosen), key=lambda bus: float(distance[bus])))
    return chosen
