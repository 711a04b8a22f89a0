"""How far a plan with perfect foresight gets: the bound that is printed beside learned policies.

    python experiments/datacenter_sustaindc/foresight.py --inputs FOLDER

The set-point is held at its lower end. Facility power is then a table P(t, u) over load levels u of 1 %, so that queue and battery can be planned apart:

1. queue: dynamic programming over the number of tasks waiting (they must all run by the end), for several limits of the queue and prices of waiting, each
   plan replayed with the original's first-in-first-out ages, where overdue tasks run by themselves; the best plan that leaves nothing undone is kept;
2. coordinate search from there: random changes of one to three choices of that plan, a thousand at once, keep the best, stop after no gain;
3. battery: dynamic programming over the stored energy (4,001 levels), exact in time, given the facility power of the plan.

Steps 1 and 2 give a plan that can be carried out, not a proof; the relaxed optimum of step 1 without ages bounds every plan from below.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rows
import weeks

import wattloom
from wattloom.components.envs.datacenter.protocol import AGENTS
from wattloom.components.envs.datacenter.sustaindc.queue import LIMIT
from wattloom.components.envs.datacenter.sustaindc.queue_rings import CEILING, DAY
from wattloom.environment import Array

LEVELS = 101  # load levels of 1 %
NEVER = 1e12
DEFER, PASS, PROCESS = 0, 1, 2
HOURS = 0.25


@dataclass
class Week:
    """What decides a week's CO2 once the set-point stands at its lower end.

    Attributes:
        kg: CO2 of each step and load level, kg, ``(T, 101)``.
        mw: Facility power, MW, ``(T, 101)``.
        carbon: g/kWh, ``(T,)``.
        fixed: Tasks that cannot wait, ``(T,)``.
        flexible: Tasks that can, ``(T,)``.
    """

    kg: Array
    mw: Array
    carbon: Array
    fixed: Array
    flexible: Array


def tabulate(folder: str) -> list[Week]:
    """Ask the plant for its power at every step and load level of the recorded weeks."""
    environment: Any = wattloom.make("sustaindc", num_envs=weeks.COUNT, episode="july_weeks", episode__folder=folder)
    environment.reset(seed=0)
    state, level = environment.arrays, np.arange(LEVELS) / 100
    watts = np.zeros((weeks.STEPS, weeks.COUNT, LEVELS))
    carbon, demand = np.zeros((2, weeks.STEPS, weeks.COUNT))
    for t in range(weeks.STEPS):
        x = environment.episode.inputs(state, np.full(weeks.COUNT, t))
        target = environment.hall.actuate(state, np.zeros(weeks.COUNT, dtype=np.int64))
        carbon[t], demand[t] = x.carbon, x.demand
        for k, u in enumerate(level):
            it = environment.it_load.power(environment.hall.inlet(state), np.full(weeks.COUNT, u))
            air = environment.hall.air(state, target, it, x.weather)
            plant = environment.cooling.cool(air, it, x.weather, x.plant)
            watts[t, :, k] = it.power_w + air.fan_w + plant.chiller_w + plant.chilled_pump_w + plant.condenser_pump_w + plant.tower_w
    kg = watts * carbon[:, :, None] * (HOURS * 1e-6)
    fixed, flexible = np.ceil(demand * 0.8 * 100).astype(int), np.floor(demand * 0.2 * 100).astype(int)
    return [Week(kg[:, w], watts[:, w] * 1e-6, carbon[:, w], fixed[:, w], flexible[:, w]) for w in range(weeks.COUNT)]


def plan_queue(week: Week, limit: int, waiting: float) -> tuple[float, Array]:
    """Return relaxed cost (kg) and choices ``(T,)`` of the cheapest plan by dynamic programming over the tasks waiting, 0 .. ``limit``.

    Args:
        week: Costs.
        limit: Most tasks that may wait.
        waiting: kg charged for a task and step of waiting, which keeps tasks young; 0 ignores ages.
    """
    queue = np.arange(limit + 1)
    value = np.where(queue == 0, 0.0, NEVER)
    choice = np.zeros((weeks.STEPS, limit + 1), dtype=np.int8)
    for t in range(weeks.STEPS - 1, -1, -1):
        kg, fixed, flexible = week.kg[t], week.fixed[t], week.flexible[t]
        more = np.where(queue + flexible <= limit, value[np.minimum(queue + flexible, limit)], NEVER)
        run = np.minimum(min(flexible, max(CEILING - fixed - flexible, 0)), queue)
        options = np.stack([kg[fixed] + more, kg[fixed + flexible] + value, kg[fixed + flexible + run] + value[queue - run]])
        choice[t] = options.argmin(0)
        value = options.min(0) + waiting * queue
    waits, chosen = 0, np.zeros(weeks.STEPS, dtype=np.int8)
    for t in range(weeks.STEPS):
        chosen[t] = choice[t, waits]
        flexible = week.flexible[t]
        room = max(CEILING - week.fixed[t] - flexible, 0)
        waits += {DEFER: flexible, PASS: 0, PROCESS: -min(flexible, room, waits)}[int(chosen[t])]
    return float(value[0]), chosen


def replay(week: Week, chosen: Array) -> tuple[Array, Array, Array]:
    """Return CO2 (kg), tasks left or dropped, ``(B,)`` each, and load levels ``(B, T)`` of plans ``(B, T)`` with the original's ages."""
    added, removed = np.zeros((2, len(chosen)), dtype=np.int64)
    history = np.zeros((weeks.STEPS, len(chosen)), dtype=np.int64)
    kg, dropped, load = np.zeros(len(chosen)), np.zeros(len(chosen), dtype=np.int64), np.zeros(chosen.shape, dtype=np.int64)
    for t in range(weeks.STEPS):
        fixed, flexible = int(week.fixed[t]), int(week.flexible[t])
        overdue = np.maximum(history[t - DAY - 1] - removed, 0) if t > DAY else 0
        room = max(CEILING - fixed - flexible, 0)
        forced = np.minimum(overdue, room)
        queued = added - removed - forced
        defers = chosen[:, t] == DEFER
        deferred = defers * np.minimum(flexible, LIMIT - queued)
        run = (chosen[:, t] == PROCESS) * np.minimum(np.minimum(flexible, room - forced), queued)
        removed, added = removed + forced + run, added + deferred
        history[t] = added
        dropped += defers * flexible - deferred
        load[:, t] = fixed + flexible - deferred + run + forced
        kg += week.kg[t, load[:, t]]
    return kg, added - removed + dropped, load


def best_queue(week: Week) -> tuple[float, Array]:
    """Return the relaxed bound (kg) and the best plan that leaves nothing undone, over limits and prices of waiting."""
    plans = [plan_queue(week, limit, price) for limit in (100, 200, 300, 400, 600, LIMIT) for price in (0.0, 5e-4, 1e-3, 2e-3, 4e-3)]
    chosen = np.stack([plan for _, plan in plans])
    kg, undone, _ = replay(week, chosen)
    return plans[-5][0], chosen[np.where(undone == 0, kg, NEVER).argmin()]


def coordinate_search(week: Week, plan: Array, generator: np.random.Generator, tries: int = 1000, patience: int = 20) -> Array:
    """Improve a plan by random changes of one to three choices, ``tries`` at a time, until ``patience`` rounds in a row bring nothing."""
    best, failed = float(replay(week, plan[None])[0][0]), 0
    while failed < patience:
        trial = np.repeat(plan[None], tries, axis=0)
        for _ in range(3):
            trial[np.arange(tries), generator.integers(0, weeks.STEPS, tries)] = generator.integers(0, 3, tries)
        kg, undone, _ = replay(week, trial)
        kg = np.where(undone == 0, kg, NEVER)
        k = int(kg.argmin())
        failed = 0 if kg[k] < best - 1e-6 else failed + 1
        if failed == 0:
            best, plan = float(kg[k]), trial[k]
    return plan


def plan_battery(week: Week, mw: Array, size_mwh: float, levels: int = 4001) -> tuple[float, Array]:
    """Return the CO2 saved (kg) and choices ``(T, levels)`` for facility power ``mw`` ``(T,)``; what is left at the end is worth nothing."""
    stored = np.linspace(0.0, size_mwh, levels)
    x = stored / size_mwh
    hours_in = np.rint(0.5 / (1.0 + np.exp(10.0 * (x - 0.5))) * 1e4) / 1e4 * 0.25
    charge = np.minimum(0.1 * size_mwh, (size_mwh - stored) / (hours_in + 0.04)) * hours_in
    hours_out = np.maximum(0.5, 4.0 / (1.0 + np.exp(-10.0 * (x - 0.25)))) * 0.25
    value, choice = np.zeros(levels), np.zeros((weeks.STEPS, levels), dtype=np.int8)
    for t in range(weeks.STEPS - 1, -1, -1):
        discharge = np.minimum(np.minimum(size_mwh, stored / (0.01 + hours_out)), mw[t] / 4) * hours_out
        c = week.carbon[t]
        options = np.stack(
            [c * charge + np.interp(stored + charge, stored, value), np.interp(stored - discharge, stored, value) - c * discharge, value]
        )
        choice[t], value = options.argmin(0), options.min(0)
    return -float(value[0]), choice


def bound(folder: str, seed: int = 1) -> dict[str, Any]:
    """Plan all four weeks, carry the plans out in the environment, and return its rows beside no-op's, and the relaxed CO2 (kg)."""
    environment: Any = wattloom.make("sustaindc", num_envs=weeks.COUNT, episode="july_weeks", episode__folder=folder)
    size = environment.battery.size_mwh
    plans, batteries, relaxed = [], [], 0.0
    for week in tabulate(folder):
        least, plan = best_queue(week)
        plan = coordinate_search(week, plan, np.random.default_rng(seed))
        level = replay(week, plan[None])[2][0]
        saved, battery = plan_battery(week, week.mw[np.arange(weeks.STEPS), level], size)
        plans.append(plan)
        batteries.append(battery)
        relaxed += least - saved

    def act(snapshot: Any, environment: Any, step: int) -> dict[str, Array]:
        cell = np.rint(environment.arrays["battery_mwh"] / size * (batteries[0].shape[1] - 1)).astype(int)
        battery = np.array([choice[step, cell[k]] for k, choice in enumerate(batteries)], dtype=np.int64)
        shift = np.array([plan[step] for plan in plans], dtype=np.int64)
        return dict(zip(AGENTS, (shift, np.zeros(weeks.COUNT, dtype=np.int64), battery), strict=True))

    seeds = [0] * weeks.COUNT
    return {
        "rows": rows.week_rows(environment, act, seeds),
        "base": rows.week_rows(environment, rows.RULES["noop"], seeds),
        "relaxed_kg": relaxed,
    }


def main() -> None:
    """Print the bound."""
    parser = argparse.ArgumentParser(description="Perfect-foresight plan of the reference weeks.")
    parser.add_argument("--inputs", type=Path, required=True, help="folder with ny_july_*.npz")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    found = bound(str(arguments.inputs), arguments.seed)
    print({name: round(float(value), 3) for name, value in rows.summary(found["rows"], found["base"]).items()})
    print(f"relaxed (ages ignored): {100.0 * (found['relaxed_kg'] / found['base']['co2_kg'].sum() - 1.0):+.3f} % CO2")


if __name__ == "__main__":
    main()
