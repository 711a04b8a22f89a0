"""SustainDC's room: a set-point that moves by steps, and no thermal mass.

Holding "warmer" accelerates (+1, +1, +1, +2, +3 ... K a step), holding "colder" never does. The set-point is the supply temperature at once.
Heat to remove is q = 1.225 * 5.663e-5 * P_IT * 1006 * max(0, T_return - S), with air flow proportional to IT power: energy is not balanced.
"""

from __future__ import annotations

import numpy as np

from wattloom.components.envs.datacenter.protocol import ActionKind, Air, Control, ItLoad, ItPower, Site, State, Weather, three_way
from wattloom.components.envs.datacenter.sustaindc.racks import C_AIR, RHO_AIR
from wattloom.components.physics.compiled import compiled, law, quickest
from wattloom.environment import Array, Column
from wattloom.errors import ConfigError

SUPPLY_M3S_PER_W = 0.00005663
FAN_W = 150.0 * (0.00005663 / 0.00009438) ** 3  # reported, never charged
SETPOINT_C = (15.0, 21.6)


def return_temperature(it: ItPower, supply: Array) -> Array:
    """Return the mean temperature of the air that comes back, °C."""
    if "return_c" in it.extra:
        return it.extra["return_c"]
    warmed: Array = supply + (it.power_w - it.liquid_w) / it.heat_rate
    return warmed


@law
def move(action: Array, setpoint: Array, delta: Array, count: Array, scale: Array) -> tuple[Array, Array, Array, Array]:
    """Return set-point °C, its last direction, steps held and K a step, moved by ``action``: 0 colder, 1 hold, 2 warmer."""
    held = (action - 1 == delta) & (action != 0)
    count = held * count + 1.0
    scale = held * (scale - 1.0) + 1.0 + (count > 3)
    return np.minimum(np.maximum(setpoint + (action - 1) * scale, SETPOINT_C[0]), SETPOINT_C[1]), action - 1, count, scale


@compiled
def move_loop(action: Array, setpoint: Array, delta: Array, count: Array, scale: Array) -> tuple[Array, Array, Array, Array]:
    """Do what :func:`move` does, copy by copy."""
    moved, direction = (np.empty(len(action)), np.empty(len(action), np.int64))
    steps, width = (np.empty(len(action)), np.empty(len(action)))
    for i in range(len(action)):
        moved[i], direction[i], steps[i], width[i] = move(action[i], setpoint[i], delta[i], count[i], scale[i])
    return moved, direction, steps, width


class SustainDcHall:
    """The original's set-point logic and air flow.

    Args:
        setpoint_c: °C, set-point of a fresh copy.
        carry_over: The set-point survives ``reset`` unless the copy is seeded anew, as in the original.
    """

    def __init__(self, setpoint_c: float = 18.0, carry_over: bool = True) -> None:
        if not SETPOINT_C[0] <= setpoint_c <= SETPOINT_C[1]:
            raise ConfigError(f"hall.setpoint_c={setpoint_c}: give {SETPOINT_C[0]} .. {SETPOINT_C[1]} °C")
        self.setpoint_c, self.carry_over = setpoint_c, carry_over

    def bind(self, site: Site, it_load: ItLoad) -> None:
        """Need nothing: air flow follows IT power."""

    def control(self, kind: ActionKind) -> Control:
        """Return the three choices of the original."""
        if kind != "discrete":
            raise ConfigError("hall=sustaindc knows discrete actions only: set env.actions=discrete")
        return three_way(Column("setpoint_change", "1"), ("colder", "hold", "warmer"))

    def initial(self, num_envs: int) -> State:
        """Return the set-point and its counters."""
        return {
            "setpoint": np.full(num_envs, self.setpoint_c),  # °C
            "setpoint_delta": np.full(num_envs, 9, dtype=np.int64),  # 9: no step yet
            "setpoint_count": np.zeros(num_envs),
            "setpoint_scale": np.ones(num_envs),
            "room": np.full(num_envs, self.setpoint_c),  # °C
        }

    def begin(self, state: State, copies: Array, fresh: Array) -> None:
        """Reset the counters; the set-point only where nothing is carried over."""
        anew = copies[fresh] if self.carry_over else copies
        state["setpoint"][anew] = self.setpoint_c
        state["setpoint_delta"][copies] = 9
        state["setpoint_count"][copies] = 0.0
        state["setpoint_scale"][copies] = 1.0

    def actuate(self, state: State, action: Array) -> Array:
        """Move the set-point by -1, 0 or +1 K times the acceleration."""
        names = ("setpoint", "setpoint_delta", "setpoint_count", "setpoint_scale")
        moved = quickest(move, move_loop)(action, *(state[name] for name in names))
        setpoint: Array = moved[0]
        state.update(zip(names, moved, strict=True), room=setpoint)
        return setpoint

    def inlet(self, state: State) -> Array:
        """Return the set-point: the room follows at once."""
        return state["setpoint"]

    def air(self, state: State, setpoint: Array, it: ItPower, weather: Weather) -> Air:
        """Return q as a line of the supply temperature (0 where the return air is colder than the set-point)."""
        returned = return_temperature(it, setpoint)
        flow = np.where(returned > setpoint, RHO_AIR * SUPPLY_M3S_PER_W * it.power_w * C_AIR, 0.0)
        zero = np.zeros(len(flow))
        return Air(flow * returned, flow, flow, zero, zero, setpoint, (returned,))

    def settle(self, state: State, air: Air, supply: Array) -> Array:
        """Return the set-point: there is no thermal mass."""
        state["room"] = supply
        return state["setpoint"]
