"""The formulas of off-policy actor-critic learning as pure functions; no state, noise is passed in.

Batches run along the last axis: actions are ``(A, B)``, values of the twin critics ``(2, 1, B)``. ``weight`` is the share of each row in the
mean: ``(B,)``, or the scalar 1/B where every row counts.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

LOG_STD_MIN, LOG_STD_MAX = -20.0, 2.0  # Haarnoja et al. 2018
_LOG_2 = math.log(2.0)
_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


def smoothed_action(action: Tensor, noise: Tensor, std: float, clip: float) -> Tensor:
    """Return ``clip(a + clip(std * ε, -c, c), -1, 1)``: target policy smoothing (Fujimoto et al. 2018, equation 14)."""
    return (action + (noise * std).clamp_(-clip, clip)).clamp_(-1.0, 1.0)


def td_target(reward: Tensor, terminated: Tensor, gamma: float, value: Tensor) -> Tensor:
    """Return ``y = r + γ (1 - terminated) V(s')``, each ``(B,)``; a truncated row keeps its successor's value."""
    return torch.addcmul(reward, torch.rsub(terminated, 1.0), value, value=gamma)


def critic_loss(q: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted mean of ``(Q_i - y)^2``, summed over the critics i."""
    return (weight * (q - y).square()).sum()


def deterministic_actor_loss(q: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted mean of ``-Q_1(s, π(s))`` (Fujimoto et al. 2018, algorithm 1)."""
    return -(weight * q).sum()


def squashed_gaussian(head: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Sample ``a = tanh(μ + σ ε)`` and its log-density (Haarnoja et al. 2018, appendix C).

    The change of variables uses ``log(1 - tanh(u)^2) = 2 (log 2 - u - softplus(-2u))``, which is exact for large ``|u|``.

    Args:
        head: Output of the policy ``(2A, B)``: rows of μ, then of log σ (clamped to [-20, 2]).
        noise: ε, standard normal ``(A, B)``.

    Returns:
        Action ``(A, B)`` and log-density ``(B,)``, both in units of the action scaled to [-1, 1].
    """
    mean, log_std = head.chunk(2)
    log_std = log_std.clamp(LOG_STD_MIN, LOG_STD_MAX)
    u = mean + log_std.exp() * noise
    log_normal = -0.5 * noise.square() - log_std - _HALF_LOG_2PI
    log_slope = 2.0 * (_LOG_2 - u - softplus(-2.0 * u))
    return u.tanh(), (log_normal - log_slope).sum(0)


def squashed_gaussian_gradient(d_action: Tensor, action: Tensor, log_std: Tensor, noise: Tensor, density: Tensor) -> Tensor:
    """Return the derivative by the head ``(2A, B)`` of a loss in a = tanh(μ + σ ε) and log π(a).

    With u = μ + σ ε the log-density falls by log(1 - a^2), whose slope by u is -2a, and by log σ.

    Args:
        d_action: Derivative by the action itself, ``(A, B)``.
        action: The action ``(A, B)``.
        log_std: log σ before it is clamped, ``(A, B)``.
        noise: ε, ``(A, B)``.
        density: Derivative by the log-density: ``(B,)`` or a scalar.
    """
    d_u = torch.ops.aten.tanh_backward(d_action, action).addcmul_(action, density, value=2.0)
    d_log_std = (d_u * log_std.exp() * noise).sub_(density)
    d_log_std.mul_((log_std >= LOG_STD_MIN) & (log_std <= LOG_STD_MAX))  # a clamped log σ has no gradient
    return torch.cat([d_u, d_log_std])


def soft_actor_loss(alpha: Tensor, log_density: Tensor, q: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted mean of ``α log π(a|s) - min_i Q_i(s, a)`` (Haarnoja et al. 2018, equation 9)."""
    return mean_soft_loss(alpha, log_density, torch.minimum(q[0, 0], q[1, 0]), weight)


def mean_soft_loss(alpha: Tensor, log_density: Tensor, q: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted mean of ``α log π(a|s) - Q``, each ``(B,)``."""
    return (weight * (alpha * log_density - q)).sum()


def expected_actor_loss(alpha: Tensor, log_p: Tensor, q: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted mean of ``Σ_c π(c|s) (α log π(c|s) - Q(s, c))`` over all choices c (Christodoulou 2019, equation 12).

    Args:
        alpha: Temperature.
        log_p: log π(c|s) of every choice, ``(choices, B)``; of several dimensions side by side the sum over dimensions is returned.
        q: Q(s, c), same shape, without gradient.
        weight: Share of each row in the mean.
    """
    return (weight * (log_p.exp() * (alpha * log_p - q)).sum(0)).sum()


def temperature_loss(log_alpha: Tensor, log_density: Tensor, target_entropy: float, weight: Tensor) -> Tensor:
    """Return the weighted mean of ``-log α (log π(a|s) + H)`` (Haarnoja et al. 2018, equation 18, in log α)."""
    return -(weight * log_alpha * (log_density + target_entropy)).sum()
