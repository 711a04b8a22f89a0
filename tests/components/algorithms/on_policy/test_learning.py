"""PPO learns: the pendulum's preset and CartPole through the Gymnasium adapter, at the level of stable-baselines3 for equal steps and settings."""

import gymnasium
import numpy as np
import pytest

import wattloom
from wattloom.adapters import as_environment
from wattloom.components.algorithms.happo import HAPPO
from wattloom.components.algorithms.ippo import IPPO
from wattloom.components.algorithms.mappo import MAPPO
from wattloom.components.baselines.random import Random
from wattloom.components.envs.pendulum import Pendulum
from wattloom.components.envs.third_party import pettingzoo_environment
from wattloom.environment import EnvironmentSpec
from wattloom.evaluation import evaluate_policy
from wattloom.seeding import Seeds

EPISODES = list(range(1000, 1010))
CARTPOLE = {"rollout_steps": 32, "gamma": 0.98, "gae_lambda": 0.8, "epochs": 20, "critic_epochs": 20, "value_scale": "none"}
RATES = {"learning_rate": 1e-3, "critic_learning_rate": 1e-3, "entropy_coefficient": 0.0}


def cartpole(copies):
    return as_environment(lambda: gymnasium.make("CartPole-v1"), num_envs=copies)


def pendulum(copies):
    return Pendulum(num_envs=copies)


def ours(loop, algorithm, make, copies, steps, seed):
    loop(algorithm, make(copies), seed=seed).step(steps // copies)
    return float(evaluate_policy(make(len(EPISODES)), lambda n: algorithm.policy(n, explore=False), EPISODES).returns.mean())


def uniform(environment):
    """Policies of uniform actions, for any number of copies."""
    baseline = Random()
    baseline.setup(EnvironmentSpec.of(environment), Seeds(1), 1)
    return lambda copies: baseline.policy(copies, explore=False)


def theirs(name, seed, steps, copies, **options):
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env

    model = PPO("MlpPolicy", make_vec_env(name, n_envs=copies, seed=seed), seed=seed, device="cpu", **options).learn(steps)
    environment, returns = gymnasium.make(name), []
    for episode in EPISODES:
        observation, _ = environment.reset(seed=episode)
        total, over = 0.0, False
        while not over:
            observation, reward, terminated, truncated, _ = environment.step(model.predict(observation, deterministic=True)[0])
            total, over = total + float(reward), terminated or truncated
        returns.append(total)
    return float(np.mean(returns))


def test_cartpole_is_balanced(loop):
    assert ours(loop, IPPO(**CARTPOLE | RATES), cartpole, 8, 40_000, seed=1) >= 475.0


def test_the_preset_swings_the_pendulum_up():
    run = wattloom.train("experiment=pendulum_ppo", "seed=1", "hooks=none", "checkpoint.every=null", "runner.total_steps=60000")
    assert run.summary.best_return > -230.0


@pytest.mark.slow
def test_cartpole_beside_stable_baselines3(loop):
    options = {"n_steps": 32, "batch_size": 256, "n_epochs": 20, "gamma": 0.98, "gae_lambda": 0.8, "learning_rate": 1e-3}
    peers = [theirs("CartPole-v1", seed, 50_000, 8, **options) for seed in (1, 2, 3)]
    mine = [ours(loop, IPPO(**CARTPOLE | RATES), cartpole, 8, 50_000, seed) for seed in (1, 2, 3)]
    assert np.mean(mine) >= 475.0
    assert np.mean(mine) >= np.mean(peers) - 10.0


@pytest.mark.slow
def test_pendulum_beside_stable_baselines3(loop):
    options = {"n_steps": 512, "batch_size": 64, "n_epochs": 10, "gamma": 0.9, "gae_lambda": 0.95}
    peers = [theirs("Pendulum-v1", seed, 100_000, 8, learning_rate=lambda left: 1e-3 * left, **options) for seed in (1, 2, 3)]
    keys = {
        "rollout_steps": 512,
        "gamma": 0.9,
        "gae_lambda": 0.95,
        "epochs": 10,
        "minibatches": 64,
        "critic_epochs": 10,
        "critic_minibatches": 64,
    }
    mine = []
    for seed in (1, 2, 3):
        algorithm = IPPO(learning_rate_schedule="linear", **keys | RATES)
        setup = algorithm.setup
        algorithm.setup = lambda spec, seeds, total, setup=setup: setup(spec, seeds, 100_000)
        mine.append(ours(loop, algorithm, pendulum, 8, 100_000, seed))
    assert np.mean(mine) > -220.0
    assert np.mean(mine) >= np.mean(peers) - 15.0


@pytest.mark.slow
@pytest.mark.parametrize("kind", [MAPPO, HAPPO])
def test_a_team_spreads_out(loop, kind):
    """The cooperative task simple_spread: 100,000 env steps win at least 12 of the 79 that uniform actions lose an episode."""
    pytest.importorskip("mpe2")

    def spread(copies):
        return pettingzoo_environment(target="mpe2.simple_spread_v3:parallel_env", num_envs=copies)

    keys = {"rollout_steps": 100, "gamma": 0.98, "epochs": 10, "minibatches": 2, "critic_epochs": 10, "critic_minibatches": 2}
    returns = [ours(loop, kind(learning_rate=7e-4, critic_learning_rate=7e-4, **keys), spread, 8, 100_000, seed) for seed in (1, 2, 3)]
    idle = evaluate_policy(spread(len(EPISODES)), uniform(spread(1)), EPISODES).returns.mean()
    assert np.mean(returns) > idle + 12.0
