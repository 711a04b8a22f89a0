"""Networks of one shape side by side: each is one row of a matrix, all together evaluate in one batched product a layer.

A row can be trained alone (its gradient norm and its Adam step are then calls on one vector), while the whole stack acts at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from wattloom.components.networks.analytic import AnalyticMLP
from wattloom.components.networks.flat import ALIGNMENT, FlatParams, Shapes, padded_length
from wattloom.components.networks.mlp import ensemble_mlp


class ParameterStack:
    """Parameters of E networks of the same shapes.

    Args:
        shapes: Name to shape of one network, leading axis 1.
        members: Number of networks E.
        data: Memory ``(E, P)`` to view; None: zeros.

    Attributes:
        data: ``(E, P)``, row e is the whole of network e.
        views: Name to ``(E, …)``.
    """

    def __init__(self, shapes: Shapes, members: int, data: Tensor | None = None) -> None:
        self.shapes = dict(shapes)
        self.data = torch.zeros(members, padded_length(shapes)) if data is None else data
        self.views = self.views_of(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def views_of(self, data: Tensor) -> dict[str, Tensor]:
        """Return the named views ``(E, …)`` of another matrix of the same size (e.g. a leaf that requires gradients)."""
        views, start = {}, 0
        for name, shape in self.shapes.items():
            size = math.prod(shape)
            views[name] = data[:, start : start + size].view(len(data), *shape[1:])
            start += -(-size // ALIGNMENT) * ALIGNMENT
        return views

    def member(self, index: int) -> FlatParams:
        """Return network ``index`` on the same memory."""
        return FlatParams(self.shapes, self.data[index])

    def rows(self, first: int, stop: int) -> ParameterStack:
        """Return networks ``first … stop - 1`` as a stack on the same memory."""
        return ParameterStack(self.shapes, stop - first, self.data[first:stop])

    def zeros_like(self) -> ParameterStack:
        """Return zeros of the same layout."""
        return ParameterStack(self.shapes, len(self))


def under(views: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors below ``prefix.`` without the prefix."""
    return {name.removeprefix(prefix + "."): view for name, view in views.items() if name.startswith(prefix + ".")}


def stacked_mlp(params: Mapping[str, Tensor], x: Tensor, activation: str) -> Tensor:
    """Evaluate each member on its own input: ``(E, B, in)`` to ``(E, out, B)``. Differentiable; the reference of :class:`StackedMLP`."""
    members = [ensemble_mlp({name: view[e : e + 1] for name, view in params.items()}, x[e], activation) for e in range(len(x))]
    return torch.cat(members)


class StackedMLP(AnalyticMLP):
    """The hand-written passes where every member has an input of its own, ``(E, B, in + 1)``, last column ones."""

    def _bind(self, x: Tensor) -> None:
        """Prepare the views of an input of all members."""
        if x.ndim == 2:
            super()._bind(x)
            return
        self._x = x
        self._x_in = self._plain(x)
        self._x_back_t = self._x_in[..., : self._rows, :].transpose(-2, -1)
