"""What every on-policy algorithm promises: cadence, rewards, truncation, masks, sharing, schedules, statistics, errors."""

import numpy as np
import pytest
import torch

from wattloom.components.algorithms.haa2c import HAA2C
from wattloom.components.algorithms.happo import HAPPO
from wattloom.components.algorithms.hatrpo import HATRPO
from wattloom.components.algorithms.ippo import IPPO
from wattloom.components.algorithms.mappo import MAPPO
from wattloom.components.algorithms.observation_norm import ObservationNorm
from wattloom.components.algorithms.on_policy.advantages import shared_rewards, standardised
from wattloom.environment import EnvironmentSpec
from wattloom.errors import ConfigError, RunError
from wattloom.seeding import Seeds

SMALL = {"rollout_steps": 8, "critic_epochs": 2, "hidden_sizes": (8,)}
ALL = pytest.mark.parametrize("kind", [IPPO, MAPPO, HAPPO, HAA2C, HATRPO])


@ALL
def test_learns_once_a_rollout(loop, crew, kind):
    run = loop(kind(**SMALL), crew()).step(7)
    assert run.reports == []
    run.step(1)
    assert len(run.reports) == 1
    run.step(20)
    assert len(run.reports) == 3
    assert run.algorithm.env_steps == 28 * 3
    assert run.reports[-1][1] == 3 * run.reports[0][0]


def test_updates_count_gradient_steps_a_policy(loop, crew):
    run = loop(HAPPO(**(SMALL | {"epochs": 3, "minibatches": 4})), crew()).step(8)
    assert run.reports[0][0] == 12


@ALL
def test_figures_of_each_agent_are_finite(loop, crew, kind):
    figures = loop(kind(**SMALL), crew(masks=True, leaving=True)).step(8).reports[0][2]
    assert all(np.isfinite(value) for value in figures.values())
    name = "improvement" if kind is HATRPO else "entropy"
    assert {f"{agent}/{name}" for agent in "abcd"} <= set(figures)
    assert ("critic/value_loss" in figures) == (kind is not IPPO)
    if kind is IPPO:
        single = loop(kind(**SMALL), crew("a")).step(8).reports[0][2]
        assert {"policy_loss", "entropy", "value_loss", "explained_variance"} <= set(single)


def test_rewards_are_mixed_as_said():
    rewards = np.arange(12.0).reshape(3, 2, 2)
    assert np.array_equal(shared_rewards(rewards, 0.0), rewards)
    assert np.allclose(shared_rewards(rewards, 1.0), rewards.mean(0))
    own = shared_rewards(rewards, 0.3)[0]
    assert np.allclose(own, 0.8 * rewards[0] + 0.1 * rewards[1] + 0.1 * rewards[2])


@pytest.mark.parametrize(("kind", "share", "streams"), [(MAPPO, 1.0, 1), (MAPPO, 0.5, 4), (HAPPO, 0.0, 4), (IPPO, 0.0, 4), (IPPO, 1.0, 4)])
def test_one_central_critic_where_all_earn_the_same(loop, crew, kind, share, streams):
    run = loop(kind(reward_sharing=share, **SMALL), crew()).step(8)
    assert sum(len(critic.names) for critic in run.algorithm.values.critics) == streams


def test_advantages_are_standardised_over_their_scope():
    g = np.random.default_rng(1)
    advantages, active = g.normal(3.0, 2.0, (3, 5, 4)) * np.array([1.0, 10.0, 100.0])[:, None, None], g.random((3, 5, 4)) < 0.7
    alone = standardised(advantages, active, "agent")
    for i in range(3):
        assert alone[i][active[i]].mean() == pytest.approx(0.0, abs=1e-9)
        assert alone[i][active[i]].std() == pytest.approx(1.0, abs=1e-4)
    joint = standardised(advantages, active, "joint")
    assert joint[active].std() == pytest.approx(1.0, abs=1e-4)
    assert joint[2].std() > 5.0 * joint[0].std()
    assert standardised(advantages, active, "none") is advantages


@pytest.mark.parametrize("kind", [IPPO, HAPPO])
@pytest.mark.parametrize("bootstrap", [True, False])
def test_truncation_bootstraps_unless_it_is_switched_off(loop, crew, kind, bootstrap):
    """One-step episodes that are always cut: with lambda 0 the advantage holds gamma V(true last observation), or nothing of it."""
    algorithm = kind(bootstrap_truncated=bootstrap, gamma=0.9, gae_lambda=0.0, advantage_scope="none", reward_sharing=1.0, **SMALL)
    seen = {}
    run = loop(algorithm, crew(horizon=1))
    algorithm.values.set_returns = lambda returns, values, weight: seen.update(returns=returns, values=values)
    successors = {}
    evaluate = algorithm.values.evaluate
    algorithm.values.evaluate = lambda rollout: successors.setdefault("both", evaluate(rollout))
    algorithm.improve = lambda advantages: 1
    algorithm.policy_readers = list
    for critic in algorithm.values.critics:
        critic.fit = lambda *_: 0
        critic.reader = lambda: dict
    run.step(8)
    rewards = np.stack([np.mean([t.result.rewards[n] for n in "abcd"], axis=0) for t in run.transitions])
    following = successors["both"][1][0]
    expected = rewards + 0.9 * following * bootstrap
    assert np.abs(following).min() > 1e-5
    assert np.allclose(seen["returns"][0], expected, atol=1e-6)


def test_the_value_of_a_cut_episode_is_that_of_its_true_last_observation(loop, crew):
    """V(s') at a truncation equals the critic at the successor the environment returned, not at the reset."""
    algorithm = IPPO(**(SMALL | {"rollout_steps": 9}))
    run = loop(algorithm, crew(horizon=4))
    kept = {}
    evaluate = algorithm.values.evaluate

    def watch(rollout):
        kept["following"] = evaluate(rollout)[1]
        units, critic = algorithm.values._stacks[0]
        kept["names"] = [algorithm.spec.agents[unit.agents[0]].name for unit in units]
        inputs = np.stack([run.transitions[3].result.snapshot.observations[n] for n in kept["names"]])
        kept["direct"] = critic.values_of(inputs)
        return evaluate(rollout)

    algorithm.values.evaluate = watch
    run.step(9)
    assert run.transitions[3].result.truncated.all()
    for e, name in enumerate(kept["names"]):
        assert np.allclose(kept["following"]["abcd".index(name), 3], kept["direct"][e], atol=1e-6)


@ALL
def test_masked_actions_are_never_taken(loop, crew, kind):
    run = loop(kind(**SMALL), crew(masks=True)).step(60)
    for t in run.transitions:
        for copy in range(3):
            assert t.snapshot.action_masks["a"][copy, t.actions["a"][copy]]
            assert t.actions["b"][copy, 1] != 1
    greedy = run.algorithm.policy(3, explore=False).act(run.snapshot)
    assert all(run.snapshot.action_masks["a"][copy, greedy["a"][copy]] for copy in range(3))


@ALL
def test_unequal_shapes_have_networks_of_their_own_width(loop, crew, kind):
    algorithm = loop(kind(**SMALL), crew()).algorithm
    widths = {name: actor.inputs for actor in algorithm.actors for name in actor.names}
    assert widths == {"a": 4, "b": 3, "c": 4, "d": 4}


def test_equal_shapes_are_improved_in_one_stack(loop, crew):
    algorithm = loop(IPPO(**SMALL), crew()).algorithm
    assert [actor.names for actor in algorithm.actors] == [("a", "d"), ("b",), ("c",)]
    assert [critic.names for critic in algorithm.values.critics] == [("a", "c", "d"), ("b",)]
    assert all(len(actor.names) == 1 for actor in loop(IPPO(target_kl=0.1, **SMALL), crew()).algorithm.actors)


def test_stacked_and_single_policies_learn_the_same(loop, crew):
    """A stack of two agents moves as two stacks of one: the stacking is an implementation detail."""

    class Alone(IPPO):
        stacked = property(lambda self: False)

    runs = [loop(kind(**SMALL), crew("ad")).step(8) for kind in (IPPO, Alone)]
    together, (first, second) = runs[0].algorithm.actors[0].params.data, [a.params.data[0] for a in runs[1].algorithm.actors]
    torch.testing.assert_close(together[0], first, rtol=0, atol=1e-6)
    torch.testing.assert_close(together[1], second, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", [IPPO, MAPPO])
def test_a_group_shares_one_policy_told_apart_by_a_one_hot(loop, crew, kind):
    groups = {"a": "twins", "d": "twins"}
    run = loop(kind(share_parameters=True, **SMALL), crew("abd", groups=groups)).step(8)
    algorithm = run.algorithm
    assert [(unit.name, unit.agents, unit.inputs) for unit in algorithm.units] == [("twins", (0, 2), 6), ("b", (1,), 3)]
    inputs = algorithm.actors[0].inputs_of(0)
    assert np.array_equal(inputs[:24, :4], algorithm.rollout.observations["a"][:-1].reshape(24, 4))
    assert np.array_equal(inputs[24:, :4], algorithm.rollout.observations["d"][:-1].reshape(24, 4))
    assert inputs[:24, 4:].tolist() == [[1.0, 0.0]] * 24
    assert inputs[24:, 4:].tolist() == [[0.0, 1.0]] * 24
    assert set(loop(kind(**SMALL), crew("abd", groups=groups)).algorithm.norms) == {"a", "b", "d"}


def test_a_group_of_unequal_shapes_cannot_share(crew):
    with pytest.raises(ConfigError, match=r"'a' and 'b' of group 'g'.*share_parameters=false"):
        IPPO(share_parameters=True).setup(EnvironmentSpec.of(crew("ab", groups={"a": "g", "b": "g"})), Seeds(1), 100)


def test_learning_rates_fall_linearly_to_the_end(loop, crew):
    algorithm = HAPPO(learning_rate_schedule="linear", learning_rate=0.1, **SMALL)
    run = loop(algorithm, crew())
    algorithm.total_steps = 96
    rates = []
    for _ in range(4):
        run.step(8)
        rates.append(algorithm.actors[0]._adam.learning_rate)
    assert rates == pytest.approx([0.1, 0.075, 0.05, 0.025])
    constant = loop(HAPPO(learning_rate=0.1, **SMALL), crew()).step(24)
    assert constant.algorithm.actors[0]._adam.learning_rate == 0.1


def test_epochs_end_at_the_target_divergence(loop, crew):
    options = SMALL | {"epochs": 50, "learning_rate": 3e-3}
    free = loop(HAPPO(**options), crew()).step(8)
    held = loop(HAPPO(target_kl=0.003, **options), crew()).step(8)
    assert free.reports[0][0] == 50
    assert held.reports[0][0] < 50


def test_observation_statistics_are_those_of_all_rows():
    norm = ObservationNorm(3, enabled=True)
    rows = np.random.default_rng(1).normal(5.0, [1.0, 20.0, 0.0], (300, 3)).astype(np.float32)
    for part in np.split(rows, [7, 100, 101]):
        norm.update(part)
    assert np.allclose(norm.mean, rows.mean(0, dtype=np.float64), rtol=1e-12)
    assert np.allclose(norm.square / norm.count, rows.var(0, dtype=np.float64), rtol=1e-6, atol=1e-9)
    scaled = norm(rows)
    assert np.allclose(scaled[:, :2].std(0), 1.0, atol=1e-3)
    assert np.isfinite(scaled).all()
    assert np.abs(norm(rows * 1e9)).max() == 10.0


@ALL
def test_statistics_stand_still_within_a_rollout_and_belong_to_the_policy(loop, crew, kind):
    """The density that the learner computes is that of the policy that acted: its first ratio is 1 with or without scaled observations."""
    algorithm = kind(normalize_observations=True, **SMALL)
    run = loop(algorithm, crew(start_at=4.0)).step(8)
    assert float(algorithm.norms["a"].mean[0]) > 1.0
    count = algorithm.norms["a"].count
    run.step(7)
    assert algorithm.norms["a"].count == count
    ratios = []
    algorithm.improve = lambda advantages: ratios.extend(actor.ratio() for actor in algorithm.actors) or 1
    algorithm.policy_readers = list
    run.step(1)
    assert all(torch.allclose(ratio, torch.ones_like(ratio), atol=1e-5) for ratio in ratios)
    saved = algorithm.state_dict()
    other = loop(kind(normalize_observations=True, **SMALL), crew(start_at=4.0)).algorithm
    other.load_state_dict(saved)
    assert np.array_equal(other.norms["a"].mean, algorithm.norms["a"].mean)
    snapshot = run.snapshot
    mine, theirs = algorithm.policy(3, False).act(snapshot), other.policy(3, False).act(snapshot)
    assert all(np.array_equal(mine[name], theirs[name]) for name in "abcd")


@ALL
def test_sampled_actions_of_a_seed_do_not_depend_on_the_other_copies(loop, crew, kind):
    algorithm = loop(kind(**SMALL), crew()).step(8).algorithm
    chosen = []
    for seeds in ([7], [5, 7, 9]):
        environment = crew(num_envs=len(seeds))
        policy = algorithm.policy(len(seeds), explore=True)
        policy.reset(seeds=seeds)
        snapshot, taken = environment.reset(seed=seeds), []
        for _ in range(6):
            actions = policy.act(snapshot)
            taken.append([np.asarray(actions[name])[seeds.index(7)].tolist() for name in "abd"])
            snapshot = environment.step(actions).snapshot
        chosen.append(taken)
    assert chosen[0] == chosen[1]


@ALL
def test_evaluation_disturbs_nothing(loop, crew, kind):
    plain, disturbed = loop(kind(**SMALL), crew()).step(12), loop(kind(**SMALL), crew()).step(12)
    policy = disturbed.algorithm.policy(5, explore=True)
    policy.reset(seeds=[1] * 5)
    policy.act(crew(num_envs=5).reset(seed=1))
    for run in (plain, disturbed):
        run.step(12)
    for a, b in zip(plain.algorithm.actors, disturbed.algorithm.actors, strict=True):
        assert torch.equal(a.params.data, b.params.data)


WRONG = [
    (IPPO, {"clip": 0.0}, "algorithm.clip must be greater than 0"),
    (IPPO, {"gamma": 1.5}, r"algorithm.gamma must lie in \[0, 1\]"),
    (MAPPO, {"value_scale": "pop_art"}, "did you mean 'popart'"),
    (HAPPO, {"update_order": "backwards"}, "algorithm.update_order must be one of fixed, random, reverse"),
    (HAPPO, {"hidden_sizes": (64, 0)}, "algorithm.hidden_sizes must be a list of positive integers"),
    (HAA2C, {"minibatches": 0}, "algorithm.minibatches must be an integer of at least 1"),
    (HAA2C, {"entropy_reduction": "max"}, "algorithm.entropy_reduction must be one of mean, sum"),
    (HATRPO, {"trust_region": -1.0}, "algorithm.trust_region must be greater than 0"),
    (HATRPO, {"backtrack": 1.2}, r"algorithm.backtrack must lie in \[0, 1\]"),
]


@pytest.mark.parametrize(("kind", "options", "message"), WRONG, ids=[f"{k.__name__}-{next(iter(o))}" for k, o, _ in WRONG])
def test_wrong_values_are_named(kind, options, message):
    with pytest.raises(ConfigError, match=message):
        kind(**options)


def test_more_minibatches_than_rows_are_refused(crew):
    with pytest.raises(ConfigError, match=r"algorithm.minibatches=25 is more than the 24 rows"):
        HAPPO(**SMALL, minibatches=25).setup(EnvironmentSpec.of(crew()), Seeds(1), 100)


@ALL
def test_a_state_of_other_agents_or_sizes_is_refused(loop, crew, kind):
    saved = loop(kind(**SMALL), crew()).step(8).algorithm.state_dict()
    with pytest.raises(RunError, match="saved policies are of"):
        loop(kind(**SMALL), crew("ab")).algorithm.load_state_dict(saved)
    with pytest.raises(RunError, match="layer_0"):
        loop(kind(**(SMALL | {"hidden_sizes": (9,)})), crew()).algorithm.load_state_dict(saved)


@ALL
def test_a_trained_policy_plays_on_any_number_of_copies(loop, crew, kind):
    """What evaluation does: the state of 3 copies, within a rollout, acts on 10."""
    trained = loop(kind(normalize_observations=True, **SMALL), crew()).step(13).algorithm
    other = loop(kind(normalize_observations=True, **SMALL), crew(num_envs=10)).algorithm
    other.load_state_dict(trained.state_dict())
    snapshot = crew(num_envs=10).reset(seed=3)
    mine, theirs = (algorithm.policy(10, explore=False).act(snapshot) for algorithm in (trained, other))
    assert all(np.array_equal(mine[name], theirs[name]) for name in "abcd")
