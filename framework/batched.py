"""Base class of our environments: seeded copies, masked resets, checked actions, horizon and row-wise state.

A concrete environment writes four short methods over arrays (:meth:`BatchedEnvironment._begin`, ``_advance``, ``_observe`` and, if it has
pixels, ``render``) and keeps everything that changes in ``self.arrays``; this class does the rest in the same way for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding

from wattloom.environment import AgentSpec, Array, Column, Snapshot, StepResult
from wattloom.errors import ConfigError, EnvironmentFault, did_you_mean
from wattloom.resets import copy_mask, copy_seeds
from wattloom.spaces import ActionChecker

if TYPE_CHECKING:
    from wattloom.figures import Figure

CLIPPED = Column("clipped_actions", "1", "lower")


@dataclass(slots=True)
class Outcome:
    """What ``_advance`` returns.

    Attributes:
        rewards: Agent name to float64 ``(num_envs,)``.
        terminated: Bool ``(num_envs,)``; None: nobody's episode ended by itself.
        metrics: Name to float64 ``(num_envs,)``, as declared.
        agent_terminated: Agent name to bool ``(num_envs,)``: left in this step with value 0; None: nobody.
    """

    rewards: Mapping[str, Array]
    terminated: Array | None = None
    metrics: Mapping[str, Array] = field(default_factory=dict)
    agent_terminated: Mapping[str, Array] | None = None


class BatchedEnvironment:
    """``num_envs`` copies on arrays, with everything that is the same for all environments.

    Subclasses declare ``agents`` and ``metric_columns`` (without the clip counter), put every array that changes from step to step, leading axis
    ``num_envs``, into ``self.arrays``, and implement ``_begin``, ``_advance`` and ``_observe``.

    Args:
        agents: Specifications in order.
        num_envs: Number of independent copies, at least 1.
        horizon: Steps after which an episode is truncated; None: never.
        metric_columns: Metrics that ``_advance`` reports.
        state_space: Space of the central state, or None.
        shared_reward: True where all agents earn one common reward.
        step_seconds: Simulated seconds a step.

    Attributes:
        reset_options: Names that ``reset(options=...)`` takes; None: not declared, so unchecked.
        resume_promise: ``"state"``: a saved state continues bit for bit.
        figures: What evaluations say about an episode; empty: the mean of every metric (:mod:`wattloom.figures`).
        references: What policies are judged beside unless somebody asks for others, from doing nothing to the best that is known
            (:mod:`wattloom.reference_names`).
    """

    reset_options: tuple[str, ...] | None = None
    figures: tuple[Figure, ...] = ()
    references: tuple[str, ...] = ()
    resume_promise = "state"

    def __init__(
        self,
        agents: Sequence[AgentSpec],
        num_envs: int,
        horizon: int | None,
        metric_columns: Sequence[Column] = (),
        state_space: spaces.Box | None = None,
        shared_reward: bool = False,
        step_seconds: float = 1.0,
    ) -> None:
        if num_envs < 1:
            raise ConfigError(f"env.num_envs must be at least 1, not {num_envs}")
        if horizon is not None and horizon < 1:
            raise ConfigError(f"env.horizon must be at least 1 step, not {horizon}")
        self.agents = tuple(agents)
        self.num_envs = int(num_envs)
        self.horizon = horizon
        self.metric_columns = (*metric_columns, CLIPPED)
        self.state_space = state_space
        self.shared_reward = shared_reward
        self.step_seconds = step_seconds
        self.arrays: dict[str, Array] = {}
        self.elapsed = np.zeros(self.num_envs, dtype=np.int64)
        self.needs_reset = np.ones(self.num_envs, dtype=bool)
        self._any_needs_reset = True
        self._generators: list[np.random.Generator | None] = [None] * self.num_envs
        self._checker = ActionChecker(self.agents, self.num_envs)
        self._active: Mapping[str, Array] | None = None  # who takes part now; the rows of others are not checked

    # what a subclass writes

    def _begin(self, copies: Array, generators: Sequence[np.random.Generator], options: Mapping[str, Any]) -> None:
        """Write the initial rows ``self.arrays[...][copies]``; ``generators[k]`` is the stream of copy ``copies[k]``."""
        raise NotImplementedError

    def _advance(self, actions: Mapping[str, Array]) -> Outcome:
        """Advance ``self.arrays`` by one step under checked, clipped actions."""
        raise NotImplementedError

    def _observe(self) -> Snapshot:
        """Return fresh arrays of what is visible now."""
        raise NotImplementedError

    # the contract

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, mask: Array | None = None, options: Mapping[str, Any] | None = None
    ) -> Snapshot:
        """Begin a new episode in the copies of ``mask``; see :meth:`wattloom.environment.Environment.reset`."""
        self._check_options(options)
        copies = copy_mask(mask, self.num_envs)
        seeds = copy_seeds(seed, self.num_envs)
        for i in copies:
            self._seed_copy(int(i), seeds[int(i)])
        generators = [g for i in copies if (g := self._generators[int(i)]) is not None]
        if len(copies):
            self._begin(copies, generators, options or {})
        self.elapsed[copies] = 0
        self.needs_reset[copies] = False
        self._any_needs_reset = bool(self.needs_reset.any())
        return self._look()

    def step(self, actions: Mapping[str, Array]) -> StepResult:
        """Advance every copy by one step; see :meth:`wattloom.environment.Environment.step`."""
        if self._any_needs_reset:
            raise EnvironmentFault(
                f"step() on ended or never reset copies {np.flatnonzero(self.needs_reset)[:8].tolist()}: call reset(mask=...) first"
            )
        checked, clipped = self._checker(actions, self._active)
        outcome = self._advance(checked)
        self.elapsed += 1
        terminated = outcome.terminated if outcome.terminated is not None else np.zeros(self.num_envs, dtype=bool)
        truncated = self._truncated(terminated)
        self.needs_reset = terminated | truncated
        self._any_needs_reset = bool(np.count_nonzero(self.needs_reset))
        metrics = {**outcome.metrics, CLIPPED.name: clipped}
        return StepResult(self._look(), outcome.rewards, terminated, truncated, metrics, outcome.agent_terminated)

    def _look(self) -> Snapshot:
        """Observe, and remember who takes part."""
        snapshot = self._observe()
        self._active = snapshot.active
        return snapshot

    def _check_options(self, options: Mapping[str, Any] | None) -> None:
        """Refuse a reset option that the environment declares not to know."""
        if not options or self.reset_options is None:
            return
        for name in options:
            if name not in self.reset_options:
                raise ConfigError(f"reset option '{name}' is unknown to {type(self).__name__}{did_you_mean(name, self.reset_options)}")

    def _truncated(self, terminated: Array) -> Array:
        """Return bool ``(num_envs,)``: the horizon is reached and the episode did not terminate by itself."""
        if self.horizon is None:
            return np.zeros(self.num_envs, dtype=bool)
        cut: Array = (self.elapsed >= self.horizon) & ~terminated
        return cut

    def render(self, index: int = 0) -> Array | None:
        """Return None: this environment has no picture of itself."""
        return None

    def close(self) -> None:
        """Hold nothing, release nothing."""

    # state

    def get_state(self) -> dict[str, Any]:
        """Return copies of every changing array, the counters and the random streams, one row a copy."""
        return self.get_rows(np.arange(self.num_envs))

    def get_rows(self, copies: Array) -> dict[str, Any]:
        """Return the rows of :meth:`get_state` of some copies, int ``(k,)``."""
        streams = [self._generators[int(i)] for i in copies]
        return {
            "arrays": {name: value[copies] for name, value in self.arrays.items()},
            "elapsed": self.elapsed[copies],
            "needs_reset": self.needs_reset[copies],
            "active": {name: flags[copies] for name, flags in (self._active or {}).items()},
            "generators": [None if stream is None else stream.bit_generator.state for stream in streams],
        }

    def put_rows(self, copies: Array, rows: Mapping[str, Any]) -> None:
        """Put back what :meth:`get_rows` returned for the same copies; the others stay as they are."""
        for name, value in rows["arrays"].items():
            self.arrays[name][copies] = value
        self.elapsed[copies] = rows["elapsed"]
        self.needs_reset[copies] = rows["needs_reset"]
        self._any_needs_reset = bool(self.needs_reset.any())
        for i, stream in zip(copies, rows["generators"], strict=True):
            self._generators[int(i)] = None if stream is None else _continued(self._generators[int(i)], stream)
        self._look()

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of as many copies.

        Raises:
            ConfigError: The state has another number of copies, or arrays of other names or shapes.
        """
        if len(state["elapsed"]) != self.num_envs or set(state["arrays"]) != set(self.arrays):
            raise ConfigError(
                f"state of {len(state['elapsed'])} copies with arrays {sorted(state['arrays'])} "
                f"does not fit {self.num_envs} copies with arrays {sorted(self.arrays)}"
            )
        for name, value in state["arrays"].items():
            self.arrays[name] = _array_like(name, value, self.arrays[name])
        self.elapsed = np.array(state["elapsed"], dtype=np.int64)
        self.needs_reset = np.array(state["needs_reset"], dtype=bool)
        self._any_needs_reset = bool(self.needs_reset.any())
        for i, stream in enumerate(state["generators"]):
            self._generators[i] = None if stream is None else _continued(self._generators[i], stream)
        self._active = {name: np.array(flags, dtype=bool) for name, flags in state.get("active", {}).items()} or None

    # seeding

    def _seed_copy(self, index: int, seed: int | None) -> None:
        """Seed copy ``index`` as Gymnasium would, or make sure that it has a stream."""
        if seed is not None or self._generators[index] is None:
            self._generators[index] = seeding.np_random(seed)[0]


def _array_like(name: str, value: Any, old: Array) -> Array:
    """Return a copy of ``value`` in the type of ``old``.

    Raises:
        ConfigError: Another shape.
    """
    array = np.array(value, dtype=old.dtype)
    if array.shape != old.shape:
        raise ConfigError(f"array '{name}' of the state has shape {array.shape}, expected {old.shape}")
    return array


def _continued(generator: np.random.Generator | None, state: Mapping[str, Any]) -> np.random.Generator:
    """Return a PCG64 stream that continues from its plain-dict state; an existing one is set, which is much cheaper than a new one."""
    stream = np.random.Generator(np.random.PCG64(0)) if generator is None else generator
    stream.bit_generator.state = dict(state)
    return stream
