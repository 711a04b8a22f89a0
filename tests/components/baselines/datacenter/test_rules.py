"""Rules of the data center: each against its definition, in the composed environments, whatever the kind of action or number of copies."""

import itertools

import numpy as np
import pytest

import wattloom
from wattloom.components.baselines.datacenter.battery import BATTERY
from wattloom.components.baselines.datacenter.cooling import COOLING, trim_and_respond, trim_memory
from wattloom.components.baselines.datacenter.memory import window_quantiles
from wattloom.components.baselines.datacenter.rules import DataCenterRules
from wattloom.components.baselines.datacenter.shifting import SHIFTING, carbon_level, carbon_memory, greedy_level
from wattloom.environment import EnvironmentSpec
from wattloom.errors import ConfigError
from wattloom.seeding import Seeds

WINDOW = {"soc_low": 0.1, "soc_high": 0.9}


def test_quantiles_of_a_partly_filled_window_are_those_of_numpy():
    generator = np.random.default_rng(0)
    window, count = generator.normal(size=(6, 9)), np.array([1, 2, 5, 8, 9, 40])
    low, high = window_quantiles(window, count, 1 / 3, 2 / 3)
    for row, used, a, b in zip(window, np.minimum(count, 9), low, high, strict=True):
        assert np.allclose([a, b], np.quantile(row[:used], [1 / 3, 2 / 3]), rtol=1e-12)


def test_the_carbon_rule_compares_with_the_last_day_only():
    memory = carbon_memory(1, 6.0)  # four values a day
    levels = [int(carbon_level(memory, np.array([x]))[0]) for x in (9.0, 1.0, 2.0, 3.0, 2.5, 0.0)]
    assert levels == [0, 1, 0, -1, -1, 1]  # with 9 still in the window 2.5 would lie between the thirds


def test_trim_and_respond_moves_every_fourth_step():
    memory = trim_memory(1)
    cool = [float(trim_and_respond(memory, np.array([24.0]))[0]) for _ in range(9)]
    assert cool == [24.0] * 4 + [24.25] * 4 + [24.5]
    hot = [float(trim_and_respond(memory, np.array([x]))[0]) for x in (26.6, 20.0, 20.0, 20.0)]
    assert hot == [24.5, 24.5, 24.5, 23.5]


@pytest.mark.parametrize(("actions", "location"), [("discrete", "ny"), ("continuous", "ca")])
def test_every_combination_acts_within_the_spaces(actions, location):
    environment = wattloom.make("datacenter", num_envs=3, actions=actions, location=location)
    snapshot = environment.reset(seed=0)
    for names in itertools.product(SHIFTING, COOLING, BATTERY):
        rules = DataCenterRules(*names, **WINDOW)
        rules.setup(EnvironmentSpec.of(environment), Seeds(0), 1)
        chosen = rules.policy(3, explore=False).act(snapshot)
        for agent in environment.agents:
            assert len(chosen[agent.name]) == 3
            assert all(agent.action_space.contains(action) for action in chosen[agent.name]), names


@pytest.mark.parametrize("actions", ["discrete", "continuous"])
@pytest.mark.parametrize(("cooling", "wanted"), [("hold", 22.0), ("coldest", 16.0), ("warmest", 32.0), ("fixed", 25.0)])
def test_the_set_point_arrives_and_stays(run_episode, two_days, actions, cooling, wanted):
    environment = two_days(actions=actions)
    run_episode(environment, DataCenterRules(cooling=cooling, setpoint_c=25.0 if cooling == "fixed" else None))
    assert np.allclose(environment.arrays["setpoint"], wanted, atol=1e-5)


def test_trim_and_respond_settles_between_too_cold_and_too_hot(run_episode, two_days):
    environment = two_days(actions="continuous")
    sums = run_episode(environment, DataCenterRules(cooling="trim_and_respond")).sums
    assert np.all(sums["over_27"] < 1.0)
    assert np.all(sums["setpoint"] / environment.horizon > 23.5)


@pytest.mark.parametrize("actions", ["discrete", "continuous"])
def test_the_battery_rule_keeps_its_limits_and_returns(run_episode, two_days, actions):
    environment = two_days(actions=actions)
    result = run_episode(environment, DataCenterRules(battery="carbon_threshold", **WINDOW))
    shown = [column.name for column in environment.agents[2].observation_columns].index("state_of_charge")
    soc = 0.1 + 0.8 * np.array([seen["battery"][:, shown] for seen in result.seen[:-24]])
    assert soc.max() < 0.85 + 0.06
    assert soc.min() > 0.2 - 0.07
    assert np.all(result.sums["battery_discharged"] > 500)
    assert np.allclose(environment.arrays["battery_mwh"], 1.0, atol=0.07 if actions == "discrete" else 5e-3)


def test_shifting_by_carbon_runs_the_same_work_at_less_carbon(run_episode):
    environment = wattloom.make("datacenter", num_envs=2, location="ca", actions="continuous")
    idle = run_episode(environment, DataCenterRules(), {"start_day": [20, 190]}).sums
    for name in ("carbon_threshold", "forecast_threshold"):
        sums = run_episode(environment, DataCenterRules(load_shifting=name), {"start_day": [20, 190]}).sums
        assert np.all(sums["co2"] + sums["co2_settlement"] < idle["co2"] + idle["co2_settlement"]), name
        assert np.all(sums["work_dropped"] == 0)


def test_the_greedy_queue_waits_for_the_cleanest_step_or_for_deadlines():
    rank, due = np.array([0.0, 0.3, 0.3]), np.array([0.0, 0.1, 0.6])
    assert greedy_level(rank, due).tolist() == [1.0, -1.0, 1.0]


def test_copies_do_not_matter_to_one_another(run_episode, two_days):
    rules = DataCenterRules("carbon_threshold", "trim_and_respond", "carbon_threshold", **WINDOW)
    together = run_episode(two_days(3), rules, {"start_day": [5, 100, 200]}).sums
    alone = run_episode(two_days(1), rules, {"start_day": [100]}).sums
    assert all(together[name][1] == alone[name][0] for name in alone)


def test_a_reset_forgets_its_copies_only_and_memory_is_saved(run_episode, two_days):
    rules = DataCenterRules("carbon_threshold", "trim_and_respond", "carbon_threshold", **WINDOW)
    policy = run_episode(two_days(2), rules).policy
    state = policy.state_dict()
    policy.reset(mask=np.array([True, False]))
    assert policy.state_dict()["battery"]["seen"].tolist() == [0, 192]
    other = rules.policy(2, explore=False)
    other.load_state_dict(state)
    assert other.state_dict()["cooling"]["target"].tolist() == state["cooling"]["target"].tolist()


def test_the_original_runs_rules_that_its_observations_allow(run_episode):
    environment = wattloom.make("sustaindc", num_envs=2, episode__days=2)
    idle = run_episode(environment, DataCenterRules()).sums
    cold = run_episode(environment, DataCenterRules("carbon_threshold", "coldest", "carbon_threshold"), seed=0).sums
    assert np.all(cold["energy_total"] < idle["energy_total"])  # the defect: colder is always cheaper
    assert np.all(cold["battery_discharged"] > 0)
    with pytest.raises(ConfigError, match=r"algorithm.cooling=trim_and_respond reads inlet, setpoint"):
        DataCenterRules(cooling="trim_and_respond").setup(EnvironmentSpec.of(environment), Seeds(0), 1)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"cooling": "fixd"}, "did you mean"),
        ({"load_shifting": "always"}, "algorithm.load_shifting"),
        ({"cooling": "fixed", "setpoint_c": 40.0}, "setpoint_c=40"),
        ({"setpoint_c": 23.0}, "setpoint_c without effect with algorithm.cooling=hold: set algorithm.cooling=fixed"),
        ({"battery": "carbon_threshold", "charge_below": 0.1}, "discharge_above < charge_below"),
        ({"charge_below": 0.7, "full_charge_h": 2.0}, "charge_below, algorithm.full_charge_h without effect with algorithm.battery=idle"),
        ({"setpoint_step_k": 0.0}, "setpoint_step_k"),
    ],
)
def test_wrong_values_are_named(values, words):
    with pytest.raises(ConfigError, match=words):
        DataCenterRules(**values)


def test_another_environment_is_refused():
    with pytest.raises(ConfigError, match="use env=datacenter"):
        DataCenterRules().setup(EnvironmentSpec.of(wattloom.make("pendulum")), Seeds(0), 1)
