"""The hall: contained air flow, room air handlers, and the server inlet temperature as one state with an exact update.

Handlers move G_c [W/K], servers G_it. A share b0 of the handlers' air returns unused and a share r0 of the servers' air comes from their own exhaust,
at least; m = min((1 - b0) G_c, (1 - r0) G_it) is what cools, so b = 1 - m/G_c, r = 1 - m/G_it and mass balances exactly. With the heat P_air,

    M dT_c/dt = m (T_s - T_c) + r P_air + UA (T_o - T_c)

has, for inputs held over a step, the exact solution used here: T_inf = (m T_s + S)/d, S = r P_air + UA T_o, d = m + UA. The heat to remove is a line
of the supply temperature, Q(T_s) = A0 - A1 T_s. Handler fans follow the cube law; all their power heats the supply air.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from wattloom.components.envs.datacenter.protocol import (
    ActionKind,
    Air,
    Control,
    ItLoad,
    ItPower,
    Site,
    State,
    Weather,
    three_way,
    unit_interval,
)
from wattloom.components.envs.datacenter.servers import C_AIR, RHO_AIR
from wattloom.components.physics.compiled import compiled, constants, law, quickest
from wattloom.environment import Array, Column
from wattloom.errors import ConfigError


class HallConstants(NamedTuple):
    """Constants of the two laws below.

    Attributes:
        useful_air: 1 - b0, share of the handlers' air that reaches the servers, at most.
        fresh_intake: 1 - r0, share of the servers' intake that comes from the handlers, at most.
        flow_low: W/K, least flow of the handlers.
        flow_high: W/K, most flow of the handlers.
        design: W/K, design flow of the handlers.
        fan_w: W, handlers' fans at design flow.
        ua: W/K, through the walls.
        s_per_mass: K/W, step over thermal mass.
    """

    useful_air: float
    fresh_intake: float
    flow_low: float
    flow_high: float
    design: float
    fan_w: float
    ua: float
    s_per_mass: float


@law
def air_side(p: HallConstants, servers: Array, it_w: Array, liquid_w: Array, room: Array, outdoor: Array) -> tuple[Array, ...]:
    """Return the air side of a step.

    Args:
        p: Constants.
        servers: G_it, W/K.
        it_w: IT power, W.
        liquid_w: Part of it that leaves by a liquid loop, W.
        room: T_c at the start, °C.
        outdoor: T_o, °C.

    Returns:
        A0 (W), A1 (W/K), handlers' flow G_c (W/K), their fans (W), the warming of their air (K); then for :func:`settled_room` m, S, d, 1 - epsilon and
        kappa.
    """
    flow = np.minimum(np.maximum(servers * (p.fresh_intake / p.useful_air), p.flow_low), p.flow_high)
    useful = np.minimum(p.useful_air * flow, p.fresh_intake * servers)  # m
    recirculated = 1.0 - useful / servers  # r
    speed = flow / p.design
    fan_w = p.fan_w * (speed * speed * speed)
    heat = it_w - liquid_w  # P_air
    source = recirculated * heat + p.ua * outdoor  # S
    drain = useful + p.ua  # d
    x = drain * p.s_per_mass
    settled = -np.expm1(-x)  # 1 - epsilon
    kappa = settled / x
    rest = (1.0 - kappa) / drain
    heat_1 = useful * (1.0 - rest * useful)
    heat_0 = useful * (rest * source + kappa * room) + (1.0 - recirculated) * heat + fan_w
    return heat_0, heat_1, flow, fan_w, fan_w / flow, useful, source, drain, settled, kappa


@law
def settled_room(
    room: Array, supply: Array, useful: Array, source: Array, drain: Array, settled: Array, kappa: Array
) -> tuple[Array, Array]:
    """Return T_c at the end of the step and its mean over the step, °C, under the supply temperature ``supply``."""
    final = (useful * supply + source) / drain
    gap = room - final
    return final + gap * (1.0 - settled), final + gap * kappa


@compiled
def air_side_loop(p: HallConstants, servers: Array, it_w: Array, liquid_w: Array, room: Array, outdoor: Array) -> Array:
    """Return the ten of :func:`air_side` for every copy, ``(10, num_envs)``."""
    out = np.empty((10, len(room)))
    for i in range(len(room)):
        row = air_side(p, servers[i], it_w[i], liquid_w[i], room[i], outdoor[i])
        for k in range(10):
            out[k, i] = row[k]
    return out


@compiled
def settled_room_loop(room: Array, supply: Array, useful: Array, source: Array, drain: Array, settled: Array, kappa: Array) -> Array:
    """Return the two of :func:`settled_room` for every copy, ``(2, num_envs)``."""
    out = np.empty((2, len(room)))
    for i in range(len(room)):
        out[0, i], out[1, i] = settled_room(room[i], supply[i], useful[i], source[i], drain[i], settled[i], kappa[i])
    return out


@dataclass
class Hall:
    """Contained hall with variable-speed air handlers.

    Attributes:
        bypass: Share of the handlers' air that returns unused.
        recirculation: Share of the servers' intake that comes from the hot side.
        crah_oversize: Design flow of the handlers over the servers' at full work.
        crah_min_speed: Least flow, share of design.
        crah_max_speed: Most flow, share of design.
        crah_w_per_m3s: W per m3/s, specific fan power at design flow.
        thermal_mass_j_per_k_w: J/K per W of nameplate.
        ua_w_per_k_w: W/K per W of nameplate, through the walls.
        setpoint_low_c: °C, lowest supply set-point.
        setpoint_high_c: °C, highest supply set-point.
        setpoint_start_c: °C, set-point when an episode begins; the inlet starts 1 K above.
        setpoint_rate_k: K a step, largest change of the set-point; None: free.
        setpoint_step_k: K, what one discrete action changes.

    Raises:
        ConfigError: A value out of range.
    """

    bypass: float = 0.15
    recirculation: float = 0.08
    crah_oversize: float = 1.15
    crah_min_speed: float = 0.5
    crah_max_speed: float = 1.25
    crah_w_per_m3s: float = 900.0
    thermal_mass_j_per_k_w: float = 60.0
    ua_w_per_k_w: float = 0.002
    setpoint_low_c: float = 16.0
    setpoint_high_c: float = 32.0
    setpoint_start_c: float = 22.0
    setpoint_rate_k: float | None = 2.0
    setpoint_step_k: float = 1.0

    def __post_init__(self) -> None:
        for name in ("bypass", "recirculation"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"hall.{name}={getattr(self, name)}: give a share of 0 .. 1")
        if not 0 < self.crah_min_speed <= self.crah_max_speed or self.crah_oversize <= 0 or self.crah_w_per_m3s < 0:
            raise ConfigError("hall: 0 < crah_min_speed <= crah_max_speed, crah_oversize > 0 and crah_w_per_m3s >= 0 are needed")
        if self.thermal_mass_j_per_k_w <= 0 or self.ua_w_per_k_w < 0:
            raise ConfigError("hall: thermal_mass_j_per_k_w > 0 and ua_w_per_k_w >= 0 are needed")
        if not self.setpoint_low_c <= self.setpoint_start_c <= self.setpoint_high_c or self.setpoint_low_c == self.setpoint_high_c:
            raise ConfigError(
                f"hall: set-points {self.setpoint_low_c} <= {self.setpoint_start_c} (start) <= {self.setpoint_high_c} °C must hold, low < high"
            )
        if self.setpoint_step_k <= 0 or (self.setpoint_rate_k is not None and self.setpoint_rate_k <= 0):
            raise ConfigError("hall.setpoint_step_k and setpoint_rate_k must be positive (setpoint_rate_k: null is free)")

    def bind(self, site: Site, it_load: ItLoad) -> None:
        """Size the air handlers."""
        design = it_load.design_heat_rate * self.crah_oversize
        self._mass = self.thermal_mass_j_per_k_w * site.nameplate_w
        self._ua = self.ua_w_per_k_w * site.nameplate_w
        self._constants = constants(
            HallConstants,
            1 - self.bypass,
            1 - self.recirculation,
            self.crah_min_speed * design,
            self.crah_max_speed * design,
            design,
            self.crah_w_per_m3s * design / (RHO_AIR * C_AIR),
            self._ua,
            site.step_seconds / self._mass,
        )
        self._air = quickest(air_side, air_side_loop)
        self._settle = quickest(settled_room, settled_room_loop)

    def control(self, kind: ActionKind) -> Control:
        """Return a step down, none or up; or the supply set-point over its whole range."""
        self._discrete = kind == "discrete"
        if self._discrete:
            return three_way(Column("setpoint_change", "1"), ("colder", "hold", "warmer"))
        return unit_interval(Column("setpoint", "1"))

    def initial(self, num_envs: int) -> State:
        """Return set-point and inlet temperature, °C."""
        return {"setpoint": np.full(num_envs, self.setpoint_start_c), "room": np.full(num_envs, self.setpoint_start_c + 1.0)}

    def begin(self, state: State, copies: Array, fresh: Array) -> None:
        """Start at the first set-point; nothing is carried over."""
        state["setpoint"][copies] = self.setpoint_start_c
        state["room"][copies] = self.setpoint_start_c + 1.0

    def actuate(self, state: State, action: Array) -> Array:
        """Move the set-point: 0, 1, 2 by a step, or a number in [-1, 1] over the range; at most ``setpoint_rate_k`` away."""
        before = state["setpoint"]
        if self._discrete:
            wanted = before + (action - 1) * self.setpoint_step_k
        else:
            wanted = self.setpoint_low_c + (action + 1.0) * (0.5 * (self.setpoint_high_c - self.setpoint_low_c))
        return self.move(state, wanted)

    def move(self, state: State, wanted: Array) -> Array:
        """Move the set-point towards ``wanted`` °C as far as rate and range allow."""
        before = state["setpoint"]
        if self.setpoint_rate_k is not None:
            wanted = np.minimum(np.maximum(wanted, before - self.setpoint_rate_k), before + self.setpoint_rate_k)
        state["setpoint"] = np.minimum(np.maximum(wanted, self.setpoint_low_c), self.setpoint_high_c)
        return state["setpoint"]

    def inlet(self, state: State) -> Array:
        """Return the inlet temperature at the start of the step, °C."""
        return state["room"]

    def air(self, state: State, setpoint: Array, it: ItPower, weather: Weather) -> Air:
        """Return the handlers' power and the heat to remove as a line of the supply temperature."""
        found = self._air(self._constants, it.heat_rate, it.power_w, it.liquid_w, state["room"], weather.dry_bulb)
        heat_0, heat_1, flow, fan_w, fan_rise, *room = found
        return Air(heat_0, heat_1, flow, fan_w, fan_rise, setpoint, tuple(room))

    def settle(self, state: State, air: Air, supply: Array) -> Array:
        """Advance the inlet temperature exactly; return its mean over the step, °C."""
        mean: Array
        state["room"], mean = self._settle(state["room"], supply, *air.room)
        return mean
