"""Policies and references on the same episodes: figures with intervals, paired differences, the share of a gap that is closed.

One run is judged over its episodes; several runs (seeds) of one configuration are one line, judged over the runs: every run counts once, with its mean
over the episodes. All methods meet the same episodes, so every difference is paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wattloom.environment import Array, Column
from wattloom.evaluation import EvaluationResult
from wattloom.figures import Figure
from wattloom.statistics import Interval, mean_interval, ratio_interval

RETURN = Figure(Column("return", "1", "higher"), "total", lambda course: course.lengths * np.nan)  # EvaluationResult.returns holds it


@dataclass(frozen=True, slots=True)
class Line:
    """One method of a comparison.

    Attributes:
        name: As printed, e.g. ``"sac"``, ``"sac, sampled"`` or ``"opf"``.
        results: One a run; of a reference, the only one.
        runs: Name of each run; empty for a reference.
        privileged: Whether it reads the model or the true future.
        sampled: Whether actions were drawn from the policy's distribution.
    """

    name: str
    results: tuple[EvaluationResult, ...]
    runs: tuple[str, ...] = ()
    privileged: bool = False
    sampled: bool = False

    @property
    def is_reference(self) -> bool:
        """True where it is nobody's trained policy."""
        return not self.runs

    @property
    def over(self) -> str:
        """What its intervals are over: ``"runs"`` or ``"episodes"``."""
        return "runs" if len(self.results) > 1 else "episodes"

    def values(self, figure: Figure) -> Array:
        """Return ``figure`` of every run and episode, float64 ``(runs, episodes)``."""
        return np.array([result.returns if figure is RETURN else result.figures[figure.name] for result in self.results])

    def sample(self, figure: Figure) -> Array:
        """Return what an interval is taken over: the mean of every run, or the only run's episodes; float64 ``(n,)``."""
        return _sample(self.values(figure))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Trained policies beside references.

    Attributes:
        figures: What is compared; the return first.
        lines: Policies, then references, all on the same episodes.
        gap: Names of the two reference lines between which policies are placed, the worse one first; None: no such pair.
    """

    figures: tuple[Figure, ...]
    lines: tuple[Line, ...]
    gap: tuple[str, str] | None = None

    @property
    def policies(self) -> tuple[Line, ...]:
        """Lines of trained policies."""
        return tuple(line for line in self.lines if not line.is_reference)

    @property
    def references(self) -> tuple[Line, ...]:
        """Lines of references."""
        return tuple(line for line in self.lines if line.is_reference)

    def reference(self, name: str) -> Line:
        """Return the reference of that name."""
        return next(line for line in self.references if line.name == name)

    @staticmethod
    def interval(line: Line, figure: Figure) -> Interval:
        """Return mean and 95 % interval."""
        return mean_interval(line.sample(figure))

    @staticmethod
    def difference(policy: Line, reference: Line, figure: Figure) -> Interval:
        """Return the mean of policy minus reference, episode by episode, with its 95 % interval."""
        return mean_interval(_sample(policy.values(figure) - reference.values(figure)))

    def share(self, policy: Line, figure: Figure) -> Interval | None:
        """Return the share of the gap that ``policy`` closes, with its 95 % interval; None where there is no gap to close.

        0 is the worse reference, 1 the better one. The better one has to be better, by a paired interval that leaves out 0.
        """
        if self.gap is None or figure.column.better == "none":
            return None
        sign = 1.0 if figure.column.better == "higher" else -1.0
        worse, better = (sign * self.reference(name).values(figure) for name in self.gap)
        room = _sample(better - worse)
        _, low, _ = mean_interval(room)
        if not (low > 0.0 or (len(room) == 1 and room[0] > 0.0)):
            return None
        gained = sign * policy.values(figure) - worse
        if policy.over == "runs":  # the references are the same for every run, so the runs alone vary
            return mean_interval(gained.mean(axis=1) / room.mean())
        return ratio_interval(gained[0], room)

    def identical_episodes(self) -> bool:
        """Return whether several episodes were all the same one: an environment that draws nothing, for which intervals over episodes mean nothing."""
        results = [line.results[0] for line in self.lines if not line.sampled]
        return all(len(result.returns) > 1 and not np.ptp(result.returns) for result in results)

    def summary(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        return {
            "figures": [_about(figure) for figure in self.figures],
            "rows": {line.name: self._row(line) for line in self.lines},
            "differences": {
                policy.name: {reference.name: self._differences(policy, reference) for reference in self.references}
                for policy in self.policies
            },
            "gap": None if self.gap is None else self._gap(self.gap),
        }

    def _row(self, line: Line) -> dict[str, Any]:
        first = line.results[0]
        return {
            "kind": "reference" if line.is_reference else "policy",
            "privileged": line.privileged,
            "sampled": line.sampled,
            "runs": list(line.runs),
            "episodes": len(first.returns),
            "interval_over": line.over,
            "return": self.interval(line, RETURN),
            "length": float(np.mean([result.lengths for result in line.results])),
            "terminated": float(np.mean([result.terminated for result in line.results])),
            "figures": {figure.name: self.interval(line, figure) for figure in self.figures if figure is not RETURN},
            "step_means": {name: float(np.mean([result.metrics[name] for result in line.results])) for name in first.metrics},
            "seconds": sum(result.seconds for result in line.results),
        }

    def _differences(self, policy: Line, reference: Line) -> dict[str, Any]:
        return {figure.name: self._difference(policy, reference, figure) for figure in self.figures}

    def _difference(self, policy: Line, reference: Line, figure: Figure) -> dict[str, float | None]:
        mean, low, high = self.difference(policy, reference, figure)
        return {"mean": mean, "low": low, "high": high, "percent": percent(mean, self.interval(reference, figure)[0])}

    def _gap(self, gap: tuple[str, str]) -> dict[str, Any]:
        shares = {line.name: {figure.name: self.share(line, figure) for figure in self.figures} for line in self.policies}
        return {"from": gap[0], "to": gap[1], "shares": shares}


def percent(difference: float, base: float) -> float | None:
    """Return a difference in per cent of the size of ``base``; None where that is 0 or unknown."""
    return None if base == 0.0 or np.isnan(base) or np.isnan(difference) else 100.0 * difference / abs(base)


def compared_figures(figures: Sequence[Figure]) -> tuple[Figure, ...]:
    """Return the return, then the figures of an environment."""
    return (RETURN, *figures)


def _sample(values: Array) -> Array:
    """Return the mean of each run where there are several, else the episodes: ``(runs, episodes)`` to ``(n,)``."""
    sample: Array = values.mean(axis=1) if len(values) > 1 else values[0]
    return sample


def _about(figure: Figure) -> Mapping[str, str]:
    column = figure.column
    return {"name": column.name, "unit": column.unit, "better": column.better, "how": figure.how}
