"""Whose rewards an agent earns, and over what its advantages are standardised."""

from __future__ import annotations

import numpy as np

from wattloom.environment import Array

ADVANTAGE_SCOPES = ("agent", "joint", "none")


def shared_rewards(rewards: Array, share: float) -> Array:
    """Return ``(1 - share) r_i + share mean_j r_j``, ``(agents, T, N)``."""
    mixed: Array = (1.0 - share) * rewards + share * rewards.mean(0)
    return mixed


def standardised(advantages: Array, active: Array, scope: str) -> Array:
    """Return advantages less their mean over their standard deviation, of the rows in which agents took part; ``(agents, T, N)``."""
    if scope == "none":
        return advantages
    groups = [slice(None)] if scope == "joint" else [slice(i, i + 1) for i in range(len(advantages))]
    scaled = np.zeros_like(advantages)
    for group in groups:
        counted = advantages[group][active[group]]
        if len(counted):
            scaled[group] = (advantages[group] - counted.mean()) / (counted.std() + 1e-5)
    return scaled
