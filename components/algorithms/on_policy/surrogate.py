"""The objectives of on-policy policy and value learning as pure functions; the hand-written gradients are tested against these.

Shapes: densities ``(E, k, B)`` for E policies, k action dimensions and B rows; advantages and ratios ``(E, 1, B)``.
"""

from __future__ import annotations

import torch
from torch import Tensor

AGGREGATIONS = ("product", "mean")


def joint(log_prob: Tensor, aggregation: str) -> Tensor:
    """Return what is kept of a log-density: its sum over action dimensions for ``product``, all of them for ``mean``."""
    return log_prob.sum(1, keepdim=True) if aggregation == "product" and log_prob.shape[1] > 1 else log_prob


def importance_ratio(log_prob: Tensor, old: Tensor) -> Tensor:
    """Return ρ = π(a|s) / π_old(a|s), ``(E, 1, B)``: of the joint action, or the mean of the dimensions' own ratios (:func:`joint`)."""
    rho = (log_prob - old).exp()
    return rho if rho.shape[1] == 1 else rho.mean(1, keepdim=True)


def surrogate(rho: Tensor, advantage: Tensor, clip: float | None) -> Tensor:
    """Return min(ρ A, clip(ρ, 1 ± ε) A) of each row (Schulman et al. 2017, equation 7); without a clip, ρ A."""
    if clip is None:
        return rho * advantage
    return torch.minimum(rho * advantage, rho.clamp(1.0 - clip, 1.0 + clip) * advantage)


def value_error(output: Tensor, target: Tensor, huber: float | None) -> Tensor:
    """Return e²/2 of each row, or Huber's loss with threshold δ."""
    error = output - target
    if huber is None:
        return 0.5 * error.square()
    size = error.abs()
    return torch.where(size <= huber, 0.5 * error.square(), huber * (size - 0.5 * huber))


def value_slope(error: Tensor, huber: float | None) -> Tensor:
    """Return the derivative of :func:`value_error` by the output."""
    return error if huber is None else error.clamp(-huber, huber)


def clipped_value_error(output: Tensor, target: Tensor, old: Tensor, clip: float | None, huber: float | None) -> Tensor:
    """Return the larger of the error and that of an output held within ``old ± clip``."""
    plain = value_error(output, target, huber)
    if clip is None:
        return plain
    return torch.maximum(plain, value_error(old + (output - old).clamp(-clip, clip), target, huber))


def clip_to_norm(gradient: Tensor, limit: float | None) -> None:
    """Scale each row of ``(E, P)`` down to Euclidean norm ``limit``, in place."""
    if limit is None:
        return
    for row, norm in enumerate(torch.linalg.vector_norm(gradient, dim=1).tolist()):
        share = limit / (norm + 1e-6)
        if share < 1.0:
            gradient[row].mul_(share)


def approximate_divergence(log_ratio: Tensor) -> Tensor:
    """Return the mean of ρ - 1 - log ρ, an unbiased estimate of KL(old ‖ new) that is never negative (Schulman 2020)."""
    return (log_ratio.exp() - 1.0 - log_ratio).mean()
