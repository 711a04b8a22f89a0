"""Conjugate gradient, Fisher products and the line search against dense linear algebra, in float64."""

import pytest
import torch

from wattloom.components.algorithms.on_policy.distributions import Categorical, Gaussian
from wattloom.components.algorithms.on_policy.trust_region import (
    TrustRegion,
    conjugate_gradient,
    fisher_product,
    line_search,
    natural_step,
)

ROWS, WIDTH = 30, 4


def world(kind, seed=0):
    """A policy of one tanh layer in float64, as a function of its flat parameters; and shares that sum to 1."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(ROWS, WIDTH, generator=g, dtype=torch.float64)
    hidden = 5
    first, second = WIDTH * hidden, hidden * kind.outputs
    params = 0.5 * torch.randn(first + second + kind.free, generator=g, dtype=torch.float64)

    def heads(theta):
        h = torch.tanh(x @ theta[:first].view(WIDTH, hidden))
        free = theta[first + second :].view(1, -1, 1) if kind.free else torch.zeros(1, dtype=torch.float64)
        return (h @ theta[first : first + second].view(hidden, -1)).T[None], free

    share = torch.rand(1, 1, ROWS, generator=g, dtype=torch.float64)
    return heads, params, share / share.sum()


@pytest.mark.parametrize("kind", [Categorical((3,)), Categorical((2, 4)), Gaussian(2)], ids=["discrete", "multidiscrete", "box"])
def test_fisher_product_is_the_second_derivative_of_the_mean_divergence(kind):
    heads, params, share = world(kind)
    old, old_free = (t.detach() for t in heads(params))

    def divergence(theta):
        new, free = heads(theta)
        return (share[:, 0] * kind.kl(old, old_free if kind.free else None, new, free if kind.free else None)).sum()

    dense = torch.autograd.functional.hessian(divergence, params)
    product = fisher_product(heads, params, kind, share, 0.3)
    for seed in range(3):
        v = torch.randn(len(params), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        torch.testing.assert_close(product(v), dense @ v + 0.3 * v, rtol=0, atol=1e-10)


def test_conjugate_gradient_solves_a_linear_system():
    g = torch.Generator().manual_seed(1)
    root = torch.randn(12, 12, generator=g, dtype=torch.float64)
    a, b = root @ root.T + torch.eye(12, dtype=torch.float64), torch.randn(12, generator=g, dtype=torch.float64)
    x = conjugate_gradient(lambda v: a @ v, b, 200, 1e-26)
    torch.testing.assert_close(x, torch.linalg.solve(a, b), rtol=0, atol=1e-10)
    few = conjugate_gradient(lambda v: a @ v, b, 3)
    assert 1e-6 < float((a @ few - b).norm()) < float(b.norm())


def test_the_step_reaches_the_edge_of_the_quadratic_region():
    g = torch.Generator().manual_seed(2)
    root = torch.randn(6, 6, generator=g, dtype=torch.float64)
    a, b = root @ root.T + torch.eye(6, dtype=torch.float64), torch.randn(6, generator=g, dtype=torch.float64)
    step = natural_step(b, lambda v: a @ v, TrustRegion(0.02, 50, 0.0, 10, 0.8, 0.5))
    assert float(0.5 * step @ a @ step) == pytest.approx(0.02, rel=1e-9)
    expected = torch.linalg.solve(a, b)
    torch.testing.assert_close(step / step.norm(), expected / expected.norm(), rtol=0, atol=1e-8)


REGION = TrustRegion(radius=0.1, steps=5, damping=0.0, tries=6, backtrack=0.5, accept=0.5)


def search(judge, foreseen=1.0, region=REGION):
    tried = []

    def recorded(candidate):
        tried.append(float(candidate[0]))
        return judge(float(candidate[0]))

    return line_search(torch.zeros(1), torch.ones(1), foreseen, recorded, region), tried


def test_line_search_goes_back_until_the_divergence_fits():
    outcome, tried = search(lambda x: (x, x * x))
    assert tried == [1.0, 0.5, 0.25]
    assert outcome.accepted
    assert float(outcome.params[0]) == 0.25
    assert (outcome.improvement, outcome.divergence) == (0.25, 0.0625)


def test_line_search_asks_for_its_share_of_the_foreseen_improvement():
    outcome, tried = search(lambda x: (0.4 * x if x > 0.3 else 0.6 * x, 0.0))
    assert tried == [1.0, 0.5, 0.25]
    assert outcome.accepted


@pytest.mark.parametrize("judge", [lambda x: (-x, 0.0), lambda x: (x, 1.0), lambda x: (0.0, 0.0)], ids=["worse", "too far", "no gain"])
def test_where_nothing_is_accepted_the_policy_stays(judge):
    outcome, tried = search(judge)
    assert len(tried) == 6
    assert not outcome.accepted
    assert float(outcome.params[0]) == 0.0
