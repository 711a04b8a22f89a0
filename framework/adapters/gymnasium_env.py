"""One copy of an environment of ours as a ``gymnasium.Env``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np

from wattloom.adapters.layout import JointLayout, batch_of_one, common_reward, rows
from wattloom.environment import Environment, Snapshot
from wattloom.errors import ConfigError

RENDER_MODES = ("rgb_array",)


class GymnasiumEnv(gymnasium.Env[Any, Any]):
    """A batch of one, seen as Gymnasium sees environments.

    ``info`` holds the declared metrics as floats, ``action_mask`` where the environment masks actions, and ``active`` (one bool an agent) where agents
    come and go.

    Args:
        environment: An environment of one copy.
        render_mode: None or ``"rgb_array"``.
        dict: Dict spaces with one entry an agent instead of flat ones.

    Attributes:
        environment: What is behind the face.
        layout: Names the slices of the flat observation and action.

    Raises:
        ConfigError: More than one copy, or an unknown render mode.
    """

    def __init__(self, environment: Environment, render_mode: str | None = None, dict: bool = False) -> None:
        if environment.num_envs != 1:
            raise ConfigError(f"gymnasium.Env is one copy, not num_envs={environment.num_envs}; use GymnasiumVectorEnv for several")
        self.environment = environment
        self.render_mode = checked_render_mode(render_mode)
        self.metadata = metadata(environment)
        self.layout = JointLayout(environment.agents, dict)
        self.observation_space = self.layout.observation_space
        self.action_space = self.layout.action_space

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; ``options`` are the environment's own, one plain value each."""
        super().reset(seed=seed)
        snapshot = self.environment.reset(seed=seed, options=spread(options, 1))
        return rows(self.layout.join(snapshot), 0), self._visible(snapshot)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Advance by one step; the reward is the shared one, or the sum over agents."""
        result = self.environment.step(self.layout.split(batch_of_one(action)))
        reward = common_reward(self.environment.agents, result.rewards, self.environment.shared_reward)
        info = {name: float(value[0]) for name, value in result.metrics.items()} | self._visible(result.snapshot)
        observation = rows(self.layout.join(result.snapshot), 0)
        return observation, float(reward[0]), bool(result.terminated[0]), bool(result.truncated[0]), info

    def _visible(self, snapshot: Snapshot) -> dict[str, Any]:
        """Return what may be known besides the observation: masks and who takes part."""
        return {name: value[0].copy() for name, value in visible(self.environment, self.layout, snapshot).items()}

    def render(self) -> Any:
        """Return the picture, uint8 ``(H, W, 3)``, or None without a render mode."""
        return self.environment.render(0) if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Release the environment."""
        self.environment.close()


def visible(environment: Environment, layout: JointLayout, snapshot: Snapshot) -> dict[str, Any]:
    """Return ``action_mask`` and ``active`` of all copies where the snapshot has them."""
    found: dict[str, Any] = {}
    masks = layout.join_masks(snapshot)
    if masks is not None:
        found["action_mask"] = masks
    if snapshot.active is not None:
        everywhere = np.ones(environment.num_envs, dtype=bool)
        found["active"] = np.stack([snapshot.active.get(spec.name, everywhere) for spec in environment.agents], axis=1)
    return found


def metadata(environment: Environment) -> dict[str, Any]:
    """Return Gymnasium's metadata: pictures as arrays, played in the environment's own time (between 1 and 60 a second)."""
    return {"render_modes": list(RENDER_MODES), "render_fps": int(min(max(round(1.0 / environment.step_seconds), 1), 60))}


def checked_render_mode(render_mode: str | None) -> str | None:
    """Return ``render_mode``.

    Raises:
        ConfigError: A mode that no face offers.
    """
    if render_mode is not None and render_mode not in RENDER_MODES:
        raise ConfigError(f"render_mode must be None or one of {RENDER_MODES}, not {render_mode!r}; gymnasium.make adds 'human' on top")
    return render_mode


def spread(options: Mapping[str, Any] | None, num_envs: int) -> dict[str, Any] | None:
    """Return reset options with one entry a copy: plain values hold for every copy."""
    if options is None:
        return None
    return {name: value if np.ndim(value) and len(value) == num_envs else np.full(num_envs, value) for name, value in options.items()}
