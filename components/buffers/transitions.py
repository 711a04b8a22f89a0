"""Which replay columns a step of an environment fills: one block an agent, of the agent's own widths.

Terminated and truncated stay apart by construction: only ``terminated`` (the continuation is worth 0) is stored, the successor is the true last
observation, and a truncated row therefore bootstraps like any other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from wattloom.algorithm import Transition
from wattloom.environment import Array, EnvironmentSpec
from wattloom.spaces import action_shape


class TransitionLayout:
    """Columns ``AGENT/action, observation, next_observation, reward, terminated`` of every agent, in this order.

    With several agents each block also has ``active``: 0 where the agent did not take part in that step, so that a learner can leave it out.

    Args:
        spec: Declarations of the environment.
        central_state: Also store ``state`` and ``next_state`` (for centralised critics).
    """

    def __init__(self, spec: EnvironmentSpec, central_state: bool = False) -> None:
        self._agents = tuple(agent.name for agent in spec.agents)
        self.masked = len(self._agents) > 1
        self.central_state = central_state
        self.columns: dict[str, int] = {}
        for agent in spec.agents:
            observation = math.prod(agent.observation_space.shape)
            block = {"action": math.prod(action_shape(agent.action_space)), "observation": observation, "next_observation": observation}
            block |= {"reward": 1, "terminated": 1} | ({"active": 1} if self.masked else {})
            self.columns |= {f"{agent.name}/{name}": width for name, width in block.items()}
        if central_state and spec.state_space is not None:
            width = math.prod(spec.state_space.shape)
            self.columns |= {"state": width, "next_state": width}

    def rows(self, transition: Transition, actions: Mapping[str, Array]) -> dict[str, Array]:
        """Return the value of every column, each ``(num_envs, …)``.

        Args:
            transition: One step of all copies.
            actions: What to store as action (e.g. scaled to ±1), agent name to ``(num_envs, n)``.
        """
        result, before, after = transition.result, transition.snapshot, transition.result.snapshot
        rows: dict[str, Array] = {}
        for name in self._agents:
            rows[f"{name}/observation"] = before.observations[name]
            rows[f"{name}/action"] = actions[name]
            rows[f"{name}/next_observation"] = after.observations[name]
            rows[f"{name}/reward"] = result.rewards[name]
            rows[f"{name}/terminated"] = self._terminated(name, transition)
            if self.masked:
                rows[f"{name}/active"] = np.ones(len(result.terminated)) if before.active is None else before.active[name]
        if self.central_state and before.state is not None and after.state is not None:
            rows["state"], rows["next_state"] = before.state, after.state
        return rows

    @staticmethod
    def _terminated(name: str, transition: Transition) -> Array:
        """Return bool ``(num_envs,)``: the agent's continuation is worth 0, because the episode terminated or the agent left."""
        left = transition.result.agent_terminated
        if left is None:
            return transition.result.terminated
        gone: Array = transition.result.terminated | left[name]
        return gone
