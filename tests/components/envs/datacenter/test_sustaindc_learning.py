"""What makes the original's physics learnable: rewards that book work and stored energy, and observations that show the time left."""

import numpy as np
import pytest

import wattloom
from wattloom.components.envs.datacenter.protocol import AGENTS
from wattloom.components.envs.datacenter.sustaindc.booked_reward import BookedReward
from wattloom.components.envs.datacenter.sustaindc.observation import SustainDcObservation
from wattloom.components.envs.datacenter.sustaindc.timed_observation import SustainDcTimedObservation
from wattloom.errors import ConfigError

COPIES = 3


KEYS = {"price": 0.9, "task_kwh": 3.0, "waiting": 0.01, "dropped": 2.0, "undone": 1.5, "holding": 0.02, "forgotten": 0.7}


@pytest.fixture(scope="module")
def timed():
    weights = {f"reward__{key}": value for key, value in KEYS.items()}
    return wattloom.make("sustaindc", num_envs=COPIES, episode__days=1, reward="sustaindc_booked", observation="sustaindc_timed", **weights)


def played(environment, seed=1):
    """One day of random choices: the records' sums by copy, and the rewards' sums by agent."""
    environment.reset(seed=seed)
    generator, rewards = np.random.default_rng(seed), {name: np.zeros(COPIES) for name in AGENTS}
    sums = dict.fromkeys(("facility", "battery", "waited", "dropped", "stored"), 0.0)
    for _ in range(environment.horizon):
        result = environment.step(
            {name: generator.choice(3, COPIES, p=p) for name, p in zip(AGENTS, ([0.8, 0.1, 0.1], None, None), strict=True)}
        )
        record = environment.record
        carbon, extra = record.inputs.carbon, record.work.extra
        sums["facility"] = sums["facility"] + 0.25e-3 * record.total_w * carbon  # g
        sums["battery"] = sums["battery"] + record.power.grid_kwh * carbon - 0.25e-3 * record.total_w * carbon
        sums["waited"] = sums["waited"] + extra["tasks_in_queue"]
        sums["dropped"] = sums["dropped"] + extra["tasks_dropped"]
        sums["stored"] = sums["stored"] + environment.arrays["battery_mwh"] * 1e3
        for name in AGENTS:
            rewards[name] = rewards[name] + result.rewards[name]
    return sums, rewards


def at_rest(environment, seed):
    """CO2 of a day in which nothing is done, g, and the largest reward that anyone earned."""
    environment.reset(seed=seed)
    grams, earned = 0.0, 0.0
    for _ in range(environment.horizon):
        result = environment.step({"load_shifting": np.full(COPIES, 1), "cooling": np.full(COPIES, 1), "battery": np.full(COPIES, 2)})
        grams = grams + 0.25e-3 * environment.record.total_w * environment.record.inputs.carbon
        earned = max(earned, *(float(np.abs(reward).max()) for reward in result.rewards.values()))
    return grams, earned


def test_a_site_at_rest_earns_nothing(timed):
    assert at_rest(timed, 2)[1] < 1e-12


def test_an_episode_earns_its_co2_and_what_it_leaves_behind(timed):
    base = at_rest(timed, 1)[0]
    environment, (sums, rewards) = timed, played(timed)
    facility = sums["facility"] - base
    mean = 0.9 * environment.episode.means()[1]
    reference = environment.site.nameplate_w * 1e-3 * 0.25 * environment.episode.means()[1]
    left, stored = environment.record.work.extra["tasks_in_queue"], environment.arrays["battery_mwh"] * 1e3
    assert (left > 0).all()
    assert (stored > 0).all()
    tasks = left + 0.01 * sums["waited"] + 2.0 * sums["dropped"] + 1.5 * left
    np.testing.assert_allclose(rewards["load_shifting"], -(facility + 3.0 * mean * tasks) / reference, rtol=1e-9)
    np.testing.assert_allclose(rewards["cooling"], -facility / reference, rtol=1e-8)
    battery = sums["battery"] - mean * stored + mean * (0.02 * sums["stored"] + 0.7 * stored)
    np.testing.assert_allclose(rewards["battery"], -battery / reference, rtol=1e-7)  # stored energy is rounded to 1e-8 MWh


def test_bookings_are_forgotten_between_episodes(timed):
    first, other, again = (played(timed, seed)[1] for seed in (1, 2, 1))
    assert all(np.array_equal(first[name], again[name]) for name in AGENTS)
    assert any(not np.array_equal(first[name], other[name]) for name in AGENTS)


@pytest.mark.parametrize("key", ["price", "task_kwh", "waiting", "dropped", "undone", "holding", "forgotten"])
def test_wrong_weights_are_named(key):
    with pytest.raises(ConfigError, match=rf"reward\.{key}=-0\.1"):
        BookedReward(**{key: -0.1})


def test_another_queue_is_refused():
    with pytest.raises(ConfigError, match="episode=sustaindc"):
        wattloom.make("datacenter", reward="sustaindc_booked")


def test_the_time_left_stands_beside_the_original_s_entries(timed):
    plain = SustainDcObservation()
    plain.bind(timed)
    for step in range(97):
        actions = {name: np.full(COPIES, step % 3) for name in AGENTS}
        b = timed.step(actions).snapshot if step else timed.reset(seed=4)
        a, state = plain.observe(timed.arrays, np.full(COPIES, step))
        for name in AGENTS:
            assert np.array_equal(b.observations[name][:, :-2], a[name])
            expected = np.tile([1 - step / 96, np.exp(-(96 - step) / 32)], (COPIES, 1))
            np.testing.assert_allclose(b.observations[name][:, -2:], expected, rtol=1e-6)
        assert np.array_equal(b.state[:, :-2], state)
        assert np.array_equal(b.state[:, -2:], b.observations["battery"][:, -2:])


def test_columns_name_the_time_left():
    observation = SustainDcTimedObservation()
    assert [column.name for column in observation.columns["battery"]][-2:] == ["time_left", "end_near"]
    assert {name: len(columns) for name, columns in observation.columns.items()} == {
        "load_shifting": 28,
        "cooling": 16,
        "battery": 15,
        "state": 31,
    }
    assert all(len(low) == len(observation.columns[name]) for name, (low, _) in observation.bounds.items())
