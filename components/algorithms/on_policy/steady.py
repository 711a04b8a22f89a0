"""Where values begin: at what a single number would have to be to fit the first rollout.

Critics that begin at 0 take an episode that was cut to be worth nothing afterwards. Where every step costs something, whatever is seen late in an
episode then looks good, and agents learn to bring it about long before the values have grown up. A constant V that is right on average,

    V = mean(r) + γ (1 - p) V,        V = mean(r) / (1 - γ (1 - p)),        p the share of steps after which nothing follows,

is the least-squares temporal-difference solution of one constant feature (Bradtke and Barto, "Linear least-squares algorithms for temporal difference
learning", Machine Learning 22, 1996); all that is left to learn from there is how states differ.
"""

from __future__ import annotations

import numpy as np

from wattloom.environment import Array

STARTS = ("mean", "zero")


def steady_value(rewards: Array, terminated: Array, weight: Array, gamma: float) -> Array:
    """Return V of each stream, ``(S,)``; 0 where there are no rows, or where V would be infinite (γ = 1 and nothing terminates).

    Args:
        rewards: r_t, ``(S, T, N)``.
        terminated: Bool, the continuation is worth 0, ``(S, T, N)``.
        weight: 1 where a row counts, ``(S, T, N)``.
        gamma: Discount factor γ.
    """
    paid = (weight * rewards).sum((1, 2))
    lost = (weight * (1.0 - gamma * np.logical_not(terminated))).sum((1, 2))  # rows times 1 - γ (1 - p)
    found: Array = np.divide(paid, lost, out=np.zeros_like(paid), where=lost > 0.0)
    return found
