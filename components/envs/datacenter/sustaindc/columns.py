"""The columns of the recordings, from what a step left behind."""

from __future__ import annotations

from typing import Any

from wattloom.components.envs.datacenter.protocol import Record, State
from wattloom.components.envs.datacenter.sustaindc.cooling import PUMP_W
from wattloom.components.envs.datacenter.sustaindc.episode import LEAD
from wattloom.components.envs.datacenter.sustaindc.hall import FAN_W
from wattloom.components.envs.datacenter.sustaindc.preset import Original
from wattloom.environment import Array
from wattloom.errors import DataError

UNUSED = ("ls_norm_load_left", "ls_unasigned_day_load_left", "ls_penalty_flag", "ls_enforced")  # always 0 in the original


def step_columns(built: Original, action: Array, index: int, copy: int = 0) -> dict[str, Any]:
    """Return the ``info_*`` and ``int_*`` columns of the step that copy ``copy`` has just made.

    Args:
        built: The original's composition.
        action: int (3,), what was done.
        index: 15-min index of the year AFTER the step.
        copy: Copy to read.
    """
    record, state = built.environment.record, built.environment.arrays
    if record is None:
        raise DataError("replay: no step has been made")
    row: dict[str, Any] = {name: values[copy] for name, values in _measured(record, state).items()}
    row["info_ls_norm_tasks_in_queue"] = row["info_ls_tasks_in_queue"] / built.queue.queue_limit
    return row | _clock(built, state, index, copy) | _constants(built, action)


def _measured(record: Record, state: State) -> dict[str, Array]:
    """Return what the step measured, ``(num_envs, ...)`` by column."""
    x, work, it, plant, power = record.inputs, record.work, record.it, record.plant, record.power
    return {
        "info_dc_ITE_total_power_kW": it.power_w / 1e3,
        "info_dc_CT_total_power_kW": plant.tower_w / 1e3,
        "info_dc_Compressor_total_power_kW": plant.chiller_w / 1e3,
        "info_dc_HVAC_total_power_kW": (plant.tower_w + plant.chiller_w) / 1e3,
        "info_dc_total_power_kW": record.total_w / 1e3,
        "info_dc_crac_setpoint_delta": state["setpoint_delta"],
        "info_dc_crac_setpoint": state["setpoint"],
        "info_dc_cpu_workload_fraction": work.utilisation,
        "info_dc_int_temperature": it.extra["outlet_mean"],
        "info_dc_exterior_ambient_temp": x.weather.dry_bulb,
        "info_dc_water_usage": plant.water_l,
        "info_ls_original_workload": x.demand,
        "info_ls_shifted_workload": work.utilisation,
        "info_ls_tasks_in_queue": work.extra["tasks_in_queue"],
        "info_ls_tasks_dropped": work.extra["tasks_dropped"],
        "info_ls_tasks_processed": work.extra["tasks_processed"],
        "info_ls_oldest_task_age": work.extra["oldest_age"],
        "info_ls_average_task_age": work.extra["mean_age"],
        "info_ls_overdue_penalty": work.extra["overdue_tasks"],
        "info_ls_computed_tasks": work.extra["computed_tasks"],
        "info_ls_task_age_histogram": work.extra["age_histogram"],
        "info_bat_SOC": power.soc,
        "info_bat_CO2_footprint": power.grid_kwh * x.carbon,
        "info_bat_avg_CI": x.carbon,
        "info_bat_total_energy_without_battery_KWh": record.total_w / 4e3,
        "info_bat_total_energy_with_battery_KWh": power.grid_kwh,
        "int_consecutive_actions": state["setpoint_count"],
        "int_action_scaling_factor": state["setpoint_scale"],
        "int_battery_load_MWh": state["battery_mwh"],
        "int_crac_cooling_load_W": plant.heat_w,
        "int_mean_rack_inlet_C": it.extra["inlet_mean"],
        "int_crac_return_temp_C": it.extra["return_c"],
        "int_it_cpu_W": it.extra["cpu_w"],
        "int_it_fan_W": it.fan_w,
    }


def _clock(built: Original, state: State, index: int, copy: int) -> dict[str, Any]:
    """Return what belongs to the time after the step."""
    low, high = state["episode_bounds"][copy, 2:]
    here = int(built.environment.elapsed[copy]) + LEAD
    ahead = (state["episode_values"][copy, here : here + 10, 3] - low) / (high - low)
    return {
        "info_ls_current_hour": (index - 1) % 96 / 4,
        "info_outside_temp": state["episode_values"][copy, here, 1],
        "info_day": index // 96,
        "info_hour": index % 96 / 4,
        "info_norm_CI": ahead[1],
        "info_forecast_CI": ahead[1:9],
        "info_isterminal": bool(built.environment.needs_reset[copy]),
    }


def _constants(built: Original, action: Array) -> dict[str, Any]:
    """Return actions, sizes and what never changes."""
    low, high = built.plant.power_lb_kw, built.plant.power_ub_kw
    return {
        **{f"info_{name}": 0 for name in UNUSED},
        "info_ls_action": int(action[0]),
        "info_bat_action": int(action[2]),
        "info_ls_queue_max_len": built.queue.queue_limit,
        "info_bat_max_bat_cap": built.battery.size_mwh,
        "info_dc_power_lb_kW": low,
        "info_dc_power_ub_kW": high,
        "info_bat_dcload_min": low / 4,
        "info_bat_dcload_max": high / 4,
        "info_dc_CW_pump_power_kW": PUMP_W,  # W in the original, whatever the name says
        "info_dc_CT_pump_power_kW": PUMP_W,
        "int_crac_fan_W": FAN_W,
    }
