"""One copy of an environment of ours as a ``pettingzoo.ParallelEnv``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

from wattloom.adapters.frozen import valid_action
from wattloom.adapters.gymnasium_env import checked_render_mode, metadata, spread
from wattloom.environment import ActionSpace, Array, Environment, Snapshot, StepResult
from wattloom.errors import ConfigError, did_you_mean


class PettingZooEnv(ParallelEnv[str, Any, Any]):  # type: ignore[misc]  # PettingZoo ships no types
    """A batch of one, seen as PettingZoo sees environments: one dictionary entry a live agent.

    An agent that leaves gets its last observation with its ``terminated`` (value 0) or ``truncated`` (cut) flag and does not come back before the next
    reset. ``info[agent]`` holds the environment's metrics and, where actions are masked, ``action_mask``.

    Args:
        environment: An environment of one copy.
        render_mode: None or ``"rgb_array"``.
        name: Name in the metadata.

    Raises:
        ConfigError: More than one copy, or an unknown render mode.
    """

    def __init__(self, environment: Environment, render_mode: str | None = None, name: str = "wattloom") -> None:
        if environment.num_envs != 1:
            raise ConfigError(f"pettingzoo.ParallelEnv is one copy, not num_envs={environment.num_envs}")
        self.environment = environment
        self.render_mode = checked_render_mode(render_mode)
        self.metadata = metadata(environment) | {"name": name}
        self.possible_agents = [spec.name for spec in environment.agents]
        self.agents: list[str] = []
        self.observation_spaces = {spec.name: spec.observation_space for spec in environment.agents}
        self.action_spaces: dict[str, Any] = {spec.name: spec.action_space for spec in environment.agents}
        self._snapshot: Snapshot | None = None

    @property
    def state_space(self) -> spaces.Box | None:
        """Space of :meth:`state`, or None."""
        return self.environment.state_space

    def observation_space(self, agent: str) -> spaces.Box:
        """Return the space of one agent, the same object every time."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> ActionSpace:
        """Return the space of one agent, the same object every time."""
        space: ActionSpace = self.action_spaces[agent]
        return space

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Begin an episode; ``options`` that the environment does not know are left out, as PettingZoo's own checks pass some."""
        known = getattr(self.environment, "reset_options", None)
        mine = {name: value for name, value in (options or {}).items() if known is None or name in known}
        self._snapshot = snapshot = self.environment.reset(seed=seed, options=spread(mine, 1))
        self.agents = [name for name in self.possible_agents if _active(snapshot, name)]
        return self._observations(snapshot, self.agents), {name: self._info(snapshot, name) for name in self.agents}

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Advance by one step under the actions of the live agents; those of agents that left are not read.

        Raises:
            ConfigError: Nobody is live, a live agent has no action, or there is no agent of a name.
        """
        if self._snapshot is None or not self.agents:
            raise ConfigError("step() without a live agent: call reset() first")
        for name in actions:
            if name not in self.action_spaces:
                raise ConfigError(f"an action for '{name}', and there is no such agent{did_you_mean(str(name), self.possible_agents)}")
        result = self.environment.step({name: self._action(name, actions) for name in self.possible_agents})
        self._snapshot = snapshot = result.snapshot
        live = self.agents
        terminated = {name: self._terminated(result, name) for name in live}
        truncated = {name: not terminated[name] and (bool(result.truncated[0]) or not _active(snapshot, name)) for name in live}
        rewards = {name: float(result.rewards[name][0]) for name in live}
        metrics = {name: float(value[0]) for name, value in result.metrics.items()}
        infos = {name: metrics | self._info(snapshot, name) for name in live}
        self.agents = [name for name in live if not (terminated[name] or truncated[name])]
        return self._observations(snapshot, live), rewards, terminated, truncated, infos

    def state(self) -> Array:
        """Return the central state, float32 ``(n,)``.

        Raises:
            NotImplementedError: The environment declares none.
        """
        if self._snapshot is None or self._snapshot.state is None:
            raise NotImplementedError(f"{type(self.environment).__name__} has no central state")
        return np.array(self._snapshot.state[0])

    def render(self) -> Any:
        """Return the picture, uint8 ``(H, W, 3)``, or None without a render mode."""
        return self.environment.render(0) if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Release the environment."""
        self.environment.close()

    def _action(self, name: str, actions: Mapping[str, Any]) -> Array:
        """Return one agent's action with the axis of copies; agents that left get a harmless one, which the environment ignores."""
        if name in self.agents and name in actions:
            return np.asarray(actions[name])[None]
        if name in self.agents:
            raise ConfigError(f"no action for the live agent '{name}'; got {sorted(actions)}")
        masks = self._snapshot.action_masks if self._snapshot is not None else None
        return valid_action(self.action_spaces[name], masks[name][0] if masks is not None and name in masks else None)[None]

    def _terminated(self, result: StepResult, name: str) -> bool:
        """Return whether the agent's continuation is worth 0."""
        left = result.agent_terminated
        return bool(result.terminated[0]) or (left is not None and name in left and bool(left[name][0]))

    def _observations(self, snapshot: Snapshot, agents: list[str]) -> dict[str, Any]:
        """Return one observation an agent, of the caller's own."""
        return {name: np.array(snapshot.observations[name][0]) for name in agents}

    def _info(self, snapshot: Snapshot, name: str) -> dict[str, Any]:
        """Return the agent's action mask where there is one, int8 as its space's ``sample(mask)`` takes it."""
        if snapshot.action_masks is None or name not in snapshot.action_masks:
            return {}
        mask = np.asarray(snapshot.action_masks[name][0], dtype=np.int8)
        space = self.action_spaces[name]
        return {"action_mask": tuple(np.split(mask, np.cumsum(space.nvec)[:-1])) if isinstance(space, spaces.MultiDiscrete) else mask}


def _active(snapshot: Snapshot, name: str) -> bool:
    """Return whether the agent takes part in copy 0."""
    return snapshot.active is None or name not in snapshot.active or bool(snapshot.active[name][0])
