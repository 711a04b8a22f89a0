"""A half-hourly profile found again from the set-points that recorded controllers chose on it: demand and sun of every row, by the physics alone.

    python experiments/grid33/recover_profile.py SETPOINTS.npz testing.csv

A droop controller in equilibrium sets q = c (1 - v) / 0.05 with the capability c = sqrt(1 - p^2) of a 1 MVA inverter, so its q tells the voltage v at its
bus. Three inverters tell three voltages, and a row of the 33-bus feeder has two unknowns, demand and sun: Gauss-Newton through the power flow, all rows at
once, starting from the sun that the inverters at full reactive power (q = c) give. Written is a file of the columns Demand and Solar, which
`halfhour_file` reads.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from wattloom.components.envs.grid.replay import original
from wattloom.environment import Array

DROOP, FULL = "correct__droop_mapdn_curve_equilibrium__q", "correct__q_plus1__q"
BAND, NUDGE, ITERATIONS = 0.05, 1e-6, 10  # p.u. of the droop's full answer; step of the finite differences


class Feeder33:
    """The feeder with three inverters of 1 MVA and reactive loads that go with the active ones."""

    def __init__(self) -> None:
        environment = original(np.full(48, 0.8), np.zeros(48), solar_penalty=False)
        self._feeder, self._buses = environment.feeder, environment.fleet.pv_bus

    def voltages(self, demand: Array, sun: Array, q: Array) -> Array:
        """Return the voltages at the inverters, ``(n, 3)`` p.u., of ``(n,)`` demand and sun and ``(n, 3)`` MVAr."""
        p_inj = self._feeder.fixed_p - demand[:, None] * self._feeder.load_p
        q_inj = self._feeder.fixed_q - demand[:, None] * self._feeder.load_q
        p_inj[:, self._buses] += sun[:, None]
        q_inj[:, self._buses] += q
        return self._feeder.solve(p_inj, q_inj).vm[:, self._buses]


def recover(droop: Array, full: Array) -> tuple[Array, Array, float]:
    """Return demand and sun ``(n,)`` and the largest voltage left unexplained, p.u.

    Args:
        droop: ``(n, 3)`` MVAr of the droop in equilibrium.
        full: ``(n, 3)`` MVAr of inverters at full reactive power.
    """
    feeder = Feeder33()
    demand, sun = np.full(len(droop), 0.8), np.sqrt(np.maximum(1.0 - full[:, 0] ** 2, 0.0))

    def unexplained(demand: Array, sun: Array) -> Array:
        capability = np.sqrt(np.maximum(1.0 - sun**2, 1e-12))[:, None]
        return feeder.voltages(demand, sun, droop) - (1.0 - BAND * droop / capability)

    for _ in range(ITERATIONS):
        rest = unexplained(demand, sun)
        slopes = [unexplained(demand + NUDGE, sun) - rest, unexplained(demand, sun + NUDGE) - rest]
        jacobian = np.stack(slopes, axis=2) / NUDGE
        normal = jacobian.transpose(0, 2, 1)
        step = np.linalg.solve(normal @ jacobian, normal @ rest[:, :, None])[:, :, 0]
        demand, sun = demand - step[:, 0], np.clip(sun - step[:, 1], -0.05, 0.999999)
    return demand, sun, float(np.abs(unexplained(demand, sun)).max())


def read(setpoints: Path) -> tuple[Array, Array, float]:
    """Return :func:`recover` of a file of recorded set-points."""
    recorded = np.load(setpoints)
    return recover(recorded[DROOP].astype(np.float64), recorded[FULL].astype(np.float64))


def write(path: Path, demand: Array, sun: Array) -> None:
    """Write the columns Demand and Solar."""
    np.savetxt(path, np.stack([demand, sun], axis=1), "%.9g", ",", header="Demand,Solar", comments="")


def main() -> None:
    """Recover, write, and say how well the rows are explained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("setpoints", type=Path, help="npz of recorded set-points")
    parser.add_argument("output", type=Path, help="file to write")
    arguments = parser.parse_args()
    demand, sun, rest = read(arguments.setpoints)
    write(arguments.output, demand, sun)
    print(f"{len(demand)} rows written to {arguments.output}; voltages explained within {rest:.1e} p.u.")


if __name__ == "__main__":
    main()
