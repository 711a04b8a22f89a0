"""Where values begin: at the constant that fits the first rollout, in every scale."""

import numpy as np
import pytest
import torch

from wattloom.components.algorithms.ippo import IPPO
from wattloom.components.algorithms.mappo import MAPPO
from wattloom.components.algorithms.on_policy.steady import steady_value
from wattloom.components.algorithms.on_policy.value_norm import make_value_scale

KEYS = {"rollout_steps": 40, "hidden_sizes": (8,), "gamma": 0.9}


def test_a_constant_equals_the_mean_reward_and_its_own_continuation():
    g = np.random.default_rng(4)
    rewards, terminated, weight = g.normal(size=(3, 40, 5)), g.random((3, 40, 5)) < 0.1, (g.random((3, 40, 5)) < 0.7).astype(float)
    for s, value in enumerate(steady_value(rewards, terminated, weight, 0.95)):
        rows = weight[s] > 0
        following = np.where(terminated[s][rows], 0.0, value)
        assert value == pytest.approx((rewards[s][rows] + 0.95 * following).mean(), abs=1e-10)


def test_nothing_is_assumed_where_the_value_would_be_infinite_or_nobody_took_part():
    rewards, weight = np.ones((2, 4, 1)), np.ones((2, 4, 1))
    weight[1] = 0.0
    never = np.zeros((2, 4, 1), dtype=bool)
    assert steady_value(rewards, never, weight, 1.0).tolist() == [0.0, 0.0]
    assert steady_value(rewards, never, weight, 0.75).tolist() == [4.0, 0.0]


@pytest.mark.parametrize("kind", ["none", "valuenorm", "popart"])
def test_every_scale_raises_its_values_and_keeps_their_differences(kind):
    scale, g = make_value_scale(kind, 2, 0.9), torch.Generator().manual_seed(1)
    head, hidden = torch.randn(2, 1, 6, generator=g, dtype=torch.float64), torch.randn(6, 9, generator=g, dtype=torch.float64)
    hidden[-1] = 1.0  # the constant input of the bias
    before = scale.denormalise((head @ hidden)[:, 0])
    scale.raise_by(torch.tensor([-50.0, 7.0], dtype=torch.float64), head)
    after = scale.denormalise((head @ hidden)[:, 0])
    torch.testing.assert_close(after - before, torch.tensor([[-50.0], [7.0]], dtype=torch.float64).expand(2, 9), rtol=0, atol=1e-10)


def first_errors(loop, environment, algorithm):
    """Mean temporal difference of each agent on the first rollout, as the policies get it."""
    seen, improve = [], algorithm.improve
    algorithm.improve = lambda advantages: [seen.append(advantages.mean(1)), improve(advantages)][1]
    run = loop(algorithm, environment).step(KEYS["rollout_steps"])
    return seen[0], np.array([np.mean([t.result.rewards[name] for t in run.transitions]) for name in "abcd"])


@pytest.mark.parametrize("scale", ["none", "valuenorm", "popart"])
@pytest.mark.parametrize(("kind", "options"), [(IPPO, {}), (MAPPO, {}), (IPPO, {"share_parameters": True})])
def test_first_temporal_differences_are_0_on_average(loop, crew, kind, options, scale):
    """Where values begin at 0 instead, they are the rewards themselves."""
    keys = {**KEYS, **options, "value_scale": scale, "advantage_scope": "none", "gae_lambda": 0.0}
    errors, rewards = first_errors(loop, crew(groups={"a": "g", "d": "g"}), kind(**keys))
    from_zero, _ = first_errors(loop, crew(groups={"a": "g", "d": "g"}), kind(value_start="zero", **keys))
    assert np.abs(errors).max() < 0.2 * np.abs(rewards).mean()
    assert np.abs(from_zero).mean() > 0.8 * np.abs(rewards).mean()
