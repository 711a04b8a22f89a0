"""Split a calendar into training, validation and test.

A split that shows the same values on both sides measures nothing: a week pasted 53 times makes every month alike. :func:`check_leak` compares the
period after which a table repeats with the split and refuses (or warns).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.table import Table
from wattloom.errors import ConfigError, DataError

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
Labels = NDArray[np.int8]


class LeakWarning(UserWarning):
    """A split whose parts show the same values."""


class Split(Protocol):
    """A rule that gives every step of a calendar to one part, or to none."""

    def labels(self, calendar: Calendar) -> Labels:
        """Return shape (n_steps,): 0 train, 1 validation, 2 test, -1 unused."""
        ...


@dataclass(frozen=True)
class NoSplit:
    """Every step belongs to all parts: training and test see the same data."""

    def labels(self, calendar: Calendar) -> Labels:
        """Return -1 everywhere; ``Starts`` reads this split as one part."""
        return np.full(calendar.n_steps, -1, dtype=np.int8)


@dataclass(frozen=True)
class MonthSplit:
    """Whole local months.

    Attributes:
        train: Months 1 .. 12 of the training part.
        validation: Months of the validation part.
        test: Months of the test part.

    Raises:
        ConfigError: If a month is named twice or does not exist.
    """

    train: Sequence[int] = (1, 2, 4, 5, 7, 8, 10, 11)
    validation: Sequence[int] = ()
    test: Sequence[int] = (3, 6, 9, 12)

    def __post_init__(self) -> None:
        named = [*self.train, *self.validation, *self.test]
        if len(set(named)) < len(named) or not set(named) <= set(range(1, 13)):
            raise ConfigError(
                f"months train={list(self.train)} validation={list(self.validation)} test={list(self.test)}: name each month 1 .. 12 once"
            )

    def labels(self, calendar: Calendar) -> Labels:
        """Return the part of every step by its local month."""
        return _by_number(calendar.month, self.train, self.validation, self.test)


@dataclass(frozen=True)
class WeekSplit:
    """Whole local weeks (Monday to Sunday), dealt out in turn.

    Attributes:
        train: Weeks of every cycle that train.
        validation: Weeks of every cycle that validate.
        test: Weeks of every cycle that test; numbers 0 .. cycle - 1.
        cycle: Length of the cycle, weeks.
    """

    train: Sequence[int] = (0, 1, 2)
    validation: Sequence[int] = ()
    test: Sequence[int] = (3,)
    cycle: int = 4

    def __post_init__(self) -> None:
        named = [*self.train, *self.validation, *self.test]
        if self.cycle < 1 or len(set(named)) < len(named) or not set(named) <= set(range(self.cycle)):
            raise ConfigError(
                f"weeks train={list(self.train)} test={list(self.test)} cycle={self.cycle}: name each week 0 .. cycle - 1 at most once"
            )

    def labels(self, calendar: Calendar) -> Labels:
        """Return the part of every step by its local week."""
        monday = (calendar.local_day - 4) // 7  # 1970-01-05 is day 4
        return _by_number((monday - monday[0]) % self.cycle, self.train, self.validation, self.test)


@dataclass(frozen=True)
class BlockSplit:
    """Three contiguous stretches in order of time, with unused gaps between them.

    Attributes:
        train: Share of the calendar that trains, first.
        validation: Share that validates, next.
        test: Share that tests, last.
        gap_hours: Unused time at the start of each later stretch, hours (one forecast horizon or more).
    """

    train: float = 0.7
    validation: float = 0.0
    test: float = 0.3
    gap_hours: float = 24.0

    def __post_init__(self) -> None:
        shares = (self.train, self.validation, self.test)
        if min(shares) < 0 or not 0 < sum(shares) <= 1 + 1e-9 or self.gap_hours < 0:
            raise ConfigError(
                f"blocks train={self.train} validation={self.validation} test={self.test}: shares are not negative and add up to 1 at most"
            )

    def labels(self, calendar: Calendar) -> Labels:
        """Return the part of every step by its place in the calendar; borders fall on whole days."""
        labels = np.full(calendar.n_steps, -1, dtype=np.int8)
        day, gap = calendar.steps_per_day, round(self.gap_hours * 3600 / calendar.step_seconds)
        edges = np.cumsum([0.0, self.train, self.validation, self.test]) * calendar.n_steps
        borders = [round(edge / day) * day for edge in edges]
        for number in range(3):
            begin = borders[number] + (gap if borders[number] > 0 else 0)
            labels[begin : borders[number + 1]] = number
        return labels


def _by_number(numbers: NDArray[np.int64], *parts: Sequence[int]) -> Labels:
    labels = np.full(numbers.size, -1, dtype=np.int8)
    for number, members in enumerate(parts):
        labels[np.isin(numbers, list(members))] = number
    return labels


def check_leak(table: Table, split: Split, policy: Literal["error", "warn"] = "error") -> None:
    """Refuse a split whose training values appear again in another part because the table repeats.

    Args:
        table: The data.
        split: The rule.
        policy: ``"error"`` or ``"warn"``.

    Raises:
        DataError: If the parts share values and ``policy="error"``.
    """
    period, labels = table.distinct_steps, split.labels(table.calendar)
    if period <= 1 or period >= table.calendar.n_steps:
        return
    phase = np.arange(labels.size) % period
    held_out = np.isin(labels, (1, 2))
    shared = np.intersect1d(phase[labels == 0], phase[held_out])
    if not shared.size:
        return
    hours = period * table.calendar.step_seconds / 3600
    message = (
        f"{table.origin or 'table'} ({', '.join(table.names)}) repeats every {hours:g} h: the split has no effect, "
        f"{shared.size / np.unique(phase[held_out]).size:.0%} of the held-out values are also in train. Use longer data, or a generator"
    )
    if policy == "error":
        raise DataError(message)
    warnings.warn(message, LeakWarning, stacklevel=2)
