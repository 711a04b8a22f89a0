"""A third-party ``gymnasium.vector.VectorEnv`` as our batched contract, whatever its autoreset mode.

The successor is always the true last observation: from ``final_obs`` where the environment resets within the step, from the returned observation
otherwise. A vector environment has no way to play single copies again, so a resumed run begins new episodes (promise ``"episode"``); a
``SyncVectorEnv`` is taken apart into its environments instead (:mod:`wattloom.adapters.copies`) and keeps the promise ``"replay"``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import concatenate, create_empty_array, iterate

from wattloom.adapters.gymnasium_player import AGENT
from wattloom.adapters.player import seconds_a_step
from wattloom.adapters.spaces_in import ActionWriter, ObservationReader
from wattloom.batched import CLIPPED
from wattloom.environment import AgentSpec, Array, Snapshot, StepResult
from wattloom.errors import ConfigError, EnvironmentFault, place_of
from wattloom.resets import copy_mask, copy_seeds
from wattloom.spaces import ActionChecker

logger = logging.getLogger(__name__)


class VectorCopies:
    """Any vector environment as one :class:`wattloom.environment.Environment` with one agent.

    Args:
        vector: The foreign environment.
        step_seconds: Simulated seconds a step; None: from the frame rate in its metadata.

    Attributes:
        resume_promise: ``"episode"``.
        needs_reset: Bool ``(num_envs,)``, copies that have ended or were never reset.

    Raises:
        ConfigError: The autoreset mode is not declared.
    """

    resume_promise = "episode"
    shared_reward = False
    state_space = None

    def __init__(self, vector: VectorEnv[Any, Any, Any], step_seconds: float | None = None) -> None:
        mode = (vector.metadata or {}).get("autoreset_mode")
        if mode is None:
            raise ConfigError(f"{type(vector).__name__} declares no metadata['autoreset_mode'], so the end of its episodes cannot be read")
        self._mode = AutoresetMode(mode)
        self._vector = vector
        self.num_envs = int(vector.num_envs)
        self._read = ObservationReader(vector.single_observation_space)
        self._write = ActionWriter(vector.single_action_space, type(vector).__name__)
        self.agents = (AgentSpec(AGENT, self._read.space, self._write.space, self._read.columns, self._write.columns),)
        self.metric_columns = (CLIPPED,)
        self.step_seconds = seconds_a_step(vector.metadata, step_seconds)
        self.needs_reset = np.ones(self.num_envs, dtype=bool)
        self._begun: Array | None = None  # SAME_STEP: first observations of the episodes that have begun already
        self._shown = np.zeros((self.num_envs, *self._read.space.shape), dtype=self._read.space.dtype)
        self._steps = 0
        self._check = ActionChecker(self.agents, self.num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, mask: Array | None = None, options: Mapping[str, Any] | None = None
    ) -> Snapshot:
        """Begin new episodes; copies of some mask only where the vector environment can.

        Raises:
            EnvironmentFault: Its autoreset mode cannot reset just these copies.
        """
        chosen = np.zeros(self.num_envs, dtype=bool)
        chosen[copy_mask(mask, self.num_envs)] = True
        seeds = copy_seeds(seed, self.num_envs)
        given: Any = None if all(s is None for s in seeds) else seeds  # a list is taken by every mode, whatever the base class declares
        if self._has_begun(chosen) and given is None and not options:
            self._shown[chosen] = self._begun[chosen]  # type: ignore[index]  # it has begun
        elif chosen.all():
            observation, _ = self._vector.reset(seed=given, options=dict(options) if options else None)
            self._shown = self._observed(observation)
        elif self._mode == AutoresetMode.DISABLED and chosen.any():
            observation, _ = self._vector.reset(seed=given, options={**(options or {}), "reset_mask": chosen})
            self._shown[chosen] = self._observed(observation)[chosen]
        elif chosen.any():
            raise EnvironmentFault(
                f"{type(self._vector).__name__} resets in mode {self._mode.value} and cannot begin an episode in copies "
                f"{np.flatnonzero(chosen)[:8].tolist()} alone; make it with AutoresetMode.DISABLED, or pass a factory of single environments"
            )
        self.needs_reset = self.needs_reset & ~chosen
        return self._snapshot()

    def step(self, actions: Mapping[str, Array]) -> StepResult:
        """Advance every copy by one step; see :meth:`wattloom.environment.Environment.step`."""
        if self.needs_reset.any():
            raise EnvironmentFault(f"step() on ended or never reset copies {np.flatnonzero(self.needs_reset)[:8].tolist()}")
        checked, clipped = self._check(actions)
        try:
            observation, reward, terminated, truncated, info = self._vector.step(self._foreign(checked[AGENT]))
        except Exception as error:
            raise EnvironmentFault(
                f"{type(self._vector).__name__} failed at step {self._steps + 1}: {type(error).__name__}: {error}{place_of(error)}"
            ) from error
        self._steps += 1
        ended = np.asarray(terminated, dtype=bool) | np.asarray(truncated, dtype=bool)
        self._shown = self._observed(observation)
        self._begun = None
        if self._mode == AutoresetMode.SAME_STEP and ended.any():
            self._begun = self._shown.copy()
            for i in np.flatnonzero(ended):
                self._shown[i] = self._one(info["final_obs"][i], int(i))
        self.needs_reset = ended
        earned = self._finite(reward)
        died = np.array(terminated, dtype=bool)
        return StepResult(self._snapshot(), {AGENT: earned}, died, np.array(truncated, dtype=bool) & ~died, {CLIPPED.name: clipped})

    def get_state(self) -> dict[str, Any]:
        """Return which copies await a reset: a foreign vector environment has no more to save."""
        return {"needs_reset": self.needs_reset.copy()}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Mark every copy for a reset: the promise is ``"episode"``."""
        if len(state["needs_reset"]) != self.num_envs:
            raise ConfigError(f"a state of {len(state['needs_reset'])} copies does not fit {self.num_envs} copies")
        logger.warning("%s cannot continue an episode; every copy begins a new one (promise 'episode')", type(self._vector).__name__)
        self.needs_reset = np.ones(self.num_envs, dtype=bool)

    def render(self, index: int = 0) -> Array | None:
        """Draw copy ``index``, or None where it was not made for pictures."""
        frames: Any = self._vector.render() if self._vector.render_mode == "rgb_array" else None
        return None if frames is None else np.asarray(frames[index], dtype=np.uint8)

    def close(self) -> None:
        """Release the foreign environment."""
        self._vector.close()

    def _has_begun(self, chosen: Array) -> bool:
        """Return whether a SAME_STEP environment has begun the episodes of these copies by itself."""
        return self._begun is not None and bool(chosen.any()) and not bool((chosen & ~self.needs_reset).any())

    def _foreign(self, action: Array) -> Any:
        """Return the batch of actions as the foreign environment declared it."""
        space = self._vector.single_action_space
        out: Any = create_empty_array(space, self.num_envs)
        return concatenate(space, [self._write(row) for row in action], out)

    def _observed(self, observation: Any) -> Array:
        """Return all observations in our form."""
        copies = iterate(self._vector.observation_space, observation)
        return np.stack([self._one(one, i) for i, one in enumerate(copies)])

    def _one(self, observation: Any, index: int) -> Array:
        """Return one observation in our form."""
        try:
            return self._read(observation)
        except ValueError as error:
            raise EnvironmentFault(f"environment copy {index} returned {error} after step {self._steps}") from error

    def _finite(self, reward: Any) -> Array:
        """Return the rewards as float64."""
        earned = np.array(reward, dtype=np.float64)
        if earned.shape != (self.num_envs,):
            raise EnvironmentFault(f"rewards of shape {earned.shape} at step {self._steps}, expected ({self.num_envs},)")
        bad = np.flatnonzero(~np.isfinite(earned))
        if len(bad):
            raise EnvironmentFault(
                f"environment copy {int(bad[0])} returned a reward that is not finite at step {self._steps}: {earned[bad[0]]}"
            )
        return earned

    def _snapshot(self) -> Snapshot:
        """Return a copy of what is shown."""
        return Snapshot({AGENT: self._shown.copy()})
