"""From series to the table an environment reads, and the share-once rule.

A source of your own needs one class: ``kind``, and a ``load`` that ends in :func:`table_of`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from functools import lru_cache

import numpy as np

from wattloom.components.sources.align import Leap, align
from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.protocol import Source
from wattloom.components.sources.resample import Resample
from wattloom.components.sources.series import Series
from wattloom.components.sources.table import Table, Wrap
from wattloom.environment import Column


def table_of(
    series: Iterable[Series],
    calendar: Calendar,
    *,
    wrap: Wrap = "tile",
    leap: Leap = "repeat28",
    resample: Resample = "auto",
    seed: int = 0,
    stored: Iterable[Iterable[Series]] = (),
    notes: tuple[str, ...] = (),
) -> Table:
    """Align series to a calendar and join them as columns.

    Args:
        series: One a column.
        calendar: The clock.
        wrap: Policy at the end of the data, see :class:`wattloom.components.sources.table.Table`.
        leap: Policy for 29 February of a typical year, see :func:`wattloom.components.sources.align.align`.
        resample: How the step is changed.
        seed: Seed of the table's growing forecasts.
        stored: Forecasts that came with the data: for each column its series of lead 1, 2, ... steps of the CALENDAR.
        notes: Lines for the user.
    """
    members = list(series)
    values = np.column_stack([align(s, calendar, wrap, leap, resample) for s in members])
    leads = [np.column_stack([align(s, calendar, wrap, leap, resample) for s in column]) for column in stored]
    columns = tuple(Column(s.name, s.unit) for s in members)
    origin = ", ".join(dict.fromkeys(s.origin for s in members if s.origin))
    return Table(calendar, columns, values, wrap, origin, seed, np.stack(leads, axis=2) if leads else None, notes)


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
