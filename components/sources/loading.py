"""From series to the table an environment reads.

A source of your own needs one class: ``kind``, and a ``load`` that ends in :func:`table_of`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from wattloom.components.sources.align import Leap, align
from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.resample import Resample
from wattloom.components.sources.series import Series
from wattloom.components.sources.table import Table, Wrap
from wattloom.components.sources.transforms import Transform, apply_all
from wattloom.environment import Column


def table_of(
    series: Iterable[Series],
    calendar: Calendar,
    *,
    wrap: Wrap = "tile",
    leap: Leap = "repeat28",
    resample: Resample = "auto",
    transforms: Sequence[Transform] = (),
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
        transforms: Changes to every series before it is aligned, in order.
        seed: Seed of random transforms and of the table's growing forecasts.
        stored: Forecasts that came with the data: for each column its series of lead 1, 2, ... steps of the CALENDAR.
        notes: Lines for the user.
    """
    members = [apply_all(transforms, s, seed) for s in series]
    values = np.column_stack([align(s, calendar, wrap, leap, resample) for s in members])
    leads = [np.column_stack([align(s, calendar, wrap, leap, resample) for s in column]) for column in stored]
    columns = tuple(Column(s.name, s.unit) for s in members)
    origin = ", ".join(dict.fromkeys(s.origin for s in members if s.origin))
    return Table(calendar, columns, values, wrap, origin, seed, np.stack(leads, axis=2) if leads else None, notes)
