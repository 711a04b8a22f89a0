"""What an operator wants to know of a step; means and sums over an episode follow from these.

Voltages are judged against two named bands: ``buses_outside`` counts the supply band (0.95 .. 1.05 by default), ``voltage_violations`` the limits of the
termination part (0.9 .. 1.1). The slack bus and buses without supply are left out of deviations and counts of the supply band.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from wattloom.components.envs.grid.protocol import Record
from wattloom.components.envs.grid.reward import PARTS
from wattloom.environment import Array, Column
from wattloom.figures import Figure

if TYPE_CHECKING:
    from wattloom.components.envs.grid.devices import Devices
    from wattloom.components.envs.grid.environment import Grid

COLUMNS = (
    Column("losses_kw", "kW", "lower"),
    Column("import_mw", "MW", "lower"),
    Column("energy_cost", "USD", "lower"),
    Column("voltage_min_pu", "p.u.", "higher"),
    Column("voltage_max_pu", "p.u.", "lower"),
    Column("voltage_mean_pu", "p.u.", "none"),
    Column("voltage_deviation", "p.u.", "lower"),
    Column("buses_outside", "1", "lower"),
    Column("any_outside", "1", "lower"),
    Column("violated", "1", "lower"),
    Column("diverged", "1", "lower"),
    Column("battery_moved", "MWh", "none"),
    Column("battery_stored", "MWh", "none"),
    Column("wear_cost", "USD", "lower"),
    Column("reactive_mean", "MVAr", "none"),
    *(Column(f"reward_{part}", "1", "higher") for part in PARTS),
    Column("reward_penalty", "1", "higher"),
)


def figures(buses: int) -> tuple[Figure, ...]:
    """Return what is said about an episode of a network with ``buses`` buses besides the slack bus."""
    return (
        Figure.integral("losses_kw", Column("losses", "MWh", "lower"), 1e-3),
        Figure.mean("losses_kw", Column("losses_mean", "kW", "lower")),
        Figure.integral("import_mw", Column("energy_bought", "MWh", "lower")),
        Figure.total("energy_cost", Column("cost", "USD", "lower")),
        Figure.lowest("voltage_min_pu", Column("voltage_lowest", "p.u.", "higher")),
        Figure.highest("voltage_max_pu", Column("voltage_highest", "p.u.", "lower")),
        Figure.mean("voltage_deviation", Column("deviation", "p.u.", "lower")),
        Figure.mean("buses_outside", Column("bus_steps_outside", "%", "lower"), 100.0 / buses),
        Figure.mean("any_outside", Column("steps_outside", "%", "lower"), 100.0),
        Figure.total("violated", Column("steps_violated", "1", "lower")),
        Figure.total("diverged", Column("steps_diverged", "1", "lower")),
        Figure.total("battery_moved", Column("energy_moved", "MWh")),
        Figure.end("battery_stored", Column("energy_left", "MWh")),
        Figure.total("wear_cost", Column("wear", "USD", "lower")),
    )


def metric_columns(devices: Devices) -> tuple[Column, ...]:
    """Return the metrics of an environment: :data:`COLUMNS`, and with further devices theirs and what they cost."""
    return (
        (*COLUMNS, *devices.columns, Column("device_cost", "USD", "lower"), Column("reward_devices", "1", "higher")) if devices else COLUMNS
    )


class StepMetrics:
    """Metrics of one environment.

    Args:
        environment: Its parts.
    """

    def __init__(self, environment: Grid) -> None:
        feeder = environment.feeder
        self._buses = np.setdiff1d(feeder.live, feeder.slack)
        self._all = feeder.live if len(feeder.live) < feeder.n_bus else None
        self._low, self._high = environment.band
        self._hours = environment.rows.profiles.step_hours
        self._wear = environment.fleet.assets.wear_usd_per_mwh

    def __call__(self, record: Record, parts: Mapping[str, Array], penalty: Array) -> dict[str, Array]:
        """Return every declared column, float64 ``(n,)``."""
        everywhere = record.vm if self._all is None else record.vm.take(self._all, axis=1)
        vm = record.vm.take(self._buses, axis=1)
        outside = ((vm < self._low) | (vm > self._high)).sum(axis=1).astype(np.float64)
        dispatch = record.dispatch
        moved = np.abs(dispatch.battery_p).sum(axis=1) * self._hours
        count = max(dispatch.pv_q.shape[1], 1)
        metrics = {
            "losses_kw": record.loss_mw * 1e3,
            "import_mw": record.import_mw,
            "energy_cost": record.inputs.price * record.import_mw * self._hours,
            "voltage_min_pu": everywhere.min(axis=1),
            "voltage_max_pu": everywhere.max(axis=1),
            "voltage_mean_pu": everywhere.sum(axis=1) / everywhere.shape[1],
            "voltage_deviation": np.abs(vm - 1.0).sum(axis=1) / vm.shape[1],
            "buses_outside": outside,
            "any_outside": np.minimum(outside, 1.0),
            "violated": record.violated.astype(np.float64),
            "diverged": 1.0 - record.flow.converged,
            "battery_moved": moved,
            "battery_stored": dispatch.soc.sum(axis=1),
            "wear_cost": moved * self._wear,
            "reactive_mean": np.abs(dispatch.pv_q).sum(axis=1) / count,
            "reward_penalty": penalty,
        }
        if dispatch.devices is not None:
            metrics |= dispatch.devices.metrics
            metrics["device_cost"] = dispatch.devices.cost.sum(axis=1)
            metrics["reward_devices"] = parts["devices"] if "devices" in parts else np.zeros(len(vm))
        for part in PARTS:
            metrics[f"reward_{part}"] = parts[part] if part in parts else np.zeros(len(vm))
        return metrics
