"""A library that knows nothing of us trains on our faces unmodified."""

import pytest

from wattloom.adapters import GymnasiumEnv
from wattloom.components.envs.pendulum import Pendulum

stable_baselines3 = pytest.importorskip("stable_baselines3")


@pytest.mark.parametrize("kind", ["pendulum", "box", "discrete"])
def test_its_checker_passes(team, kind):
    from stable_baselines3.common.env_checker import check_env

    check_env(GymnasiumEnv(Pendulum()) if kind == "pendulum" else GymnasiumEnv(team(kind)), warn=False)


@pytest.mark.parametrize("kind", ["pendulum", "box", "discrete"])
def test_ppo_trains(team, kind):
    env = GymnasiumEnv(Pendulum()) if kind == "pendulum" else GymnasiumEnv(team(kind))
    model = stable_baselines3.PPO("MlpPolicy", env, n_steps=64, batch_size=32, n_epochs=2, device="cpu", seed=1)
    model.learn(128)
    assert model.num_timesteps == 128
    assert len(model.ep_info_buffer) > 0 or kind == "pendulum"


def test_td3_trains():
    model = stable_baselines3.TD3("MlpPolicy", GymnasiumEnv(Pendulum()), learning_starts=50, batch_size=32, device="cpu", seed=1)
    before = next(model.actor.parameters()).detach().clone()
    model.learn(210)
    assert (next(model.actor.parameters()) != before).any()
    assert len(model.ep_info_buffer) == 1
