"""One ``gymnasium.Env`` as a :class:`~wattloom.adapters.player.Player` with one agent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from wattloom.adapters.player import Frame, Played, seconds_a_step
from wattloom.adapters.spaces_in import ActionWriter, ObservationReader
from wattloom.environment import AgentSpec, Array, Column
from wattloom.spaces import choices

AGENT = "agent"


class GymnasiumPlayer:
    """Reads and writes one foreign environment.

    Args:
        environment: Any ``gymnasium.Env``.
        metrics: Names of ``info`` entries to report, with their units; NaN where a step lacks one.
        step_seconds: Simulated seconds a step; None: from the frame rate in its metadata.
    """

    def __init__(
        self, environment: gymnasium.Env[Any, Any], metrics: Mapping[str, str] | None = None, step_seconds: float | None = None
    ) -> None:
        self._environment = environment
        self._read = ObservationReader(environment.observation_space)
        self._write = ActionWriter(environment.action_space, type(environment.unwrapped).__name__)
        self.agents = (AgentSpec(AGENT, self._read.space, self._write.space, self._read.columns, self._write.columns),)
        self.metric_columns = tuple(Column(name, unit) for name, unit in (metrics or {}).items())
        self.state_space: spaces.Box | None = None
        self.step_seconds = seconds_a_step(environment.metadata, step_seconds)

    def reset(self, seed: int, options: Mapping[str, Any] | None) -> Frame:
        """Begin an episode."""
        observation, info = expect(self._environment.reset(seed=seed, options=dict(options) if options else None), 2, "reset")
        return self._frame(observation, info)

    def step(self, actions: Mapping[str, Array]) -> Played:
        """Advance by one step; where both flags are set, terminated wins."""
        returned = expect(self._environment.step(self._write(actions[AGENT])), 5, "step")
        observation, reward, terminated, truncated, info = returned
        metrics = {column.name: float(info.get(column.name, np.nan)) for column in self.metric_columns}
        ended = bool(terminated)
        return Played(self._frame(observation, info), {AGENT: finite(reward)}, ended, bool(truncated) and not ended, metrics=metrics)

    def _frame(self, observation: Any, info: Mapping[str, Any]) -> Frame:
        """Return what is visible."""
        mask = info.get("action_mask") if isinstance(info, Mapping) else None
        masks = None if mask is None or not choices(self.agents[0].action_space) else {AGENT: flat_mask(mask)}
        return Frame({AGENT: self._read(observation)}, masks)

    def render(self) -> Array | None:
        """Return the picture of an environment made with ``render_mode="rgb_array"``."""
        if self._environment.render_mode != "rgb_array":
            return None
        return np.asarray(self._environment.render(), dtype=np.uint8)

    def close(self) -> None:
        """Release the environment."""
        self._environment.close()


def finite(reward: Any) -> float:
    """Return the reward as a float.

    Raises:
        ValueError: It is no finite number.
    """
    if isinstance(reward, float | int) and math.isfinite(reward):  # the usual case, without NumPy's overhead
        return float(reward)
    value = np.asarray(reward)
    if value.size != 1 or value.dtype.kind not in "fiub":
        raise ValueError(f"a reward that is no number: {reward!r}")
    if not np.isfinite(value).all():
        raise ValueError(f"a reward that is not finite: {reward}")
    return float(value.reshape(()))


def flat_mask(mask: Any) -> Array:
    """Return a mask (one array, or one array a dimension) as bool ``(sum of choices,)``."""
    return (
        np.concatenate([np.ravel(part) for part in mask] if isinstance(mask, tuple | list) and np.ndim(mask[0]) else [np.ravel(mask)]) > 0
    )


def expect(returned: Any, count: int, call: str, whose: str = "Gymnasium") -> tuple[Any, ...]:
    """Return the tuple.

    Raises:
        ValueError: Not ``count`` values.
    """
    if not isinstance(returned, tuple) or len(returned) != count:
        got = f"{len(returned)} values" if isinstance(returned, tuple) else type(returned).__name__
        raise ValueError(f"{got} from {call}(), where {whose}'s API has {count}")
    return returned
