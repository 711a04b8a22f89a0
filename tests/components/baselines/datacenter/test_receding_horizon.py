"""The planner: its programme against an exact small case and a dense solver, its bound, its plan replayed, and closed loops."""

import numpy as np
import pytest
from scipy.optimize import linprog

import wattloom
from wattloom.components.baselines.datacenter.outlook import Outlook, step_of_year
from wattloom.components.baselines.datacenter.programme import Horizon, Programme, Storage
from wattloom.components.baselines.datacenter.receding_horizon import RecedingHorizon, nearest_power, nearest_shift, shift_level
from wattloom.components.baselines.datacenter.rules import DataCenterRules
from wattloom.components.baselines.datacenter.tangents import POINTS, power_tangents, steady_power
from wattloom.environment import EnvironmentSpec
from wattloom.errors import ConfigError
from wattloom.seeding import Seeds

BATTERY = Storage(0.5, 0.5, 0.95, 0.95, 1.0, 0.2, 1.8)
START = {"hall__setpoint_start_c": 24.0}


def horizon_of(price, demand, deadline=96, limit=24.0, flexible=0.3, **changes):
    steps = len(price)
    arrived = np.cumsum(flexible * demand)
    due = np.concatenate([np.zeros(min(deadline, steps)), arrived[: max(steps - deadline, 0)]])
    needed = np.maximum(due, arrived - limit)
    needed[-1] = arrived[-1]
    slopes = np.tile(0.7 + 0.3 * POINTS, (steps, 1))
    values = {
        "price": price,
        "fixed": (1 - flexible) * demand,
        "needed": needed,
        "arrived": arrived,
        "alpha": np.tile(0.45 + 0.7 * POINTS + 0.15 * POINTS**2, (steps, 1)) - slopes * POINTS,
        "beta": slopes,
        "stored": 1.0,
        "final": 1.0,
        "stored_value": 0.0,
        "end": steps,
    }
    return Horizon(**{**values, **changes})


def test_two_steps_by_hand():
    demand = np.zeros(2)
    plan = Programme(2, 5, 1.0, Storage(0.4, 0.5, 0.95, 0.95, 1.0, 0.2, 1.8)).solve(horizon_of(np.array([100.0, 300.0]), demand))
    base = float(np.max(horizon_of(np.ones(2), demand).alpha))  # power at no work, on the steepest tangent there
    charge = 0.4  # full power: 0.38 MWh stored, of which 0.95 come back
    assert np.allclose(plan.charge, [charge, 0.0])
    assert np.allclose(plan.discharge, [0.0, charge * 0.95**2])
    assert plan.cost == pytest.approx(100 * (base + charge) + 300 * (base - charge * 0.95**2), rel=1e-12)


def test_the_programme_agrees_with_one_written_densely():
    steps, h, s = 12, 0.25, Storage(0.5, 0.4, 0.95, 0.9, 0.999, 0.2, 1.8, wear=8.0)
    generator = np.random.default_rng(3)
    data = horizon_of(
        generator.uniform(50, 400, steps), generator.uniform(0.2, 0.9, steps), deadline=4, limit=0.8, final=1.1, stored_value=0.0
    )
    eye, zero = np.eye(steps), np.zeros((steps, steps))
    difference = eye - np.eye(steps, k=-1)
    equal = np.hstack([-s.charge_efficiency * h * eye, h / s.discharge_efficiency * eye, eye - s.keep * np.eye(steps, k=-1), zero, zero])
    right = np.zeros(steps)
    right[0] = s.keep * data.stored
    upper = [
        np.hstack([zero, zero, zero, difference, zero]),
        np.hstack([zero, zero, zero, -difference, zero]),
        np.hstack([-eye, eye, zero, zero, -eye]),
    ]
    sides = [1.0 - data.fixed, np.zeros(steps), np.zeros(steps)]
    for j in range(5):
        upper.append(np.hstack([zero, zero, zero, data.beta[:, j : j + 1] * difference, -eye]))
        sides.append(-(data.alpha[:, j] + data.beta[:, j] * data.fixed))
    cost = np.concatenate([h * (data.price + 0.5 * 8.0 * 0.95), h * (-data.price + 0.5 * 8.0 / 0.9), np.zeros(2 * steps), h * data.price])
    bounds = [(0, 0.5)] * steps + [(0, 0.4)] * steps + [(0.2, 1.8)] * (steps - 1) + [(1.1, 1.8)]
    bounds += [*zip(data.needed, data.arrived, strict=True)] + [(0, None)] * steps
    dense = linprog(cost, np.vstack(upper), np.concatenate(sides), equal, right, bounds)
    programme = Programme(steps, 5, h, s)
    programme.solve(horizon_of(np.ones(steps), np.full(steps, 0.5)))  # numbers of an earlier solve must not stay
    assert programme.solve(data).cost == pytest.approx(dense.fun, rel=1e-9)


def test_charging_and_discharging_never_meet_and_a_closed_site_has_no_plan():
    generator = np.random.default_rng(0)
    programme = Programme(96, 5, 0.25, BATTERY)
    demand = generator.uniform(0.3, 0.8, 96)
    plan = programme.solve(horizon_of(generator.uniform(0, 400, 96), demand))
    assert np.max(plan.charge * plan.discharge) < 1e-12
    assert np.sum(plan.executed) == pytest.approx(0.3 * np.sum(demand), rel=1e-9)
    assert (
        programme.solve(
            horizon_of(np.ones(96), np.full(96, 0.5), needed=np.full(96, 1e-3), fixed=np.full(96, 1.2), arrived=np.full(96, 0.0) - 1)
        )
        is None
    )


def test_tangents_touch_the_steady_power_from_below():
    environment = wattloom.make("datacenter", location="ca", num_envs=1)
    index = np.arange(0, 35040, 997)
    inputs = environment.episode.inputs({"episode_start": index}, np.zeros(len(index), dtype=int))
    alpha, beta = power_tangents(environment, inputs, 24.0)
    u = np.linspace(0.15, 1.0, 18)
    power = steady_power(environment, inputs, np.arange(len(index)), u, 24.0)
    outer = np.max(alpha[:, :, None] + beta[:, :, None] * u, axis=1)
    assert np.max(outer - power) < 0.01  # MW of 1: the tower fan's defect of convexity
    assert np.max(power - outer) < 0.01


def test_persistence_repeats_the_last_day_and_the_clock_is_read_back():
    environment = wattloom.make("datacenter", num_envs=1)
    repeated = Outlook(environment, 24.0, "persistence", "carbon").index(500, 200)
    assert repeated[:3].tolist() == [500, 405, 406]
    assert repeated[96:98].tolist() == [500, 405]
    true = Outlook(environment, 24.0, "perfect", "carbon").index(35000, 100)
    assert true[:2].tolist() == [35000, 35001]
    assert true[-1] == 59
    many = wattloom.make("datacenter", num_envs=40)
    snapshot = many.reset(seed=3)
    names = [column.name for column in many.agents[0].observation_columns]
    entry = {name: snapshot.observations["load_shifting"][:, names.index(name)] for name in names[:4]}
    steps = step_of_year((entry["hour_sin"], entry["hour_cos"]), (entry["year_sin"], entry["year_cos"]), 96, 35040)
    assert steps.tolist() == many.arrays["episode_start"].tolist()


def test_levels_of_shifting_run_the_work_that_is_wanted():
    assert shift_level(0.1, 0.2, 1.0) == pytest.approx(-0.5)
    assert shift_level(0.2, 0.2, 0.0) == 0.0
    assert shift_level(0.7, 0.2, 1.0) == pytest.approx(0.5)


@pytest.mark.parametrize("location", ["ca", "il"])
def test_the_plan_replayed_costs_what_the_bound_says(run_episode, location):
    environment = wattloom.make("datacenter", location=location, actions="continuous", **START)
    planner = RecedingHorizon(horizon_h=None, replan_steps=10_000)
    sums = run_episode(environment, planner, {"start_day": 197}).sums
    bound = planner.plan(197 * 96, 0, 1.0, 0.0, np.zeros(0)).cost
    assert sums["co2"][0] + sums["co2_settlement"][0] == pytest.approx(bound, rel=5e-3)
    receding = RecedingHorizon(replan_steps=16)
    closed = run_episode(environment, receding, {"start_day": 197}).sums
    assert closed["co2"][0] + closed["co2_settlement"][0] == pytest.approx(bound, rel=5e-3)
    rules = DataCenterRules("carbon_threshold", "fixed", "carbon_threshold", soc_low=0.1, soc_high=0.9)
    ruled = run_episode(environment, rules, {"start_day": 197}).sums
    assert bound < (ruled["co2"] + ruled["co2_settlement"])[0]
    assert receding.infeasible == planner.infeasible == 0
    assert sums["work_dropped"][0] == 0
    assert sums["work_overdue"][0] < 1e-6


@pytest.mark.parametrize(("forecast", "actions"), [("persistence", "continuous"), ("perfect", "discrete")])
def test_other_forecasts_and_actions_still_finish_what_arrives(run_episode, two_days, forecast, actions):
    environment = two_days(2, actions=actions, **START)
    planner = RecedingHorizon(forecast, replan_steps=2)
    result = run_episode(environment, planner, {"start_day": [60, 250]})
    assert planner.infeasible == 0
    assert np.all(result.sums["work_dropped"] == 0)
    assert np.all(environment.arrays["battery_mwh"] > 0.9)
    alone = run_episode(two_days(1, actions=actions, **START), RecedingHorizon(forecast, replan_steps=2), {"start_day": [250]})
    assert alone.sums["co2"][0] == result.sums["co2"][1]


def test_a_site_that_may_not_run_at_full_is_planned_as_such(run_episode, two_days):
    environment = two_days(1, actions="continuous", it_load__max_utilisation=0.5, **START)
    planner = RecedingHorizon(replan_steps=8)
    planned, passed = (run_episode(environment, algorithm, {"start_day": 190}).sums for algorithm in (planner, DataCenterRules()))
    assert planner.infeasible == 0
    assert planned["work_overdue"][0] <= passed["work_overdue"][0] + 1e-6
    assert planned["co2"][0] + planned["co2_settlement"][0] < passed["co2"][0] + passed["co2_settlement"][0]


def test_the_last_day_of_a_leap_year_is_not_its_first(run_episode):
    environment = wattloom.make("datacenter", episode__year=2024, episode__days=1, actions="continuous", **START)
    planner = RecedingHorizon(replan_steps=96)
    result = run_episode(environment, planner, {"start_day": 365})
    assert result.policy.state_dict()["start"].tolist() == [365 * 96]


def test_three_choices_follow_the_plan_nearly_as_well_as_numbers(run_episode, two_days):
    def settled(actions):
        environment = two_days(1, actions=actions, **START)
        sums = run_episode(environment, RecedingHorizon(replan_steps=8), {"start_day": 190}).sums
        return (sums["co2"] + sums["co2_settlement"])[0], environment.load_shifting.view(environment.arrays)[0, 0]

    (numbers, _), (choices, left) = settled("continuous"), settled("discrete")
    assert numbers < choices < 1.005 * numbers
    assert left < 0.01


def test_whole_actions_are_those_that_come_nearest_to_the_plan():
    assert [nearest_shift(target, 2.0, 0.3, 0.8) for target in (2.0, 2.3, 1.6)] == [0.0, -1.0, 1.0]
    assert nearest_shift(0.0, 0.0, 0.3, 0.8) == 0.0
    assert [nearest_power(target, 1.0, BATTERY, 0.25) for target in (1.0, 1.1, 0.9, 1.05)] == [0.0, 1.0, -1.0, 0.0]
    assert nearest_power(0.2, 0.2, BATTERY, 0.25) == 0.0


def test_cost_is_an_objective_of_its_own(run_episode, two_days):
    environment = two_days(1, actions="continuous", price="synthetic", battery__wear_usd_per_mwh=8.0, **START)
    by_cost = run_episode(environment, RecedingHorizon(objective="cost", replan_steps=16), {"start_day": 30}).sums
    by_carbon = run_episode(environment, RecedingHorizon(replan_steps=16), {"start_day": 30}).sums
    assert by_cost["cost"] < by_carbon["cost"]
    assert by_cost["co2"] > by_carbon["co2"]


def test_what_it_cannot_plan_is_refused():
    with pytest.raises(ConfigError, match="use env=datacenter"):
        RecedingHorizon().bind(wattloom.make("sustaindc"))
    environment = wattloom.make("datacenter")
    with pytest.raises(ConfigError, match="setpoint_c=40"):
        RecedingHorizon(setpoint_c=40.0).bind(environment)
    planner = RecedingHorizon()
    planner.setup(EnvironmentSpec.of(environment), Seeds(0), 1)
    with pytest.raises(ConfigError, match="bind"):
        planner.policy(1, explore=False)
    for values in ({"forecast": "oracle"}, {"objective": "profit"}, {"replan_steps": 0}, {"horizon_h": 0.0}):
        with pytest.raises(ConfigError, match=next(iter(values))):
            RecedingHorizon(**values)
