"""Figures of a whole episode: totals, ratios of totals, extremes and ends, declared by the environment with unit and direction.

A metric says what happened in one step. What an operator asks is a figure of the episode: MWh in total, a PUE (a ratio of two totals, never a mean of
ratios), the lowest voltage. An environment lists them in ``figures``, and evaluations print, compare and choose by them::

    figures = (
        Figure.total("energy_grid", Column("energy", "MWh", "lower"), scale=1e-3),
        Figure.ratio("energy_total", "energy_it", Column("pue", "1", "lower")),
        Figure.lowest("voltage_min_pu", Column("voltage_min", "p.u.", "higher")),
    )
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wattloom.environment import Array, Column
from wattloom.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from wattloom.environment import EnvironmentSpec, StepResult


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What the steps of k whole episodes came to; mappings go from metric name to float64 ``(k,)``.

    Attributes:
        sums: Sum over the steps.
        lows, highs: Lowest and highest step.
        ends: Last step.
        lengths: Int ``(k,)``, number of steps.
        step_hours: h, length of a step.
    """

    sums: Mapping[str, Array]
    lows: Mapping[str, Array]
    highs: Mapping[str, Array]
    ends: Mapping[str, Array]
    lengths: Array
    step_hours: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One number about an episode.

    Attributes:
        column: Name, unit and direction.
        how: How it follows from the steps, in a word: ``"total"``, ``"mean"``, ``"ratio"`` …; printed in tables.
        of: Episodes to float64 ``(k,)``.
    """

    column: Column
    how: str
    of: Callable[[Course], Array]

    @property
    def name(self) -> str:
        """Name of the column."""
        return self.column.name

    @classmethod
    def total(cls, metric: str, column: Column, scale: float = 1.0) -> Figure:
        """Return the sum of ``metric`` over the steps, times ``scale`` (of units)."""
        return cls(column, "total", lambda course: course.sums[metric] * scale)

    @classmethod
    def integral(cls, metric: str, column: Column, scale: float = 1.0) -> Figure:
        """Return the sum of ``metric`` over the steps times their length in hours: MW become MWh."""
        return cls(column, "total", lambda course: course.sums[metric] * (course.step_hours * scale))

    @classmethod
    def mean(cls, metric: str, column: Column, scale: float = 1.0) -> Figure:
        """Return the mean of ``metric`` over the steps."""
        return cls(column, "mean", lambda course: course.sums[metric] / course.lengths * scale)

    @classmethod
    def ratio(cls, above: str, below: str, column: Column, scale: float = 1.0) -> Figure:
        """Return the ratio of two sums over the steps; NaN where the lower one is 0."""
        return cls(column, "ratio", lambda course: quotient(course.sums[above], course.sums[below]) * scale)

    @classmethod
    def lowest(cls, metric: str, column: Column, scale: float = 1.0) -> Figure:
        """Return the lowest ``metric`` of all steps."""
        return cls(column, "lowest", lambda course: course.lows[metric] * scale)

    @classmethod
    def highest(cls, metric: str, column: Column, scale: float = 1.0) -> Figure:
        """Return the highest ``metric`` of all steps."""
        return cls(column, "highest", lambda course: course.highs[metric] * scale)

    @classmethod
    def end(cls, metric: str, column: Column, scale: float = 1.0) -> Figure:
        """Return ``metric`` of the last step."""
        return cls(column, "at the end", lambda course: course.ends[metric] * scale)


def quotient(above: Array, below: Array) -> Array:
    """Return ``above / below``; NaN where ``below`` is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below == 0, np.nan, above / below)


def figures_of(spec: EnvironmentSpec) -> tuple[Figure, ...]:
    """Return the figures that an environment declares; where it declares none, the mean of every metric."""
    return spec.figures or tuple(Figure.mean(column.name, column) for column in spec.metric_columns)


def judged_by(spec: EnvironmentSpec, name: str) -> tuple[float, Callable[[Array, Mapping[str, Array], Mapping[str, Array]], Array]]:
    """Return how evaluations are judged by ``name``: ``"return"``, a figure, or a metric (its mean over the steps).

    Returns:
        1 where more is better, -1 where less is; and the function of returns, figures and metrics that gives the value of each episode.

    Raises:
        ConfigError: An unknown name, or a column of which neither direction is better.
    """
    if name == "return":
        return 1.0, lambda returns, figures, metrics: returns
    figures = {figure.name: figure.column for figure in spec.figures}
    metrics = {column.name: column for column in spec.metric_columns}
    known = metrics | figures
    if name not in known:
        raise ConfigError(
            f"evaluation.best: no figure or metric '{name}'{did_you_mean(name, ['return', *known])}; known: {', '.join(['return', *known])}"
        )
    if known[name].better == "none":
        raise ConfigError(f"evaluation.best={name}: the environment declares neither direction of it as better; choose another one")
    sign = 1.0 if known[name].better == "higher" else -1.0
    if name in figures:
        return sign, lambda returns, values, means: values[name]
    return sign, lambda returns, values, means: means[name]


def gather(table: Array, values: Mapping[str, Array], names: tuple[str, ...], what: str = "metrics") -> Array:
    """Write the rows ``names`` of ``values`` into ``table``, float64 ``(names, num_envs)``, in one call, and return it.

    Raises:
        ValueError: A row has another shape; says ``what`` they are.
    """
    try:
        if names:
            np.concatenate([*map(values.__getitem__, names)], out=table.reshape(-1))
    except ValueError as error:
        shapes = ", ".join(f"{name} {np.shape(values[name])}" for name in names if np.shape(values[name]) != table.shape[1:])
        raise ValueError(f"{what} of another shape than {table.shape[1:]}: {shapes}") from error
    return table


class CourseTracker:
    """Follows the metrics of ``num_envs`` copies: sum, extremes and last value since each copy's episode began.

    Args:
        spec: Declarations of the environment.
        num_envs: Number of copies.
    """

    def __init__(self, spec: EnvironmentSpec, num_envs: int) -> None:
        self._names = tuple(column.name for column in spec.metric_columns)
        self._step_hours = spec.step_seconds / 3600.0
        shape = (len(self._names), num_envs)
        self._sums, self._lows, self._highs, self._ends = np.zeros(shape), np.full(shape, np.inf), np.full(shape, -np.inf), np.zeros(shape)
        self._lengths = np.zeros(num_envs, dtype=np.int64)

    def start(self, copies: Array) -> None:
        """Begin new episodes in ``copies``, int ``(k,)``."""
        self._sums[:, copies], self._ends[:, copies] = 0.0, 0.0
        self._lows[:, copies], self._highs[:, copies] = np.inf, -np.inf
        self._lengths[copies] = 0

    def add(self, result: StepResult) -> None:
        """Add one step of all copies."""
        self._lengths += 1
        self._sums += gather(self._ends, result.metrics, self._names)
        np.minimum(self._lows, self._ends, out=self._lows)
        np.maximum(self._highs, self._ends, out=self._highs)

    def course(self, copies: Array) -> Course:
        """Return what the present episodes of ``copies`` came to."""
        sums, lows, highs, ends = (
            {name: table[row, copies] for row, name in enumerate(self._names)}
            for table in (self._sums, self._lows, self._highs, self._ends)
        )
        return Course(sums, lows, highs, ends, self._lengths[copies], self._step_hours)
