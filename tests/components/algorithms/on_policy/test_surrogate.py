"""The objectives against loops over rows that follow the papers' words, in both precisions."""

import math

import pytest
import torch

from wattloom.components.algorithms.on_policy.surrogate import (
    approximate_divergence,
    clip_to_norm,
    clipped_value_error,
    importance_ratio,
    joint,
    surrogate,
    value_slope,
)

DTYPES = pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-10)])


def draw(*shape, seed=0, dtype=torch.float64, scale=0.4):
    return (torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale).to(dtype)


@DTYPES
@pytest.mark.parametrize("clip", [0.2, None])
@pytest.mark.parametrize("aggregation", ["product", "mean"])
def test_surrogate(dtype, tolerance, clip, aggregation):
    new, old, advantage = draw(2, 3, 50, dtype=dtype), draw(2, 3, 50, seed=1, dtype=dtype), draw(2, 1, 50, seed=2, dtype=dtype)
    rho = importance_ratio(joint(new, aggregation), joint(old, aggregation))
    found = surrogate(rho, advantage, clip)
    outside = 0
    for e in range(2):
        for b in range(50):
            each = [math.exp(float(new[e, k, b]) - float(old[e, k, b])) for k in range(3)]
            ratio = math.prod(each) if aggregation == "product" else sum(each) / 3
            a = float(advantage[e, 0, b])
            expected = ratio * a
            if clip is not None:
                expected = min(ratio * a, max(1 - clip, min(1 + clip, ratio)) * a)
                outside += expected != ratio * a
            assert float(found[e, 0, b]) == pytest.approx(expected, rel=10 * tolerance, abs=tolerance)
    assert outside > 10 or clip is None


@DTYPES
@pytest.mark.parametrize("clip", [0.1, None])
@pytest.mark.parametrize("huber", [0.25, None])
def test_value_error_and_its_slope(dtype, tolerance, clip, huber):
    output, target, old = (draw(1, 1, 60, seed=s, dtype=dtype) for s in (3, 4, 5))

    def error(v, r):
        e = abs(v - r)
        return 0.5 * e**2 if huber is None or e <= huber else huber * (e - 0.5 * huber)

    found = clipped_value_error(output, target, old, clip, huber)
    for b in range(60):
        v, r, o = float(output[0, 0, b]), float(target[0, 0, b]), float(old[0, 0, b])
        expected = error(v, r) if clip is None else max(error(v, r), error(o + max(-clip, min(clip, v - o)), r))
        assert float(found[0, 0, b]) == pytest.approx(expected, rel=10 * tolerance, abs=tolerance)
    leaf = (output - target).requires_grad_()
    (slope,) = torch.autograd.grad(clipped_value_error(leaf, torch.zeros_like(leaf), leaf.detach(), None, huber).sum(), leaf)
    torch.testing.assert_close(value_slope(leaf.detach(), huber), slope)


def test_clip_to_norm_holds_each_network_alone():
    gradient = draw(3, 10, scale=1.0)
    gradient[2] *= 1e-3
    before = gradient.clone()
    clip_to_norm(gradient, 0.5)
    norms = gradient.norm(dim=1)
    assert norms[:2].tolist() == pytest.approx([0.5, 0.5], rel=1e-5)
    torch.testing.assert_close(gradient[2], before[2])
    torch.testing.assert_close(gradient[0] / norms[0], before[0] / before[0].norm())
    clip_to_norm(gradient, None)
    assert gradient.norm(dim=1)[:2].tolist() == pytest.approx([0.5, 0.5], rel=1e-5)


def test_divergence_is_zero_for_equal_policies_and_positive_else():
    assert float(approximate_divergence(torch.zeros(4))) == 0.0
    assert float(approximate_divergence(draw(1000))) > 0.0
