"""Where policies of the 33-bus feeder are judged, and what is noted of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from wattloom.algorithm import Policy
from wattloom.build import build_environment
from wattloom.compose import compose
from wattloom.environment import Environment

DAYS = {"neomflex": 15, "grid": 24, "grid_b": 24}
COLUMNS = ("loss_kw", "outside_percent", "steps_outside_percent", "voltage_min", "voltage_max", "reward", "stored_mwh")


def overrides(task: str, profile: Path | None) -> list[str]:
    """Return the command line of a judging environment.

    Args:
        task: ``neomflex``: 15 days in a row, rule for rule; ``grid``: 24 days drawn from a year of the default environment that nothing was trained or
            tuned on; ``grid_b``: the same of profile b.
        profile: For ``neomflex``: a file of 720 rows of Demand and Solar; None: generated days of profile b.
    """
    if task == "grid":
        return ["env=grid", "env.data_seed=2"]
    if task == "grid_b":
        return ["env=grid", "demand.profile=b", "solar.profile=b", "env.data_seed=1"]
    if profile is None:
        return ["env=neomflex", "demand.profile=b", "solar.profile=b"]
    path = str(profile.resolve())
    sources = [f"demand.path={path}", f"solar.path={path}", "demand.negative=keep", "solar.negative=keep"]
    return ["env=neomflex", "demand=halfhour_file", "solar=halfhour_file", *sources]


def judging_environment(task: str, profile: Path | None) -> Environment:
    """Return the environment: one copy that plays 15 days one after the other, or 24 copies that play a day each."""
    return build_environment(compose(overrides(task, profile)), num_envs=1 if task == "neomflex" else DAYS[task])


def judge(environment: Environment, make_policy: Callable[[int], Policy], seeds: Sequence[int] = range(1000, 1024)) -> dict[str, float]:
    """Play the days once and return the figures of :data:`COLUMNS`; ``reward`` is the sum over agents and 15 days, or the mean day's.

    A day that a violation ends is played again, as the rules say, and the steps played count: every policy has equally many.
    """
    copies = environment.num_envs
    days = DAYS["neomflex"] if copies == 1 else 1
    policy = make_policy(copies)
    snapshot = environment.reset(seed=list(seeds[:copies]))
    policy.reset(seeds=list(seeds[:copies]))
    metrics: dict[str, list[np.ndarray]] = {}
    reward = np.zeros(copies)
    for _ in range(48 * days):
        result = environment.step(policy.act(snapshot))
        snapshot = result.snapshot
        reward += sum(result.rewards.values())
        for name, values in result.metrics.items():
            metrics.setdefault(name, []).append(values.copy())
        if result.ended.any():
            snapshot = environment.reset(mask=result.ended)
            policy.reset(mask=result.ended)
    table = {name: np.array(values) for name, values in metrics.items()}
    buses = environment.feeder.n_bus - 1  # type: ignore[attr-defined]  # without the slack
    return {
        "loss_kw": float(table["losses_kw"].mean()),
        "outside_percent": 100.0 * float(table["buses_outside"].mean()) / buses,
        "steps_outside_percent": 100.0 * float(table["any_outside"].mean()),
        "voltage_min": float(table["voltage_min_pu"].min()),
        "voltage_max": float(table["voltage_max_pu"].max()),
        "reward": float(reward.mean()),
        "stored_mwh": float(table["battery_stored"][-1].mean()),
    }
