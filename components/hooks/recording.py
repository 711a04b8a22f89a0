"""Chosen training episodes of chosen copies, kept as the state they began in and the actions since: small, and exact to replay."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wattloom.environment import Array, StepResult
from wattloom.errors import ConfigError
from wattloom.events import EpisodeEnd, EpisodeStart, RunSummary, StepEvent
from wattloom.hooks.base import Hook
from wattloom.hooks.schedule import Schedule

if TYPE_CHECKING:
    from wattloom.run import Run


class Recording:
    """One episode of one copy.

    Attributes:
        episode: Number of the episode.
        copy: Which copy played it.
        start: State of that copy before the first action, one row; empty where only ``seed`` is known.
        seed: Reset seed, where the episode was seeded.
        actions: Agent name to the actions, one entry a step, each ``(n,)`` or a number.
        rewards: Agent name to the rewards, one entry a step.
        terminated: Whether it ended by itself; None: cut off unfinished.
        marked: Whether the schedule chose it when it began.
        written: Whether it has been written.
    """

    def __init__(self, episode: int, copy: int, start: Mapping[str, Any], seed: int | None = None) -> None:
        self.episode, self.copy, self.start, self.seed = episode, copy, start, seed
        self.actions: dict[str, list[Any]] = {}
        self.rewards: dict[str, list[float]] = {}
        self.terminated: bool | None = None
        self.marked = self.written = False

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(next(iter(self.rewards.values()), ()))

    def add(self, actions: Mapping[str, Array], result: StepResult) -> None:
        """Append one step; rows are copied, the arrays are only valid now."""
        copy = self.copy
        for name, array in actions.items():
            self.actions.setdefault(name, []).append(array[copy].copy())
        for name, rewards in result.rewards.items():
            self.rewards.setdefault(name, []).append(float(rewards[copy]))

    def total(self, shared_reward: bool) -> float:
        """Return the common return, or the sum over agents."""
        totals = [float(np.sum(values)) for values in self.rewards.values()]
        return 0.0 if not totals else totals[0] if shared_reward else sum(totals)

    def state_dict(self) -> dict[str, Any]:
        """Return everything as plain values and arrays."""
        return {
            "episode": self.episode,
            "copy": self.copy,
            "start": dict(self.start),
            "seed": self.seed,
            "actions": {name: np.stack(rows) for name, rows in self.actions.items()},
            "rewards": {name: np.array(values) for name, values in self.rewards.items()},
            "terminated": self.terminated,
            "marked": self.marked,
            "written": self.written,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Recording:
        """Rebuild what :meth:`state_dict` returned."""
        recording = cls(int(state["episode"]), int(state["copy"]), state["start"], state["seed"])
        recording.actions = {name: list(np.asarray(rows)) for name, rows in state["actions"].items()}
        recording.rewards = {name: np.asarray(values).tolist() for name, values in state["rewards"].items()}
        recording.terminated = state["terminated"]
        recording.marked, recording.written = bool(state["marked"]), bool(state["written"])
        return recording


def select_row(state: Any, row: int) -> Any:
    """Return one copy of an environment's state: row ``row`` of every array and list, still with a leading axis."""
    if isinstance(state, Mapping):
        return {name: select_row(value, row) for name, value in state.items()}
    if isinstance(state, np.ndarray):
        return state[row : row + 1].copy()
    if isinstance(state, list | tuple):
        return [state[row]]
    raise TypeError(f"an environment's state holds arrays and lists with one row a copy, not {type(state).__name__}")


class EpisodeRecorder(Hook):
    """Base of hooks that keep whole training episodes: those on a schedule's marks, and the last few of the run, however it ends.

    A mark in env steps or updates chooses the first episode that begins after it. Subclasses write :meth:`_keep`.

    Args:
        schedule: Which episodes; ``last`` are kept in a ring until the run is over.
        copies: Which copies are watched.
        needs_state: Whether recordings must hold the state that they began in.
        key: Name of the hook in error messages.

    Raises:
        ConfigError: A negative copy.
    """

    def __init__(self, schedule: Schedule, copies: Sequence[int], needs_state: bool, key: str) -> None:
        if not copies or any(copy < 0 for copy in copies):
            raise ConfigError(f"{key}.copies must be a list of copies from 0, not {list(copies)}")
        self._schedule = schedule
        self._copies = tuple(sorted({int(copy) for copy in copies}))
        self._needs_state = needs_state
        self._key = key
        self._open: dict[int, Recording] = {}
        self._ring: deque[Recording] = deque(maxlen=max(schedule.last, 1))

    def _keep(self, run: Run, recording: Recording) -> None:
        """Write one chosen episode."""
        raise NotImplementedError

    def _check_copies(self, run: Run) -> None:
        """Refuse copies that the environment does not have.

        Raises:
            ConfigError: A copy is out of range.
        """
        if self._copies[-1] >= run.spec.num_envs:
            raise ConfigError(f"{self._key}.copies: there is no copy {self._copies[-1]}, env.num_envs is {run.spec.num_envs}")

    def on_episode_start(self, run: Run, event: EpisodeStart) -> None:
        """Open a recording where one is wanted."""
        state: Mapping[str, Any] | None = None
        for copy, episode in self._watched(event.copies, event.episodes):
            marked = self._is_marked(run, episode)
            if not marked and not self._schedule.last:
                continue
            if self._needs_state and state is None:
                state = run.environment.get_state()
            recording = Recording(episode, copy, {} if state is None else select_row(state, copy))
            recording.marked = marked
            self._open[copy] = recording

    def _watched(self, copies: Array, episodes: Array) -> Iterator[tuple[int, int]]:
        """Yield copy and episode number of the watched ones among ``copies``."""
        for copy in self._copies:
            place = np.flatnonzero(copies == copy)
            if len(place):
                yield copy, int(episodes[place[0]])

    def _is_marked(self, run: Run, episode: int) -> bool:
        if self._schedule.unit == "episode":
            return self._schedule.matches(episode)
        count = {"env_step": run.counters.env_steps, "update": run.counters.updates}.get(self._schedule.unit)
        return count is not None and self._schedule.due(count)

    def on_step(self, run: Run, event: StepEvent) -> None:
        """Add one step to the open recordings."""
        for recording in self._open.values():
            recording.add(event.actions, event.result)

    def on_episode_end(self, run: Run, event: EpisodeEnd) -> None:
        """Write a marked episode; keep any in the ring of the last ones."""
        if not self._open:
            return
        for copy, _ in self._watched(event.copies, event.episodes):
            recording = self._open.pop(copy, None)
            if recording is None:
                continue
            recording.terminated = bool(event.terminated[event.copies == copy][0])
            if self._schedule.last:
                self._ring.append(recording)
            if recording.marked:
                self._write(run, recording)

    def _write(self, run: Run, recording: Recording) -> None:
        """Write an episode once."""
        if not recording.written:
            recording.written = True
            self._keep(run, recording)

    def on_run_end(self, run: Run, summary: RunSummary) -> None:
        """Write the last episodes; where the run failed, or none was completed, also the unfinished one."""
        unfinished = [recording for recording in self._open.values() if len(recording)]
        last = list(self._ring) if self._schedule.last else []
        wants_unfinished = self._schedule.last and (summary.status == "failed" or not last)
        for recording in [*last, *(unfinished if wants_unfinished else [])]:
            self._write(run, recording)

    def state_dict(self) -> dict[str, Any]:
        """Return the marks, the open recordings and the ring."""
        return {
            "schedule": self._schedule.state_dict(),
            "open": [recording.state_dict() for recording in self._open.values()],
            "ring": [recording.state_dict() for recording in self._ring],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue; what was written before the checkpoint is not written again."""
        self._schedule.load_state_dict(state["schedule"])
        self._open = {int(one["copy"]): Recording.from_state(one) for one in state["open"]}
        self._ring.extend(Recording.from_state(one) for one in state["ring"])
