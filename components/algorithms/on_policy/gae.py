"""Generalised advantage estimation with termination and truncation kept apart.

J. Schulman et al., "High-Dimensional Continuous Control Using Generalized Advantage Estimation", ICLR 2016, equations 11 and 16:

    δ_t = r_t + γ (1 - terminated_t) V(s'_t) - V(s_t),        A_t = δ_t + γ λ (1 - ended_t) A_{t+1}

s'_t is the TRUE successor of step t: the next row within an episode, the last observation where the episode was cut. An episode that ended, for
whichever reason, passes no advantage back; only one that terminated is worth 0 afterwards.
"""

from __future__ import annotations

import numpy as np

from wattloom.environment import Array


def gae(rewards: Array, values: Array, next_values: Array, terminated: Array, ended: Array, gamma: float, lam: float) -> Array:
    """Return advantages ``(…, T, N)`` in the precision of the values.

    Args:
        rewards: r_t, ``(…, T, N)``.
        values: V(s_t), same shape.
        next_values: V(s'_t), same shape; see :func:`successor_values`.
        terminated: Bool, the continuation is worth 0.
        ended: Bool, terminated or cut.
        gamma: Discount factor γ.
        lam: λ; 0 gives the temporal difference, 1 the discounted return less the value.
    """
    delta = rewards + gamma * np.where(terminated, 0.0, next_values) - values
    carry = gamma * lam * np.logical_not(ended)
    advantages = np.array(delta, dtype=values.dtype)
    for t in range(advantages.shape[-2] - 2, -1, -1):
        advantages[..., t, :] += carry[..., t, :] * advantages[..., t + 1, :]
    return advantages


def successor_values(values: Array, last: Array, times: Array, copies: Array, finals: Array) -> Array:
    """Return V(s'_t), ``(S, T, N)``: the next row's value, except where an episode was cut.

    Args:
        values: V(s_t), ``(S, T, N)``.
        last: Value of the successor of the last step, ``(S, N)``.
        times: Steps at which an episode was cut, int ``(k,)``.
        copies: The copies they belong to, int ``(k,)``.
        finals: Values of the observations they ended in, ``(S, k)``.
    """
    following = np.concatenate([values[:, 1:], last[:, None]], axis=1)
    following[:, times, copies] = finals
    return following
