"""Advantages against the sum that defines them, written out by hand for every step."""

import numpy as np
import pytest

from wattloom.components.algorithms.on_policy.gae import gae, successor_values


def by_definition(r, v, v_next, terminated, ended, gamma, lam):
    """A_t = sum_l (gamma lambda)^l delta_{t+l}, over the steps until the episode of step t ends."""
    out = np.zeros(r.shape, dtype=v.dtype)
    steps, copies = r.shape
    for n in range(copies):
        for t in range(steps):
            total, weight = 0.0, 1.0
            for k in range(t, steps):
                future = 0.0 if terminated[k, n] else gamma * float(v_next[k, n])
                total += weight * (float(r[k, n]) + future - float(v[k, n]))
                if ended[k, n]:
                    break
                weight *= gamma * lam
            out[t, n] = total
    return out


def example(dtype, seed=0, steps=37, copies=5):
    g = np.random.default_rng(seed)
    r, v, v_next = (g.normal(size=(steps, copies)).astype(dtype) for _ in range(3))
    terminated = g.random((steps, copies)) < 0.08
    truncated = (g.random((steps, copies)) < 0.08) & ~terminated
    return r, v, v_next, terminated, terminated | truncated


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-10)])
@pytest.mark.parametrize(("gamma", "lam"), [(0.99, 0.95), (0.9, 1.0), (0.95, 0.0), (0.6, 0.7)])
def test_equals_its_definition(dtype, tolerance, gamma, lam):
    arrays = example(dtype)
    assert arrays[3].any()
    assert (arrays[4] & ~arrays[3]).any()
    expected = by_definition(*(a.astype(np.float64) if a.dtype != bool else a for a in arrays), gamma, lam)
    found = gae(*arrays, gamma, lam)
    assert found.dtype == dtype
    scale = np.abs(expected).max()
    assert np.abs(found - expected).max() / scale < tolerance


def test_several_value_streams_at_once():
    one, two = example(np.float64, 1), example(np.float64, 2)
    both = gae(*(np.stack(pair) for pair in zip(one, two, strict=True)), 0.97, 0.9)
    assert np.array_equal(both[0], gae(*one, 0.97, 0.9))
    assert np.array_equal(both[1], gae(*two, 0.97, 0.9))


def test_a_truncated_step_keeps_the_value_of_its_true_successor_and_a_terminated_one_does_not():
    r, v, v_next = np.array([[1.0], [1.0]]), np.array([[5.0], [7.0]]), np.array([[100.0], [0.0]])
    ended, never = np.array([[True], [False]]), np.zeros((2, 1), bool)
    truncated = gae(r, v, v_next, never, ended, 0.5, 0.9)
    terminated = gae(r, v, v_next, ended, ended, 0.5, 0.9)
    assert truncated[0, 0] == pytest.approx(1.0 + 0.5 * 100.0 - 5.0)
    assert terminated[0, 0] == pytest.approx(1.0 - 5.0)
    assert truncated[1, 0] == terminated[1, 0] == pytest.approx(1.0 - 7.0)


def test_successors_are_the_next_rows_but_for_cut_episodes():
    values = np.arange(6.0).reshape(1, 3, 2)
    found = successor_values(values, np.array([[60.0, 70.0]]), np.array([0]), np.array([1]), np.array([[-9.0]]))
    assert found.tolist() == [[[2.0, -9.0], [4.0, 5.0], [60.0, 70.0]]]
    assert values[0, 1, 1] == 3.0
