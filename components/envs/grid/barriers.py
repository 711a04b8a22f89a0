"""How bad a voltage is: the barrier functions b(v) of MAPDN's five rewards, for a band 0.95 .. 1.05 around 1 p.u.

J. Wang et al., "Multi-agent reinforcement learning for active voltage control on power distribution networks", NeurIPS 2021, section 4.1 and
appendix; the constants are those of its environment. All are 0 or about 0 in the middle; what they do at the edge is what tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from wattloom.components.envs.grid.protocol import Floats

HALF_BAND = 0.05  # p.u.


def l1(v: Floats) -> Floats:
    """|v - 1|."""
    return np.abs(v - 1.0)


def l2(v: Floats) -> Floats:
    """2 (v - 1)^2."""
    return 2.0 * np.square(v - 1.0)


def bowl(v: Floats) -> Floats:
    """0.04 - 0.01 N(v; 1, 0.1) within the band, 2 |v - 1| - 0.095 outside it: flat inside, steep outside."""
    off = np.abs(v - 1.0)
    density = np.exp(-0.5 * np.square(off / 0.1)) / (0.1 * np.sqrt(2.0 * np.pi))
    return np.where(off > HALF_BAND, 2.0 * off - 0.095, 0.04 - 0.01 * density)


def courant_beltrami(v: Floats) -> Floats:
    """max(0, v - 1.05)^2 + max(0, 0.95 - v)^2."""
    return np.square(np.maximum(np.abs(v - 1.0) - HALF_BAND, 0.0))


def bump(v: Floats) -> Floats:
    """exp(-1 / (1 - (1 - |v - 1|)^4)) within 0 .. 2: flatter than any power at 1 p.u., where it is 0."""
    inside = np.maximum(1.0 - np.abs(v - 1.0), 0.0)
    with np.errstate(divide="ignore"):  # at exactly 1 p.u. the exponent is -inf, and the value its limit, 0
        return np.where(inside > 0.0, np.exp(-1.0 / (1.0 - inside**4)), 0.0)


BARRIERS: dict[str, Callable[[Floats], Floats]] = {"l1": l1, "l2": l2, "bowl": bowl, "courant_beltrami": courant_beltrami, "bump": bump}
