"""Metrics of a step, with units. An episode's ratios (PUE, water and carbon use per IT energy) are ratios of sums, never means of ratios."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from wattloom.components.envs.datacenter.protocol import Record, Site
from wattloom.components.envs.datacenter.settlement import settlement_mwh
from wattloom.environment import Array, Column

COLUMNS = (
    Column("energy_it", "kWh", "lower"),
    Column("energy_cooling", "kWh", "lower"),
    Column("energy_loss", "kWh", "lower"),
    Column("energy_total", "kWh", "lower"),
    Column("energy_grid", "kWh", "lower"),
    Column("energy_server_fan", "kWh", "lower"),
    Column("co2", "kg", "lower"),
    Column("cost", "USD", "lower"),
    Column("wear", "USD", "lower"),
    Column("water", "L", "lower"),
    Column("water_evaporated", "L", "lower"),
    Column("water_blowdown", "L", "lower"),
    Column("state_of_charge", "1"),
    Column("battery_discharged", "kWh"),
    Column("battery_loss", "kWh", "lower"),
    Column("work_demand", "capacity h"),
    Column("work_executed", "capacity h", "higher"),
    Column("work_dropped", "capacity h", "lower"),
    Column("work_overdue", "capacity h", "lower"),
    Column("work_queued", "capacity h", "lower"),
    Column("work_shiftable", "capacity h"),
    Column("setpoint", "degC"),
    Column("supply", "degC"),
    Column("inlet", "degC"),
    Column("unmet", "K", "lower"),
    Column("over_27", "K h", "lower"),
    Column("outside_recommended", "h", "lower"),
    Column("outside_allowable", "h", "lower"),
    Column("co2_settlement", "kg", "lower"),
    Column("heat_removed", "kWh"),
    Column("heat_free", "kWh", "higher"),
)
RECOMMENDED_C, ALLOWABLE_C = (18.0, 27.0), (15.0, 32.0)  # ASHRAE TC9.9, class A1, server inlet


def step_metrics(record: Record, site: Site) -> dict[str, Array]:
    """Return every metric of :data:`COLUMNS` for one step, float64 ``(num_envs,)``."""
    h, kwh = np.array(site.step_hours), np.array(site.step_hours * 1e-3)  # arrays, because a plain number costs every product more
    it, plant, air, power, work = record.it, record.plant, record.air, record.power, record.work
    inlet = record.room_c
    free = plant.heat_w - plant.coil_w + plant.coil_w * plant.economiser
    values = (
        it.power_w * kwh,
        record.cooling_w * kwh,
        record.loss_w * kwh,
        record.total_w * kwh,
        power.grid_kwh,
        it.fan_w * kwh,
        power.grid_kwh * record.inputs.carbon * 1e-3,
        power.grid_kwh * record.inputs.price * 1e-3 + power.wear_usd,
        power.wear_usd,
        plant.water_l,
        plant.evaporation_l,
        plant.blowdown_l,
        power.soc,
        power.discharge_w * kwh,
        power.loss_kwh,
        record.inputs.demand * h,
        work.utilisation * h,
        work.dropped * h,
        work.overdue * h,
        work.queued * h,
        work.shifted * h,
        air.setpoint.copy(),  # parts keep these three as their state
        plant.supply.copy(),
        inlet.copy(),
        np.maximum(plant.supply - air.setpoint, 0.0),
        np.maximum(inlet - 27.0, 0.0) * h,
        ((inlet < RECOMMENDED_C[0]) | (inlet > RECOMMENDED_C[1])) * h,
        ((inlet < ALLOWABLE_C[0]) | (inlet > ALLOWABLE_C[1])) * h,
        _settlement(record, site),
        plant.heat_w * kwh,
        free * kwh,
    )
    return {column.name: value for column, value in zip(COLUMNS, values, strict=True)}


def _settlement(record: Record, site: Site) -> Array:
    """Return the CO2 that battery and backlog still owe, kg, in the last step; 0 before."""
    if not record.ending:
        return np.zeros(len(record.last))
    battery, backlog = settlement_mwh(record, site)
    return np.where(record.last, (battery + backlog) * record.inputs.carbon_day, 0.0)


def ratios(metrics: Mapping[str, Array]) -> dict[str, Array]:
    """Return the ratios of an episode from sums (or means) of its step metrics.

    Returns:
        ``pue`` (1), ``wue`` (L per kWh of IT), ``cue`` (kg per kWh of IT), ``free_cooling`` (share of the heat removed).
    """
    it = metrics["energy_it"]
    return {
        "pue": metrics["energy_total"] / it,
        "wue": metrics["water"] / it,
        "cue": metrics["co2"] / it,
        "free_cooling": metrics["heat_free"] / metrics["heat_removed"],
    }


def first_fault(record: Record) -> str:
    """Return which part, copy and value of a step is not finite, for an error message; empty where all are finite."""
    groups: dict[str, Any] = {
        "inputs": record.inputs,
        "load_shifting": record.work,
        "it_load": record.it,
        "hall": record.air,
        "cooling": record.plant,
        "battery": record.power,
    }
    for part, group in groups.items():
        for name in group.__slots__:
            value = getattr(group, name)
            if isinstance(value, np.ndarray) and value.dtype.kind == "f" and not np.isfinite(value).all():
                copy = int(np.argwhere(~np.isfinite(value))[0][0])
                return f"{part}.{name} is {value[copy]} in copy {copy}"
    return ""
