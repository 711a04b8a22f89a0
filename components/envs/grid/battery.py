"""A battery behind its converter: what is asked for, what the window of the state of charge allows, and what is stored afterwards.

With power P at the grid (discharge positive), efficiencies eta and step h:

    soc' = soc - P h / eta_d      discharging          soc' = soc - P h eta_c      charging

Where soc' would leave its window, P is cut so that soc' ends exactly on the edge: energy is conserved in every case.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wattloom.components.envs.grid.protocol import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Batteries:
    """Parameters of ``(n_battery,)`` batteries.

    Attributes:
        power_mw: Largest power either way.
        low_mwh, high_mwh: Window of the energy stored.
        charge_efficiency, discharge_efficiency: Stored over drawn, delivered over taken.
    """

    power_mw: Floats
    low_mwh: Floats
    high_mwh: Floats
    charge_efficiency: Floats
    discharge_efficiency: Floats

    def astype(self, dtype: np.dtype[np.floating]) -> Batteries:
        """Return the same parameters in another precision."""
        return Batteries(*(getattr(self, name).astype(dtype) for name in self.__slots__))


def run(parameters: Batteries, soc: Floats, action: Floats, hours: float) -> tuple[Floats, Floats]:
    """Return the power delivered (MW) and the energy stored afterwards (MWh), computed in the precision of ``action``.

    Args:
        parameters: The batteries.
        soc: ``(n, n_battery)`` MWh.
        action: ``(n, n_battery)`` share of the power asked for, discharge positive.
        hours: h, length of the step.
    """
    p = parameters if action.dtype == np.float64 else parameters.astype(action.dtype)
    soc = soc.astype(action.dtype, copy=False)
    power = action * p.power_mw
    energy = power * hours
    after = soc - np.where(power > 0, energy / p.discharge_efficiency, energy * p.charge_efficiency)
    over, under = after > p.high_mwh, after < p.low_mwh
    if over.any():
        power = np.where(over, (soc - p.high_mwh) / hours / p.charge_efficiency, power)
        after = np.where(over, parameters.high_mwh, after)
    if under.any():
        power = np.where(under, (soc - p.low_mwh) / hours * p.discharge_efficiency, power)
        after = np.where(under, parameters.low_mwh, after)
    return power, after
