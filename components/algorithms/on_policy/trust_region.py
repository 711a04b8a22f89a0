"""A natural-gradient step within a trust region: conjugate gradient on the Fisher matrix, then a backtracking line search.

J. Schulman, S. Levine, P. Moritz, M. Jordan, P. Abbeel, "Trust Region Policy Optimization", ICML 2015, appendix C.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from wattloom.components.algorithms.on_policy.distributions import Distribution

Heads = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Flat parameters ``(P,)`` to the head of every row ``(1, out, R)`` and the free parameters ``(1, n, 1)`` (of any shape where there are none)."""


@dataclass(frozen=True, slots=True)
class TrustRegion:
    """The size of a step and how it is sought.

    Attributes:
        radius: δ, nats, largest mean divergence.
        steps: Steps of the conjugate gradient.
        damping: Added to the Fisher matrix's diagonal.
        tries: Tries of the line search.
        backtrack: Share of the step kept at each further try.
        accept: Least share of the foreseen improvement that must be found.
    """

    radius: float
    steps: int
    damping: float
    tries: int
    backtrack: float
    accept: float


class Outcome(NamedTuple):
    """What came of a line search; zeros where no try was accepted."""

    params: Tensor
    improvement: float
    divergence: float
    accepted: bool


def conjugate_gradient(product: Callable[[Tensor], Tensor], b: Tensor, steps: int, tolerance: float = 1e-10) -> Tensor:
    """Return x with A x ≈ b for a symmetric positive definite A given as a product (Hestenes and Stiefel 1952)."""
    x, residual = torch.zeros_like(b), b.clone()
    direction, square = residual.clone(), residual.dot(residual)
    for _ in range(steps):
        if float(square) < tolerance:
            break
        image = product(direction)
        alpha = square / direction.dot(image)
        x += alpha * direction
        residual -= alpha * image
        following = residual.dot(residual)
        direction = residual + (following / square) * direction
        square = following
    return x


def fisher_product(heads: Heads, params: Tensor, kind: Distribution, share: Tensor, damping: float) -> Callable[[Tensor], Tensor]:
    """Return v ↦ (F + damping) v, with F the Fisher matrix of the policy averaged over rows.

    F = mean Jᵀ f J, where J is the head's derivative by the parameters and f the information of the density at the head: the second derivative
    of the divergence at ``params``, without differentiating twice.

    Args:
        heads: The policy.
        params: Flat parameters ``(P,)``.
        kind: What the head means.
        share: Each row's share in the mean, ``(1, 1, R)``.
        damping: Added to the diagonal.
    """
    found = torch.func.vjp(heads, params)
    (head, free), pull = found[0], found[1]

    def product(v: Tensor) -> Tensor:
        d_head, d_free = torch.func.jvp(heads, (params,), (v,))[1]
        f_head, f_free = kind.fisher(head, free if kind.free else None, d_head, d_free if kind.free else None)
        f_free = (f_free * share).sum(2, keepdim=True) if f_free is not None else torch.zeros_like(free)
        (image,) = pull((f_head * share, f_free))
        return torch.as_tensor(image) + damping * v

    return product


def natural_step(gradient: Tensor, product: Callable[[Tensor], Tensor], region: TrustRegion) -> Tensor:
    """Return √(2 δ / xᵀ F x) x with F x = g: the step that goes as far as the quadratic model allows."""
    x = conjugate_gradient(product, gradient, region.steps)
    curvature = x.dot(product(x))
    return torch.sqrt(2.0 * region.radius / curvature.clamp_min(1e-12)) * x


def line_search(
    params: Tensor, step: Tensor, foreseen: float, judge: Callable[[Tensor], tuple[float, float]], region: TrustRegion
) -> Outcome:
    """Return the first of ``params + backtrack^j step`` that improves enough within the region, else ``params``.

    Args:
        params: Where to start.
        step: The whole step.
        foreseen: Improvement that the linear model foresees for the whole step.
        judge: Parameters to improvement of the surrogate and mean divergence.
        region: What is accepted.
    """
    share = 1.0
    for _ in range(region.tries):
        candidate = params + share * step
        improvement, divergence = judge(candidate)
        if divergence < region.radius and improvement > 0.0 and improvement > region.accept * foreseen * share:
            return Outcome(candidate, improvement, divergence, True)
        share *= region.backtrack
    return Outcome(params, 0.0, 0.0, False)
