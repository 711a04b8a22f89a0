"""What hooks are told: frozen payloads of read-only views, one event a step for all copies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wattloom.environment import Array, Snapshot, StepResult

if TYPE_CHECKING:
    from wattloom.algorithm import UpdateReport


@dataclass(frozen=True, slots=True)
class Counters:
    """Where a run stands.

    Attributes:
        env_steps: Env steps over all copies.
        updates: Gradient updates.
        episodes: Completed episodes over all copies.
        evaluations: Completed evaluations.
    """

    env_steps: int = 0
    updates: int = 0
    episodes: int = 0
    evaluations: int = 0


@dataclass(frozen=True, slots=True)
class EpisodeStart:
    """Copies that begin a new episode.

    Attributes:
        copies: Int ``(k,)``, indices of the copies.
        episodes: Int ``(k,)``, running number of each new episode (by start order: copy index, then time).
        snapshot: First observations, all copies.
        phase: ``"train"`` or ``"evaluation"``.
    """

    copies: Array
    episodes: Array
    snapshot: Snapshot
    phase: str = "train"


@dataclass(frozen=True, slots=True)
class StepEvent:
    """One step of all copies; arrays are views that are valid during the call only."""

    snapshot: Snapshot
    actions: Mapping[str, Array]
    result: StepResult


@dataclass(frozen=True, slots=True)
class UpdateEvent:
    """The algorithm learned; ``report.read()`` gives the losses."""

    report: UpdateReport


@dataclass(frozen=True, slots=True)
class EpisodeEnd:
    """Copies whose episode ended in this step.

    Attributes:
        copies: Int ``(k,)``, indices of the copies.
        episodes: Int ``(k,)``, the number each episode got at its start.
        returns: Agent name to float64 ``(k,)``, undiscounted return.
        lengths: Int ``(k,)``, steps.
        terminated: Bool ``(k,)``; False: truncated.
        metrics: Metric name to float64 ``(k,)``, mean over the episode's steps.
        seeds: The reset seed of each episode where it was given, else None.
        phase: ``"train"`` or ``"evaluation"``.
    """

    copies: Array
    episodes: Array
    returns: Mapping[str, Array]
    lengths: Array
    terminated: Array
    metrics: Mapping[str, Array]
    seeds: tuple[int | None, ...] = ()
    phase: str = "train"

    def total_returns(self, shared_reward: bool) -> Array:
        """Return float64 ``(k,)``: the common return, or the sum over agents."""
        values = list(self.returns.values())
        total: Array = values[0] if shared_reward else sum(values[1:], start=values[0].copy())
        return total


@dataclass(frozen=True, slots=True)
class LogEvent:
    """Metrics about to be written; hooks may add keys to ``values``."""

    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class EvaluationEnd:
    """A whole evaluation: fixed seeds, whole episodes, no exploration.

    Attributes:
        name: Which evaluation (``"periodic"``, ``"final"``, or what a command names).
        returns: Float64 ``(episodes,)``, total return of each episode.
        lengths: Int ``(episodes,)``.
        metrics: Metric name to float64 ``(episodes,)``, mean over each episode's steps.
        figures: Figure name to float64 ``(episodes,)``.
        seeds: Reset seed of each episode.
        is_best: True where the mean of what ``evaluation.best`` names is the best so far.
        seconds: Wall time.
        terminated: Bool ``(episodes,)``; False: truncated.
    """

    name: str
    returns: Array
    lengths: Array
    metrics: Mapping[str, Array]
    figures: Mapping[str, Array]
    seeds: tuple[int, ...]
    is_best: bool
    seconds: float
    terminated: Array


@dataclass(frozen=True, slots=True)
class CheckpointEvent:
    """A checkpoint was written to ``path``."""

    path: Path
    is_best: bool


@dataclass(frozen=True, slots=True)
class ResumeEvent:
    """The run continues from ``path``; ``promise`` is ``"state"``, ``"replay"`` or ``"episode"``."""

    path: Path
    promise: str


@dataclass(frozen=True, slots=True)
class RunSummary:
    """How a run ended.

    Attributes:
        status: ``"completed"``, ``"interrupted"``, ``"stopped"`` or ``"failed"``.
        reason: Why it stopped, in words; empty when it completed.
        counters: Where it stood.
        best_return: Mean return of the best evaluation, or None.
        last_return: Mean return of the last evaluation, or None.
        seconds: Wall time of this process's share.
        timings: Seconds by section (``act``, ``step``, ``update``, ``hooks``, ``evaluate``, ``checkpoint`` …).
        extra: Signal that ended it.
        held_back: How the best checkpoint did on held-back seeds (:mod:`wattloom.held_back`), or None.
    """

    status: str
    reason: str
    counters: Counters
    best_return: float | None
    last_return: float | None
    seconds: float
    timings: Mapping[str, float] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    held_back: Mapping[str, Any] | None = None
