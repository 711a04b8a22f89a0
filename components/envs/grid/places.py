"""Curves of single places in a table: columns named by kind and bus beside the common one.

    demand_BUS      active load of a bus, in the unit of the common column ``demand``
    reactive_BUS    its reactive load; without one it goes with the active load
    solar_BUS       power of a generator over its rating

A place without a column of its own follows the common curve. Buses are pandapower's numbers.
"""

from __future__ import annotations

import numpy as np

from wattloom.components.envs.grid.protocol import Floats, Integers
from wattloom.components.sources.protocol import Table
from wattloom.errors import DataError


def demand(table: Table, common: Floats, buses: Integers) -> Floats:
    """Return the active load over its base: ``(n_rows,)`` one curve for all, or ``(n_rows, n_bus)``.

    Args:
        table: The source's.
        common: ``(n_rows,)`` the common curve over its base.
        buses: ``(n_bus,)`` numbers.

    Raises:
        DataError: A negative load, or a bus that the network does not have.
    """
    values = _curves(table, "demand", common, buses, _base(table, common))
    if values.min() < 0:
        raise DataError(f"demand ({table.origin or 'table'}) of a single bus is negative; loads consume")
    return values


def reactive(table: Table, active: Floats, common: Floats, buses: Integers) -> Floats | None:
    """Return the reactive load over its base, ``(n_rows, n_bus)``; None: it goes with the active one."""
    if not any(name.startswith("reactive_") for name in table.names):
        return None
    followed = active if active.ndim == 2 else np.repeat(active[:, None], len(buses), axis=1)
    return _curves(table, "reactive", followed, buses, _base(table, common))


def solar(table: Table, common: Floats, buses: Integers) -> Floats:
    """Return the power over the rating: ``(n_rows,)`` one curve for all, or ``(n_rows, n)`` for the buses given."""
    values = _curves(table, "solar", common, buses, 1.0, every=False)
    return values if common.min() < 0 else np.maximum(values, 0.0)


def _base(table: Table, common: Floats) -> float:
    """Return what the common column was divided by."""
    row = int(np.argmax(common))
    return float(table.values[row, 0]) / float(common[row])


def _curves(table: Table, kind: str, followed: Floats, buses: Integers, base: float, every: bool = True) -> Floats:
    """Return ``followed`` with the columns of single places in it; itself where there are none."""
    own = {name.removeprefix(f"{kind}_"): name for name in table.names if name.startswith(f"{kind}_")}
    if not own:
        return followed
    numbers = [str(bus) for bus in buses]
    if every and (unknown := [bus for bus in own if bus not in numbers]):
        raise DataError(f"column {own[unknown[0]]} of {table.origin or 'the table'}: the network has no bus {unknown[0]}")
    values = followed.copy() if followed.ndim == 2 else np.repeat(followed[:, None], len(numbers), axis=1)
    for column, bus in enumerate(numbers):
        if bus in own:
            values[:, column] = table.column(own[bus]) / base
    return np.ascontiguousarray(values)
