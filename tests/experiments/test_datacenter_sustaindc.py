"""The study of SustainDC's own model: its rules against the original's table, its plan against an independent replay, one run from end to end."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

import wattloom

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("weeks", "rows", "foresight", "study")


@pytest.fixture(scope="module")
def study(scripts):
    """The modules of the study."""
    return dict(zip(MODULES, scripts("datacenter_sustaindc", *MODULES), strict=True))


@pytest.fixture(scope="module")
def inputs():
    folder = Path(os.environ.get("WATTLOOM_SHARED", ROOT.parent / "shared")) / "golden" / "sustaindc"
    if not (folder / "ny_july_reference_weeks.csv").is_file():
        pytest.skip("needs the recorded weeks of ../shared")
    return folder


def test_no_op_and_rules_equal_the_original(study, inputs):
    """Every figure of the original's table, to 1e-6 or the last digit that it prints."""
    environment = wattloom.make("sustaindc", num_envs=4, episode="july_weeks", episode__folder=str(inputs))
    with (inputs / "ny_july_reference_weeks.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert {row["policy"] for row in table} == set(study["rows"].RULES)
    for name, act in study["rows"].RULES.items():
        found = study["rows"].week_rows(environment, act, [0] * 4)
        for row in (row for row in table if row["policy"] == name):
            for column, printed in row.items():
                if column in found:
                    digits = len(printed.partition(".")[2])
                    value = found[column][int(row["week"]) - 1]
                    assert value == pytest.approx(float(printed), rel=1e-6, abs=0.5001 * 10**-digits), (name, row["week"], column)


def test_training_never_leaves_the_recorded_stretch(study, inputs):
    """Starts between days 174 and 188, noise of their own, and no value that was not recorded."""
    environment = wattloom.make("sustaindc", num_envs=32, episode="july_inputs", episode__folder=str(inputs))
    environment.reset(seed=3)
    start, values = environment.arrays["episode_start"], environment.arrays["episode_values"]
    assert np.isfinite(values[:, :-2]).all()
    assert start.min() >= 174 * 96
    assert start.max() < 189 * 96
    assert len(np.unique(values[:, 100, 1])) == 32
    assert len(np.unique(start)) > 20


def random_week(study):
    generator = np.random.default_rng(5)
    steps = study["weeks"].STEPS
    demand = 0.5 + 0.3 * np.sin(np.arange(steps) / 13) + 0.1 * generator.random(steps)
    carbon = 300 + 60 * np.sin(np.arange(steps) / 15)
    mw = np.tile(0.8 + 0.01 * np.arange(101.0) ** 1.2, (steps, 1))
    fixed, flexible = np.ceil(demand * 80).astype(int), np.floor(demand * 20).astype(int)
    return study["foresight"].Week(mw * carbon[:, None] * 0.25, mw, carbon, fixed, flexible)


def replayed_by_hand(week, plan):
    """The original's queue as a list of arrival steps."""
    queue, kg, dropped = [], 0.0, 0
    for t, choice in enumerate(plan):
        fixed, flexible = int(week.fixed[t]), int(week.flexible[t])
        room = max(90 - fixed - flexible, 0)
        forced = min(sum(t - arrived > 96 for arrived in queue), room)
        queue = queue[forced:]
        load, room = fixed + flexible + forced, room - forced
        if choice == 0:
            taken = min(flexible, 1000 - len(queue))
            queue += [t] * taken
            dropped, load = dropped + flexible - taken, load - taken
        elif choice == 2:
            run = min(flexible, room, len(queue))
            queue, load = queue[run:], load + run
        kg += week.kg[t, load]
    return kg, len(queue) + dropped


def test_plans_are_replayed_with_the_original_s_ages(study):
    week, generator = random_week(study), np.random.default_rng(1)
    plans = generator.choice(3, (6, study["weeks"].STEPS), p=[0.6, 0.2, 0.2])
    plans[0] = 0
    kg, undone, _ = study["foresight"].replay(week, plans)
    for k, plan in enumerate(plans):
        expected = replayed_by_hand(week, plan)
        assert (kg[k], undone[k]) == (pytest.approx(expected[0], rel=1e-12), expected[1])
    assert undone[0] > 0


def test_the_plan_of_the_queue_is_feasible_and_between_doing_nothing_and_the_relaxed_bound(study):
    week, foresight = random_week(study), study["foresight"]
    least, plan = foresight.best_queue(week)
    better = foresight.coordinate_search(week, plan, np.random.default_rng(1), tries=50, patience=3)
    idle, first, second = (foresight.replay(week, p[None]) for p in (np.ones_like(plan), plan, better))
    assert first[1][0] == second[1][0] == 0
    assert least <= second[0][0] <= first[0][0] < idle[0][0]


def test_the_plan_of_the_battery_saves_what_it_says(study):
    """Followed step by step with the environment's own battery, which rounds what is stored."""
    from wattloom.components.envs.datacenter.sustaindc.battery import SustainDcBattery

    week, size = random_week(study), 2.0
    mw = week.mw[:, 50]
    saved, choice = study["foresight"].plan_battery(week, mw, size)
    battery, state, spent = SustainDcBattery(size), {"battery_mwh": np.zeros(1)}, 0.0
    for t in range(study["weeks"].STEPS):
        cell = int(np.rint(state["battery_mwh"][0] / size * (choice.shape[1] - 1)))
        power = battery.dispatch(state, choice[t, cell : cell + 1], np.array([mw[t] * 1e6]))
        spent += float(power.grid_kwh[0] - 250.0 * mw[t]) * week.carbon[t] * 1e-3
    assert saved > 0
    assert -spent == pytest.approx(saved, rel=0.02)


@pytest.mark.slow
def test_one_run_from_end_to_end(study, tmp_path, capsys):
    """Embedded data, a few updates; a second call trains nothing anew."""
    small = ["runner.total_steps=3072", "env.num_envs=8", "evaluation.episodes=1", "evaluation.every=1536", "algorithm.epochs=1"]
    call = ["--algorithms", "mappo", "--seeds", "1", "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out"), *small]
    for _ in range(2):
        study["study"].main(call)
    assert len(study["study"].read(tmp_path / "out" / "seeds.csv")) == 1
    assert len(study["study"].read(tmp_path / "out" / "curves.csv")) == 2
    text = capsys.readouterr().out
    assert "mappo, seed 1" in text
    assert "| noop | +0.00 |" in text
