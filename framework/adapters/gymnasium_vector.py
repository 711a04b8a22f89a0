"""All copies of an environment of ours as one ``gymnasium.vector.VectorEnv``, in each of Gymnasium's three autoreset modes.

Equal, step by step, to ``SyncVectorEnv`` over as many single faces, at the speed of the batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from wattloom.adapters.frozen import step_but
from wattloom.adapters.gymnasium_env import checked_render_mode, metadata, spread, visible
from wattloom.adapters.layout import JointLayout, common_reward, rows
from wattloom.environment import Array, Environment, Snapshot, StepResult
from wattloom.errors import ConfigError


class GymnasiumVectorEnv(VectorEnv[Any, Any, Array]):
    """A batch of copies, seen as Gymnasium sees vector environments.

    Args:
        environment: An environment of any number of copies.
        render_mode: None or ``"rgb_array"``.
        dict: Dict spaces with one entry an agent instead of flat ones.
        autoreset_mode: ``NextStep`` (Gymnasium's default), ``SameStep`` or ``Disabled`` (reset by ``options={"reset_mask": ...}``).
        max_episode_steps: Refused: the horizon is the environment's own.

    Attributes:
        environment: What is behind the face.
        layout: Names the slices of the flat observation and action.

    Raises:
        ConfigError: ``max_episode_steps`` was given, or the render mode is unknown.
    """

    def __init__(
        self,
        environment: Environment,
        render_mode: str | None = None,
        dict: bool = False,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        max_episode_steps: int | None = None,
    ) -> None:
        refuse_time_limit(max_episode_steps)
        self.environment = environment
        self.render_mode = checked_render_mode(render_mode)
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = metadata(environment) | {"autoreset_mode": self.autoreset_mode}
        self.num_envs = environment.num_envs
        self.layout = JointLayout(environment.agents, dict)
        self.single_observation_space = self.layout.observation_space
        self.single_action_space = self.layout.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._ended = np.zeros(self.num_envs, dtype=bool)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin episodes in all copies, or in those of ``options["reset_mask"]``; copy i is seeded ``seed + i``."""
        rest = {name: value for name, value in options.items() if name != "reset_mask"} if options is not None else None
        mask = _checked_mask(options["reset_mask"], self.num_envs) if options is not None and "reset_mask" in options else None
        snapshot = self.environment.reset(seed=seed, mask=mask, options=spread(rest, self.num_envs))
        chosen = np.ones(self.num_envs, dtype=bool) if mask is None else mask
        self._ended = self._ended & ~chosen
        return self.layout.join(snapshot), _infos({}, self._visible(snapshot), chosen)

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Advance every copy by one step of the chosen autoreset mode."""
        split = self.layout.split(actions)
        if self.autoreset_mode == AutoresetMode.NEXT_STEP and self._ended.any():
            return self._step_and_begin(split)
        result = self.environment.step(split)
        self._ended = result.ended
        if self.autoreset_mode == AutoresetMode.SAME_STEP and self._ended.any():
            return self._begin_at_once(result)
        live = np.ones(self.num_envs, dtype=bool)
        return self._packed(result, self.layout.join(result.snapshot), _infos(result.metrics, self._visible(result.snapshot), live, live))

    def _step_and_begin(self, actions: dict[str, Array]) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """NEXT_STEP: copies that ended before ignore their action and begin anew, the others step."""
        begun = self._ended
        snapshot = self.environment.reset(mask=begun)
        if begun.all():
            self._ended = np.zeros(self.num_envs, dtype=bool)
            none = np.zeros(self.num_envs, dtype=bool)
            infos = _infos({}, self._visible(snapshot), begun)
            return self.layout.join(snapshot), np.zeros(self.num_envs), none, none.copy(), infos
        result = step_but(self.environment, actions, begun, snapshot)
        self._ended = result.ended
        everyone = np.ones(self.num_envs, dtype=bool)
        return self._packed(
            result, self.layout.join(result.snapshot), _infos(result.metrics, self._visible(result.snapshot), everyone, ~begun)
        )

    def _begin_at_once(self, result: StepResult) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """SAME_STEP: copies that ended return their first new observation; the last true one goes into ``final_obs``."""
        ended = self._ended
        last = self.layout.join(result.snapshot)
        final = np.full(self.num_envs, None, dtype=object)
        for i in np.flatnonzero(ended):
            final[i] = rows(last, int(i))
        final_info = _infos(result.metrics, self._visible(result.snapshot), ended, ended)
        metrics = {name: np.asarray(value).copy() for name, value in result.metrics.items()}
        packed = self._packed(result, None, {})
        snapshot = self.environment.reset(mask=ended)
        infos = _infos(metrics, self._visible(snapshot), np.ones(self.num_envs, dtype=bool), ~ended)
        infos |= {"final_obs": final, "_final_obs": ended.copy(), "final_info": final_info, "_final_info": ended.copy()}
        self._ended = np.zeros(self.num_envs, dtype=bool)
        return self.layout.join(snapshot), *packed[1:4], infos

    def _packed(self, result: StepResult, observation: Any, infos: dict[str, Any]) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Return Gymnasium's five values."""
        reward = common_reward(self.environment.agents, result.rewards, self.environment.shared_reward)
        return observation, reward, np.array(result.terminated), np.array(result.truncated), infos

    def _visible(self, snapshot: Snapshot) -> dict[str, Any]:
        """Return masks and who takes part."""
        return visible(self.environment, self.layout, snapshot)

    def render(self) -> Any:
        """Return one picture a copy, or one None a copy without a render mode."""
        return tuple(self.environment.render(i) if self.render_mode == "rgb_array" else None for i in range(self.num_envs))

    def close_extras(self, **kwargs: Any) -> None:
        """Release the environment."""
        self.environment.close()


def refuse_time_limit(max_episode_steps: int | None) -> None:
    """Raise where Gymnasium's keyword would be ignored.

    Raises:
        ConfigError: ``max_episode_steps`` was given.
    """
    if max_episode_steps is not None:
        raise ConfigError(
            f"max_episode_steps={max_episode_steps} is not taken: the horizon is the environment's own; pass horizon=... instead"
        )


def _infos(metrics: Mapping[str, Array], seen: Mapping[str, Array], seen_by: Array, stepped: Array | None = None) -> dict[str, Any]:
    """Return Gymnasium's vector info: an array a name and a mask ``_name`` of the copies that have it, zero elsewhere."""
    infos: dict[str, Any] = {}
    for values, having in ((metrics, stepped), (seen, seen_by)):
        if having is None or not having.any():
            continue
        everyone = bool(having.all())
        for name, value in values.items():
            array = np.array(value)
            if not everyone:
                array[~having] = 0
            infos[name], infos[f"_{name}"] = array, having.copy()
    return infos


def _checked_mask(mask: Any, num_envs: int) -> Array:
    """Return a reset mask as Gymnasium demands it.

    Raises:
        ValueError: Wrong shape or nobody selected.
        TypeError: No boolean array.
    """
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
        raise TypeError(f"options['reset_mask'] must be a boolean array, not {type(mask).__name__}")
    if mask.shape != (num_envs,) or not mask.any():
        raise ValueError(f"options['reset_mask'] must have shape ({num_envs},) and select a copy, not {mask}")
    return mask
