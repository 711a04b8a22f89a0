"""Battery: efficiencies, power and energy limits, self-discharge and wear; powers are grid-side.

With E the stored energy, h the step in hours, a in [-1, 1] the action and E0 = E exp(-sigma h):

    charge     c = min(max(a, 0) C_max, max(s1 B - E0, 0)/(eta_c h))
    discharge  d = min(max(-a, 0) D_max, max(E0 - s0 B, 0) eta_d/h, P_tot)      (no export unless allowed)
    E' = E0 + eta_c c h - d h/eta_d;   wear = w h (eta_c c + d/eta_d)/2
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from wattloom.components.envs.datacenter.protocol import ActionKind, Control, Power, Site, State, three_way, unit_interval
from wattloom.environment import Array, Column
from wattloom.errors import ConfigError

LEVELS = np.array([1.0, -1.0, 0.0])  # charge, discharge, idle


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
                raise ConfigError(f"battery.{name}={value}: give a positive number, or null")
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
        self._per_power = np.array([1.0 / self.most_in, 1.0 / self.most_out])
        self._hours = site.step_hours
        self._keep = math.exp(-self.self_discharge_per_h * self._hours)

    def control(self, kind: ActionKind) -> Control:
        """Return charge, discharge, idle; or a share of the largest power, positive to charge."""
        self._discrete = kind == "discrete"
        if self._discrete:
            return three_way(Column("battery", "1"), ("charge", "discharge", "idle"))
        return unit_interval(Column("battery", "1"))

    def initial(self, num_envs: int) -> State:
        """Return the stored energy, MWh."""
        state = {"battery_mwh": np.zeros(num_envs), "battery_feasible": np.zeros((num_envs, 2))}
        self.begin(state, np.arange(num_envs))
        return state

    def begin(self, state: State, copies: Array) -> None:
        """Start at ``soc_start``."""
        state["battery_mwh"][copies] = self.soc_start * self.size_mwh
        state["battery_feasible"][copies] = np.stack(self.feasible(state["battery_mwh"][copies]), axis=1)

    def feasible(self, stored: Array) -> tuple[Array, Array]:
        """Return the largest charging and discharging power of the next step by energy alone, MW."""
        kept = stored * self._keep
        charge = np.maximum(self.soc_high * self.size_mwh - kept, 0.0) * (1.0 / (self.charge_efficiency * self._hours))
        discharge = np.maximum(kept - self.soc_low * self.size_mwh, 0.0) * (self.discharge_efficiency / self._hours)
        return np.minimum(charge, self.most_in), np.minimum(discharge, self.most_out)

    def view(self, state: State) -> tuple[Array, Array, Array]:
        """Return the charge within its window (0..1) and the feasible shares of full charging and discharging power."""
        low, high = self.soc_low * self.size_mwh, self.soc_high * self.size_mwh
        share = state["battery_feasible"] * self._per_power
        return (state["battery_mwh"] - low) * (1.0 / (high - low)), share[:, 0], share[:, 1]

    def debt_mwh(self, state: State) -> Array:
        """Return what is bought to fill a deficit against the start, or minus what a surplus would give back, MWh."""
        gap = self.soc_start * self.size_mwh - state["battery_mwh"]
        return np.maximum(gap, 0.0) / self.charge_efficiency + np.minimum(gap, 0.0) * self.discharge_efficiency

    def dispatch(self, state: State, action: Array, total_w: Array) -> Power:
        """Charge or discharge for one step; the facility draws ``total_w``."""
        wish = LEVELS.take(action) if self._discrete else action
        stored, h = state["battery_mwh"], self._hours
        most_in, most_out = state["battery_feasible"].T
        charge = np.minimum(np.maximum(wish, 0.0) * self.most_in, most_in)
        discharge = np.minimum(np.maximum(-wish, 0.0) * self.most_out, most_out)
        if not self.allow_export:
            discharge = np.minimum(discharge, total_w * 1e-6)
        into, out = (self.charge_efficiency * h) * charge, (h / self.discharge_efficiency) * discharge
        after = stored * self._keep + into - out
        state["battery_mwh"] = after
        feasible = np.empty((len(after), 2))
        feasible[:, 0], feasible[:, 1] = self.feasible(after)
        state["battery_feasible"] = feasible
        exchanged = h * (charge - discharge)
        return Power(
            total_w * (h * 1e-3) + exchanged * 1e3,
            charge * 1e6,
            discharge * 1e6,
            (exchanged - (after - stored)) * 1e3,
            (0.5 * self.wear_usd_per_mwh) * (into + out),
            after * (1.0 / self.size_mwh),
        )
