"""Replay memory: one preallocated row a transition, one gather a batch, columns as views.

The buffer knows nothing of agents or of algorithms; :mod:`wattloom.components.buffers.transitions` says which columns a transition has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from wattloom.environment import Array
from wattloom.errors import ConfigError, RunError


class ReplayBuffer:
    """A ring of float32 rows.

    Memory is reserved at once but touched only as rows arrive (``4 * capacity * width`` bytes when full).

    Args:
        columns: Name to width, in row order; adjacent columns can be read as one (:meth:`span`).
        capacity: Rows kept, the oldest are overwritten.
        batch_size: Rows of every sample.

    Attributes:
        batch: The last sample, float32 ``(batch_size, width)``. Views of it (:meth:`column`, :meth:`span`) show each new sample.
        size: Rows filled.
        slices: Where each column lies in a row, by name.
    """

    def __init__(self, columns: Mapping[str, int], capacity: int, batch_size: int) -> None:
        if capacity < 1:
            raise ConfigError(f"replay capacity must be at least 1 row, not {capacity}")
        self.capacity = int(capacity)
        self.columns = dict(columns)
        self.slices: dict[str, slice] = {}
        width = 0
        for name, size in columns.items():
            self.slices[name] = slice(width, width + size)
            width += size
        self.width = width
        self._rows = torch.empty(self.capacity, width)
        self._array = self._rows.numpy()
        self.batch = torch.zeros(batch_size, width)
        self._index = torch.zeros(batch_size, dtype=torch.int64)
        self.size = 0
        self._next = 0

    def __len__(self) -> int:
        return self.size

    def add(self, values: Mapping[str, Array]) -> None:
        """Append E rows, one a copy: each value ``(E, width)``, or ``(E,)`` for a column of width 1. The arrays are copied."""
        count = len(next(iter(values.values())))
        if count > self.capacity:
            raise ConfigError(f"a replay buffer of {self.capacity} rows cannot take {count} copies in one step: raise buffer_size")
        first = min(count, self.capacity - self._next)
        self._write(values, slice(self._next, self._next + first), slice(0, first))
        if first < count:  # the seam of the ring
            self._write(values, slice(0, count - first), slice(first, count))
        self._next = (self._next + count) % self.capacity
        self.size = min(self.size + count, self.capacity)

    def _write(self, values: Mapping[str, Array], rows: slice, source: slice) -> None:
        for name, columns in self.slices.items():
            value = values[name][source]
            self._array[rows, columns] = value if value.ndim == 2 else value.reshape(len(value), -1)

    def sample(self, generator: torch.Generator) -> Tensor:
        """Draw ``batch_size`` rows uniformly with replacement into :attr:`batch` and return it."""
        torch.randint(self.size, self._index.shape, generator=generator, out=self._index)
        return torch.index_select(self._rows, 0, self._index, out=self.batch)

    def column(self, name: str) -> Tensor:
        """Return the view ``(batch_size, width)`` of one column of :attr:`batch`."""
        return self.batch[:, self.slices[name]]

    def span(self, first: str, last: str) -> Tensor:
        """Return the view of :attr:`batch` from column ``first`` to the end of column ``last``."""
        return self.batch[:, self.slices[first].start : self.slices[last].stop]

    def stored(self, name: str) -> Tensor:
        """Return the view ``(size, width)`` of one column of all filled rows, in storage order."""
        return self._rows[: self.size, self.slices[name]]

    def state_dict(self) -> dict[str, Any]:
        """Return the filled part, the write position and the layout, all loadable with ``torch.load(weights_only=True)``."""
        return {"rows": self._rows[: self.size].clone(), "next": self._next, "capacity": self.capacity, "columns": dict(self.columns)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy saved rows into the existing memory.

        Raises:
            RunError: Saved with other columns or another capacity.
        """
        own, saved = self.columns, state["columns"]
        if saved != own:
            different = next(name for name in (*own, *saved) if own.get(name) != saved.get(name))
            raise RunError(f"saved replay column '{different}' has width {saved.get(different)}, here it is {own.get(different)}")
        if state["capacity"] != self.capacity:
            raise RunError(f"saved replay capacity is {state['capacity']} rows, here it is {self.capacity}: keep algorithm.buffer_size")
        self.size = len(state["rows"])
        self._rows[: self.size] = state["rows"]
        self._next = int(state["next"])
