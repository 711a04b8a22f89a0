"""Mistakes that well-known multi-agent code has made, each kept out by a test."""

import copy

import numpy as np
import pytest
import torch
from gymnasium import spaces

from wattloom.build import build_algorithm
from wattloom.components.algorithms.happo import HAPPO
from wattloom.components.algorithms.ippo import IPPO
from wattloom.components.algorithms.mappo import MAPPO
from wattloom.components.algorithms.on_policy.actor import Actor, policy_stack
from wattloom.components.algorithms.on_policy.distributions import distribution_of
from wattloom.components.algorithms.on_policy.settings import ActorSettings, NetworkSettings
from wattloom.components.algorithms.on_policy.units import Unit
from wattloom.components.algorithms.on_policy.value_norm import make_value_scale
from wattloom.compose import compose
from wattloom.errors import WattloomError
from wattloom.seeding import Seeds

SMALL = {"rollout_steps": 8, "critic_epochs": 1, "hidden_sizes": (8,)}


@pytest.mark.parametrize("space", [spaces.Box(-1.0, 1.0, (2,), np.float32), spaces.MultiDiscrete([3, 2]), spaces.Discrete(3)], ids=str)
@pytest.mark.parametrize("analytic", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_the_weight_of_the_entropy_does_not_grow_with_the_minibatch(space, analytic, masked):
    """An entropy of shape (N,) times a mask of shape (N, 1) is N x N, and its sum N times too large, for Box and MultiDiscrete agents."""
    kind = distribution_of(space)
    gradients = []
    for rows in (8, 800):
        unit = Unit("a", (0,), 3, kind)
        network = NetworkSettings((8,), "tanh", 1e-3, 1e-5, None, analytic)
        params = policy_stack([unit], network, 0.7, Seeds(1))
        params.views["net.head"].add_(torch.linspace(-1, 1, params.views["net.head"].numel()).view_as(params.views["net.head"]))
        actor = Actor([unit], params, network, ActorSettings(0.2, "product", 0.5, False, 0.7), (rows, 1))
        actor.inputs_of(0)[:] = np.resize(np.random.default_rng(1).normal(size=(4, 3)), (rows, 3))  # the same four rows again and again
        action = torch.zeros(rows, kind.columns)
        action[:, 0] = action[:, -1] = 1.0
        actor.column("action")[0] = action
        actor.column("weight").fill_(1.0)
        actor._partial = masked
        actor.column("advantage").zero_()  # nothing but the entropy is left
        actor.column("old").copy_(actor.log_prob().transpose(1, 2))
        actor.step(torch.arange(rows))
        gradients.append(actor._gradient.data.clone())
    assert float(gradients[0].abs().max()) > 1e-3
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-6)


def returns_of(loop, environment, algorithm, steps=8):
    kept = {}
    run = loop(algorithm, environment)
    set_returns = algorithm.values.set_returns
    algorithm.values.set_returns = lambda *a: (kept.update(zip(("returns", "values", "weight"), a, strict=True)), set_returns(*a))
    run.step(steps)
    return kept, run.transitions


def test_the_team_s_reward_is_not_agent_0_s(loop, crew):
    """With one central critic every agent learns from the mean of all rewards, not from the first one's."""
    kept, seen = returns_of(loop, crew(horizon=50), MAPPO(gamma=0.0, **SMALL))
    mean = np.stack([np.mean([t.result.rewards[name] for name in "abcd"], axis=0) for t in seen])
    first = np.stack([t.result.rewards["a"] for t in seen])
    assert np.allclose(kept["returns"][0], mean)
    assert np.abs(mean - first).max() > 0.1


def test_individual_rewards_reach_their_own_agents(loop, crew):
    kept, seen = returns_of(loop, crew(horizon=50), MAPPO(gamma=0.0, reward_sharing=0.0, **SMALL))
    for i, name in enumerate("abcd"):
        assert np.allclose(kept["returns"][i], np.stack([t.result.rewards[name] for t in seen]))


@pytest.mark.parametrize("kind", [IPPO, HAPPO])
def test_a_time_limit_is_no_termination(loop, crew, kind):
    """Returns of an episode that is always cut after one step contain the value of what followed."""
    for ends in ({"horizon": 1}, {"horizon": 9, "limit": -1.0}):
        kept, seen = returns_of(loop, crew(**ends), kind(gamma=1.0, reward_sharing=1.0, **SMALL))
        rewards = np.stack([np.mean([t.result.rewards[name] for name in "abcd"], axis=0) for t in seen])
        terminated = np.stack([t.result.terminated for t in seen])
        assert terminated.all() == ("limit" in ends)
        assert np.allclose(kept["returns"][0], rewards) == ("limit" in ends)


def test_value_statistics_are_saved_whatever_the_device_was():
    """Statistics that are no registered buffers vanish from a state; here every one is in it, and changes what is restored."""
    scale = make_value_scale("valuenorm", 1, 0.9)
    scale.update(torch.full((1, 10), 50.0) + torch.randn(1, 10), torch.ones(1, 10), torch.zeros(1, 1, 2))
    state = copy.deepcopy(scale.state_dict())
    assert set(state) == {"mean", "std", "first", "second", "debias"}
    other = make_value_scale("valuenorm", 1, 0.9)
    other.load_state_dict(state)
    assert float(other.mean) == float(scale.mean) > 40.0


def test_unequal_agents_are_not_padded(loop, crew):
    """Observations of 4 and 3 numbers stay 4 and 3, in the networks, the rollout and the statistics."""
    algorithm = loop(HAPPO(normalize_observations=True, **SMALL), crew("ab")).step(8).algorithm
    assert [actor.inputs for actor in algorithm.actors] == [4, 3]
    assert [len(algorithm.norms[name].mean) for name in "ab"] == [4, 3]
    assert algorithm.rollout.observations["b"].shape == (9, 3, 3)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("algorithm.clipp=0.1", "'algorithm.clip'"),
        ("algorithm.hiden_sizes=[8]", "'algorithm.hidden_sizes'"),
        ("algorithm.update_order=rand", "random"),
    ],
)
def test_a_misspelt_key_or_value_never_trains(override, words):
    def build():
        composed = compose(["env=pendulum", "algorithm=happo", override])
        composed.check()
        return build_algorithm(composed)

    with pytest.raises(WattloomError, match=words):
        build()


def test_playing_a_then_b_then_a_gives_a_again(loop, crew):
    """Nothing of an episode is left in the policy: the same seeds give the same actions after something else was played."""
    algorithm = loop(HAPPO(normalize_observations=True, **SMALL), crew()).step(8).algorithm
    policy, environment, played = algorithm.policy(3, explore=True), crew(), []
    for seeds in ([1, 2, 3], [4, 5, 6], [1, 2, 3]):
        snapshot, actions = environment.reset(seed=seeds), []
        policy.reset(seeds=seeds)
        for _ in range(5):
            actions.append(policy.act(snapshot))
            snapshot = environment.step(actions[-1]).snapshot
        played.append(actions)
    for first, third in zip(played[0], played[2], strict=True):
        assert all(np.array_equal(first[name], third[name]) for name in "abcd")
    assert any(not np.array_equal(a[name], b[name]) for a, b in zip(played[0], played[1], strict=True) for name in "abcd")
