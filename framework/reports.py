"""Files that an environment writes about an evaluation: its own tables, with its own column names, made from every step that is played.

An environment that has such files offers ``report(played)``; the command ``evaluate`` hands every step of every method to what it returns, and has the
files written when all have been played. An environment of your own does it in the same way::

    class Tank(BatchedEnvironment):
        def report(self, played):
            return LevelTable(self, played)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from wattloom.environment import Array, Environment, Snapshot, StepResult


@dataclass(frozen=True, slots=True)
class Played:
    """One method that plays.

    Attributes:
        name: As printed: ``"sac"``, ``"opf+batteries=true"``.
        seeds: Reset seed of each episode.
        is_reference: True where it is nobody's trained policy.
        sampled: Whether actions are drawn from a stochastic policy.
        privileged: Whether it reads the model or the true future.
        training_seed: Seed of the run that trained it; None for a reference.
    """

    name: str
    seeds: tuple[int, ...]
    is_reference: bool = False
    sampled: bool = False
    privileged: bool = False
    training_seed: int | None = None


@runtime_checkable
class StepReport(Protocol):
    """Collects the steps of one method, and writes the files of all."""

    def __call__(self, snapshot: Snapshot, actions: Mapping[str, Array], result: StepResult, episode: Array) -> None:
        """Receive a step, as a :data:`wattloom.evaluation.StepListener`."""
        ...

    def write(self, folder: Path, parts: Sequence[Any]) -> Sequence[Path]:
        """Write the files of ``parts``, this one among them, all of one class, and return their paths."""
        ...


def open_report(environment: Environment, played: Played) -> StepReport | None:
    """Return what ``environment`` wants to be told about ``played``; None where it writes no files."""
    offer = getattr(environment, "report", None)
    report = offer(played) if callable(offer) else None
    return report if isinstance(report, StepReport) else None


def write_reports(folder: Path, parts: Sequence[StepReport]) -> list[Path]:
    """Write the environment's files about ``parts`` into ``folder`` and return their paths."""
    return list(parts[0].write(folder, parts)) if parts else []
