"""Cadence, what enters the replay, acting, errors, and exact continuation of TD3 and SAC."""

import io

import numpy as np
import pytest
import torch
from gymnasium import spaces

from wattloom.components.algorithms.exploration import GaussianNoise, OrnsteinUhlenbeck
from wattloom.components.algorithms.sac import SAC
from wattloom.components.algorithms.td3 import TD3
from wattloom.environment import AgentSpec, EnvironmentSpec
from wattloom.errors import ConfigError, RunError
from wattloom.seeding import Seeds
from wattloom.spaces import numbered_columns

SMALL = {"hidden_sizes": [16, 16], "batch_size": 8, "learning_starts": 16, "buffer_size": 500}
TWO_AGENTS = (("a", 3, 1), ("b", 5, 2))
BOTH = pytest.mark.parametrize("kind", [TD3, SAC])


def flat(tree, path=""):
    """Every leaf of a nested state with its path."""
    if isinstance(tree, dict):
        return [leaf for key, value in tree.items() for leaf in flat(value, f"{path}/{key}")]
    return [(path, tree)]


def assert_equal(mine, theirs):
    for (path, a), (other, b) in zip(flat(mine), flat(theirs), strict=True):
        assert path == other
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b, path


@BOTH
@pytest.mark.parametrize(("ratio", "copies"), [(1.0, 1), (0.3, 1), (0.3, 8), (0.1, 5), (2.0, 1), (1.5, 3), (0.0, 2)])
def test_update_ratio(loop, drift, kind, ratio, copies):
    run = loop(kind(updates_per_step=ratio, **SMALL), drift(num_envs=copies)).step(60 // copies * 2)
    steps = run.algorithm.env_steps
    assert steps == 60 // copies * 2 * copies
    assert run.algorithm.state_dict()["updates"] == int((steps - 16) * ratio + 1e-6)
    assert sum(updates for updates, _, _ in run.reports) == run.algorithm.state_dict()["updates"]


def test_no_update_and_uniform_actions_before_learning_starts(loop, drift):
    options = SMALL | {"learning_starts": 400, "exploration": GaussianNoise(0.0)}
    run = loop(TD3(**options), drift()).step(400)
    assert run.reports == []
    actions = np.concatenate([t.actions["a"][:, 0] for t in run.transitions])
    assert actions.min() < -1.8
    assert actions.max() > 2.8
    assert np.histogram(actions, 4, (-2, 3))[0].min() > 60
    run.step(1)
    assert len(run.reports) == 1


def test_replay_holds_scaled_actions_true_successors_and_terminations(loop, drift):
    run = loop(TD3(**SMALL), drift(num_envs=2, horizon=5, limit=2.0)).step(40)
    buffer = run.algorithm.buffer
    steps = run.transitions
    expected = np.concatenate([t.result.snapshot.observations["a"] for t in steps])
    assert np.array_equal(buffer.stored("a/next_observation").numpy(), expected)
    scaled = np.concatenate([t.actions["a"] for t in steps]) / 2.5 - 0.2
    assert np.allclose(buffer.stored("a/action").numpy(), scaled, atol=1e-6)
    assert np.array_equal(buffer.stored("a/terminated")[:, 0].numpy() > 0, np.concatenate([t.result.terminated for t in steps]))
    ended = np.concatenate([t.result.truncated for t in steps])
    assert ended.any()
    assert np.concatenate([t.result.terminated for t in steps]).any()
    assert not buffer.stored("a/terminated")[ended].any()


@BOTH
def test_a_terminated_row_is_worth_its_reward_and_a_truncated_one_more(kind, drift):
    """With one row in the buffer the critics learn its target: r where it terminated, r + gamma V(s') where it was truncated."""
    values = {}
    for terminated in (True, False):
        algorithm = kind(gamma=0.9, critic_learning_rate=3e-3, actor_learning_rate=1e-9, **(SMALL | {"learning_starts": 0}))
        environment = drift(horizon=1, limit=-1.0 if terminated else np.inf)
        algorithm.setup(EnvironmentSpec.of(environment), Seeds(1), 100)
        policy = algorithm.policy(1, explore=True)
        snapshot = environment.reset(seed=4)
        actions = policy.act(snapshot)
        from wattloom.algorithm import Transition

        result = environment.step(actions)
        assert bool(result.terminated[0]) is terminated
        assert bool(result.truncated[0]) is not terminated
        algorithm.observe(Transition(snapshot, actions, result))
        for _ in range(600):
            algorithm._credit = 1.0
            report = algorithm.update()
        values[terminated] = report.read()["q_mean"]
        reward = float(result.rewards["a"][0])
    assert values[True] == pytest.approx(reward, abs=0.05)
    assert abs(values[False] - reward) > 0.2


def test_policy_and_targets_wait_for_their_turn(loop, drift):
    algorithm = TD3(policy_delay=3, **SMALL)
    run = loop(algorithm, drift()).step(16)
    learner = algorithm.learners["a"]
    for update in range(1, 10):
        before, target = learner.online.section("actor").data.clone(), learner.target.data.clone()
        critic = learner.online.section("critic").data.clone()
        run.step()
        moved = update % 3 == 0
        assert torch.equal(before, learner.online.section("actor").data) != moved
        assert torch.equal(target, learner.target.data) != moved
        assert not torch.equal(critic, learner.online.section("critic").data)
        assert ("actor_loss" in run.reports[-1][2]) == moved


def test_targets_follow_by_tau(loop, drift):
    algorithm = SAC(tau=0.25, **SMALL)
    run = loop(algorithm, drift()).step(16)
    learner = algorithm.learners["a"]
    before = learner.target.data.clone()
    run.step()
    expected = before + 0.25 * (learner.online.section("critic").data - before)
    torch.testing.assert_close(learner.target.data, expected)


def test_entropy_goes_to_its_target(loop, drift):
    algorithm = SAC(target_entropy=-1.5, alpha_learning_rate=0.02, actor_learning_rate=3e-3, **(SMALL | {"batch_size": 64}))
    run = loop(algorithm, drift(agents=(("a", 3, 1),), num_envs=4)).step(900)
    entropies = [losses["entropy"] for _, _, losses in run.reports[-100:]]
    assert np.mean(entropies) == pytest.approx(-1.5, abs=0.3)


@pytest.mark.parametrize(("option", "expected"), [(None, -2.0), (0.7, 0.7)])
def test_default_target_entropy_is_minus_the_action_size(drift, option, expected):
    algorithm = SAC(target_entropy=option, **SMALL)
    algorithm.setup(EnvironmentSpec.of(drift(agents=(("a", 3, 2),))), Seeds(1), 100)
    assert algorithm.learners["a"].target_entropy == expected


@BOTH
def test_reading_later_gives_the_same_losses(loop, drift, kind):
    algorithm = kind(**SMALL)
    run = loop(algorithm, drift()).step(17)
    algorithm._credit = 1.0
    report = algorithm.update()
    at_once = report.read()
    run.step(5)
    assert report.read() == at_once
    assert run.reports[-1][2] != at_once


@BOTH
def test_same_seed_same_numbers(loop, drift, kind):
    runs = [loop(kind(**SMALL), drift(num_envs=2), seed).step(40) for seed in (3, 3, 4)]
    assert_equal(runs[0].algorithm.state_dict(), runs[1].algorithm.state_dict())
    assert runs[0].reports == runs[1].reports
    assert runs[0].reports != runs[2].reports


def test_noise_for_continuous_actions_is_refused_for_choices():
    with pytest.raises(ConfigError, match="set exploration=none, algorithm=sac samples its choices"):
        SAC(exploration=GaussianNoise(), **SMALL).setup(spec_of(spaces.Discrete(3)), Seeds(1), 100)


@BOTH
@pytest.mark.parametrize(
    ("copies", "options"),
    [
        (1, {}),
        (8, {"updates_per_step": 0.3}),
        (3, {"exploration": OrnsteinUhlenbeck(0.5), "buffer_size": 100}),
        (1, {"engine": "autograd"}),
    ],
    ids=["plain", "ratio 0.3, 8 copies", "correlated noise, full ring", "autograd"],
)
@pytest.mark.parametrize("agents", [TWO_AGENTS[:1], TWO_AGENTS], ids=["one agent", "two agents"])
def test_continues_bit_for_bit(loop, drift, kind, copies, options, agents):
    def build():
        return loop(kind(**(SMALL | options)), drift(agents=agents, num_envs=copies, horizon=7, limit=8.0))

    whole = build().step(70)
    first = build().step(35)
    file = io.BytesIO()
    state, environment = first.state()
    torch.save(state, file)
    file.seek(0)
    second = build()
    addresses = [learner.online.data.data_ptr() for learner in second.algorithm.learners.values()]
    second.restore(torch.load(file, weights_only=True), environment).step(35)
    assert_equal(second.state()[0], whole.state()[0])
    assert first.reports + second.reports == whole.reports
    assert addresses == [learner.online.data.data_ptr() for learner in second.algorithm.learners.values()]


def test_continues_from_within_the_warm_up(loop, drift):
    def build():
        return loop(TD3(**(SMALL | {"learning_starts": 40})), drift(num_envs=2))

    whole, first = build().step(50), build().step(11)
    second = build().restore(*first.state()).step(39)
    assert_equal(second.state()[0], whole.state()[0])


@BOTH
def test_evaluation_is_deterministic_live_and_disturbs_nothing(loop, drift, kind):
    run = loop(kind(**SMALL), drift(num_envs=2)).step(30)
    before = run.state()[0]
    greedy = run.algorithm.policy(2, explore=False)
    greedy.reset(seeds=[7, 8])
    first, again = greedy.act(run.snapshot)["a"].copy(), greedy.act(run.snapshot)["a"]
    assert np.array_equal(first, again)
    assert_equal(run.state()[0], before)
    run.algorithm.learners["a"].online.data.mul_(-2.0)
    assert not np.array_equal(greedy.act(run.snapshot)["a"], first)


@BOTH
def test_actions_have_the_type_and_range_of_the_space(loop, drift, kind):
    run = loop(kind(exploration=GaussianNoise(2.0), **SMALL), drift(num_envs=3)).step(40)
    for step in run.transitions:
        action = step.actions["a"]
        assert action.dtype == np.float32
        assert action.shape == (3, 1)
        assert action.min() >= -2.0
        assert action.max() <= 3.0


def test_absent_agents_teach_nothing(drift, loop):
    """Rows in which an agent took no part have no weight in its losses."""
    run = loop(TD3(**SMALL), drift(agents=TWO_AGENTS)).step(16)
    batch = run.algorithm._batches["b"]
    run.algorithm.buffer.batch[:] = torch.randn(run.algorithm.buffer.batch.shape, generator=torch.Generator().manual_seed(1))
    batch.active[:] = torch.tensor([1.0, 0, 0, 1, 0, 0, 0, 0])
    weight = batch.weight()
    assert weight.tolist() == [0.5, 0, 0, 0.5, 0, 0, 0, 0]
    batch.active[:] = 0.0
    assert batch.weight().tolist() == [0.0] * 8


def spec_of(space):
    observation = spaces.Box(-1, 1, (2,), np.float32)
    return EnvironmentSpec((AgentSpec("a", observation, space, numbered_columns("x", 2), numbered_columns("u", 1)),), 1)


UNBOUNDED = spaces.Box(-np.inf, np.inf, (1,), np.float32)


@pytest.mark.parametrize(
    ("kind", "space", "message"),
    [
        (TD3, spaces.Discrete(3), "needs continuous actions"),
        (TD3, spaces.MultiDiscrete([2, 3]), "needs continuous actions"),
        (TD3, UNBOUNDED, "finite action bounds"),
        (SAC, UNBOUNDED, "finite action bounds"),
    ],
)
def test_unsuitable_action_spaces(kind, space, message):
    with pytest.raises(ConfigError, match=message):
        kind(**SMALL).setup(spec_of(space), Seeds(1), 100)


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        (TD3, "gamma", 1.7),
        (TD3, "tau", -0.1),
        (TD3, "policy_delay", 0),
        (TD3, "policy_delay", 1.5),
        (TD3, "target_noise", -1.0),
        (TD3, "actor_learning_rate", 0.0),
        (TD3, "critic_learning_rate", float("nan")),
        (TD3, "hidden_sizes", []),
        (TD3, "hidden_sizes", [16, 0]),
        (TD3, "hidden_sizes", 16),
        (TD3, "learning_rate_schedule", "cosine"),
        (SAC, "normalize_observations", "yes"),
        (TD3, "activation", "rleu"),
        (TD3, "engine", "compiled"),
        (TD3, "batch_size", 0),
        (TD3, "buffer_size", "many"),
        (TD3, "learning_starts", -1),
        (TD3, "updates_per_step", -0.5),
        (SAC, "alpha", 0.0),
        (SAC, "learn_alpha", "yes"),
        (SAC, "target_entropy", "auto"),
        (SAC, "alpha_learning_rate", -1e-3),
        (SAC, "target_entropy_share", 1.5),
        (SAC, "reward_sharing", -0.5),
        (TD3, "share_parameters", 1),
    ],
)
def test_values_out_of_range_name_their_key(kind, key, value):
    with pytest.raises(ConfigError, match=f"algorithm.{key} must"):
        kind(**{key: value})


def test_a_buffer_smaller_than_a_step(drift):
    with pytest.raises(ConfigError, match=r"buffer_size=4 cannot hold one step of env\.num_envs=8"):
        TD3(buffer_size=4).setup(EnvironmentSpec.of(drift(num_envs=8)), Seeds(1), 100)


@BOTH
def test_state_of_another_network_names_the_difference(loop, drift, kind):
    state, environment = loop(kind(**SMALL), drift()).step(20).state()
    other = loop(kind(**(SMALL | {"hidden_sizes": [16, 8]})), drift())
    with pytest.raises(RunError, match="layer_1' has shape"):
        other.restore(state, environment)
    strangers = loop(kind(**SMALL), drift(agents=(("b", 3, 1),)))
    with pytest.raises(RunError, match="saved learners are of agents \\['a'\\]"):
        strangers.algorithm.load_state_dict(state["algorithm"])
