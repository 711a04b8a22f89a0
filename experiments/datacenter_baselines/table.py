"""Every baseline of the data center over months, places and seeds: one command, resumable, one row an episode and a table with paired intervals.

    python experiments/datacenter_baselines/table.py

An episode is a week at a place, from a day of the month that the seed draws; weather, demand and carbon are generated with that seed. All methods meet
the same episodes, so every difference to ``no_op`` is paired.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

import wattloom
from wattloom.algorithm import Algorithm
from wattloom.components.baselines.datacenter.receding_horizon import RecedingHorizon
from wattloom.components.baselines.datacenter.rules import DataCenterRules
from wattloom.environment import Array, EnvironmentSpec
from wattloom.seeding import Seeds
from wattloom.statistics import paired_interval

HERE = Path(__file__).parent
SOC = {"soc_low": 0.1, "soc_high": 0.9}
PLAN = {"replan_steps": 8}
METHODS: dict[str, tuple[type[Algorithm], dict[str, Any]]] = {
    "no_op": (DataCenterRules, {}),
    "coldest": (DataCenterRules, {"cooling": "coldest"}),
    "warmest": (DataCenterRules, {"cooling": "warmest"}),
    "fixed_24": (DataCenterRules, {"cooling": "fixed", "setpoint_c": 24.0}),
    "trim_and_respond": (DataCenterRules, {"cooling": "trim_and_respond"}),
    "shift_carbon_threshold": (DataCenterRules, {"load_shifting": "carbon_threshold"}),
    "shift_forecast_threshold": (DataCenterRules, {"load_shifting": "forecast_threshold"}),
    "shift_greedy": (DataCenterRules, {"load_shifting": "greedy"}),
    "battery_rule": (DataCenterRules, {"battery": "carbon_threshold", **SOC}),
    "all_rules": (
        DataCenterRules,
        {"load_shifting": "carbon_threshold", "cooling": "trim_and_respond", "battery": "carbon_threshold", **SOC},
    ),
    "rules_24": (DataCenterRules, {"load_shifting": "carbon_threshold", "cooling": "fixed", "battery": "carbon_threshold", **SOC}),
    "mpc_persistence": (RecedingHorizon, {"forecast": "persistence", **PLAN}),
    "mpc_perfect": (RecedingHorizon, {"forecast": "perfect", **PLAN}),
    "perfect_plan": (RecedingHorizon, {"forecast": "perfect", "horizon_h": None, "replan_steps": 1_000_000}),
}
SUMS = (
    "co2",
    "co2_settlement",
    "energy_grid",
    "energy_total",
    "energy_it",
    "water",
    "cost",
    "work_dropped",
    "work_overdue",
    "over_27",
    "battery_discharged",
)
COLUMNS = (
    "method",
    "place",
    "seed",
    "month",
    "co2_settled_kg",
    "energy_mwh",
    "water_m3",
    "cost_usd",
    "pue",
    "dropped_h",
    "overdue_h",
    "over_27_kh",
)


def episodes(environment: Any, algorithm: Algorithm, start_days: Sequence[int]) -> dict[str, Array]:
    """Return sums of the metrics of whole episodes, one copy a start day, ``(len(start_days),)`` each."""
    algorithm.setup(EnvironmentSpec.of(environment), Seeds(0), 1)
    if algorithm.privileged:
        algorithm.bind(environment)
    policy = algorithm.policy(environment.num_envs, explore=False)
    policy.reset()
    snapshot = environment.reset(seed=0, options={"start_day": list(start_days)})
    sums = {name: np.zeros(environment.num_envs) for name in SUMS}
    for _ in range(environment.horizon):
        result = environment.step(policy.act(snapshot))
        snapshot = result.snapshot
        for name in SUMS:
            sums[name] += result.metrics[name]
    return sums


def first_days(months: Sequence[int], seed: int) -> list[int]:
    """Return the start day (from 0) of each month's episode: a day that the seed draws, with a week left in the month."""
    drawn = np.random.default_rng([seed, 12]).integers(0, 21, 12)
    starts = np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30])
    return [int(starts[month - 1] + drawn[month - 1]) for month in months]


def rows_of(job: tuple[str, str, int, tuple[int, ...], str]) -> list[dict[str, Any]]:
    """Return the rows of one method at one place with one seed, all months at once."""
    method, place, seed, months, price = job
    environment = wattloom.make(
        "datacenter", num_envs=len(months), location=place, price=price, actions="continuous", data_seed=seed, episode__start_hour=0
    )
    kind, values = METHODS[method]
    sums = episodes(environment, kind(**values), first_days(months, seed))
    columns = (
        sums["co2"] + sums["co2_settlement"],
        sums["energy_grid"] * 1e-3,
        sums["water"] * 1e-3,
        sums["cost"],
        sums["energy_total"] / sums["energy_it"],
        sums["work_dropped"],
        sums["work_overdue"],
        sums["over_27"],
    )
    return [
        dict(zip(COLUMNS, (method, place, seed, month, *(repr(float(c[i])) for c in columns)), strict=True))
        for i, month in enumerate(months)
    ]


def run(arguments: argparse.Namespace) -> None:
    """Run what is missing in the file of episodes, then write the table."""
    path: Path = arguments.out / "episodes.csv"
    arguments.out.mkdir(parents=True, exist_ok=True)
    done = {(row["method"], row["place"], int(row["seed"]), int(row["month"])) for row in read(path)} if path.exists() else set()
    jobs = []
    for method, place, seed in ((m, p, s) for m in arguments.methods for p in arguments.places for s in arguments.seeds):
        months = tuple(month for month in arguments.months if (method, place, seed, month) not in done)
        if months:
            jobs.append((method, place, seed, months, arguments.price))
    began = time.perf_counter()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if not done:
            writer.writeheader()
        with ProcessPoolExecutor(arguments.processes) as pool:
            for job, rows in zip(jobs, pool.map(rows_of, jobs), strict=True):
                writer.writerows(rows)
                file.flush()  # an interrupted run keeps whole jobs
                print(f"{time.perf_counter() - began:7.1f} s  {job[0]} {job[1]} seed {job[2]}", flush=True)
    text = table(read(path), arguments)
    (arguments.out / "table.md").write_text(text, encoding="utf-8")
    print(text)


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file of episodes."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def table(rows: list[dict[str, str]], arguments: argparse.Namespace) -> str:
    """Return the table in Markdown: means, and differences to no_op in % with paired 95 % intervals over all episodes."""
    keys = [(p, s, m) for p in arguments.places for s in arguments.seeds for m in arguments.months]
    found = {(r["method"], r["place"], int(r["seed"]), int(r["month"])): r for r in rows}
    lines = [
        "| method | episodes | CO2 kg | CO2 % | energy % | water % | cost % | PUE | dropped | overdue | over 27 °C K h |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for method in arguments.methods:
        mine = [key for key in keys if (method, *key) in found]  # fewer where a run was stopped
        if not mine:
            continue
        values, base = ({c: np.array([float(found[name, *key][c]) for key in mine]) for c in COLUMNS[4:]} for name in (method, "no_op"))
        relative = [_relative(values[c], base[c]) for c in ("co2_settled_kg", "energy_mwh", "water_m3", "cost_usd")]
        plain = [f"{values[c].mean():.{d}f}" for c, d in (("pue", 4), ("dropped_h", 2), ("overdue_h", 2), ("over_27_kh", 1))]
        lines.append(f"| {method} | {len(mine)} | {values['co2_settled_kg'].mean():.0f} | " + " | ".join([*relative, *plain]) + " |")
    return "\n".join(lines) + "\n"


def _relative(values: Array, base: Array) -> str:
    """Return the mean relative difference in % and the half-width of its paired interval."""
    mean, low, high = paired_interval(100.0 * values / base, np.full(len(base), 100.0))
    return f"{round(mean, 2) + 0.0:+.2f} ± {(high - low) / 2:.2f}"  # no minus before a zero


def main(argv: Sequence[str] | None = None) -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Every baseline of the data center over months, places and seeds.")
    parser.add_argument("--months", type=int, nargs="+", default=list(range(1, 13)))
    parser.add_argument("--places", nargs="+", default=["ca", "ny", "tx", "va"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS), help="no_op is always among them")
    parser.add_argument("--price", default="synthetic", help="option of the group price")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    arguments = parser.parse_args(argv)
    arguments.methods = list(dict.fromkeys(["no_op", *arguments.methods]))
    run(arguments)


if __name__ == "__main__":
    main()
