"""SustainDC's racks: server power, fans and outlet temperature as straight lines of inlet temperature and utilisation.

Per rack of n servers with full-load power F, idle power I, at inlet T [°C] and utilisation u:

    P_cpu = n max(I, F (a_c T + b_c + 0.99 u)),   a_c = 0.02/12 + 0.05
    v     = a_f T + b_f + 0.215 * 5 u,            a_f = 10 * 0.215/12
    P_fan = 10 n v [W],   V = 0.051 n v [m3/s]
    T_out = T + 1.918 (P_cpu + P_fan)^1.096 / (1006 * 1.225 * 0.526 V^0.824) - 14.01

Defects kept: processors draw up to 2.2 times their nameplate; fans are linear in flow; the outlet fit conserves no energy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from wattloom.components.envs.datacenter.protocol import ItPower
from wattloom.components.physics.compiled import compiled, law, quickest
from wattloom.environment import Array
from wattloom.errors import ConfigError

C_AIR, RHO_AIR = 1006.0, 1.225  # J/(kg K), kg/m3
FAN_W, FAN_M3S = 10.0, 0.051  # of one server at full speed
RISE = math.log(1.918 / (C_AIR * RHO_AIR * 0.526)) - 0.824 * math.log(FAN_M3S / FAN_W)
APPROACH = (3.8, 5.3)  # K, limits of the supply approach

SERVERS_W = ((170, 20), (120, 10), *((130, 10),) * 11, (170, 10), (130, 10), (130, 10), (110, 10), *((170, 10),) * 3)
SUPPLY_APPROACH_K = (*(5.3,) * 5, *(5.0,) * 10, *(5.3,) * 5)
RETURN_APPROACH_K = (*(-3.7,) * 5, *(-2.5,) * 10, *(-3.7,) * 5)


@law
def rack(servers: Array, full: Array, idle: Array, inlet: Array, u: Array) -> tuple[Array, Array, Array]:
    """Return processor W, fan W and air temperature rise K of one rack, from W a server, inlet °C and utilisation."""
    slope, fan_slope = 0.02 / 12, 0.215 / 12
    ratio = (slope + 0.05) * inlet + (0.99 * u + (0.03 - 28 * slope))
    speed = 10 * fan_slope * inlet + (0.215 * 5 * u + 5 * (0.225 - 28 * fan_slope))
    cpu, fan = servers * np.maximum(idle, full * ratio), servers * FAN_W * speed
    return cpu, fan, np.exp(1.096 * np.log(cpu + fan) - 0.824 * np.log(fan) + RISE) - 14.01  # two powers as one exponential


def all_racks(classes: Array, supply_c: Array, u: Array) -> Array:
    """Return processor W, fan W and summed rise K of all racks, ``(3, num_envs)``.

    Args:
        classes: Count, servers, full W, idle W and supply approach K of each class of racks, ``(5, classes)``.
        supply_c: °C, ``(num_envs,)``.
        u: Utilisation, ``(num_envs,)``.
    """
    count, servers, full, idle, approach = classes[:, :, None]
    total: Array = (np.stack(rack(servers, full, idle, approach + supply_c, u)) * count).sum(axis=1)
    return total


@compiled
def all_racks_loop(classes: Array, supply_c: Array, u: Array) -> Array:
    """Do what :func:`all_racks` does, copy by copy."""
    out = np.zeros((3, len(u)))
    for i in range(len(u)):
        for c in range(classes.shape[1]):
            cpu, fan, rise = rack(classes[1, c], classes[2, c], classes[3, c], classes[4, c] + supply_c[i], u[i])
            out[0, i] += cpu * classes[0, c]
            out[1, i] += fan * classes[0, c]
            out[2, i] += rise * classes[0, c]
    return out


class SustainDcRacks:
    """The original's 20 racks, or others.

    Args:
        servers_w: One (full-load W, idle W) pair a rack.
        supply_approach_k: K, one a rack, clamped to 3.8 .. 5.3.
        return_approach_k: K, one a rack.
        servers_per_rack: Servers, at most.
        capacity_mw: MW; only cuts servers off where a rack's full load would reach capacity_mw / racks (the original never scales up).

    Raises:
        ConfigError: Lists of unequal length, a value out of range, or racks whose outlet would be less than 2 K above the inlet.
    """

    def __init__(
        self,
        servers_w: Sequence[Sequence[float]] = SERVERS_W,
        supply_approach_k: Sequence[float] = SUPPLY_APPROACH_K,
        return_approach_k: Sequence[float] = RETURN_APPROACH_K,
        servers_per_rack: int = 200,
        capacity_mw: float = 1.0,
    ) -> None:
        sizes = {"servers_w": len(servers_w), "supply_approach_k": len(supply_approach_k), "return_approach_k": len(return_approach_k)}
        if len(set(sizes.values())) > 1:
            raise ConfigError(f"it_load: one entry a rack is needed in every list, but the lengths are {sizes}")
        if len(servers_w) == 0 or servers_per_rack < 1 or capacity_mw <= 0:
            raise ConfigError(
                f"it_load needs racks, servers_per_rack >= 1 and capacity_mw > 0, not {len(servers_w)}, {servers_per_rack}, {capacity_mw}"
            )
        full, idle = np.array(servers_w, dtype=np.float64).T
        limit_w = int(capacity_mw * 1e6 / len(full))
        self.rack_servers = np.minimum(np.ceil(limit_w / full) - 1, servers_per_rack)
        racks = np.stack([full, idle, np.clip(supply_approach_k, *APPROACH), return_approach_k, self.rack_servers], axis=1)
        classes, counts = np.unique(racks, axis=0, return_counts=True)
        self._full, self._idle, self._supply, self._return, self._servers = classes.T[:, :, None]
        self._count = counts[:, None].astype(np.float64)
        self._racks = float(counts.sum())
        self._mean_supply = float((self._supply * self._count).sum()) / self._racks
        self._mean_return = float((self._return * self._count).sum()) / self._racks
        self._classes = np.stack([counts.astype(np.float64), classes[:, 4], classes[:, 0], classes[:, 1], classes[:, 2]])
        self._check()

    def _check(self) -> None:
        """Refuse racks outside the outlet model's range."""
        inlet, u = np.meshgrid(np.arange(15.0, 22.0), np.linspace(0, 1, 11))
        if self._servers.min() < 1:
            raise ConfigError("it_load.capacity_mw leaves a rack without a server: raise it")
        _, servers, full, idle, approach = self._classes[:, :, None]
        rise = rack(servers, full, idle, approach + inlet.ravel(), u.ravel())[2].min()
        if rise < 2.0:
            raise ConfigError(
                f"it_load: air leaves a rack only {rise:.2f} K warmer than it enters, below 2 K: raise capacity_mw or servers_per_rack"
            )

    @property
    def nameplate_w(self) -> float:
        """Sum of the servers' full-load powers, W."""
        return float((self._full * self._servers * self._count).sum())

    @property
    def dynamic_w(self) -> float:
        """IT power that full work adds at 20 °C, W."""
        idle, full = self.power(np.full(2, 20.0), np.array([0.0, 1.0])).power_w
        return float(full - idle)

    @property
    def liquid_share(self) -> float:
        """No liquid cooling: 0."""
        return 0.0

    @property
    def design_heat_rate(self) -> float:
        """Heat capacity flow of the server air at full work and 20 °C, W/K."""
        return float(self.power(np.array([20.0]), np.array([1.0])).heat_rate[0])

    def capacity(self, inlet_c: Array) -> float:
        """Nothing throttles: 1."""
        return 1.0

    def power(self, inlet_c: Array, utilisation: Array) -> ItPower:
        """Return power, flow and temperatures at supply temperature ``inlet_c`` (°C) and utilisation (0..1), each ``(num_envs,)``."""
        cpu, fan, rise = quickest(all_racks, all_racks_loop)(self._classes, inlet_c, utilisation)
        inlet = inlet_c + self._mean_supply
        outlet = inlet + rise / self._racks
        extra = {"cpu_w": cpu, "inlet_mean": inlet, "outlet_mean": outlet, "return_c": outlet + self._mean_return}
        power = cpu + fan
        return ItPower(power, fan, np.zeros(len(power)), C_AIR * RHO_AIR * FAN_M3S / FAN_W * fan, power, extra)
