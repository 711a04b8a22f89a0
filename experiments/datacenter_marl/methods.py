"""What the trained policies are compared with, and how all of them play the same weeks: side by side, in the copies of one environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from wattloom.algorithm import Algorithm, Policy
from wattloom.environment import Array, Environment, EnvironmentSpec, Snapshot
from wattloom.seeding import Seeds

BATTERY = {"battery": "carbon_threshold", "soc_low": 0.1, "soc_high": 0.9}
SHIFTING = {"carbon": "carbon_threshold", "forecast": "forecast_threshold"}
COOLING: dict[str, dict[str, Any]] = {
    "trim": {"cooling": "trim_and_respond"},
    **{str(t): {"cooling": "fixed", "setpoint_c": float(t)} for t in (23, 24, 25, 26)},
}
SINGLE: dict[str, dict[str, Any]] = {
    "no_op": {},
    "coldest": {"cooling": "coldest"},
    "warmest": {"cooling": "warmest"},
    **{("trim_and_respond" if name == "trim" else f"fixed_{name}"): values for name, values in COOLING.items()},
    "shift_carbon_threshold": {"load_shifting": "carbon_threshold"},
    "shift_forecast_threshold": {"load_shifting": "forecast_threshold"},
    "shift_greedy": {"load_shifting": "greedy"},
    "battery_rule": BATTERY,
}
PAIRS = {f"shift_{s}+{c}": {"load_shifting": SHIFTING[s], **COOLING[c]} for s, c in product(SHIFTING, ("23", "24", "25"))}
TRIPLES = {f"{name}+battery": {**values, **BATTERY} for name, values in PAIRS.items()}
RULES: dict[str, dict[str, Any]] = {
    **SINGLE,
    **PAIRS,
    **TRIPLES,
    "all_rules": {"load_shifting": "carbon_threshold", **COOLING["trim"], **BATTERY},
}
"""Every rule by itself, and its combinations with the fixed set-points that can be best."""

PLANNERS: dict[str, dict[str, Any]] = {
    "mpc_persistence": {"forecast": "persistence", "replan_steps": 16},
    "mpc_perfect": {"forecast": "perfect", "horizon_h": None, "replan_steps": 1_000_000},
}
"""References that hold 24 °C and choose any power between the three choices of the others: a horizon of 24 h, planned every 4 h as if the next day were
like the last; and the whole week planned at once, its future known."""

SUMS = (
    "co2",
    "co2_settlement",
    "energy_grid",
    "energy_total",
    "energy_it",
    "cost",
    "water",
    "work_demand",
    "work_executed",
    "work_dropped",
    "work_overdue",
    "over_27",
)


def prepare(algorithm: Algorithm, environment: Environment) -> Algorithm:
    """Introduce a baseline to the environment; the receding horizon also reads the model and the true future."""
    algorithm.setup(EnvironmentSpec.of(environment), Seeds(0), 1)
    if algorithm.privileged:
        algorithm.bind(environment)
    return algorithm


def play(environment: Any, policies: Sequence[Policy], start_days: Sequence[int]) -> dict[str, Array]:
    """Play whole episodes: policy p in the copies ``p * len(start_days)`` and up, one a start day.

    Args:
        environment: Of ``len(policies) * len(start_days)`` copies.
        policies: Each for ``len(start_days)`` copies.
        start_days: Day of the year, from 0, on which each episode begins.

    Returns:
        Sums over the steps by metric, ``return`` (of all agents) and ``queued`` at the end (capacity h), each ``(len(policies), len(start_days))``.
    """
    width = len(start_days)
    parts = [slice(p * width, (p + 1) * width) for p in range(len(policies))]
    for policy in policies:
        policy.reset()
    snapshot = environment.reset(seed=0, options={"start_day": list(start_days) * len(policies)})
    sums = {name: np.zeros(environment.num_envs) for name in (*SUMS, "return")}
    for _ in range(environment.horizon):
        acted = [policy.act(_rows(snapshot, part)) for policy, part in zip(policies, parts, strict=True)]
        result = environment.step({name: np.concatenate([actions[name] for actions in acted]) for name in acted[0]})
        snapshot = result.snapshot
        for name in SUMS:
            sums[name] += result.metrics[name]
        sums["return"] += sum(result.rewards.values())
    sums["queued"] = result.metrics["work_queued"]
    return {name: values.reshape(len(policies), width) for name, values in sums.items()}


def figures(sums: Mapping[str, Array]) -> dict[str, Array]:
    """Return the figures of the episodes, by name with unit."""
    co2, undone = sums["co2"] + sums["co2_settlement"], sums["queued"] + sums["work_dropped"]
    return {
        "return": sums["return"],
        "co2_kg": co2,
        "energy_mwh": 1e-3 * sums["energy_grid"],
        "cost_usd": sums["cost"],
        "water_m3": 1e-3 * sums["water"],
        "it_mwh": 1e-3 * sums["energy_it"],
        "pue": sums["energy_total"] / sums["energy_it"],
        "dropped_h": sums["work_dropped"],
        "overdue_h": sums["work_overdue"],
        "undone_percent": 100.0 * undone / sums["work_demand"],
        "co2_per_work": sums["co2"] / sums["work_executed"],
        "over_27_kh": sums["over_27"],
    }


def _rows(snapshot: Snapshot, part: slice) -> Snapshot:
    """Return the copies of ``part`` of what is visible."""
    return Snapshot({name: values[part] for name, values in snapshot.observations.items()})
