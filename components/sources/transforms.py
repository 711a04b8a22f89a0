"""Named changes to a series before it is laid on the calendar: a list in the config, applied in order, each off unless asked for.

Every transform is one frozen dataclass with ``__call__(series, seed) -> Series``; a class of your own with that call works in the same list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from wattloom.components.sources.noise import ar1
from wattloom.components.sources.seeds import generator
from wattloom.components.sources.series import DAY, HOUR, Series
from wattloom.errors import ConfigError, DataError


class Transform(Protocol):
    """Anything that turns one series into another."""

    def __call__(self, series: Series, seed: int) -> Series:
        """Return the changed series; random transforms draw from ``seed`` only."""
        ...


def apply_all(transforms: Sequence[Transform], series: Series, seed: int) -> Series:
    """Apply a list of transforms in order."""
    for number, transform in enumerate(transforms):
        if not callable(transform):
            example = "{_target_: wattloom.components.sources.transforms.Scale, factor: 0.5}"
            raise ConfigError(f"transforms[{number}]={transform!r} is no transform: name its class, such as {example}")
        series = transform(series, seed)
    return series


@dataclass(frozen=True)
class Clip:
    """Limit the values to ``low .. high`` (unit of the series; None: no limit on that side)."""

    low: float | None = None
    high: float | None = None

    def __call__(self, series: Series, seed: int) -> Series:
        """Return the clipped series."""
        return series.with_values(np.clip(series.values, self.low, self.high))


@dataclass(frozen=True)
class Scale:
    """``factor * x + offset``; ``unit`` names the new unit (empty: unchanged)."""

    factor: float = 1.0
    offset: float = 0.0
    unit: str = ""

    def __call__(self, series: Series, seed: int) -> Series:
        """Return the scaled series."""
        return series.with_values(self.factor * series.values + self.offset, unit=self.unit or None)


@dataclass(frozen=True)
class RescaleQuantile:
    """Map two quantiles of the WHOLE series linearly to two levels, and clip: the usual way to stretch a utilisation trace.

    It looks at the whole series, so it is a choice about the data set, not a normalisation an agent may rely on.

    Attributes:
        low_quantile: Quantile that becomes ``low_level``.
        high_quantile: Quantile that becomes ``high_level``.
        low_level: New level of the lower quantile.
        high_level: New level of the upper quantile.
        clip_low: Smallest value afterwards.
        clip_high: Largest value afterwards.
    """

    low_quantile: float = 0.05
    high_quantile: float = 0.95
    low_level: float = 0.2
    high_level: float = 0.8
    clip_low: float = 0.0
    clip_high: float = 1.0

    def __call__(self, series: Series, seed: int) -> Series:
        """Return the rescaled series.

        Raises:
            DataError: If both quantiles are equal.
        """
        low, high = np.quantile(series.values, [self.low_quantile, self.high_quantile])
        if high <= low:
            raise DataError(f"{series.origin or series.name}: rescale_quantile needs values that differ; both quantiles are {low:g}")
        share = (series.values - low) / (high - low)
        levels = self.low_level + share * (self.high_level - self.low_level)
        return series.with_values(np.clip(levels, self.clip_low, self.clip_high))


@dataclass(frozen=True)
class MovingAverage:
    """Centred mean over ``hours``; the ends are mirrored (``edge="reflect"``), held (``"edge"``) or joined (``"wrap"``), never padded with zero."""

    hours: float = 4.0
    edge: str = "reflect"

    def __call__(self, series: Series, seed: int) -> Series:
        """Return the smoothed series.

        Raises:
            ConfigError: If the edge rule is unknown or the window is longer than the series.
        """
        if self.edge not in ("reflect", "edge", "wrap"):
            raise ConfigError(f"moving_average edge={self.edge!r}: choose reflect, edge or wrap")
        width = max(1, round(self.hours * HOUR / series.step_seconds))
        if width >= series.n_steps:
            raise ConfigError(f"moving_average hours={self.hours:g} is longer than {series.origin or series.name}")
        left = width // 2
        padded = np.pad(series.values, (left, width - 1 - left), mode=self.edge)  # type: ignore[call-overload]
        return series.with_values(np.convolve(padded, np.full(width, 1.0 / width), mode="valid"))


@dataclass(frozen=True)
class Shift:
    """Roll the values later by ``hours`` (negative: earlier); what leaves at one end enters at the other."""

    hours: float = 0.0

    def __call__(self, series: Series, seed: int) -> Series:
        """Return the rolled series.

        Raises:
            ConfigError: If the shift is not a whole number of steps.
        """
        steps = self.hours * HOUR / series.step_seconds
        if steps != round(steps):
            raise ConfigError(f"shift hours={self.hours:g} is not a whole number of steps of {series.step_seconds} s")
        return series.with_values(np.roll(series.values, round(steps)))


@dataclass(frozen=True)
class TransposeHourMajor:
    """Put blocks stored hour by hour (hour 0 of every day, then hour 1, ...) into the order of time.

    Attributes:
        days: Days in a block; 7 for the weekly traces stored so.
    """

    days: int = 7

    def __call__(self, series: Series, seed: int) -> Series:
        """Return the series in chronological order.

        Raises:
            DataError: If the length is not a whole number of blocks.
        """
        per_day = DAY // series.step_seconds
        block = per_day * self.days
        if series.n_steps % block:
            raise DataError(
                f"{series.origin or series.name}: transpose_hour_major needs whole blocks of {block} values, there are {series.n_steps}"
            )
        blocks = series.values.reshape(-1, per_day, self.days)
        return series.with_values(blocks.transpose(0, 2, 1).reshape(-1))


@dataclass(frozen=True)
class AddNoise:
    """Add a stationary AR(1) noise.

    Attributes:
        std: Standard deviation, unit of the series (or a share of its own standard deviation, see ``relative``).
        phi: Correlation of neighbouring steps, -1 < phi < 1.
        relative: ``std`` is a share of the series' own standard deviation.
    """

    std: float = 0.05
    phi: float = 0.9
    relative: bool = True

    def __call__(self, series: Series, seed: int) -> Series:
        """Return the noisy series; equal seeds give equal noise.

        Raises:
            ConfigError: If ``phi`` is not within (-1, 1).
        """
        if not -1 < self.phi < 1:
            raise ConfigError(f"add_noise phi={self.phi}: a correlation strictly between -1 and 1")
        scale = self.std * (float(series.values.std()) if self.relative else 1.0)
        return series.with_values(series.values + scale * ar1(generator(seed, "noise", series.name), series.n_steps, self.phi))
