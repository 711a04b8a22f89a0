"""Parameters of a learner in ONE contiguous tensor with named views.

An optimiser step, a soft target update and a gradient norm are then one call each, whatever the number of layers and networks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from wattloom.errors import RunError

ALIGNMENT = 16  # floats: each view starts on a 64-byte line, which the matrix kernels load fastest

Shapes = Mapping[str, tuple[int, ...]]


class FlatParams(Mapping[str, Tensor]):
    """Named tensors that are views of one float32 vector, in the order of ``shapes``.

    Args:
        shapes: Name to shape; dots separate levels, e.g. ``"critic.weight_0"``.
        data: Float vector to view (padded length); None: zeros.
    """

    def __init__(self, shapes: Shapes, data: Tensor | None = None) -> None:
        self.shapes = dict(shapes)
        self.data = torch.zeros(padded_length(self.shapes)) if data is None else data
        self._views = self.views_of(self.data)

    def __getitem__(self, name: str) -> Tensor:
        return self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def views_of(self, data: Tensor) -> dict[str, Tensor]:
        """Return the named views of another vector of the same length (e.g. a leaf that requires gradients)."""
        views, start = {}, 0
        for name, shape in self.shapes.items():
            views[name] = data[start : start + math.prod(shape)].view(shape)
            start += _padded(shape)
        return views

    def clone(self) -> FlatParams:
        """Return an independent copy."""
        return FlatParams(self.shapes, self.data.clone())

    def zeros_like(self) -> FlatParams:
        """Return zeros of the same layout, e.g. for a gradient."""
        return FlatParams(self.shapes)

    def section(self, prefix: str) -> FlatParams:
        """Return the adjacent tensors under ``prefix.`` as FlatParams on the SAME memory, names without the prefix."""
        start, length, shapes = 0, 0, {}
        for name, shape in self.shapes.items():
            if name.startswith(prefix + "."):
                shapes[name.removeprefix(prefix + ".")] = shape
                length += _padded(shape)
            elif not shapes:
                start += _padded(shape)
        if not shapes:
            raise KeyError(f"no tensor under '{prefix}.'; there are {sorted(self.shapes)}")
        return FlatParams(shapes, self.data[start : start + length])

    def member(self, index: int) -> dict[str, Tensor]:
        """Return views of one ensemble member, leading axis kept: ``(1, …)``."""
        return self.members(index, index + 1)

    def members(self, first: int, stop: int) -> dict[str, Tensor]:
        """Return views of ensemble members ``first … stop - 1``."""
        return {name: view[first:stop] for name, view in self._views.items()}

    def state_dict(self) -> dict[str, Tensor]:
        """Return a copy of every named tensor."""
        return {name: view.clone() for name, view in self._views.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Copy ``state`` into the existing memory.

        Raises:
            RunError: Another set of names, or another shape; names the first difference.
        """
        check_shapes(self.shapes, {name: tuple(value.shape) for name, value in state.items()})
        for name, view in self._views.items():
            view.copy_(state[name])


def check_shapes(expected: Shapes, found: Shapes) -> None:
    """Raise a RunError that names the first tensor that is missing, unknown or of another shape."""
    for name, shape in expected.items():
        if name not in found:
            raise RunError(f"saved parameters lack '{name}' of shape {shape}: they belong to another network")
        if tuple(found[name]) != tuple(shape):
            raise RunError(f"saved parameter '{name}' has shape {tuple(found[name])}, this network needs {tuple(shape)}")
    for name in found:
        if name not in expected:
            raise RunError(f"saved parameters hold '{name}', which this network does not have")


def padded_length(shapes: Shapes) -> int:
    """Return the floats that tensors of ``shapes`` occupy together."""
    return sum(_padded(shape) for shape in shapes.values())


def _padded(shape: tuple[int, ...]) -> int:
    return -(-math.prod(shape) // ALIGNMENT) * ALIGNMENT
