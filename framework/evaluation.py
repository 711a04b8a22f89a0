"""Whole episodes on fixed seeds, in an environment of their own: the honest number about a policy."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wattloom.algorithm import Policy
from wattloom.environment import Array, Environment, EnvironmentSpec, Snapshot, StepResult
from wattloom.episodes import EpisodeTracker
from wattloom.errors import EnvironmentFault
from wattloom.events import EpisodeEnd
from wattloom.figures import Course, CourseTracker, figures_of

StepListener = Callable[[Snapshot, Mapping[str, Array], StepResult, Array], None]
"""Called every step with what was seen, done and led to, and int ``(k,)``: which episode each still counting copy is in (-1: none)."""

MAX_STEPS = 1_000_000
"""Longest episode that an evaluation waits for: an environment without a horizon would hang it for ever."""


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """Outcome of every episode, in the order of the seeds.

    Attributes:
        returns: Float64 ``(episodes,)``, the common return, or the sum over agents.
        agent_returns: Agent name to float64 ``(episodes,)``.
        lengths: Int ``(episodes,)``.
        terminated: Bool ``(episodes,)``; False: truncated.
        metrics: Metric name to float64 ``(episodes,)``, mean over the episode's steps.
        figures: Figure name to float64 ``(episodes,)``; see :mod:`wattloom.figures`.
        seeds: Reset seed of each episode.
        seconds: Wall time.
    """

    returns: Array
    agent_returns: Mapping[str, Array]
    lengths: Array
    terminated: Array
    metrics: Mapping[str, Array]
    figures: Mapping[str, Array]
    seeds: tuple[int, ...]
    seconds: float


def evaluate_policy(
    environment: Environment, make_policy: Callable[[int], Policy], seeds: Sequence[int], listener: StepListener | None = None
) -> EvaluationResult:
    """Play one whole episode a seed and return what came of each.

    Copy k of a batch starts at ``reset(seed=seeds[k])``, so that the numbers depend neither on ``num_envs`` nor on what was played before.

    Args:
        environment: An environment that nothing else uses.
        make_policy: Number of copies to a fresh policy.
        seeds: Reset seeds, one an episode.
        listener: Receives every step, for recorders.
    """
    begin = time.perf_counter()
    table = _Table(EnvironmentSpec.of(environment), len(seeds))
    for first in range(0, len(seeds), environment.num_envs):
        _play_batch(
            environment, make_policy(environment.num_envs), list(seeds[first : first + environment.num_envs]), first, table, listener
        )
    return table.result(tuple(int(s) for s in seeds), time.perf_counter() - begin)


def _play_batch(
    environment: Environment, policy: Policy, seeds: list[int], first: int, table: _Table, listener: StepListener | None
) -> None:
    """Play the episodes ``first …`` in the first copies; surplus copies idle along and are not counted."""
    padded: list[int] = seeds + [seeds[-1]] * (environment.num_envs - len(seeds))
    snapshot = environment.reset(seed=padded)
    policy.reset(seeds=padded)
    tracker, courses = EpisodeTracker(table.spec, environment.num_envs, phase="evaluation"), CourseTracker(table.spec, environment.num_envs)
    tracker.start(np.arange(environment.num_envs))
    episode = np.where(np.arange(environment.num_envs) < len(seeds), first + np.arange(environment.num_envs), -1)
    for _ in range(MAX_STEPS):
        if not (episode >= 0).any():
            return
        actions = policy.act(snapshot)
        result = environment.step(actions)
        tracker.add(result)
        courses.add(result)
        if listener is not None:
            listener(snapshot, actions, result, episode.copy())
        snapshot = result.snapshot
        event = tracker.finish(result)
        if event is not None:
            table.store(event.copies, episode, event, courses.course(event.copies))
            episode[event.copies] = -1
            snapshot = environment.reset(mask=result.ended)
            policy.reset(mask=result.ended)
            tracker.start(event.copies)
            courses.start(event.copies)
    raise EnvironmentFault(
        f"an evaluation episode did not end within {MAX_STEPS:,} steps: the environment has to terminate or truncate it (a horizon)"
    )


class _Table:
    """Preallocated columns that ended episodes are written into."""

    def __init__(self, spec: EnvironmentSpec, episodes: int) -> None:
        self.spec = spec
        self._figures = figures_of(spec)
        self.figures = {figure.name: np.zeros(episodes) for figure in self._figures}
        self.agent_returns = {agent.name: np.zeros(episodes) for agent in spec.agents}
        self.metrics = {column.name: np.zeros(episodes) for column in spec.metric_columns}
        self.lengths = np.zeros(episodes, dtype=np.int64)
        self.terminated = np.zeros(episodes, dtype=bool)

    def store(self, copies: Array, episode: Array, event: EpisodeEnd, course: Course) -> None:
        """Write the counting ones among ``copies`` into their episode's row."""
        counting = episode[copies] >= 0
        rows = episode[copies][counting]
        for name, column in self.agent_returns.items():
            column[rows] = event.returns[name][counting]
        for name, column in self.metrics.items():
            column[rows] = event.metrics[name][counting]
        for figure in self._figures:
            self.figures[figure.name][rows] = np.asarray(figure.of(course))[counting]
        self.lengths[rows] = event.lengths[counting]
        self.terminated[rows] = event.terminated[counting]

    def result(self, seeds: tuple[int, ...], seconds: float) -> EvaluationResult:
        """Freeze the table."""
        values = list(self.agent_returns.values())
        total = values[0] if self.spec.shared_reward else np.sum(values, axis=0)
        return EvaluationResult(total, self.agent_returns, self.lengths, self.terminated, self.metrics, self.figures, seeds, seconds)
