"""The receding-horizon reference of the data center: time of one solve, and what its closed loop costs over the perfect-foresight bound.

    python experiments/benchmarks/datacenter_plan.py [--places ca il] [--day 197] [--solves 300] [--lowered 20]

A week from ``--day`` at each place, the default site at 24 °C, carbon as the objective. The bound is one programme over the whole week with perfect data;
beside it stand its plan replayed in the full model, and the closed loop that plans 24 h ahead (96 steps, 480 variables) in every step. Solve times are
processor times of one thread, the assembly of the programme included. Then the same by cost in California from ``--lowered-day``, with the generated price
lowered by so many USD/MWh that much of it is negative, beside a plan that takes a negative price for 0.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

import wattloom
from wattloom.components.baselines.datacenter.receding_horizon import RecedingHorizon
from wattloom.components.baselines.datacenter.rules import DataCenterRules
from wattloom.environment import EnvironmentSpec
from wattloom.seeding import Seeds


def prepared(environment: Any, algorithm: Any) -> Any:
    """Return the algorithm, set up for the environment."""
    algorithm.setup(EnvironmentSpec.of(environment), Seeds(0), 1)
    if algorithm.privileged:
        algorithm.bind(environment)
    return algorithm


def played(environment: Any, algorithm: Any, day: int, *metrics: str) -> float:
    """Return the sum of metrics over a week."""
    policy = algorithm.policy(1, explore=False)
    policy.reset()
    snapshot, total = environment.reset(seed=0, options={"start_day": day}), 0.0
    for _ in range(environment.horizon):
        result = environment.step(policy.act(snapshot))
        snapshot = result.snapshot
        total += sum(float(result.metrics[name][0]) for name in metrics)
    return total


def settled_kg(environment: Any, algorithm: Any, day: int) -> float:
    """Return the CO2 of a week, what battery and queue owe at its end included, kg."""
    return played(environment, algorithm, day, "co2", "co2_settlement")


def solve_ms(planner: Any, day: int, count: int) -> Any:
    """Return processor times of solves from successive steps of the year, ms, ``(count,)``."""
    times = []
    for k in range(count):
        start = time.process_time()
        planner.plan(day * 96 + k, 0, planner.start_mwh, 0.0, np.zeros(0))
        times.append((time.process_time() - start) * 1e3)
    return np.array(times)


def report(place: str, day: int, solves: int) -> None:
    """Print one place."""
    environment = wattloom.make("datacenter", location=place, actions="continuous", hall__setpoint_start_c=24.0)
    whole = prepared(environment, RecedingHorizon(horizon_h=None, replan_steps=10_000))
    receding = prepared(environment, RecedingHorizon())
    bound = whole.plan(day * 96, 0, whole.start_mwh, 0.0, np.zeros(0)).cost
    times = solve_ms(receding, day, solves)
    idle = settled_kg(environment, prepared(environment, DataCenterRules()), day)
    print(f"{place}: {solves} solves of 96 steps: median {np.median(times):.1f} ms, 99 % below {np.quantile(times, 0.99):.1f} ms")
    print(f"    nothing done {idle:10.1f} kg   bound {bound:10.1f} kg")
    for name, planner in (("plan of the week, replayed", whole), ("closed loop, 24 h ahead", receding)):
        cost = settled_kg(environment, planner, day)
        print(f"    {name:27s}{cost:10.1f} kg   {100 * (cost / bound - 1):+.3f} % over the bound")


def report_negative(lowered: float, day: int, solves: int) -> None:
    """Print a week with negative prices, by cost."""
    change = [{"_target_": "wattloom.components.sources.transforms.Scale", "offset": -lowered}]
    price = {"price": "synthetic", "price__transforms": change, "hall__setpoint_start_c": 24.0}
    environment = wattloom.make("datacenter", location="ca", actions="continuous", **price)
    whole = prepared(environment, RecedingHorizon(objective="cost", horizon_h=None, replan_steps=10_000))
    receding = prepared(environment, RecedingHorizon(objective="cost"))
    share = (whole.outlook.price[day * 96 :][: environment.horizon] < 0).mean()
    bound, times = whole.plan(day * 96, 0, whole.start_mwh, 0.0, np.zeros(0)).cost, solve_ms(receding, day, solves)
    print(f"ca, {100 * share:.0f} % of the prices negative: median {np.median(times):.1f} ms, 99 % below {np.quantile(times, 0.99):.1f} ms")
    print(
        f"    nothing done {played(environment, prepared(environment, DataCenterRules()), day, 'cost'):10.1f} USD   bound {bound:10.1f} USD"
    )
    for name, planner in (("plan of the week, replayed", whole), ("closed loop, 24 h ahead", receding)):
        cost = played(environment, planner, day, "cost")
        planner.outlook.price, true = np.maximum(planner.outlook.price, 0.0), planner.outlook.price
        blind = played(environment, planner, day, "cost")
        planner.outlook.price = true
        print(f"    {name:27s}{cost:10.1f} USD   negative taken for 0: {blind:10.1f} USD")


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--places", nargs="+", default=["ca", "il"])
    parser.add_argument("--day", type=int, default=197, help="day of the year, from 0, at which the week begins")
    parser.add_argument("--solves", type=int, default=300)
    parser.add_argument("--lowered", type=float, default=20.0, help="USD/MWh by which the price is lowered in the last part")
    parser.add_argument("--lowered-day", type=int, default=100, help="day of the year at which its week begins")
    options = parser.parse_args()
    for place in options.places:
        report(place, options.day, options.solves)
    report_negative(options.lowered, options.lowered_day, options.solves)


if __name__ == "__main__":
    main()
