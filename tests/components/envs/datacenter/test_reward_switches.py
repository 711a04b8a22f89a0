"""What the reward's switches must not change: the sum of an episode, and the difference between two policies."""

import numpy as np
import pytest

import wattloom
from wattloom.components.envs.datacenter.protocol import AGENTS
from wattloom.errors import ConfigError


def returns(seed, actions="random", **switches):
    """Summed rewards (agents, copies) and the largest reward of one step of the battery."""
    changes = {f"reward__{key}": value for key, value in switches.items()}
    environment = wattloom.make("datacenter", num_envs=3, location="ca", episode__days=2, reward__individual_reward_weight=1.0, **changes)
    environment.reset(seed=seed)
    rng, total, largest = np.random.default_rng(seed), np.zeros((3, 3)), 0.0
    for _ in range(environment.horizon):
        chosen = {a: rng.integers(0, 3, 3) if actions == "random" else np.full(3, actions[a]) for a in AGENTS}
        rewards = environment.step(chosen).rewards
        total += [rewards[a] for a in AGENTS]
        largest = max(largest, float(np.abs(rewards["battery"]).max()))
    return total, largest


@pytest.mark.parametrize("terminal_in", ["carbon", "cost"])
def test_debts_booked_as_they_arise_add_up_to_the_settlement(terminal_in):
    at_end, jump = returns(1, terminal_in=terminal_in)
    in_steps, step = returns(1, terminal_in=terminal_in, book_debt="step")
    np.testing.assert_allclose(in_steps, at_end, rtol=1e-11)
    assert step < jump  # the last step no longer pays for all of them


REST = {"load_shifting": 1, "cooling": 1, "battery": 2}


@pytest.mark.parametrize(("agent", "action"), [("load_shifting", 0), ("cooling", 2), ("battery", 0)])
def test_what_an_agent_changes_does_not_depend_on_the_site_at_rest(agent, action):
    index, other = AGENTS.index(agent), {**REST, agent: action}
    plain = returns(2, REST)[0] - returns(2, other)[0]
    counted = returns(2, REST, from_rest=True)[0] - returns(2, other, from_rest=True)[0]
    assert np.abs(plain[index]).max() > 0.01
    np.testing.assert_allclose(counted[index], plain[index], rtol=1e-9, atol=1e-9)


def test_doing_nothing_earns_about_nothing_from_rest():
    total, counted = returns(3, REST)[0], returns(3, REST, from_rest=True)[0]
    assert np.abs(counted[:2]).max() < 0.01 * np.abs(total[:2]).max()


def test_shifting_work_costs_cooling_about_nothing_from_rest():
    deferring = {**REST, "load_shifting": 0}
    plain = returns(4, REST)[0] - returns(4, deferring)[0]
    counted = returns(4, REST, from_rest=True)[0] - returns(4, deferring, from_rest=True)[0]
    assert np.abs(counted[1]).max() < 0.2 * np.abs(plain[1]).max()


def test_a_second_episode_owes_nothing_for_the_first():
    environment = wattloom.make("datacenter", episode__days=1, reward__book_debt="step", reward__individual_reward_weight=1.0)
    first = []
    for _ in range(2):
        environment.reset(seed=4)
        rewards = [environment.step({"load_shifting": [0], "cooling": [1], "battery": [0]}).rewards["battery"][0] for _ in range(96)]
        first.append(rewards)
    assert first[0] == first[1]


def test_a_site_at_rest_needs_a_calendar():
    with pytest.raises(ConfigError, match="from_rest"):
        wattloom.make("sustaindc", reward="emissions", reward__from_rest=True)
    with pytest.raises(ConfigError, match="book_debt"):
        wattloom.make("datacenter", reward__book_debt="monthly")
