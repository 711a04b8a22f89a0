"""What a policy or a rule does in whole weeks: energy, CO2, water, PUE, dropped, queue and work, one row a week."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from wattloom.components.envs.datacenter.protocol import AGENTS
from wattloom.components.envs.datacenter.sustaindc.episode import CARBON, LEAD
from wattloom.environment import Array, Snapshot

Act = Callable[[Snapshot, Any, int], Mapping[str, Array]]
"""What is seen, the environment and the step to actions by agent."""

SHIFT = {"defer": 0, "pass": 1, "process": 2}
COOLING = {"lower": 0, "hold": 1, "raise": 2}
IDLE = 2
LOOK_AHEAD = 3  # steps, of the original's battery rule


def constant(shift: str = "pass", cooling: str = "hold") -> Act:
    """Return fixed choices with an idle battery."""

    def act(snapshot: Snapshot, environment: Any, step: int) -> dict[str, Array]:
        n = environment.num_envs
        return dict(zip(AGENTS, (np.full(n, SHIFT[shift]), np.full(n, COOLING[cooling]), np.full(n, IDLE)), strict=True))

    return act


def with_battery_rule(act: Act) -> Act:
    """Return ``act`` with the original's battery rule: charge where the carbon intensity three steps ahead is higher, else discharge."""

    def ruled(snapshot: Snapshot, environment: Any, step: int) -> Mapping[str, Array]:
        carbon = environment.arrays["episode_values"][:, :, CARBON]
        rises = carbon[:, LEAD + step + LOOK_AHEAD] > carbon[:, LEAD + step]
        return {**act(snapshot, environment, step), "battery": np.where(rises, 0, 1)}

    return ruled


RULES: dict[str, Act] = {
    "noop": constant(),
    "battery_rule": with_battery_rule(constant()),
    "hvac_lower": constant(cooling="lower"),
    "hvac_raise": constant(cooling="raise"),
    "hvac_lower_battery_rule": with_battery_rule(constant(cooling="lower")),
    "always_defer": constant(shift="defer"),
}
BEST = "hvac_lower_battery_rule"


def of_policy(policy: Any) -> Act:
    """Return a trained policy's choices."""
    policy.reset()
    return lambda snapshot, environment, step: policy.act(snapshot)


def week_rows(environment: Any, act: Act, seeds: Sequence[int]) -> dict[str, Array]:
    """Play one week a seed, all at once, and return sums by column of the original's table, float64 ``(copies,)`` each."""
    snapshot = environment.reset(seed=list(seeds))
    sums = {name: np.zeros(environment.num_envs) for name in ("energy_kwh", "co2_kg", "water_l", "it", "total", "tasks_dropped")}
    sums |= {name: np.zeros(environment.num_envs) for name in ("work_in_tasks", "work_done_tasks")}
    for step in range(environment.horizon):
        snapshot = environment.step(act(snapshot, environment, step)).snapshot
        record = environment.record
        sums["energy_kwh"] += record.power.grid_kwh
        sums["co2_kg"] += record.power.grid_kwh * record.inputs.carbon * 1e-3
        sums["water_l"] += record.plant.water_l
        sums["it"] += record.it.power_w
        sums["total"] += record.total_w
        sums["tasks_dropped"] += record.work.extra["tasks_dropped"]
        sums["work_in_tasks"] += 100.0 * record.inputs.demand
        sums["work_done_tasks"] += np.rint(100.0 * record.work.utilisation)
    total, it = sums.pop("total"), sums.pop("it")
    return sums | {"pue": total / it, "queue_end": record.work.extra["tasks_in_queue"].astype(np.float64)}


def summary(rows: Mapping[str, Array], base: Mapping[str, Array]) -> dict[str, float]:
    """Return differences to ``base`` over all weeks: % of CO2, energy, water and CO2 a task done; % of the work undone; tasks dropped and left; PUE."""
    change = {name: 100.0 * (rows[name].sum() / base[name].sum() - 1.0) for name in ("co2_kg", "energy_kwh", "water_l")}
    each, usual = (r["co2_kg"].sum() / r["work_done_tasks"].sum() for r in (rows, base))
    return {
        "co2_%": change["co2_kg"],
        "energy_%": change["energy_kwh"],
        "water_%": change["water_l"],
        "co2_per_task_%": 100.0 * (each / usual - 1.0),
        "undone_%": 100.0 * (1.0 - rows["work_done_tasks"].sum() / rows["work_in_tasks"].sum()),
        "dropped": rows["tasks_dropped"].sum(),
        "queue_end": rows["queue_end"].sum(),
        "pue": rows["pue"].mean(),
    }
