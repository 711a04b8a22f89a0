"""A picture of the pendulum from distances alone: every shape is the set of pixels near a line, its edge softened over one pixel.

Needs NumPy only, so that films can be made where there is no display and no game library.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from wattloom.environment import Array

SIZE = 256  # pixels
WORLD = 2.8  # rod lengths across the picture
PAPER, TRACK, ROD, PIVOT = (250, 250, 248), (226, 228, 232), (196, 70, 58), (40, 44, 52)
LEFT_TURN, RIGHT_TURN = (38, 110, 182), (226, 142, 32)  # torque that raises theta (counter-clockwise), torque that lowers it


def draw_pendulum(theta: float, torque: float) -> Array:
    """Draw one pendulum.

    Args:
        theta: Angle from upright, rad, counter-clockwise.
        torque: Torque as a share of the largest, in [-1, 1]; drawn as an arrow around the pivot, three quarters of a turn at full torque.

    Returns:
        uint8 ``(256, 256, 3)``.
    """
    x, y, radius, background = _canvas()
    picture = background.copy()
    tip = (-math.sin(theta), math.cos(theta))
    _paint(picture, _segment(x, y, (0.0, 0.0), tip), 0.085, ROD)
    _paint(picture, radius, 0.045, PIVOT)
    if abs(torque) > 0.01:
        _paint_torque(picture, x, y, min(max(torque, -1.0), 1.0))
    return np.rint(picture).astype(np.uint8)


@functools.cache
def _canvas() -> tuple[Array, Array, Array, Array]:
    """Return what every picture shares: pixel coordinates x, y and radius in rod lengths, and the background."""
    axis = (np.arange(SIZE) + 0.5) / SIZE * WORLD - WORLD / 2
    x, y = np.meshgrid(axis, -axis)
    radius = np.hypot(x, y)
    picture = np.broadcast_to(np.array(PAPER, dtype=np.float64), (SIZE, SIZE, 3)).copy()
    _paint(picture, np.abs(radius - 1.0), 0.012, TRACK)
    _paint(picture, _segment(x, y, (0.0, 0.94), (0.0, 1.06)), 0.014, PIVOT)  # the goal: upright
    return x, y, radius, picture


def _paint_torque(picture: Array, x: Array, y: Array, torque: float) -> None:
    """Draw the arrow of the torque: an arc around the pivot from upright onwards, its head pointing the way it turns."""
    radius, sweep = 0.34, torque * 1.5 * math.pi
    turn = np.mod(np.arctan2(-x, y) * np.sign(torque), 2 * math.pi)  # angle from upright in the direction of the torque
    arc = np.where(turn <= abs(sweep), np.abs(np.hypot(x, y) - radius), np.inf)
    end = (-radius * math.sin(sweep), radius * math.cos(sweep))
    colour = LEFT_TURN if torque > 0 else RIGHT_TURN
    _paint(picture, arc, 0.022, colour)
    ahead = sweep + math.copysign(math.pi / 2, torque)  # direction of travel at the end of the arc
    for side in (-2.5, 2.5):
        barb = (end[0] - 0.12 * math.sin(ahead + side), end[1] + 0.12 * math.cos(ahead + side))
        _paint(picture, _segment(x, y, end, barb), 0.022, colour)


def _segment(x: Array, y: Array, start: tuple[float, float], stop: tuple[float, float]) -> Array:
    """Return the distance of each pixel to the line from ``start`` to ``stop``, in rod lengths."""
    dx, dy = stop[0] - start[0], stop[1] - start[1]
    along = np.clip(((x - start[0]) * dx + (y - start[1]) * dy) / (dx * dx + dy * dy), 0.0, 1.0)
    distance: Array = np.hypot(x - start[0] - along * dx, y - start[1] - along * dy)
    return distance


def _paint(picture: Array, distance: Array, half_width: float, colour: tuple[int, int, int]) -> None:
    """Blend ``colour`` over the pixels closer than ``half_width`` rod lengths."""
    cover = (half_width - distance) * (SIZE / WORLD) + 0.5
    near = cover > 0.0
    picture[near] += np.minimum(cover[near], 1.0)[:, None] * (np.array(colour, dtype=np.float64) - picture[near])
