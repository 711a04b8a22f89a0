"""Streams of copies: one call for all, own streams where seeded."""

import numpy as np
import pytest

from wattloom.streams import CopyStreams


def streams(num_envs, seed=1):
    return CopyStreams(np.random.default_rng(seed), num_envs)


@pytest.mark.parametrize("draw", [lambda s: s.normal(3), lambda s: s.uniform(3), lambda s: s.integers([4, 9])])
def test_a_seeded_copy_does_not_depend_on_the_others(draw):
    alone, among = streams(1), streams(5, seed=7)
    alone.restart(None, [42])
    among.restart(np.array([False, False, True, False, False]), [0, 0, 42, 0, 0])
    for _ in range(3):
        assert (draw(alone)[0] == draw(among)[2]).all()


def test_a_seeded_copy_does_not_repeat_the_environment_of_that_seed():
    one = streams(1)
    one.restart(None, [42])
    environment = np.random.Generator(np.random.PCG64(np.random.SeedSequence(42)))
    assert not np.allclose(one.normal(4)[0], environment.standard_normal(4, dtype=np.float32))


def test_none_keeps_the_common_stream():
    one, other = streams(2), streams(2)
    one.restart(None, [None, None])
    assert (one.normal(2) == other.normal(2)).all()


def test_continues():
    one, other = streams(3), streams(3, seed=5)
    one.restart(np.array([True, False, False]), [3, None, None])
    one.normal(2)
    other.load_state_dict(one.state_dict())
    assert (one.normal(2) == other.normal(2)).all()
    assert (one.integers([7]) == other.integers([7])).all()
