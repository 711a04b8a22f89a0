"""A site at rest: what it draws where the set-point stays as episodes begin and the room has settled.

It depends on weather and on the work that runs alone, so a reward that is counted from it keeps what an agent's own choices change and loses most of its
variance.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from wattloom.components.envs.datacenter.protocol import Site
from wattloom.environment import Array

SETTLED_H, REPEATS = 50.0, 4
"""A step so long that the room settles, repeated because servers answer to the inlet at its start."""


def rest(environment: Any, steps: Array, utilisation: Array | float | None = None) -> tuple[Array, Array, Array]:
    """Return facility power W, server power at a 20 °C inlet W and water L, ``(n,)`` each.

    Args:
        environment: The site.
        steps: Rows of the year, ``(n,)``.
        utilisation: Work that runs, ``(n,)`` or one number; None: the demand, as it arrives.
    """
    site, hall = environment.site, copy.copy(environment.hall)
    hall.bind(Site(site.nameplate_w, 3600.0 * SETTLED_H, site.horizon, site.dynamic_w), environment.it_load)
    x = environment.episode.inputs({"episode_start": steps}, np.zeros_like(steps))
    work = x.demand if utilisation is None else np.broadcast_to(utilisation, len(steps))
    state = hall.initial(len(steps))
    setpoint = state["setpoint"].copy()
    for _ in range(REPEATS):
        it = environment.it_load.power(hall.inlet(state), work)
        air = hall.air(state, setpoint, it, x.weather)
        plant = environment.cooling.cool(air, it, x.weather, x.plant)
        hall.settle(state, air, plant.supply)
    cooling = air.fan_w + plant.chiller_w + plant.chilled_pump_w + plant.condenser_pump_w + plant.tower_w + plant.liquid_loop_w
    loss = environment.losses.power(it.power_w, site.nameplate_w) if environment.losses is not None else 0.0
    return it.power_w + cooling + loss, it.reference_w + np.zeros(len(steps)), plant.water_l + np.zeros(len(steps))
