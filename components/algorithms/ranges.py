"""Range checks of hyper-parameters: return the value, or name key, value and range."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from wattloom.errors import ConfigError, did_you_mean


def within(key: str, value: float, low: float, high: float) -> float:
    """Return ``value`` as float if it lies in [low, high]."""
    if not low <= _number(key, value) <= high:
        raise ConfigError(f"{key} must lie in [{low:g}, {high:g}], not {value}")
    return float(value)


def at_least(key: str, value: float, low: float) -> float:
    """Return ``value`` as float if it is finite and at least ``low``."""
    if not low <= _number(key, value):
        raise ConfigError(f"{key} must be at least {low:g}, not {value}")
    return float(value)


def positive(key: str, value: float) -> float:
    """Return ``value`` as float if it is finite and greater than 0."""
    if not _number(key, value) > 0:
        raise ConfigError(f"{key} must be greater than 0, not {value}")
    return float(value)


def count(key: str, value: int, low: int = 1) -> int:
    """Return ``value`` if it is an integer of at least ``low``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ConfigError(f"{key} must be an integer of at least {low}, not {value!r}")
    return value


def flag(key: str, value: bool) -> bool:
    """Return ``value`` if it is true or false."""
    if not isinstance(value, bool):
        raise ConfigError(f"{key} must be true or false, not {value!r}")
    return value


def sizes(key: str, values: Sequence[int]) -> tuple[int, ...]:
    """Return ``values`` as a tuple if they are positive integers, at least one."""
    numbers = tuple(values) if isinstance(values, list | tuple) else ()
    if not numbers or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in numbers):
        raise ConfigError(f"{key} must be a list of positive integers such as [256, 256], not {values!r}")
    return numbers


def one_of(key: str, value: str, known: Iterable[str]) -> str:
    """Return ``value`` if it is one of ``known``."""
    options = sorted(known)
    if value not in options:
        raise ConfigError(f"{key} must be one of {', '.join(options)}, not {value!r}{did_you_mean(str(value), options)}")
    return value


def _number(key: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(f"{key} must be a finite number, not {value!r}")
    return float(value)
