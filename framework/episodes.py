"""Running totals of the episodes that every copy is in: returns, lengths, mean metrics, numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wattloom.environment import Array, EnvironmentSpec, StepResult
from wattloom.errors import EnvironmentFault
from wattloom.events import EpisodeEnd
from wattloom.figures import gather


class EpisodeTracker:
    """Sums rewards and metrics of ``num_envs`` copies until their episode ends.

    Args:
        spec: Declarations of the environment.
        num_envs: Number of copies.
        phase: ``"train"`` or ``"evaluation"``, copied into the events.
    """

    def __init__(self, spec: EnvironmentSpec, num_envs: int, phase: str = "train") -> None:
        self.phase = phase
        self.started = 0
        self.completed = 0
        self._agents = tuple(agent.name for agent in spec.agents)
        self._metrics = tuple(column.name for column in spec.metric_columns)
        self._returns, self._rewards = (np.zeros((len(self._agents), num_envs)) for _ in range(2))
        self._sums, self._step = (np.zeros((len(self._metrics), num_envs)) for _ in range(2))  # of the episode and of a step
        self._lengths = np.zeros(num_envs, dtype=np.int64)
        self._numbers = np.full(num_envs, -1, dtype=np.int64)
        self._seeds: list[int | None] = [None] * num_envs

    def start(self, copies: Array, seeds: Sequence[int | None] | None = None) -> Array:
        """Begin new episodes in ``copies`` (int ``(k,)``) and return their numbers, int ``(k,)``, counted in copy order."""
        self._returns[:, copies] = 0.0
        self._sums[:, copies] = 0.0
        self._lengths[copies] = 0
        numbers = np.arange(self.started, self.started + len(copies))
        self._numbers[copies] = numbers
        self.started += len(copies)
        for k, copy in enumerate(copies):
            self._seeds[int(copy)] = None if seeds is None else seeds[k]
        return numbers

    def add(self, result: StepResult) -> None:
        """Add one step of all copies.

        Raises:
            EnvironmentFault: A reward or an observation is NaN or infinite, or an agent has no reward; names agent, copy and step of the episode.
        """
        self._lengths += 1
        try:
            gather(self._rewards, result.rewards, self._agents, "rewards")
        except KeyError as error:
            raise EnvironmentFault(f"the environment gave no reward for agent {error}; it gave {sorted(result.rewards)}") from None
        self._returns += self._rewards
        self._sums += gather(self._step, result.metrics, self._metrics)
        if np.count_nonzero(np.isfinite(self._returns)) < self._returns.size:
            self._complain(result)
        for name, seen in result.snapshot.observations.items():
            if seen.dtype.kind == "f" and not math.isfinite(np.add.reduce(seen, axis=None)):  # one number tells, where none is huge
                self._complain_of_sight(name, seen)

    def _complain_of_sight(self, name: str, seen: Array) -> None:
        """Name the copy whose observation is not finite."""
        wrong = ~np.isfinite(seen.reshape(len(seen), -1))
        if wrong.any():
            copy = int(np.flatnonzero(wrong.any(axis=1))[0])
            raise EnvironmentFault(
                f"the observation of agent '{name}' is not finite in copy {copy} at step {self._lengths[copy]} of episode {self._numbers[copy]}: "
                f"entry {int(np.flatnonzero(wrong[copy])[0])} of {seen[copy].size}"
            )

    def _complain(self, result: StepResult) -> None:
        """Name the agent and copy whose reward is not finite."""
        for name in self._agents:
            bad = np.flatnonzero(~np.isfinite(result.rewards[name]))
            if len(bad):
                copy = int(bad[0])
                raise EnvironmentFault(
                    f"the reward of agent '{name}' is {result.rewards[name][copy]} in copy {copy} at step {self._lengths[copy]} "
                    f"of episode {self._numbers[copy]}; rewards must be finite"
                )

    def finish(self, result: StepResult) -> EpisodeEnd | None:
        """Return the event of the copies that ended in this step, or None."""
        copies = result.ended.nonzero()[0]
        if not len(copies):
            return None
        self.completed += len(copies)
        lengths = self._lengths[copies]
        return EpisodeEnd(
            copies=copies,
            episodes=self._numbers[copies],
            returns={name: self._returns[row, copies] for row, name in enumerate(self._agents)},
            lengths=lengths,
            terminated=result.terminated[copies],
            metrics={name: self._sums[row, copies] / lengths for row, name in enumerate(self._metrics)},
            seeds=tuple(self._seeds[int(copy)] for copy in copies),
            phase=self.phase,
        )

    def state_dict(self) -> dict[str, Any]:
        """Return the totals so far."""
        return {
            "started": self.started,
            "completed": self.completed,
            "returns": self._returns.copy(),
            "sums": self._sums.copy(),
            "lengths": self._lengths.copy(),
            "numbers": self._numbers.copy(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the totals."""
        self.started, self.completed = int(state["started"]), int(state["completed"])
        self._returns[:] = state["returns"]
        self._sums[:] = state["sums"]
        self._lengths[:] = state["lengths"]
        self._numbers[:] = state["numbers"]
