"""Metrics of a step, with units. What is said about an episode, ratios of sums among it, stands in :mod:`wattloom.components.envs.datacenter.figures`."""

from __future__ import annotations

from typing import Any

import numpy as np

from wattloom.components.envs.datacenter.protocol import Record, Site
from wattloom.components.envs.datacenter.settlement import settlement_mwh
from wattloom.components.physics.compiled import compiled, law, quickest
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
NAMES = tuple(column.name for column in COLUMNS)
RECOMMENDED_C, ALLOWABLE_C = (18.0, 27.0), (15.0, 32.0)  # ASHRAE TC9.9, class A1, server inlet


@law
def metric_values(
    hours: float,
    it_w: Array,
    cooling_w: Array,
    loss_w: Array,
    total_w: Array,
    fan_w: Array,
    discharge_w: Array,
    demand: Array,
    utilisation: Array,
    dropped: Array,
    overdue: Array,
    queued: Array,
    arrived: Array,
    supply: Array,
    setpoint: Array,
    inlet: Array,
    heat_w: Array,
    coil_w: Array,
    economiser: Array,
    grid_kwh: Array,
    carbon: Array,
    price: Array,
    wear_usd: Array,
) -> tuple[Array, ...]:
    """Return what is computed of a step, from W, shares of capacity, °C, kWh, g/kWh, USD/MWh and USD.

    Returns:
        Energy kWh of IT, cooling, losses, facility, server fans and discharge; work demanded, executed, dropped, overdue, queued and arrived, h of full
        capacity; unmet K, K h over 27 °C, hours outside the recommended and outside the allowable range; heat removed and heat removed without chiller,
        kWh; CO2 kg and cost USD.
    """
    kwh = hours * 1e-3
    return (
        it_w * kwh,
        cooling_w * kwh,
        loss_w * kwh,
        total_w * kwh,
        fan_w * kwh,
        discharge_w * kwh,
        demand * hours,
        utilisation * hours,
        dropped * hours,
        overdue * hours,
        queued * hours,
        arrived * hours,
        np.maximum(supply - setpoint, 0.0),
        np.maximum(inlet - RECOMMENDED_C[1], 0.0) * hours,
        ((inlet < RECOMMENDED_C[0]) | (inlet > RECOMMENDED_C[1])) * hours,
        ((inlet < ALLOWABLE_C[0]) | (inlet > ALLOWABLE_C[1])) * hours,
        heat_w * kwh,
        (heat_w - coil_w + coil_w * economiser) * kwh,
        grid_kwh * carbon * 1e-3,
        grid_kwh * price * 1e-3 + wear_usd,
    )


@compiled
def metric_loop(
    hours: float,
    it_w: Array,
    cooling_w: Array,
    loss_w: Array,
    total_w: Array,
    fan_w: Array,
    discharge_w: Array,
    demand: Array,
    utilisation: Array,
    dropped: Array,
    overdue: Array,
    queued: Array,
    arrived: Array,
    supply: Array,
    setpoint: Array,
    inlet: Array,
    heat_w: Array,
    coil_w: Array,
    economiser: Array,
    grid_kwh: Array,
    carbon: Array,
    price: Array,
    wear_usd: Array,
) -> Array:
    """Return the twenty of :func:`metric_values` for every copy, ``(20, num_envs)``."""
    out = np.empty((20, len(it_w)))
    for i in range(len(it_w)):
        row = metric_values(
            hours,
            it_w[i],
            cooling_w[i],
            loss_w[i],
            total_w[i],
            fan_w[i],
            discharge_w[i],
            demand[i],
            utilisation[i],
            dropped[i],
            overdue[i],
            queued[i],
            arrived[i],
            supply[i],
            setpoint[i],
            inlet[i],
            heat_w[i],
            coil_w[i],
            economiser[i],
            grid_kwh[i],
            carbon[i],
            price[i],
            wear_usd[i],
        )
        for k in range(20):
            out[k, i] = row[k]
    return out


def step_metrics(record: Record, site: Site) -> dict[str, Array]:
    """Return every metric of :data:`COLUMNS` for one step, float64 ``(num_envs,)``."""
    it, plant, air, power, work, x = record.it, record.plant, record.air, record.power, record.work, record.inputs
    powers = (it.power_w, record.cooling_w, record.loss_w, record.total_w, it.fan_w, power.discharge_w)
    works = (x.demand, work.utilisation, work.dropped, work.overdue, work.queued, work.shifted)
    thermal = (plant.supply, air.setpoint, record.room_c, plant.heat_w, plant.coil_w, plant.economiser)
    found = quickest(metric_values, metric_loop)(
        site.step_hours, *powers, *works, *thermal, power.grid_kwh, x.carbon, x.price, power.wear_usd
    )
    it_kwh, cooling, loss, total, fan, discharged = found[:6]
    unmet, over_27, outside_recommended, outside_allowable, heat, free, co2, cost = found[12:]
    values = (
        *(it_kwh, cooling, loss, total, power.grid_kwh, fan),
        *(co2, cost, power.wear_usd),
        *(plant.water_l, plant.evaporation_l, plant.blowdown_l),
        *(power.soc, discharged, power.loss_kwh),
        *found[6:12],
        *(air.setpoint.copy(), plant.supply.copy(), record.room_c.copy()),  # parts keep these three as their state
        *(unmet, over_27, outside_recommended, outside_allowable),
        *(_settlement(record, site), heat, free),
    )
    return dict(zip(NAMES, values, strict=True))


def _settlement(record: Record, site: Site) -> Array:
    """Return the CO2 that battery and backlog still owe, kg, in the last step; 0 before."""
    if not record.ending:
        return np.zeros(len(record.last))
    battery, backlog = settlement_mwh(record, site)
    return np.where(record.last, (battery + backlog) * record.inputs.carbon_day, 0.0)


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
