"""A map of the network in colours of voltage, drawn with NumPy alone: wires, buses, batteries with their charge, inverters with their power.

Buses lie on a tree, to the right with the number of branches from the substation, branches one below the other: coordinates in network files are often
made up and cross one another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wattloom.components.envs.grid.layout import neighbours
from wattloom.components.envs.grid.network import Feeder
from wattloom.components.envs.grid.protocol import Floats

WIDTH, HEIGHT, MARGIN = 640, 400, 34  # pixels
PAPER, WIRE, INK, BATTERY, SUN = (250, 250, 248), (172, 176, 184), (40, 44, 52), (74, 144, 86), (242, 190, 44)
# Voltage in p.u. and its colour: blue is low, red is high.
SCALE = ((0.90, (33, 60, 140)), (0.95, (70, 140, 210)), (1.0, (226, 230, 232)), (1.05, (230, 130, 80)), (1.10, (160, 30, 40)))

Picture = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Map:
    """What every picture of one network shares.

    Attributes:
        places: ``(n_bus, 2)`` pixels, x and y.
        paper: ``(HEIGHT, WIDTH, 3)`` background and wires.
    """

    places: Floats
    paper: Picture

    @classmethod
    def of(cls, feeder: Feeder) -> Map:
        """Place the buses and draw the wires."""
        places = to_pixels(coordinates(feeder))
        paper = np.broadcast_to(np.array(PAPER, dtype=np.float64), (HEIGHT, WIDTH, 3)).copy()
        for start, end in zip(*(part.tolist() for part in feeder.graph()[:2]), strict=True):
            stroke(paper, places[start], places[end], 1.4, WIRE)
        _legend(paper)
        return cls(places, paper)

    def draw(
        self, vm: Floats, alive: NDArray[np.int64], band: tuple[float, float], soc: dict[int, float], sun: dict[int, float]
    ) -> NDArray[np.uint8]:
        """Draw one state.

        Args:
            vm: ``(n_bus,)`` p.u.
            alive: Bus columns with supply.
            band: p.u.; buses outside get a dark rim.
            soc: Bus column to state of charge, 0 .. 1.
            sun: Bus column to power over rating.

        Returns:
            uint8 ``(HEIGHT, WIDTH, 3)``.
        """
        picture = self.paper.copy()
        for bus, power in sun.items():
            stroke(picture, self.places[bus], self.places[bus], 8.0 + 6.0 * float(np.clip(power, 0, 1)), SUN)
        for bus in alive.tolist():
            place, outside = self.places[bus], not band[0] <= vm[bus] <= band[1]
            stroke(picture, place, place, 7.5 if outside else 6.0, INK)
            stroke(picture, place, place, 5.0, colour_of(float(vm[bus])))
        for bus, charge in soc.items():
            foot = self.places[bus] + (11.0, 7.0)
            stroke(picture, foot, foot - (0.0, 15.0), 4.0, INK)
            stroke(picture, foot, foot - (0.0, 15.0), 2.8, PAPER)
            stroke(picture, foot, foot - (0.0, 15.0 * float(np.clip(charge, 0, 1))), 2.8, BATTERY)
        return np.rint(picture).astype(np.uint8)


def coordinates(feeder: Feeder) -> Floats:
    """Return ``(n_bus, 2)`` places of any scale: x by depth, y by the order in which a walk from the substation meets the ends of branches."""
    joined, places = neighbours(feeder), np.zeros((feeder.n_bus, 2))
    seen, order = set(feeder.slack.tolist()), []
    parent: dict[int, int] = {}
    stack = [(int(bus), 0) for bus in feeder.slack[::-1]]
    while stack:
        bus, depth = stack.pop()
        order.append(bus)
        places[bus, 0] = depth
        following = [other for other, _ in joined[bus] if other not in seen]
        seen.update(following)
        parent.update(dict.fromkeys(following, bus))
        stack += [(other, depth + 1) for other in following]
    children: dict[int, list[int]] = {}
    for child, above in parent.items():
        children.setdefault(above, []).append(child)
    leaves = 0
    for bus in order[::-1]:
        if bus in children:
            places[bus, 1] = np.mean([places[child, 1] for child in children[bus]])
        else:
            leaves += 1
            places[bus, 1] = leaves
    return places


def to_pixels(places: Floats) -> Floats:
    """Stretch places over the picture, y downwards."""
    low, span = places.min(axis=0), np.maximum(np.ptp(places, axis=0), 1e-9)
    share = (places - low) / span
    share[:, 1] = 1.0 - share[:, 1]
    pixels: Floats = MARGIN + share * (np.array([WIDTH, HEIGHT - 24]) - 2 * MARGIN)
    return pixels


def colour_of(vm: float) -> tuple[float, float, float]:
    """Return the colour of a voltage by linear interpolation of :data:`SCALE`."""
    levels, colours = [level for level, _ in SCALE], np.array([colour for _, colour in SCALE], dtype=np.float64)
    red, green, blue = (float(np.interp(vm, levels, colours[:, k])) for k in range(3))
    return red, green, blue


def stroke(picture: Picture, start: Floats, end: Floats, radius: float, colour: tuple[float, float, float]) -> None:
    """Paint everything closer than ``radius`` pixels to the line from ``start`` to ``end``, its edge softened over a pixel; equal ends give a disc."""
    low = np.maximum(np.floor(np.minimum(start, end) - radius - 1), 0).astype(int)
    high = np.minimum(np.ceil(np.maximum(start, end) + radius + 2), (WIDTH, HEIGHT)).astype(int)
    x, y = np.arange(low[0], high[0])[None, :] + 0.5, np.arange(low[1], high[1])[:, None] + 0.5
    (dx, dy), length = end - start, float(np.sum((end - start) ** 2))
    along = np.clip(((x - start[0]) * dx + (y - start[1]) * dy) / length, 0.0, 1.0) if length else 0.0
    cover = np.clip(radius + 0.5 - np.hypot(x - start[0] - along * dx, y - start[1] - along * dy), 0.0, 1.0)[:, :, None]
    window = picture[low[1] : high[1], low[0] : high[0]]
    window += cover * (np.array(colour, dtype=np.float64) - window)


def _legend(paper: Picture) -> None:
    """Draw the colour scale along the bottom, 0.90 to 1.10 p.u."""
    left, right, top = MARGIN, MARGIN + 200, HEIGHT - 18
    for column in range(left, right):
        paper[top : top + 9, column] = colour_of(0.90 + 0.20 * (column - left) / (right - left))
    for level in (0.95, 1.0, 1.05):
        column = left + round((level - 0.90) / 0.20 * (right - left))
        paper[top - 3 : top + 12, column] = INK
