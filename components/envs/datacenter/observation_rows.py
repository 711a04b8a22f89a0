"""The rows of an observation: exogenous entries gathered from the year's table, own entries scaled, and every agent's selection of them.

Own entries: steps left, executed work; queue (8); inlet, supply, set-point, unmet cooling, chiller load, facility power, PUE; charge, grid power, feasible
charging and discharging.
"""

from __future__ import annotations

import numpy as np

from wattloom.components.physics.compiled import compiled
from wattloom.environment import Array

LIMIT = 5.0
OWN = 21


def keep_rows(
    shown: Array, utilisation: Array, supply: Array, setpoint: Array, part_load: Array, total_w: Array, it_w: Array, grid_kwh: Array
) -> None:
    """Write utilisation, supply, supply less set-point, chiller load, power W, PUE and grid energy kWh of a step into ``shown``, ``(num_envs, 7)``."""
    shown[:, 0] = utilisation
    shown[:, 1] = supply
    shown[:, 2] = supply - setpoint
    shown[:, 3] = part_load
    shown[:, 4] = total_w
    shown[:, 5] = total_w / np.maximum(it_w, 1.0)  # all servers may be off
    shown[:, 6] = grid_kwh


@compiled
def keep_loop(
    shown: Array, utilisation: Array, supply: Array, setpoint: Array, part_load: Array, total_w: Array, it_w: Array, grid_kwh: Array
) -> None:
    """Do what :func:`keep_rows` does, copy by copy."""
    for i in range(len(shown)):
        shown[i, 0], shown[i, 1], shown[i, 2], shown[i, 3] = utilisation[i], supply[i], supply[i] - setpoint[i], part_load[i]
        shown[i, 4], shown[i, 5], shown[i, 6] = total_w[i], total_w[i] / max(it_w[i], 1.0), grid_kwh[i]


def rows(
    year: Array,
    index: Array,
    left: Array,
    shown: Array,
    queue: Array,
    room: Array,
    setpoint: Array,
    charge: Array,
    can_charge: Array,
    can_discharge: Array,
    grid_power: float,
    offset: Array,
    scale: Array,
    first: Array,
    second: Array,
    third: Array,
) -> tuple[Array, Array, Array, Array]:
    """Return the central state and the agents' observations, float32.

    Args:
        year: Exogenous entries of every step, float32 ``(n, entries)``, own entries 0.
        index: Step of the year, int ``(num_envs,)``.
        left: Steps left of the episode, int ``(num_envs,)``.
        shown: What is kept of the last step, ``(num_envs, 7)``.
        queue: View of the queue, ``(num_envs, 8)``.
        room: Inlet, °C.
        setpoint: °C.
        charge: Charge within its window, 0..1.
        can_charge: Feasible share of full charging power.
        can_discharge: Feasible share of full discharging power.
        grid_power: W per kWh of a step.
        offset: Subtracted from own entries, ``(21,)``.
        scale: Then multiplied, ``(21,)``.
        first: Entries that the first agent sees, int.
        second: Those of the second.
        third: Those of the third.
    """
    own = np.empty((len(index), OWN))
    own[:, 0], own[:, 1] = left, shown[:, 0]
    own[:, 2:10] = queue
    own[:, 10], own[:, 11], own[:, 12] = room, shown[:, 1], setpoint
    own[:, 13:17] = shown[:, 2:6]
    np.maximum(own[:, 13], 0.0, out=own[:, 13])
    own[:, 17], own[:, 18], own[:, 19], own[:, 20] = charge, shown[:, 6] * grid_power, can_charge, can_discharge
    own -= offset
    own *= scale
    np.minimum(np.maximum(own, -LIMIT, out=own), LIMIT, out=own)
    central = year.take(index, axis=0)
    central[:, -OWN:] = own
    return central, central.take(first, axis=1), central.take(second, axis=1), central.take(third, axis=1)


@compiled
def rows_loop(
    year: Array,
    index: Array,
    left: Array,
    shown: Array,
    queue: Array,
    room: Array,
    setpoint: Array,
    charge: Array,
    can_charge: Array,
    can_discharge: Array,
    grid_power: float,
    offset: Array,
    scale: Array,
    first: Array,
    second: Array,
    third: Array,
) -> tuple[Array, Array, Array, Array]:
    """Do what :func:`rows` does, copy by copy."""
    n, entries = len(index), year.shape[1]
    central = np.empty((n, entries), dtype=np.float32)
    one = np.empty((n, len(first)), dtype=np.float32)
    two = np.empty((n, len(second)), dtype=np.float32)
    three = np.empty((n, len(third)), dtype=np.float32)
    own = np.empty(OWN)
    for i in range(n):
        own[0], own[1] = left[i], shown[i, 0]
        own[2:10] = queue[i]
        own[10], own[11], own[12] = room[i], shown[i, 1], setpoint[i]
        own[13], own[14], own[15], own[16] = max(shown[i, 2], 0.0), shown[i, 3], shown[i, 4], shown[i, 5]
        own[17], own[18], own[19], own[20] = charge[i], shown[i, 6] * grid_power, can_charge[i], can_discharge[i]
        for k in range(entries - OWN):
            central[i, k] = year[index[i], k]
        for k in range(OWN):
            central[i, entries - OWN + k] = min(max((own[k] - offset[k]) * scale[k], -LIMIT), LIMIT)
        for k in range(len(first)):
            one[i, k] = central[i, first[k]]
        for k in range(len(second)):
            two[i, k] = central[i, second[k]]
        for k in range(len(third)):
            three[i, k] = central[i, third[k]]
    return central, one, two, three
