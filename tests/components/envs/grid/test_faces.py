"""Other people's checkers and learners on the single-agent face, unmodified."""

import warnings

import numpy as np
import pytest

from wattloom.adapters import GymnasiumEnv


@pytest.fixture
def face(make):
    return GymnasiumEnv(make("grid", "ev_charger=depot", "tap_changer=substation"))


def test_both_checkers_pass(face):
    from gymnasium.utils.env_checker import check_env
    from stable_baselines3.common.env_checker import check_env as check_for_stable_baselines

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings(
            "ignore", message=".*symmetric and normalized.*"
        )  # a recommendation: a charger draws and does not feed back
        check_env(face, skip_render_check=True)
        check_for_stable_baselines(face, warn=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["grid", "neomflex"])
def test_stable_baselines3_sac_trains(make, name):
    from stable_baselines3 import SAC

    face = GymnasiumEnv(make(name))
    model = SAC("MlpPolicy", face, learning_starts=100, batch_size=64, policy_kwargs={"net_arch": [32, 32]}, device="cpu", seed=1)
    before = next(model.actor.parameters()).detach().clone()
    model.learn(200)
    assert (next(model.actor.parameters()) != before).any()
    assert len(model.ep_info_buffer) >= 4  # days of 48 steps, fewer where a voltage ends them
    assert all(np.isfinite(info["r"]) for info in model.ep_info_buffer)
