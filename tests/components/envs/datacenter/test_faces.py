"""Other people's faces of the data center: Gymnasium vectors, and stable-baselines3 on the single face; wrong actions named."""

import gymnasium
import numpy as np
import pytest

import wattloom
from wattloom.adapters import GymnasiumEnv
from wattloom.components.envs.datacenter.protocol import AGENTS
from wattloom.errors import ActionError


def test_the_registered_vector_steps():
    vector = gymnasium.make_vec("wattloom/DataCenter-v0", num_envs=3, episode__days=1)
    observation, _ = vector.reset(seed=1)
    assert np.shape(gymnasium.spaces.utils.flatten(vector.observation_space, observation))[0] > 0
    for _ in range(97):
        observation, reward, *_ = vector.step(vector.action_space.sample())
        assert np.isfinite(reward).all()
    vector.close()


@pytest.mark.slow
def test_stable_baselines3_ppo_trains_on_the_single_face():
    from stable_baselines3 import PPO

    face = GymnasiumEnv(wattloom.make("datacenter", num_envs=1, episode__days=1))
    model = PPO("MlpPolicy", face, n_steps=128, batch_size=64, device="cpu", seed=1)
    before = next(model.policy.parameters()).detach().clone()
    model.learn(256)
    assert (next(model.policy.parameters()) != before).any()
    assert all(np.isfinite(info["r"]) for info in model.ep_info_buffer)


def test_a_wrong_action_names_agent_and_copy():
    discrete = wattloom.make("datacenter", num_envs=3)
    discrete.reset(seed=0)
    right = {name: np.ones(3, int) for name in AGENTS}
    with pytest.raises(ActionError, match=r"agent 'cooling' has shape \(2,\)"):
        discrete.step({**right, "cooling": np.ones(2, int)})
    with pytest.raises(ActionError, match="agent 'battery' in copy 2 is 7"):
        discrete.step({**right, "battery": np.array([0, 1, 7])})
    continuous = wattloom.make("datacenter", num_envs=3, actions="continuous")
    continuous.reset(seed=0)
    level = {name: np.zeros((3, 1), np.float32) for name in AGENTS}
    with pytest.raises(ActionError, match="agent 'load_shifting' is NaN in copy 1"):
        continuous.step({**level, "load_shifting": np.array([[0.0], [np.nan], [0.0]], np.float32)})
