"""env=grid as a whole: what it shows, what it pays, and what does not change it."""

import dataclasses

import numpy as np
import pytest

from wattloom.components.envs.grid.barriers import BARRIERS
from wattloom.components.envs.grid.environment import Grid
from wattloom.components.sources.table import Table
from wattloom.compose import compose
from wattloom.environment import Column
from wattloom.errors import ConfigError, DataError
from wattloom.targets import build


def draw(environment, rng):
    shape = environment.num_envs
    return {agent.name: rng.uniform(-1, 1, (shape, *agent.action_space.shape)).astype(np.float32) for agent in environment.agents}


def hold(environment, value=0.0):
    return {agent.name: np.full((environment.num_envs, *agent.action_space.shape), value, np.float32) for agent in environment.agents}


def run(environment, steps, seed=0, actions=None):
    """Play random actions, resetting what ends; yield every result."""
    environment.reset(seed=seed)
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        result = environment.step(draw(environment, rng) if actions is None else actions)
        yield result
        if result.ended.any():
            environment.reset(mask=result.ended)


def test_a_year_of_random_actions_stays_within_the_spaces(make):
    environment = make(num_envs=48)
    for result in run(environment, 365):
        for agent in environment.agents:
            seen = result.snapshot.observations[agent.name]
            assert seen.dtype == np.float32
            assert (seen >= agent.observation_space.low).all()
            assert (seen <= agent.observation_space.high).all()
        assert all(environment.agents[0].observation_space.contains(row) for row in result.snapshot.observations["agent_1"][:1])
        assert environment.state_space.contains(result.snapshot.state[0])
        assert all(np.isfinite(value).all() for value in result.metrics.values())


def test_batteries_conserve_energy_over_episodes(make):
    environment = make("grid", "assets.charge_efficiency=0.93", "assets.discharge_efficiency=0.9", "profiles.episode_days=3", num_envs=4)
    environment.reset(seed=2)
    rng = np.random.default_rng(1)
    stored = environment.arrays["soc"].copy()
    for _ in range(environment.horizon):
        environment.step(draw(environment, rng))
        dispatch = environment.record.dispatch
        stored += (0.93 * np.maximum(-dispatch.battery_p, 0) - np.maximum(dispatch.battery_p, 0) / 0.9) * 0.5
    assert np.abs(environment.arrays["soc"] - stored).max() < 1e-9
    assert (environment.arrays["soc"] >= 0.2 - 1e-12).all()
    assert (environment.arrays["soc"] <= 1.8 + 1e-12).all()


def test_energy_is_conserved_in_the_network(make):
    environment = make(num_envs=5)
    for result in run(environment, 20):
        record = environment.record
        bought = (
            record.inputs.load_p.sum(axis=1)
            + record.flow.loss_mw
            - record.dispatch.pv_p.sum(axis=1)
            - record.dispatch.battery_p.sum(axis=1)
        )
        np.testing.assert_allclose(result.metrics["import_mw"], bought, atol=1e-9)


def test_the_first_observation_is_the_moment_before_with_running_inverters(make):
    environment = make("grid", "profiles.start=2023-06-01", "profiles.days=30")
    environment.reset(seed=0)
    state = environment.arrays
    assert state["solved"][0] == (state["row"][0] - 1) % environment.rows.n_rows
    inputs = environment.rows.inputs(state["solved"])
    assert (state["pv_p"] == environment.fleet.pv_mw * inputs.solar).all()
    assert (state["pv_q"] == 0).all()


def test_what_is_shown_belongs_to_the_row_just_solved_and_forecasts_to_those_after(make):
    environment = make("grid", "observation.forecast=perfect", "observation.lead_hours=[0.5,2]", "profiles.load_diversity=0.0")
    for _ in run(environment, 60):
        names = [column.name for column in environment.agents[2].observation_columns]
        seen = dict(zip(names, environment._observe().observations["agent_3"][0], strict=True))
        row = int(environment.arrays["solved"][0])
        rows = environment.rows
        assert seen["demand"] == pytest.approx(rows.demand[row], rel=1e-6)
        assert seen["demand_in_0.5h"] == pytest.approx(rows.demand[row + 1], rel=1e-6)
        assert seen["solar_in_2h"] == pytest.approx(rows.solar[row + 4], abs=1e-6)
        assert seen["load_31"] == pytest.approx(rows.demand[row], rel=1e-6)
        assert seen["voltage_31"] == pytest.approx((environment.record.vm[0, 31] - 1) / 0.05, rel=1e-5)
    assert "soc_7" not in names, "another agent's battery is not seen"


def test_forecasts_that_came_with_the_data_are_shown_as_they_are(make):
    """A forecast in the source's unit is seen over the same base as the demand; a column without one shows the day before."""
    rng = np.random.default_rng(5)
    node = compose(["env=grid", "observation.forecast=stored", "observation.lead_hours=[0.5,1]", "profiles.days=4"]).config["env"]
    parts = {name: build(part, name) if isinstance(part, dict) else part for name, part in node.items() if name != "_target_"}
    calendar = parts["profiles"].calendar
    raw, believed = rng.uniform(30, 90, calendar.n_steps), rng.uniform(30, 90, (calendar.n_steps, 2))
    parts["demand"] = Table(calendar, (Column("demand", "1"),), raw[:, None], stored=believed[:, :, None])
    parts["profiles"] = dataclasses.replace(parts["profiles"], demand_base=None)
    environment = Grid(**parts)
    environment.reset(seed=0, options={"start_day": 2})
    names = [column.name for column in environment.agents[0].observation_columns]
    for _ in range(3):
        environment.step(hold(environment))
        seen = dict(zip(names, environment._observe().observations["agent_1"][0], strict=True))
        row = int(environment.arrays["solved"][0])
        assert seen["demand_in_0.5h"] == pytest.approx(believed[row, 0] / raw.max(), rel=1e-5)
        assert seen["demand_in_1h"] == pytest.approx(believed[row, 1] / raw.max(), rel=1e-5)
        assert seen["solar_in_1h"] == pytest.approx(environment.rows.solar[row + 2 - 48], abs=1e-6)


def test_agents_see_and_act_on_their_own(make):
    environment = make()
    environment.reset(seed=1)
    actions = hold(environment)
    actions["agent_2"][:] = [[0.5, -0.25, 0.75]]
    environment.step(actions)
    dispatch = environment.record.dispatch
    buses = dict(zip(environment.fleet.battery_numbers, dispatch.battery_p[0], strict=True))
    assert buses == {23: 0.0, 7: 0.25, 14: -0.125}
    q = dict(zip(environment.fleet.pv_numbers, dispatch.pv_q[0], strict=True))
    assert q[20] == q[31] == 0.0
    assert q[16] == pytest.approx(0.75 * np.sqrt(1 - dispatch.pv_p[0, 0] ** 2))


def test_actions_beyond_one_are_clipped_and_counted(make):
    environment = make(num_envs=2)
    environment.reset(seed=1)
    result = environment.step(hold(environment, 3.0))
    assert result.metrics["clipped_actions"].tolist() == [6.0, 6.0]
    assert environment.record.dispatch.battery_p.max() <= 0.5
    assert (np.abs(environment.record.dispatch.pv_q) <= 1.0).all()


def test_rewards_are_the_sum_of_their_parts(make):
    weights = (
        "reward.energy_weight=0.1",
        "reward.wear_weight=0.5",
        "reward.reactive_weight=0.2",
        "reward.barrier=bowl",
        "reward.barrier_weight=3.0",
    )
    for team in ("false", "true"):
        environment = make("grid", *weights, f"reward.team={team}", num_envs=3)
        for result in run(environment, 50):
            parts = sum(value for name, value in result.metrics.items() if name.startswith("reward_"))
            earned = result.rewards["agent_1"] if team == "true" else sum(result.rewards.values())
            np.testing.assert_allclose(earned, parts, rtol=1e-12)
        assert environment.shared_reward == (team == "true")


def test_the_team_earns_what_the_agents_earn_together(make):
    alone, together = make(num_envs=3), make("grid", "reward.team=true", num_envs=3)
    for first, second in zip(run(alone, 50), run(together, 50), strict=True):
        np.testing.assert_allclose(sum(first.rewards.values()), second.rewards["agent_2"], rtol=1e-12)


def test_charge_that_is_missing_at_the_end_is_paid_for_then(make):
    rewards = []
    for weight in (0.0, 5.0):
        environment = make("grid", f"reward.terminal_weight={weight}")
        rewards.append([result.rewards["agent_2"][0] for result in run(environment, 48, actions=hold(environment, 0.05))])
    difference = np.subtract(*rewards)
    missing = environment.arrays["soc_begun"][0, 1:].sum() - environment.record.dispatch.soc[0, 1:].sum()
    assert np.flatnonzero(np.abs(difference) > 1e-12).tolist() == [47]
    assert difference[-1] == pytest.approx(5.0 * missing)
    assert missing > 0.1


def test_a_price_of_stored_energy_is_felt_at_once_and_comes_to_what_is_missing(make):
    rewards, stored = [], []
    for weight in (0.0, 5.0):
        environment = make("grid", f"reward.stored_weight={weight}")
        stored = [environment.arrays["soc"][0, 1:].sum()]
        actions, earned = hold(environment, 0.05), []
        for result in run(environment, 48, actions=actions):
            earned.append(result.rewards["agent_2"][0])
            stored.append(environment.record.dispatch.soc[0, 1:].sum())
        rewards.append(earned)
    given = -np.diff(stored[1:])
    np.testing.assert_allclose(np.subtract(*rewards)[1:], 5.0 * given, atol=1e-12)
    missing = environment.arrays["soc_begun"][0, 1:].sum() - stored[-1]
    assert np.subtract(*rewards).sum() == pytest.approx(5.0 * missing)


def test_the_day_is_cut_and_not_ended(make):
    environment = make(num_envs=2)
    flags = [(result.truncated.all(), result.terminated.any()) for result in run(environment, 48)]
    assert flags == [(False, False)] * 47 + [(True, False)]


def test_a_flow_without_solution_ends_the_episode_of_its_copy_alone(make):
    environment = make("grid", "network.load_scale=3.4", "demand=constant", "demand.value=1.0", "profiles.load_diversity=0.0", num_envs=2)
    environment.reset(seed=1)
    actions = hold(environment)
    for value in actions.values():
        value[1] = -1.0
    actions["agent_1"][0] = actions["agent_2"][0] = actions["agent_3"][0] = 1.0
    before = environment.arrays["vm"][1].copy()
    result = environment.step(actions)
    assert result.terminated.tolist() == [False, True]
    assert result.metrics["diverged"].tolist() == [0.0, 1.0]
    assert (environment.arrays["vm"][1] == before).all(), "the last voltages are shown"
    assert all(np.isfinite(value).all() for value in result.metrics.values())
    assert result.metrics["reward_penalty"][1] == -300.0


@pytest.mark.parametrize(("answer", "ended"), [("continue", False), ("end", True)])
def test_violations_end_an_episode_only_where_asked(make, answer, ended):
    environment = make("grid", f"termination.on_violation={answer}", "termination.low=0.99", "termination.violation_penalty=7.0")
    environment.reset(seed=1)
    result = environment.step(hold(environment))
    assert result.metrics["violated"][0] == 1.0
    assert result.metrics["reward_penalty"][0] == -21.0
    assert bool(result.terminated[0]) == ended


def test_states_of_charge_begin_as_asked(make):
    environment = make("grid", "assets.start=random", num_envs=200)
    environment.reset(seed=1)
    share = environment.arrays["soc"] / 2.0
    assert share.min() >= 0.1
    assert share.max() <= 0.9
    assert share.mean() == pytest.approx(0.5, abs=0.03)


def test_the_metrics_band_is_the_one_given(make):
    environment = make("grid", "env.band=[0.97,1.03]")
    environment.reset(seed=1)
    result = environment.step(hold(environment))
    own = np.delete(environment.record.vm[0], 0)
    assert result.metrics["buses_outside"][0] == ((own < 0.97) | (own > 1.03)).sum()
    assert result.metrics["any_outside"][0] == float(((own < 0.97) | (own > 1.03)).any())


@pytest.mark.parametrize(
    "network", ["case69", "case118zh", "named network.network=mv_oberrhein", "named network.network=create_kerber_landnetz_freileitung_1"]
)
def test_another_network_is_one_override(make, network):
    environment = make("grid", *f"network={network}".split(), num_envs=2)
    assert len(environment.agents) == 3
    for result in run(environment, 50, actions=hold(environment)):
        assert not result.terminated.any()


def test_a_network_of_one_s_own_with_buses_without_supply(make, tmp_path):
    import pandapower
    import pandapower.networks

    net = pandapower.networks.case33bw()
    pandapower.create_bus(net, 12.66, index=90)
    pandapower.to_json(net, str(tmp_path / "own.json"))
    environment = make("grid", "network=named", f"network.network={tmp_path / 'own.json'}", "territories.count=2")
    for result in run(environment, 5):
        assert np.isfinite(result.snapshot.state).all()
    assert environment.record.vm[0, -1] == 1.0
    with pytest.raises(ConfigError, match=r"bus 90 .* has no supply"):
        make("grid", "network=named", f"network.network={tmp_path / 'own.json'}", "assets.pv_buses=[90]")


def test_prices_are_paid_for_what_is_bought(make):
    environment = make("grid", "price.value=80.0", "reward.energy_weight=2.0")
    for result in run(environment, 3):
        np.testing.assert_allclose(result.metrics["energy_cost"], result.metrics["import_mw"] * 0.5 * 80.0)
        np.testing.assert_allclose(result.metrics["reward_energy"], -2.0 * result.metrics["energy_cost"], rtol=1e-12)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("network.network=case33", "no network 'case33'.*case33bw"),
        ("assets.pv_buses=[99]", "no bus 99"),
        ("reward.barrier=bowls", "did you mean 'bowl'"),
        ("reward.barrier_weight=1.0", "no effect without reward.barrier"),
        ("reward.band=[1.05,0.95]", "lowest and the highest"),
        ("reward.loss_weight=-1.0", "from 0"),
        ("env.band=[1.05,0.95]", "supply band"),
        ("observation.lead_hours=[0.3]", "multiples of the step"),
        ("observation.lead_hours=[-1]", "positive hours"),
        ("observation.forecast=guess", "choose one of|forecast"),
        ("observation.voltage_scale=0.0", "positive"),
        ("termination.low=1.2", "lower one"),
        ("termination.divergence_penalty=-1.0", "from 0"),
        ("power_flow.tolerance=0.0", "positive"),
        ("profiles.episode_days=400", "too few"),
        ("network.load_scale=0.0", "positive"),
    ],
)
def test_bad_settings_are_named_before_any_step(make, override, words):
    with pytest.raises((ConfigError, DataError), match=words):
        make("grid", override)


def test_barriers_are_those_of_the_paper():
    v = np.array([1.0, 1.02, 0.94, 1.06, 0.9])
    np.testing.assert_allclose(BARRIERS["l1"](v), [0, 0.02, 0.06, 0.06, 0.1], atol=1e-12)
    np.testing.assert_allclose(BARRIERS["l2"](v), [0, 0.0008, 0.0072, 0.0072, 0.02], atol=1e-12)
    np.testing.assert_allclose(BARRIERS["courant_beltrami"](v), [0, 0, 1e-4, 1e-4, 25e-4], atol=1e-12)
    np.testing.assert_allclose(BARRIERS["bowl"](v), [0.04 - 0.01 * 3.98942280, 0.04 - 0.01 * 3.91042694, 0.025, 0.025, 0.105], atol=1e-8)
    np.testing.assert_allclose(BARRIERS["bump"](v), [0, 2.5452e-6, 0.0104518, 0.0104518, 0.0545945], rtol=1e-4, atol=1e-12)


def test_the_picture_shows_low_voltages_in_blue_and_charge(make):
    environment = make()
    environment.reset(seed=1)
    plain = environment.render()
    assert plain.shape == (400, 640, 3)
    assert plain.dtype == np.uint8
    environment.arrays["vm"] = np.full_like(environment.arrays["vm"], 0.91)
    low = environment.render()
    changed = (plain != low).any(axis=2)
    assert changed.sum() > 1000
    assert (low[changed][:, 2].astype(int) > low[changed][:, 0]).mean() > 0.5
    environment.arrays["soc"] = environment.arrays["soc"] * 0.1
    assert (environment.render() != low).any(axis=2).sum() > 30


def test_a_price_that_varies_is_seen_and_one_that_does_not_is_not(make):
    steady, moving = (
        make(),
        make("grid", "price=synthetic", "location=ca", "demand=synthetic", "solar=synthetic", "profiles.demand_base=null"),
    )
    seen = [[column.name for column in environment.agents[0].observation_columns] for environment in (steady, moving)]
    assert not [name for name in seen[0] if name.startswith("price")]
    assert len([name for name in seen[1] if name.startswith("price")]) == 7
    assert moving.rows.profiles.utc_offset_hours == -8
    assert moving.rows.demand.max() == 1.0
