"""env=mapdn33: sizes, rewards and timing of the task."""

import numpy as np
import pytest

from wattloom.components.envs.grid.barriers import BARRIERS
from wattloom.errors import ConfigError


def act(environment, value):
    return {agent.name: np.full((environment.num_envs, 1), value, np.float32) for agent in environment.agents}


def test_sizes_are_those_of_the_original(make):
    environment = make("mapdn33")
    assert [agent.observation_space.shape for agent in environment.agents] == [(50,)] * 6
    assert environment.state_space.shape == (144,)
    assert environment.horizon == 240
    assert environment.shared_reward
    assert environment.fleet.pv_mw.sum() == pytest.approx(8.75, abs=1e-3)
    assert environment.feeder.load_p.sum() == pytest.approx(3.5, abs=1e-3)


def test_the_reward_is_one_for_all_and_follows_the_formula(make):
    environment = make("mapdn33", num_envs=4)
    environment.reset(seed=1)
    for value in (-1.0, 0.2, 1.0):
        result = environment.step(act(environment, value))
        vm, q = environment.record.vm, environment.record.dispatch.pv_q
        expected = -np.abs(vm - 1).mean(axis=1) - 0.1 * np.abs(q).mean(axis=1)
        for name in result.rewards:
            np.testing.assert_allclose(result.rewards[name], expected, rtol=1e-12)


@pytest.mark.parametrize("barrier", sorted(BARRIERS))
def test_every_barrier_is_a_setting(make, barrier):
    environment = make("mapdn33", f"reward.barrier={barrier}", "reward.reactive_weight=0.0")
    environment.reset(seed=1)
    result = environment.step(act(environment, 0.5))
    assert result.rewards["agent_0"][0] == pytest.approx(-BARRIERS[barrier](environment.record.vm).mean())


def test_an_action_of_one_is_eight_tenths_of_the_capability(make):
    environment = make("mapdn33")
    environment.reset(seed=1)
    environment.step(act(environment, 1.0))
    dispatch = environment.record.dispatch
    np.testing.assert_allclose(dispatch.pv_q, 0.8 * np.sqrt(1.75**2 - dispatch.pv_p**2), rtol=1e-6)


def test_an_agent_sees_its_zone_its_inverter_and_zeros(make):
    environment = make("mapdn33", "profiles.load_diversity=0.0")
    environment.reset(seed=3)
    seen = environment.step(act(environment, 0.5)).snapshot.observations
    record, state = environment.record, environment.arrays
    zone = [22, 23, 24]
    coming = environment.fleet.pv_mw * environment.rows.inputs(state["row"]).solar
    own = seen["agent_3"][0]
    expected = [*record.inputs.load_p[0, zone], *record.inputs.load_q[0, zone], coming[0, 3], record.dispatch.pv_q[0, 3]]
    expected += [*record.vm[0, zone], *np.angle(record.flow.voltage[0, zone])]
    np.testing.assert_allclose(own[:14], expected, rtol=1e-5, atol=1e-7)
    assert (own[14:] == 0).all()
    assert (seen["agent_0"][0][:24] == seen["agent_1"][0][:24]).all(), "two inverters of one zone see the same loads"


def test_a_zone_of_several_inverters_or_none_sees_as_many(make):
    environment = make("mapdn33", "territories=zones")
    names = {agent.name: [column.name for column in agent.observation_columns] for agent in environment.agents}
    assert [name for name in names["zone_1"] if name.startswith("pv")] == ["pv_p_12", "pv_p_17", "pv_q_12", "pv_q_17"]
    network = make("grid", "network=mapdn33", "assets=neomflex", "observation=mapdn")
    assert any(not any(column.name.startswith("pv") for column in agent.observation_columns) for agent in network.agents), "batteries alone"


def test_no_solution_costs_two_hundred_and_shows_the_last_voltages(make):
    environment = make(
        "mapdn33",
        "network.load_scale=3.2",
        "demand=constant",
        "demand.value=1.0",
        "profiles.load_diversity=0.0",
        "solar=constant",
        "solar.value=0.0",
    )
    environment.reset(seed=1)
    before = environment.arrays["vm"].copy()
    result = environment.step(act(environment, -1.0))
    assert result.terminated[0]
    assert result.rewards["agent_0"][0] < -200
    assert (environment.arrays["vm"] == before).all()


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("territories.zones={a: [5]}",), "lies in no zone"),
        (("assets.battery_buses=[7]",), "leaves batteries to nobody"),
        (("network=case69", "assets.pv_buses=[5]"), "network names none either"),
    ],
)
def test_zones_that_do_not_fit_are_named(make, overrides, words):
    with pytest.raises(ConfigError, match=words):
        make("mapdn33", *[text.replace("territories.zones", "+territories.zones") if "zones" in text else text for text in overrides])
