"""Servers: power, fans and air flow from work and inlet temperature, a share of nameplate.

With utilisation u, inlet T_c [°C], idle share i, fan share f at full speed, leakage l:

    speed   phi = min(phi0 + phi1 u + k max(T_c - fan_from, 0), 1)
    power   p   = [i + (1 - i - f (phi0 + phi1)^3) u] (1 + l max(T_c - leakage_from, 0)) + f phi^3
    flow    G   = rho c_p v phi P_N                                     [W/K]

so that p = 1 at full work and a cool inlet. Servers slow down between ``throttle_start_c`` and ``throttle_end_c`` and switch off one after another between
``off_start_c`` and ``off_end_c``. Sources: fan affinity laws; ASHRAE TC9.9 (fans ramp above about 25 °C); optional curve 2u - u^1.4 of X. Fan et al.,
"Power provisioning for a warehouse-sized computer" (2007).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from wattloom.components.envs.datacenter.protocol import ItPower
from wattloom.components.physics.compiled import compiled, constants, law, quickest
from wattloom.environment import Array
from wattloom.errors import ConfigError, did_you_mean

C_AIR, RHO_AIR = 1006.0, 1.2  # J/(kg K), kg/m3
RACK_KEYS = ("count", "full_w", "idle_w", "fan_max_w", "airflow_max_m3s")
USUAL = {"idle_fraction": 0.30, "fan_max_fraction": 0.08, "airflow_max_m3s_per_w": 1.0e-4}  # of servers of one kind


class ServerConstants(NamedTuple):
    """Constants of the law below, kinds of servers added up.

    Attributes:
        idle: Idle power over nameplate.
        work: Power that full work adds over nameplate, without fans.
        fan: Fan power at full speed over nameplate.
        flow_rate: Heat capacity flow of the air at full fan speed, W/K.
        speed_idle: Fan speed at no work.
        speed_load: Fan speed added at full work.
        speed_per_k: 1/K, ramp above ``fan_from``.
        fan_from: °C.
        leakage: 1/K, growth of processor power above ``leakage_from``.
        leakage_from: °C.
        off_end: °C, inlet at which all are off.
        w_per_k_off: W/K, nameplate that switches off per K.
        nameplate: W.
        liquid_share: Share of processor heat that a liquid loop carries.
        concave: Whether power follows 2u - u^1.4 instead of u.
    """

    idle: float
    work: float
    fan: float
    flow_rate: float
    speed_idle: float
    speed_load: float
    speed_per_k: float
    fan_from: float
    leakage: float
    leakage_from: float
    off_end: float
    w_per_k_off: float
    nameplate: float
    liquid_share: float
    concave: bool


@law
def server_power(p: ServerConstants, inlet: Array, u: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Return IT power W, fans W, liquid heat W, heat capacity flow W/K and IT power at a cool inlet W, from inlet °C and utilisation."""
    if p.concave:
        u = 2 * u - u**1.4
    cool = p.speed_idle + p.speed_load * u
    speed = np.minimum(cool + p.speed_per_k * np.maximum(inlet - p.fan_from, 0.0), 1.0)
    on = np.minimum(np.maximum((p.off_end - inlet) * p.w_per_k_off, 0.0), p.nameplate)
    work = p.idle + p.work * u
    cpu = work * (1.0 + p.leakage * np.maximum(inlet - p.leakage_from, 0.0)) * on
    fan = p.fan * (speed * speed * speed) * on
    reference = (work + p.fan * (cool * cool * cool)) * on
    return cpu + fan, fan, p.liquid_share * cpu, p.flow_rate * speed, reference


@compiled
def server_power_loop(p: ServerConstants, inlet: Array, u: Array) -> Array:
    """Return the five of :func:`server_power` for every copy, ``(5, num_envs)``."""
    out = np.empty((5, len(u)))
    for i in range(len(u)):
        out[0, i], out[1, i], out[2, i], out[3, i], out[4, i] = server_power(p, inlet[i], u[i])
    return out


@dataclass
class Servers:
    """Servers of one kind, or of several kinds given as a list of racks.

    Attributes:
        capacity_mw: MW, IT nameplate power; None: as the racks add up. With racks, their counts are scaled to it.
        idle_fraction: Idle power, share of nameplate; None: 0.3, or what the racks say.
        leakage_per_k: 1/K, growth of processor power above ``leakage_from_c``.
        leakage_from_c: °C.
        fan_max_fraction: Server fans at full speed, share of nameplate; None: 0.08, or what the racks say.
        fan_speed_idle: Fan speed at no work, share of full speed.
        fan_speed_load: Fan speed added at full work.
        fan_from_c: °C, inlet above which fans ramp.
        fan_speed_per_k: 1/K, ramp.
        airflow_max_m3s_per_w: m3/s per W of nameplate at full fan speed; None: 1e-4, or what the racks say.
        max_utilisation: Share of IT that may run.
        throttle_start_c: °C, inlet at which servers begin to slow down.
        throttle_end_c: °C, inlet at which nothing runs any more.
        off_start_c: °C, inlet at which servers begin to switch off.
        off_end_c: °C, inlet at which all are off.
        power_curve: ``"linear"`` or ``"fan2007"``.
        liquid_share: Share of processor heat that a liquid loop carries away.
        racks: Rows of count, full_w, idle_w, fan_max_w (W a rack) and airflow_max_m3s, in the place of idle_fraction, fan_max_fraction and
            airflow_max_m3s_per_w.

    Raises:
        ConfigError: A value out of range, or a rack with missing or unknown keys.
    """

    capacity_mw: float | None = 1.0
    idle_fraction: float | None = None
    leakage_per_k: float = 0.0015
    leakage_from_c: float = 20.0
    fan_max_fraction: float | None = None
    fan_speed_idle: float = 0.35
    fan_speed_load: float = 0.35
    fan_from_c: float = 25.0
    fan_speed_per_k: float = 0.04
    airflow_max_m3s_per_w: float | None = None
    max_utilisation: float = 1.0
    throttle_start_c: float = 38.0
    throttle_end_c: float = 46.0
    off_start_c: float = 46.0
    off_end_c: float = 60.0
    power_curve: Literal["linear", "fan2007"] = "linear"
    liquid_share: float = 0.0
    racks: Sequence[Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        self._check()
        share, idle, fan, flow, total_w = self._classes()
        self.nameplate_w = 1e6 * self.capacity_mw if self.capacity_mw is not None else total_w
        full_speed = self.fan_speed_idle + self.fan_speed_load
        weights = np.stack([share * idle, share * (1 - idle - fan * full_speed**3), share * fan, share * flow])
        # every term is linear in the class values and classes share speed and inlet, so kinds of servers add up to one
        self._idle, self._work, self._fan, self._flow = (float(w) for w in weights.sum(axis=1))
        self.dynamic_w = (1.0 - self._idle) * self.nameplate_w
        self.design_heat_rate = C_AIR * RHO_AIR * self._flow * full_speed * self.nameplate_w
        self._power = quickest(server_power, server_power_loop)
        self._constants = self._law()

    def _law(self) -> ServerConstants:
        """Return the constants of the law."""
        return constants(
            ServerConstants,
            self._idle,
            self._work,
            self._fan,
            C_AIR * RHO_AIR * self._flow * self.nameplate_w,
            self.fan_speed_idle,
            self.fan_speed_load,
            self.fan_speed_per_k,
            self.fan_from_c,
            self.leakage_per_k,
            self.leakage_from_c,
            self.off_end_c,
            self.nameplate_w / (self.off_end_c - self.off_start_c),
            self.nameplate_w,
            self.liquid_share,
            self.power_curve == "fan2007",
        )

    def _check(self) -> None:
        """Refuse values out of range."""
        for name in ("fan_speed_idle", "fan_speed_load", "liquid_share"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"it_load.{name}={getattr(self, name)}: give a share of 0 .. 1, not 1")
        if self.capacity_mw is not None and not 0 < self.capacity_mw < 1e5:
            raise ConfigError(f"it_load.capacity_mw={self.capacity_mw}: give a positive number of MW")
        if self.capacity_mw is None and not self.racks:
            raise ConfigError("it_load.capacity_mw is null: give MW, or racks that add up to it")
        if self.fan_speed_idle + self.fan_speed_load > 1 or self.fan_speed_idle <= 0:
            raise ConfigError(
                f"it_load.fan_speed_idle={self.fan_speed_idle} + fan_speed_load={self.fan_speed_load}: 0 < idle, sum at most 1"
            )
        if not 0 < self.max_utilisation <= 1:
            raise ConfigError(f"it_load.max_utilisation={self.max_utilisation}: give a share of 0 .. 1, not 0")
        if not self.throttle_start_c < self.throttle_end_c or not self.off_start_c < self.off_end_c:
            raise ConfigError("it_load: throttle_start_c < throttle_end_c and off_start_c < off_end_c are needed")
        for name in ("leakage_per_k", "fan_speed_per_k"):
            if getattr(self, name) < 0:
                raise ConfigError(f"it_load.{name}={getattr(self, name)}: give 0 or more, or servers would save power where it is hot")
        if self.power_curve not in ("linear", "fan2007"):
            raise ConfigError(f"it_load.power_curve={self.power_curve!r}: choose linear or fan2007")

    def _classes(self) -> tuple[Array, Array, Array, Array, float]:
        """Return share of nameplate, idle share, fan share and m3/s per W of each kind of rack, and the racks' power in W."""
        if not self.racks:
            return self._one_kind()
        for name in USUAL:
            if getattr(self, name) is not None:
                raise ConfigError(
                    f"it_load.{name}={getattr(self, name)} has no effect beside it_load.racks, which have their own: give null"
                )
        rows = [_rack(number, rack) for number, rack in enumerate(self.racks)]
        count, full, idle, fan, flow = np.array(rows).T
        total = float((count * full).sum())
        return count * full / total, idle / full, fan / full, flow / full, total

    def _one_kind(self) -> tuple[Array, Array, Array, Array, float]:
        """Return the same for servers of one kind."""
        given = {name: getattr(self, name) for name in USUAL}
        idle, fan, flow = (usual if given[name] is None else float(given[name]) for name, usual in USUAL.items())
        most = 1.0 - fan * (self.fan_speed_idle + self.fan_speed_load) ** 3
        if not 0 <= fan < 1:
            raise ConfigError(f"it_load.fan_max_fraction={fan}: give a share of 0 .. 1, not 1")
        if not 0 <= idle < most:
            raise ConfigError(f"it_load.idle_fraction={idle}: give 0 .. {most:.3g}, not more: the fans take the rest of the nameplate")
        if not flow > 0:
            raise ConfigError(f"it_load.airflow_max_m3s_per_w={flow}: give a positive number")
        return np.ones(1), np.array([idle]), np.array([fan]), np.array([flow]), 0.0

    def capacity(self, inlet_c: Array) -> Array:
        """Return the share of IT that may run at this inlet temperature, ``(num_envs,)``."""
        room = (self.throttle_end_c - inlet_c) / (self.throttle_end_c - self.throttle_start_c)
        share: Array = self.max_utilisation * np.minimum(np.maximum(room, 0.0), 1.0)
        return share

    def power(self, inlet_c: Array, utilisation: Array) -> ItPower:
        """Return power and air flow at inlet temperature ``inlet_c`` (°C) and utilisation (0..1), each ``(num_envs,)``."""
        return ItPower(*self._power(self._constants, inlet_c, utilisation))


def _rack(number: int, rack: Mapping[str, Any]) -> list[float]:
    """Return the values of one row of the racks, in the order of :data:`RACK_KEYS`."""
    where = f"it_load.racks[{number}]"
    odd = [key for key in rack if key not in RACK_KEYS]
    if odd:
        raise ConfigError(f"{where} has the unknown key {odd[0]!r}{did_you_mean(odd[0], RACK_KEYS)}")
    missing = [key for key in RACK_KEYS if key not in rack]
    if missing:
        raise ConfigError(f"{where} lacks {', '.join(missing)}")
    for key in RACK_KEYS:
        if isinstance(rack[key], bool) or not isinstance(rack[key], int | float) or not 0 <= rack[key] < math.inf:
            raise ConfigError(f"{where}.{key}={rack[key]!r}: give a number, not negative")
    count, full, idle, fan, flow = (float(rack[key]) for key in RACK_KEYS)
    if min(count, full, flow) <= 0 or idle + fan >= full:
        raise ConfigError(
            f"{where}: count, full_w and airflow_max_m3s must be positive and idle_w + fan_max_w ({idle + fan:g}) below full_w ({full:g})"
        )
    return [count, full, idle, fan, flow]
