"""A photovoltaic inverter: the sun decides its active power, the agent its reactive power within the rest of the circle.

    p = rating * solar          Q_max = sqrt(S^2 - p^2)          q = a Q_max,  -1 <= a <= 1

An inverter of rating S can turn the phase of its current freely (IEEE 1547-2018, 5.2), so at night all of S is reactive power.
"""

from __future__ import annotations

import numpy as np

from wattloom.components.envs.grid.protocol import Floats


def reactive_limit(p_mw: Floats, rating_mva: Floats) -> Floats:
    """Return Q_max in MVAr; 0 where the active power fills the rating."""
    limit: Floats = np.sqrt(np.maximum(rating_mva * rating_mva - p_mw * p_mw, 0.0))
    return limit
