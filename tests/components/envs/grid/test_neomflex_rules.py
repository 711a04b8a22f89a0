"""The oddities of the original, each by itself."""

import numpy as np
import pytest

from wattloom.errors import ConfigError

IDLE = {"agent_1": np.zeros((1, 2)), "agent_2": np.zeros((1, 3)), "agent_3": np.zeros((1, 1))}


def acting(battery=0.0, inverter=0.0):
    actions = {name: value.copy() for name, value in IDLE.items()}
    actions["agent_1"][:, 0] = actions["agent_2"][:, :2] = battery
    actions["agent_1"][:, 1] = actions["agent_2"][:, 2] = actions["agent_3"][:] = inverter
    return actions


def play(environment, steps, actions=IDLE):
    for _ in range(steps):
        result = environment.step(actions)
        if result.ended[0]:
            return result
    return result


def test_vectors_have_the_lengths_of_the_trainer(make):
    environment = make("neomflex")
    assert [agent.observation_space.shape for agent in environment.agents] == [(16,), (18,), (11,)]
    assert [agent.action_space.shape for agent in environment.agents] == [(2,), (3,), (1,)]
    assert [column.name for column in environment.agents[1].action_columns] == ["battery_7", "battery_14", "pv_16"]


def test_reactive_load_stays_at_the_first_value_of_the_day(neomflex):
    environment = neomflex()
    environment.reset(seed=0)
    play(environment, 20)
    demand, inputs = environment.rows.demand, environment.record.inputs
    np.testing.assert_allclose(inputs.load_q.sum(), 2.3 * demand[0], rtol=1e-12)
    np.testing.assert_allclose(inputs.load_p.sum(), 3.715 * demand[19], rtol=1e-12)


def test_charge_is_carried_to_the_next_day_and_begins_anew_on_the_first(neomflex):
    environment = neomflex()
    environment.reset(seed=0)
    play(environment, 48, acting(battery=-0.1, inverter=0.3))
    assert environment.arrays["day"][0] == 1
    environment.reset()
    assert (environment.arrays["soc"][0] > 1.5).all()
    environment.reset(options={"start_day": 0})
    assert (environment.arrays["soc"][0] == 1.0).all()


def test_a_violation_repeats_the_day_with_its_first_charge(neomflex):
    environment = neomflex(demand=np.ones(720), solar=np.zeros(720))
    environment.reset(seed=0, options={"start_day": 2})
    play(environment, 2, acting(battery=0.4, inverter=0.5))
    result = environment.step(acting(battery=-1.0, inverter=-1.0))
    assert result.terminated[0]
    assert [float(result.rewards[name][0]) for name in IDLE] == [-100.0] * 3
    assert result.metrics["reward_penalty"][0] == -300.0
    assert environment.arrays["row"][0] == 98, "time does not go on"
    environment.reset()
    assert environment.arrays["row"][0] == 96
    assert (environment.arrays["soc"][0] == 1.0).all()


def test_a_flow_without_solution_costs_as_much_but_keeps_the_charge(make):
    environment = make("neomflex", "network.load_scale=3.4", "demand=constant", "demand.value=1.0", "solar=constant", "solar.value=0.0")
    environment.reset(seed=0)
    result = environment.step(acting(battery=-1.0, inverter=-1.0))
    assert result.metrics["diverged"][0] == 1.0
    assert result.terminated[0]
    assert result.rewards["agent_2"][0] == -100.0
    assert (result.snapshot.observations["agent_2"][0, :13] == 0.0).all(), "nominal voltages are shown"
    charged = environment.arrays["soc"].copy()
    environment.reset()
    assert (charged == 1.25).all()
    assert environment.arrays["day"][0] == 0


def test_day_zero_resets_the_charge_that_divergence_kept(make):
    """The original keeps it on every day but the first, where any reset begins at 1.0."""
    overrides = ("network.load_scale=3.4", "demand=constant", "demand.value=1.0", "solar=constant", "solar.value=0.0")
    for day, expected in ((0, 1.0), (3, 1.25)):
        environment = make("neomflex", *overrides)
        environment.reset(seed=0, options={"start_day": day})
        environment.step(acting(battery=-1.0, inverter=-1.0))
        environment.reset()
        assert (environment.arrays["soc"][0] == expected).all()


@pytest.mark.parametrize(
    ("battery", "soc", "expected"),
    [(0.0, 1.0, -30.0), (0.5, 1.0, -15.0), (1.0, 1.0, 0.0), (-0.5, 1.0, 0.0), (-1.0, 1.8, -30.0), (1.0, 0.4, -30.0)],
)
def test_the_solar_penalty_punishes_idling_and_full_batteries(neomflex, battery, soc, expected):
    rewards = []
    for penalty in (False, True):
        environment = neomflex(penalty=penalty)
        environment.reset(seed=0)
        play(environment, 20, acting(inverter=0.5))
        environment.arrays["soc"] = np.full((1, 3), soc)
        rewards.append(environment.step(acting(battery=battery, inverter=0.5)).rewards)
    difference = {name: float(rewards[1][name][0] - rewards[0][name][0]) for name in rewards[0]}
    assert difference == pytest.approx({"agent_1": expected, "agent_2": 2 * expected, "agent_3": 0.0}, abs=1e-9)


def test_the_solar_penalty_knows_its_hours(neomflex):
    plain, punished = neomflex(), neomflex(penalty=True)
    applies = []
    for environment in (plain, punished):
        environment.reset(seed=0)
    for _ in range(48):
        pair = [environment.step(acting(inverter=0.5)).rewards["agent_1"][0] for environment in (plain, punished)]
        applies.append(pair[1] < pair[0] - 1)
    assert np.flatnonzero(applies).tolist() == list(range(14, 35))


def test_negative_sun_is_a_small_load_and_the_night_leaves_all_reactive_power(neomflex):
    environment = neomflex(solar=np.full(720, -0.003))
    environment.reset(seed=0)
    environment.step(acting(inverter=1.0))
    dispatch = environment.record.dispatch
    assert (dispatch.pv_p == -0.003).all()
    np.testing.assert_allclose(dispatch.pv_q, np.sqrt(1 - 0.003**2), rtol=1e-12)


def test_the_first_observation_knows_no_sun(neomflex):
    dark, bright = neomflex(solar=np.zeros(720)), neomflex(solar=np.full(720, 0.9))
    first = [environment.reset(seed=0).observations["agent_2"][0, :13] for environment in (dark, bright)]
    assert (first[0] == first[1]).all()


def test_demand_and_sun_belong_to_the_next_row_and_the_clock_starts_again(neomflex):
    environment = neomflex()
    snapshot = environment.reset(seed=0)
    demand, solar = environment.rows.demand, environment.rows.solar
    for row in range(48):
        np.testing.assert_allclose(snapshot.observations["agent_3"][0, -3:], [demand[row], solar[row], row / 47], rtol=1e-6)
        snapshot = environment.step(acting(inverter=0.8)).snapshot
    np.testing.assert_allclose(snapshot.observations["agent_3"][0, -3:], [demand[48], solar[48], 0.0], rtol=1e-6)


def test_the_first_day_follows_the_last(neomflex):
    environment = neomflex()
    environment.reset(seed=0, options={"start_day": 14})
    result = play(environment, 48, acting(inverter=0.8))
    assert result.truncated[0]
    assert (environment.arrays["row"][0], environment.arrays["day"][0]) == (0, 0)


def test_an_episode_of_all_days_is_the_days_one_after_the_other(make):
    one, day = make("neomflex", "profiles.episode_days=15"), make("neomflex")
    one.reset(seed=0)
    day.reset(seed=0)
    for _ in range(100):
        results = [
            environment.step({name: value.astype(np.float32) for name, value in acting(0.02, 0.7).items()}) for environment in (one, day)
        ]
        assert results[0].rewards["agent_2"][0] == results[1].rewards["agent_2"][0]
        if results[1].ended[0]:
            day.reset()
    assert one.elapsed[0] == 100


def test_a_start_day_beyond_the_data_is_an_error(make):
    with pytest.raises(ConfigError, match=r"start_day=15: give 0 \.\. 14"):
        make("neomflex").reset(seed=0, options={"start_day": 15})
