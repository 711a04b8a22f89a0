"""Load a source once a process and share its read-only table."""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import TYPE_CHECKING

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.table import Table

if TYPE_CHECKING:
    from wattloom.components.sources.protocol import Source


def shared(source: Source, calendar: Calendar, seed: int = 0) -> Table:
    """Load a source once a process: environments that ask for the same source, calendar and seed read the same arrays.

    A source that is hashable (a frozen dataclass is) counts as the same when its parameters are equal. A source that reads a file also offers
    ``fingerprint() -> str``, so that a changed file is read again. Tables are immutable, so sharing cannot be noticed.
    """
    if not isinstance(source, Hashable):
        return source.load(calendar, seed)
    try:
        hash(source)
    except TypeError:  # a field, such as a list of transforms, that cannot be hashed
        return source.load(calendar, seed)
    fingerprint = getattr(source, "fingerprint", None)
    return _load(source, calendar, seed, fingerprint() if callable(fingerprint) else "")


@lru_cache(maxsize=64)
def _load(source: Source, calendar: Calendar, seed: int, fingerprint: str) -> Table:
    return source.load(calendar, seed)
