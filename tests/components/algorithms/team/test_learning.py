"""Small cooperative tasks are solved: a matrix game by choices, a sum of contributions by continuous actions of unequal widths."""

import numpy as np
import pytest
from gymnasium import spaces

from wattloom.batched import BatchedEnvironment, Outcome
from wattloom.components.algorithms.csac import CSAC
from wattloom.components.algorithms.exploration import GaussianNoise
from wattloom.components.algorithms.hasac import HASAC
from wattloom.components.algorithms.hatd3 import HATD3
from wattloom.components.algorithms.masac import MASAC
from wattloom.components.algorithms.matd3 import MATD3
from wattloom.components.algorithms.sac import SAC
from wattloom.environment import AgentSpec, Snapshot
from wattloom.spaces import numbered_columns

KEYS = {"gamma": 0.0, "hidden_sizes": (32, 32), "batch_size": 64, "learning_starts": 64, "updates_per_step": 0.125, "buffer_size": 4_000}
RATES = {"actor_learning_rate": 3e-3, "critic_learning_rate": 3e-3, "alpha_learning_rate": 1e-2}
PAYOFF = np.array([[8.0, 0.0, 0.0], [0.0, 10.0, 0.0], [0.0, 0.0, 6.0]])
"""Three ways to agree, one of them best."""


class Contributions(BatchedEnvironment):
    """Each agent sees one number, the first acts in two dimensions: together they are to give the sum of what both see. One step an episode."""

    def __init__(self, num_envs=8):
        def agent(name, width):
            seen, acts = spaces.Box(-1.0, 1.0, (1,), np.float32), spaces.Box(-1.0, 1.0, (width,), np.float32)
            return AgentSpec(name, seen, acts, numbered_columns("x", 1), numbered_columns("u", width))

        super().__init__((agent("a", 2), agent("b", 1)), num_envs, horizon=1, shared_reward=True)
        self.arrays = {"x": np.zeros((num_envs, 2))}

    def _begin(self, copies, generators, options):
        for i, generator in zip(copies, generators, strict=True):
            self.arrays["x"][i] = generator.uniform(-0.8, 0.8, 2)

    def _advance(self, actions):
        given = 0.5 * actions["a"].sum(1) + actions["b"].sum(1)
        return Outcome(dict.fromkeys("ab", -((given - self.arrays["x"].sum(1)) ** 2)))

    def _observe(self):
        x = self.arrays["x"].astype(np.float32)
        return Snapshot({"a": x[:, :1].copy(), "b": x[:, 1:].copy()})


def greedy_reward(algorithm, environment, rounds=20):
    """The mean reward of greedy actions."""
    policy, earned = algorithm.policy(environment.num_envs, explore=False), []
    snapshot = environment.reset(seed=1000)
    for _ in range(rounds):
        earned.append(environment.step(policy.act(snapshot)).rewards[environment.agents[0].name].mean())
        snapshot = environment.reset()
    return float(np.mean(earned))


SLOW = pytest.mark.slow
TEAM = {"reward_sharing": 1.0}


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        pytest.param(HASAC, {}, id="hasac"),
        pytest.param(MASAC, {}, id="masac", marks=SLOW),
        pytest.param(CSAC, {}, id="csac", marks=SLOW),
        pytest.param(SAC, TEAM, id="isac", marks=SLOW),
        pytest.param(SAC, TEAM | {"share_parameters": True}, id="isac-shared", marks=SLOW),
    ],
)
def test_a_team_agrees_on_the_best_of_three_ways(loop, matrix_game, kind, options):
    """The temperature starts at half of what is at stake: colder, teams settle on the way that they happened to see first."""
    algorithm = kind(alpha=5.0, **KEYS | RATES | options)
    loop(algorithm, matrix_game(PAYOFF, group="g"), seed=3).step(500)
    assert greedy_reward(algorithm, matrix_game(PAYOFF, group="g"), 2) == 10.0


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        pytest.param(HASAC, {"alpha": 0.1}, id="hasac", marks=SLOW),
        pytest.param(HATD3, {"exploration": GaussianNoise(0.3)}, id="hatd3"),
        pytest.param(MASAC, {"alpha": 0.1}, id="masac", marks=SLOW),
        pytest.param(MATD3, {"exploration": GaussianNoise(0.3)}, id="matd3", marks=SLOW),
        pytest.param(CSAC, {"alpha": 0.1}, id="csac", marks=SLOW),
    ],
)
def test_a_team_gives_the_sum_of_what_it_sees(loop, kind, options):
    """Uniform actions lose about 0.9 a step; what each agent cannot know costs nothing once both give what they see."""
    rates = {key: rate for key, rate in RATES.items() if "target_noise" not in kind.__dataclass_fields__ or "alpha" not in key}
    algorithm = kind(**KEYS | rates | options)
    loop(algorithm, Contributions(), seed=3).step(700)
    assert greedy_reward(algorithm, Contributions()) > -0.02
