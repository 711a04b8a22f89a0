"""One neutral action for ever: what the system does when nobody acts."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces

from wattloom.algorithm import Algorithm, Policy
from wattloom.components.baselines.memoryless import MemorylessPolicy
from wattloom.environment import ActionSpace, Array
from wattloom.spaces import choices


class Zero(Algorithm):
    """Act with zero in a Box (its nearest bound where zero lies outside) and with the middle choice of a discrete space.

    The middle is the neutral choice of symmetric sets such as lower, keep, raise. A choice that a mask forbids is taken all the same.
    """

    learns = False

    def policy(self, num_envs: int, explore: bool) -> Policy:
        """Return the constant policy."""
        actions = {agent.name: neutral_action(agent.action_space, num_envs) for agent in self.spec.agents}
        return MemorylessPolicy(lambda snapshot: actions)


def neutral_action(space: ActionSpace, num_envs: int) -> Array:
    """Return the neutral action of ``num_envs`` copies."""
    if isinstance(space, spaces.Box):
        one: Array = np.clip(np.zeros(space.shape), space.low, space.high).astype(space.dtype)
    else:
        middle = (np.array(choices(space), dtype=np.int64) - 1) // 2
        one = np.asarray(middle.reshape(space.shape) + space.start, dtype=np.int64)
    return np.broadcast_to(one, (num_envs, *one.shape))
