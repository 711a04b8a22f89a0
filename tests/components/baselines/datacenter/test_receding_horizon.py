"""The planner: its programme against an exact small case and a dense solver, its bound, its plan replayed, and closed loops."""

import numpy as np
import pytest
from scipy.optimize import linprog

import wattloom
from wattloom.components.baselines.datacenter.outlook import Outlook, step_of_year
from wattloom.components.baselines.datacenter.programme import Horizon, Programme, Storage
from wattloom.components.baselines.datacenter.receding_horizon import RecedingHorizon, nearest_power, nearest_shift, shift_level
from wattloom.components.baselines.datacenter.rules import DataCenterRules
from wattloom.components.baselines.datacenter.tangents import CURVE, POINTS, chord, power_curve, power_tangents, steady_power
from wattloom.environment import EnvironmentSpec
from wattloom.errors import ConfigError
from wattloom.seeding import Seeds

BATTERY = Storage(0.5, 0.5, 0.95, 0.95, 1.0, 0.2, 1.8)
START = {"hall__setpoint_start_c": 24.0}


def curve(u):
    """Facility power of the small cases, MW."""
    return 0.45 + 0.7 * u + 0.15 * u**2


def horizon_of(price, demand, deadline=96, limit=24.0, flexible=0.3, **changes):
    steps = len(price)
    arrived = np.cumsum(flexible * demand)
    due = np.concatenate([np.zeros(min(deadline, steps)), arrived[: max(steps - deadline, 0)]])
    needed = np.maximum(due, arrived - limit)
    needed[-1] = arrived[-1]
    slopes = np.tile(0.7 + 0.3 * POINTS, (steps, 1))
    fixed = (1 - flexible) * demand
    climb = (curve(1.0) - curve(fixed)) / (1.0 - fixed)
    values = {
        "price": price,
        "fixed": fixed,
        "needed": needed,
        "arrived": arrived,
        "alpha": np.tile(curve(POINTS), (steps, 1)) - slopes * POINTS,
        "beta": slopes,
        "stored": 1.0,
        "final": 1.0,
        "stored_value": 0.0,
        "end": steps,
        "chord": np.stack([curve(fixed) - climb * fixed, climb], axis=1),
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


@pytest.mark.parametrize("cheapest", [50, -300])
def test_the_programme_agrees_with_one_written_densely(cheapest):
    steps, h, s = 12, 0.25, Storage(0.5, 0.4, 0.95, 0.9, 0.999, 0.2, 1.8, wear=8.0)
    generator = np.random.default_rng(3)
    data = horizon_of(
        generator.uniform(cheapest, 400, steps), generator.uniform(0.2, 0.9, steps), deadline=4, limit=0.8, final=1.1, stored_value=0.0
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
        paid = data.price < 0  # there the power stays below its chord instead of above its tangents
        alpha, beta, sign = (
            np.where(paid, *pair) for pair in zip((*data.chord.T, -1.0), (data.alpha[:, j], data.beta[:, j], 1.0), strict=True)
        )
        upper.append(sign[:, None] * np.hstack([zero, zero, zero, beta[:, None] * difference, -eye]))
        sides.append(-sign * (alpha + beta * data.fixed))
    cost = np.concatenate([h * (data.price + 0.5 * 8.0 * 0.95), h * (-data.price + 0.5 * 8.0 / 0.9), np.zeros(2 * steps), h * data.price])
    bounds = [(0, 0.5)] * steps + [(0, 0.4)] * steps + [(0.2, 1.8)] * (steps - 1) + [(1.1, 1.8)]
    bounds += [*zip(data.needed, data.arrived, strict=True)] + [(0, None)] * steps
    dense = linprog(cost, np.vstack(upper), np.concatenate(sides), equal, right, bounds)
    programme = Programme(steps, 5, h, s)
    programme.solve(horizon_of(np.ones(steps), np.full(steps, 0.5)))  # numbers of an earlier solve must not stay
    assert programme.solve(data).cost == pytest.approx(dense.fun, rel=1e-9)


def true_cost(data, battery, hours, plan):
    """What a plan costs with the power of the curve itself."""
    power = curve(data.fixed + plan.executed) + plan.charge - plan.discharge
    worn = battery.charge_efficiency * plan.charge + plan.discharge / battery.discharge_efficiency
    return hours * np.sum(data.price * power + 0.5 * battery.wear * worn)


def best_by_trying(data, battery, hours, levels=13):
    """Cheapest cost of all plans on a grid of battery powers and of work, one deadline at the end; charging or discharging, never both."""
    powers = np.unique([*np.linspace(-battery.most_out, 0, levels), *np.linspace(0, battery.most_in, levels)])
    gain = hours * np.where(powers > 0, powers * battery.charge_efficiency, powers / battery.discharge_efficiency)
    worn = 0.5 * battery.wear * np.abs(gain)
    steps = len(data.price)
    choices = np.array(np.meshgrid(*[np.arange(len(powers))] * steps, indexing="ij")).reshape(steps, -1)
    energy = data.stored + np.cumsum(gain[choices], axis=0)
    allowed = (energy >= battery.low - 1e-9).all(axis=0) & (energy <= battery.high + 1e-9).all(axis=0) & (energy[-1] >= data.final - 1e-9)
    stored = np.min((hours * data.price[:, None] * powers[choices] + worn[choices]).sum(axis=0)[allowed])
    done = np.array(np.meshgrid(*[np.linspace(0, data.arrived[-1], 40)] * (steps - 1), indexing="ij")).reshape(steps - 1, -1)
    work = np.diff(np.concatenate([np.zeros((1, done.shape[1])), done, np.full((1, done.shape[1]), data.arrived[-1])]), axis=0)
    total = np.cumsum(work, axis=0)
    fits = (work >= 0).all(axis=0) & (total <= data.arrived[:, None] + 1e-9).all(axis=0) & (work <= 1 - data.fixed[:, None]).all(axis=0)
    return stored + np.min((hours * data.price[:, None] * curve(data.fixed[:, None] + work)).sum(axis=0)[fits])


@pytest.mark.parametrize("wear", [0.0, 6.0])
@pytest.mark.parametrize("price", [(120, -80, -60, 150), (40, -200, 90, -20), (-50, -50, -60, -50)])
def test_a_negative_price_is_paid_for_and_the_bound_lies_below_every_plan_that_can_be(price, wear):
    battery = Storage(0.4, 0.4, 0.9, 0.9, 1.0, 0.2, 1.4, wear=wear)
    data, programme = horizon_of(np.array(price, dtype=float), np.array([0.5, 0.6, 0.4, 0.5])), Programme(4, 5, 1.0, battery)
    plan = programme.solve(data)
    old = programme.solve(horizon_of(np.maximum(data.price, 0.0), np.array([0.5, 0.6, 0.4, 0.5])))  # a negative price counted as 0
    found, mine, before = best_by_trying(data, battery, 1.0), *(true_cost(data, battery, 1.0, p) for p in (plan, old))
    assert np.min([plan.charge, plan.discharge], axis=0).max() == 0, "a battery does not charge and discharge at once"
    np.testing.assert_allclose(
        plan.stored, 1.0 + np.cumsum(0.9 * plan.charge - plan.discharge / 0.9), atol=1e-9, err_msg="what is planned is what happens"
    )
    assert plan.cost <= min(found, mine) + 1e-9
    assert plan.cost > found - 0.04 * np.abs(data.price).sum(), "a bound worth its name"
    assert mine < before - 1.0


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


def test_chords_lie_above_the_steady_power_between_any_two_utilisations():
    environment = wattloom.make("datacenter", location="ca", num_envs=1)
    rows = np.arange(0, 35040, 997)
    inputs = environment.episode.inputs({"episode_start": np.arange(35040)}, np.zeros(35040, dtype=int))
    low = np.random.default_rng(1).uniform(0.0, 0.9, len(rows))
    intercept, slope = chord(power_curve(environment, inputs, rows, 24.0), low, 0.95).T[:, :, None]
    u = np.linspace(0.0, 1.0, 21)
    power, line = steady_power(environment, inputs, rows, u, 24.0), intercept + slope * u
    inside = (u >= low[:, None]) & (u <= 0.95)
    assert np.max((power - line)[inside]) < 0.01  # MW of 1: the tower fan's defect of convexity
    assert np.max((line - power)[inside]) < 0.03
    assert power_curve(environment, inputs, np.zeros(0, dtype=int), 24.0).shape == (0, len(CURVE))


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


def test_negative_prices_are_used_and_the_replay_is_not_below_the_bound(run_episode, two_days):
    price = {"price": "synthetic", "price__transforms": [{"_target_": "wattloom.components.sources.transforms.Scale", "offset": -20.0}]}
    environment = two_days(1, actions="continuous", **price, **START)

    def replayed(clipped):
        planner = RecedingHorizon(objective="cost", horizon_h=None, replan_steps=10_000)
        planner.setup(EnvironmentSpec.of(environment), Seeds(1), 1)
        planner.bind(environment)
        planner.bind = lambda _: None
        true = planner.outlook.price[100 * 96 :][: 2 * 96]
        assert 0.2 < (true < 0).mean() < 0.8
        if clipped:  # as if a negative price were 0
            planner.outlook.price = np.maximum(planner.outlook.price, 0.0)
        sums = run_episode(environment, planner, {"start_day": 100}).sums
        assert environment.arrays["battery_mwh"][0] > planner.start_mwh - 0.01
        assert planner.infeasible == 0
        return sums["cost"][0], planner.plan(100 * 96, 0, planner.start_mwh, 0.0, np.zeros(0)).cost

    (cost, bound), (before, _) = replayed(False), replayed(True)
    assert bound <= cost < before


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
