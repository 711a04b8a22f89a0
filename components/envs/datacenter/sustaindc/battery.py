"""SustainDC's battery: lossless, with a rate that shapes the DURATION of a step instead of its power.

With x = L/B and s(z) the logistic function:

    charge:    T = 0.25 round(0.5 (1 - s(10 (x - 0.5))), 4);   p = min(0.1 B, (B - L)/(T + 0.04));          L' = round(L + p T, 8)
    discharge: T = 0.25 max(0.5, 4 s(10 (x - 0.25)));          p = min(B, L/(0.01 + T), D/4);               L' = round(L - p T, 8)

with D the facility power in MW (D/4 is an energy used as a power: a defect kept). Written from these formulas alone.
"""

from __future__ import annotations

import numpy as np

from wattloom.components.envs.datacenter.protocol import ActionKind, Control, Power, Site, State, three_way
from wattloom.components.physics.compiled import compiled, law, quickest
from wattloom.environment import Array, Column
from wattloom.errors import ConfigError


@law
def logistic(z: Array) -> Array:
    """Return 1 / (1 + exp(-z))."""
    value: Array = 1.0 / (1.0 + np.exp(-z))
    return value


@law
def exchange(size: float, action: Array, stored: Array, total_w: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Return grid energy kWh, charge W, discharge W, state of charge and stored energy MWh; ``action`` 0 charges, 1 discharges, 2 rests."""
    x, demand_mw = stored / size, total_w / 1e6
    hours_in = np.rint(0.5 * (1.0 - logistic(10.0 * (x - 0.5))) * 1e4) / 1e4 * 0.25
    power_in = np.minimum(0.1 * size, (size - stored) / (hours_in + 0.04))
    hours_out = np.maximum(0.5, 4.0 * logistic(10.0 * (x - 0.25))) * 0.25
    power_out = np.minimum(np.minimum(size, stored / (0.01 + hours_out)), demand_mw / 4.0)
    charged, discharged = (action == 0) * (power_in * hours_in), (action == 1) * (power_out * hours_out)
    moved = charged - discharged
    after = (action == 2) * stored + (action != 2) * (np.rint((stored + moved) * 1e8) / 1e8)
    return 250.0 * demand_mw + 1000.0 * moved, charged * 4e6, discharged * 4e6, after / size, after


@compiled
def exchange_loop(size: float, action: Array, stored: Array, total_w: Array) -> Array:
    """Return the five of :func:`exchange` for every copy, ``(5, num_envs)``."""
    out = np.empty((5, len(stored)))
    for i in range(len(stored)):
        out[0, i], out[1, i], out[2, i], out[3, i], out[4, i] = exchange(size, action[i], stored[i], total_w[i])
    return out


class SustainDcBattery:
    """The original's battery.

    Args:
        capacity_mwh: MWh; None: one hour of the plant's largest power, as the original sizes it.
    """

    def __init__(self, capacity_mwh: float | None = None) -> None:
        if capacity_mwh is not None and not capacity_mwh > 0:
            raise ConfigError(f"battery.capacity_mwh={capacity_mwh}: give a positive number of MWh, or null")
        self.capacity_mwh = capacity_mwh
        self.size_mwh = float(capacity_mwh or 1.0)

    def bind(self, site: Site) -> None:
        """Take the original's size where none is given."""
        self.size_mwh = float(site.peak_power_mw if self.capacity_mwh is None else self.capacity_mwh)

    def control(self, kind: ActionKind) -> Control:
        """Return the three choices of the original."""
        if kind != "discrete":
            raise ConfigError("battery=sustaindc knows discrete actions only: set env.actions=discrete")
        return three_way(Column("battery", "1"), ("charge", "discharge", "idle"))

    def initial(self, num_envs: int) -> State:
        """Return the stored energy, MWh."""
        return {"battery_mwh": np.zeros(num_envs)}

    def begin(self, state: State, copies: Array) -> None:
        """Start empty."""
        state["battery_mwh"][copies] = 0.0

    def view(self, state: State) -> tuple[Array, Array, Array]:
        """Return the state of charge, and that it is not full and not empty."""
        charge = state["battery_mwh"] / self.size_mwh
        return charge, (charge < 1).astype(np.float64), (charge > 0).astype(np.float64)

    def debt_mwh(self, state: State) -> Array:
        """Owe nothing: the original forgets what is stored."""
        return np.zeros(len(state["battery_mwh"]))

    def dispatch(self, state: State, action: Array, total_w: Array) -> Power:
        """Charge (0), discharge (1) or idle (2) for one step of 15 minutes."""
        run = quickest(exchange, exchange_loop)
        grid, charge, discharge, soc, state["battery_mwh"] = run(self.size_mwh, action, state["battery_mwh"], total_w)
        zero = np.zeros(len(total_w))
        return Power(grid, charge, discharge, zero, zero, soc)
