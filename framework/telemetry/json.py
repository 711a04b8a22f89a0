"""The one JSON encoder of the project: NumPy to Python, NaN and infinities to null with a count, so that every file is valid JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence, Set
from pathlib import PurePath
from typing import Any

import numpy as np

NONFINITE = "nonfinite"
_PLAIN = (str, int, bool, type(None))


class _Counter:
    """Counts the numbers that JSON cannot hold while values are turned plain."""

    def __init__(self) -> None:
        self.nonfinite = 0

    def plain(self, value: Any) -> Any:
        """Return ``value`` as something that :mod:`json` writes without loss, except NaN and infinities (None)."""
        if type(value) is float:
            return self._number(value)
        if type(value) in _PLAIN:
            return value
        if isinstance(value, Mapping):
            return {str(key): self.plain(item) for key, item in value.items()}
        return self._other(value)

    def _number(self, value: float) -> float | None:
        if math.isfinite(value):
            return value
        self.nonfinite += 1
        return None

    def _other(self, value: Any) -> Any:
        """Arrays, scalars, containers and the few objects that have an obvious text."""
        if isinstance(value, np.ndarray | np.generic):
            return self.plain(value.tolist())
        if isinstance(value, Set):
            return [self.plain(item) for item in sorted(value)]
        if isinstance(value, Sequence) and not isinstance(value, str | bytes):
            return [self.plain(item) for item in value]
        if isinstance(value, PurePath):
            return value.as_posix()
        if isinstance(value, float):
            return self._number(float(value))
        if isinstance(value, int | str):  # bool, enum and other subclasses
            return int(value) if isinstance(value, int) else str(value)
        if hasattr(value, "item"):  # a scalar of torch, or of any other array library
            return self.plain(value.item())
        raise TypeError(f"cannot write a {type(value).__name__} as JSON: {value!r}")


def plain(value: Any) -> tuple[Any, int]:
    """Return ``value`` in plain Python types, and how many NaN or infinite numbers became None.

    Raises:
        TypeError: A value has no JSON form (a class instance, bytes).
    """
    counter = _Counter()
    return counter.plain(value), counter.nonfinite


def dumps(value: Any, indent: int | None = None) -> str:
    """Return JSON text, keys in the given order; a mapping that held NaN or infinities gains a last key ``nonfinite`` with their count."""
    content, nonfinite = plain(value)
    if nonfinite and isinstance(content, dict):
        content[NONFINITE] = nonfinite
    separators = (",", ":") if indent is None else None
    return json.dumps(content, indent=indent, separators=separators, allow_nan=False, ensure_ascii=False)
