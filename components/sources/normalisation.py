"""Normalisation from the training part only: what an agent learns on must not tell it about the test.

The statistics are plain numbers, so a checkpoint can hold them and an evaluation on another place uses the ones of the training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from wattloom.components.sources.series import Floats, frozen
from wattloom.components.sources.splits import NoSplit, Split
from wattloom.components.sources.table import Table
from wattloom.errors import ConfigError, DataError

Scaling = Literal["standard", "minmax", "none"]


@dataclass(frozen=True)
class Normaliser:
    """``(x - shift) / scale``, column by column.

    Attributes:
        columns: Names of the columns.
        shift: Shape (k,), in the unit of each column.
        scale: Shape (k,), in the unit of each column, never zero.
    """

    columns: tuple[str, ...]
    shift: Floats
    scale: Floats

    @classmethod
    def fit(cls, table: Table, split: Split | None = None, scaling: Scaling = "standard") -> Normaliser:
        """Measure a table on its training steps (on all of them where nothing is split).

        Args:
            table: The data; steps outside the training part are never read.
            split: How the calendar is split; None: not at all.
            scaling: ``"standard"``: mean 0 and standard deviation 1; ``"minmax"``: 0 .. 1; ``"none"``: unchanged.

        Raises:
            ConfigError: If the scaling is unknown or nothing trains.
            DataError: If a training value is not finite.
        """
        rows = table.values
        if split is not None and not isinstance(split, NoSplit):
            rows = rows[split.labels(table.calendar) == 0]
        if not rows.size:
            raise ConfigError("normalisation: no step of the calendar is in the training part")
        if not np.isfinite(rows).all():
            raise DataError(f"normalisation: {table.origin or 'table'} has values that are not finite in the training part")
        k = rows.shape[1]
        if scaling == "standard":
            shift, scale = rows.mean(axis=0), rows.std(axis=0)
        elif scaling == "minmax":
            shift, scale = rows.min(axis=0), np.ptp(rows, axis=0)
        elif scaling == "none":
            shift, scale = np.zeros(k), np.ones(k)
        else:
            raise ConfigError(f"scaling={scaling!r}: choose standard, minmax or none")
        return cls(table.names, frozen(shift), frozen(np.where(scale > 0, scale, 1.0)))

    def __call__(self, values: Floats) -> Floats:
        """Normalise ``(..., k)`` values."""
        return (values - self.shift) / self.scale

    def inverse(self, values: Floats) -> Floats:
        """Undo :meth:`__call__`."""
        return values * self.scale + self.shift

    def state(self) -> dict[str, list[float] | list[str]]:
        """Plain numbers for a checkpoint."""
        return {"columns": list(self.columns), "shift": self.shift.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_state(cls, state: dict[str, list[float] | list[str]]) -> Normaliser:
        """Rebuild from :meth:`state`."""
        return cls(tuple(map(str, state["columns"])), frozen(np.asarray(state["shift"], float)), frozen(np.asarray(state["scale"], float)))

    def table(self, table: Table) -> Table:
        """Return the same table with normalised values (for windows and forecasts gathered already normalised)."""
        stored = None if table.stored is None else self(table.stored)
        return Table(table.calendar, table.columns, self(table.values), table.wrap, table.origin, table.seed, stored, table.notes)
