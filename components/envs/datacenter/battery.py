"""Battery: efficiencies, power and energy limits, self-discharge and wear; powers are grid-side.

With E the stored energy, h the step in hours, a in [-1, 1] the action and E0 = E exp(-sigma h):

    charge     c = min(max(a, 0) C_max, max(s1 B - E0, 0)/(eta_c h))
    discharge  d = min(max(-a, 0) D_max, max(E0 - s0 B, 0) eta_d/h, P_tot)      (no export unless allowed)
    E' = E0 + eta_c c h - d h/eta_d;   wear = w h (eta_c c + d/eta_d)/2
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from wattloom.components.envs.datacenter.protocol import ActionKind, Control, Power, Site, State, three_way, unit_interval
from wattloom.components.physics.compiled import compiled, constants, law, quickest
from wattloom.environment import Array, Column
from wattloom.errors import ConfigError

LEVELS = np.array([1.0, -1.0, 0.0])  # charge, discharge, idle


class BatteryConstants(NamedTuple):
    """Constants of the laws below.

    Attributes:
        most_in: C_max, MW.
        most_out: D_max, MW.
        low_mwh: s0 B, MWh.
        high_mwh: s1 B, MWh.
        per_mwh: 1/B, 1/MWh.
        keep: exp(-sigma h), what self-discharge leaves.
        hours: h.
        mwh_in: eta_c h, MWh stored per MW drawn.
        mwh_out: h/eta_d, MWh taken per MW delivered.
        wear: w/2, USD per MWh moved.
        export: Whether discharge may exceed the facility's power.
    """

    most_in: float
    most_out: float
    low_mwh: float
    high_mwh: float
    per_mwh: float
    keep: float
    hours: float
    mwh_in: float
    mwh_out: float
    wear: float
    export: bool


@law
def feasible(p: BatteryConstants, stored: Array) -> tuple[Array, Array]:
    """Return the largest charging and discharging power of the next step by energy and rating, MW."""
    kept = stored * p.keep
    charge = np.maximum(p.high_mwh - kept, 0.0) * (1.0 / p.mwh_in)
    discharge = np.maximum(kept - p.low_mwh, 0.0) * (1.0 / p.mwh_out)
    return np.minimum(charge, p.most_in), np.minimum(discharge, p.most_out)


@law
def exchange(p: BatteryConstants, wish: Array, stored: Array, most_in: Array, most_out: Array, total_w: Array) -> tuple[Array, ...]:
    """Return what the battery does in a step.

    Args:
        p: Constants.
        wish: a, -1 .. 1.
        stored: E, MWh.
        most_in: Feasible charging power of this step, MW.
        most_out: Feasible discharging power of this step, MW.
        total_w: Facility power, W.

    Returns:
        Grid energy kWh, charge W, discharge W, loss kWh, wear USD, state of charge; then E' MWh and the next step's two feasible powers, MW.
    """
    charge = np.minimum(np.maximum(wish, 0.0) * p.most_in, most_in)
    discharge = np.minimum(np.maximum(-wish, 0.0) * p.most_out, most_out)
    if not p.export:
        discharge = np.minimum(discharge, total_w * 1e-6)
    into, out = p.mwh_in * charge, p.mwh_out * discharge
    after = stored * p.keep + into - out
    exchanged = p.hours * (charge - discharge)
    grid = total_w * (p.hours * 1e-3) + exchanged * 1e3
    loss, wear = (exchanged - (after - stored)) * 1e3, p.wear * (into + out)
    next_in, next_out = feasible(p, after)
    return grid, charge * 1e6, discharge * 1e6, loss, wear, after * p.per_mwh, after, next_in, next_out


@compiled
def exchange_loop(p: BatteryConstants, wish: Array, stored: Array, most_in: Array, most_out: Array, total_w: Array) -> Array:
    """Return the nine of :func:`exchange` for every copy, ``(9, num_envs)``."""
    out = np.empty((9, len(stored)))
    for i in range(len(stored)):
        row = exchange(p, wish[i], stored[i], most_in[i], most_out[i], total_w[i])
        for k in range(9):
            out[k, i] = row[k]
    return out


@dataclass
class LithiumBattery:
    """A stationary battery.

    Attributes:
        capacity_mwh: MWh; None: 2 h of IT nameplate.
        charge_mw: MW, most charging power; None: a quarter of the capacity an hour.
        discharge_mw: MW, most discharging power; None: a quarter of the capacity an hour.
        charge_efficiency: Stored over drawn.
        discharge_efficiency: Delivered over taken.
        soc_low: Least state of charge that discharging leaves.
        soc_high: Highest state of charge that charging reaches.
        soc_start: State of charge when an episode begins.
        self_discharge_per_h: 1/h.
        wear_usd_per_mwh: USD per MWh moved in and out (half each way).
        allow_export: Discharge may exceed the facility's power.

    Raises:
        ConfigError: A value out of range, or an inverted window.
    """

    capacity_mwh: float | None = None
    charge_mw: float | None = None
    discharge_mw: float | None = None
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    soc_low: float = 0.1
    soc_high: float = 0.9
    soc_start: float = 0.5
    self_discharge_per_h: float = 2e-4
    wear_usd_per_mwh: float = 0.0
    allow_export: bool = False

    def __post_init__(self) -> None:
        for name in ("capacity_mwh", "charge_mw", "discharge_mw"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"battery.{name}={value}: give a positive number, or null; 0.001 is as good as no battery")
        if not 0 <= self.soc_low < self.soc_high <= 1:
            raise ConfigError(f"battery.soc_low={self.soc_low}, soc_high={self.soc_high}: 0 <= low < high <= 1 is needed")
        if not self.soc_low <= self.soc_start <= self.soc_high:
            raise ConfigError(f"battery.soc_start={self.soc_start} lies outside the window {self.soc_low} .. {self.soc_high}")
        if not 0 < self.charge_efficiency <= 1 or not 0 < self.discharge_efficiency <= 1:
            raise ConfigError("battery.charge_efficiency and discharge_efficiency: give shares of 0 .. 1, not 0")
        if self.self_discharge_per_h < 0 or self.wear_usd_per_mwh < 0:
            raise ConfigError("battery.self_discharge_per_h and wear_usd_per_mwh must not be negative")

    def bind(self, site: Site) -> None:
        """Scale with the site what is not given."""
        self.size_mwh = self.capacity_mwh if self.capacity_mwh is not None else 2e-6 * site.nameplate_w
        self.most_in = self.charge_mw if self.charge_mw is not None else 0.25 * self.size_mwh
        self.most_out = self.discharge_mw if self.discharge_mw is not None else 0.25 * self.size_mwh
        hours = site.step_hours
        self._constants = constants(
            BatteryConstants,
            self.most_in,
            self.most_out,
            self.soc_low * self.size_mwh,
            self.soc_high * self.size_mwh,
            1.0 / self.size_mwh,
            math.exp(-self.self_discharge_per_h * hours),
            hours,
            self.charge_efficiency * hours,
            hours / self.discharge_efficiency,
            0.5 * self.wear_usd_per_mwh,
            self.allow_export,
        )
        self._exchange = quickest(exchange, exchange_loop)

    def control(self, kind: ActionKind) -> Control:
        """Return charge, discharge, idle; or a share of the largest power, positive to charge."""
        self._discrete = kind == "discrete"
        if self._discrete:
            return three_way(Column("battery", "1"), ("charge", "discharge", "idle"))
        return unit_interval(Column("battery", "1"))

    def initial(self, num_envs: int) -> State:
        """Return the stored energy, MWh."""
        state = {"battery_mwh": np.zeros(num_envs), "battery_charge_mw": np.zeros(num_envs), "battery_discharge_mw": np.zeros(num_envs)}
        self.begin(state, np.arange(num_envs))
        return state

    def begin(self, state: State, copies: Array) -> None:
        """Start at ``soc_start``."""
        stored = self.soc_start * self.size_mwh
        state["battery_mwh"][copies] = stored
        state["battery_charge_mw"][copies], state["battery_discharge_mw"][copies] = feasible(self._constants, np.array(stored))

    def view(self, state: State) -> tuple[Array, Array, Array]:
        """Return the charge within its window (0..1) and the feasible shares of full charging and discharging power."""
        p = self._constants
        charge = (state["battery_mwh"] - p.low_mwh) * (1.0 / (p.high_mwh - p.low_mwh))
        return charge, state["battery_charge_mw"] * (1.0 / p.most_in), state["battery_discharge_mw"] * (1.0 / p.most_out)

    def debt_mwh(self, state: State) -> Array:
        """Return what is bought to fill a deficit against the start, or minus what a surplus would give back, MWh."""
        gap = self.soc_start * self.size_mwh - state["battery_mwh"]
        return np.maximum(gap, 0.0) / self.charge_efficiency + np.minimum(gap, 0.0) * self.discharge_efficiency

    def dispatch(self, state: State, action: Array, total_w: Array) -> Power:
        """Charge or discharge for one step; the facility draws ``total_w``."""
        wish = LEVELS.take(action) if self._discrete else action
        before = (state["battery_mwh"], state["battery_charge_mw"], state["battery_discharge_mw"])
        *power, after, next_in, next_out = self._exchange(self._constants, wish, *before, total_w)
        state.update(battery_mwh=after, battery_charge_mw=next_in, battery_discharge_mw=next_out)
        return Power(*power)
