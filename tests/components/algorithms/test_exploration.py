"""Noise in units of the scaled action; its streams and its memory."""

import numpy as np
import pytest

from wattloom.components.algorithms.exploration import GaussianNoise, NoExploration, OrnsteinUhlenbeck, UniformExploration
from wattloom.errors import ConfigError
from wattloom.streams import CopyStreams


def streams(num_envs, seed=1):
    return CopyStreams(np.random.default_rng(seed), num_envs)


def test_none():
    actions = np.array([[0.3]], dtype=np.float32)
    assert NoExploration().begin(streams(1), 1)(actions) is actions


def test_gaussian_has_its_standard_deviation_and_stays_in_range():
    noise = GaussianNoise(0.1).begin(streams(20_000), 2)
    explored = noise(np.zeros((20_000, 2), dtype=np.float32))
    assert explored.std() == pytest.approx(0.1, rel=0.02)
    assert explored.dtype == np.float32
    assert np.abs(noise(np.ones((20_000, 2), dtype=np.float32))).max() == 1.0


def test_uniform_fills_the_range():
    drawn = UniformExploration().begin(streams(20_000), 1)(np.full((20_000, 1), 7.0))
    assert drawn.min() >= -1.0
    assert drawn.max() <= 1.0
    assert drawn.std() == pytest.approx(1 / np.sqrt(3), rel=0.02)


def test_ornstein_uhlenbeck_has_its_stationary_spread_and_correlation():
    law = OrnsteinUhlenbeck(sigma=0.2, theta=1.0, dt=0.1)
    noise = law.begin(streams(4_000), 1)
    xs = np.stack([noise(np.zeros((4_000, 1), dtype=np.float32))[:, 0] for _ in range(80)])
    stationary = 0.2 / np.sqrt(2 * 1.0 - 1.0**2 * 0.1)  # of the discrete recursion
    assert xs[-1].std() == pytest.approx(stationary, rel=0.05)
    assert np.corrcoef(xs[-2], xs[-1])[0, 1] == pytest.approx(1 - 1.0 * 0.1, abs=0.02)


def test_ornstein_uhlenbeck_restarts_the_copies_of_a_mask():
    noise = OrnsteinUhlenbeck().begin(streams(3), 2)
    noise(np.zeros((3, 2), dtype=np.float32))
    before = noise.x.copy()
    noise.reset(np.array([False, True, False]))
    assert (noise.x[1] == 0).all()
    assert (noise.x[[0, 2]] == before[[0, 2]]).all()


def test_ornstein_uhlenbeck_continues():
    source, target = streams(2), streams(2, seed=9)
    noise, other = OrnsteinUhlenbeck().begin(source, 1), OrnsteinUhlenbeck().begin(target, 1)
    zero = np.zeros((2, 1), dtype=np.float32)
    noise(zero)
    target.load_state_dict(source.state_dict())
    other.load_state_dict(noise.state_dict())
    assert (noise(zero) == other(zero)).all()


@pytest.mark.parametrize(("kind", "options", "key"), [(GaussianNoise, {"std": -1}, "std"), (OrnsteinUhlenbeck, {"dt": 0}, "dt")])
def test_ranges(kind, options, key):
    with pytest.raises(ConfigError, match=f"exploration.{key} must be"):
        kind(**options)
