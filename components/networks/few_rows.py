"""Networks that act: evaluated without gradients on an input that stays in place, on few rows in NumPy and on many in PyTorch.

On the one to a few rows of a step, a product costs less than the call around it. NumPy's calls cost a third of PyTorch's, and they leave the processor's
caches to the environment. Both are equal to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor

from wattloom.components.networks.mlp import depth
from wattloom.components.networks.stack import StackedMLP
from wattloom.environment import Array

FEW_ROWS, FEW_WEIGHTS = 32, 8192
"""Up to so many rows, and weights a layer, NumPy's library of matrix products stays on one thread; it knows nothing of the run's number of threads."""


def evaluator(params: Mapping[str, Tensor], x: Array, activation: str) -> Callable[[], Array]:
    """Return a function that evaluates networks on what ``x`` then holds.

    Args:
        params: Live views, named as in :meth:`wattloom.components.networks.mlp.MLPShape.tensors`.
        x: Inputs ``(E, B, in + 1)``, last column ones, to be filled by the caller.
        activation: ``"relu"`` or ``"tanh"``.

    Returns:
        What gives the heads, fresh ``(E, out, B)``.
    """
    if x.shape[1] <= FEW_ROWS and all(tensor[0].numel() <= FEW_WEIGHTS for tensor in params.values()):
        return FewRows(params, x, activation)
    network, tensor = StackedMLP(params, None, x.shape[1], activation), torch.from_numpy(x)
    return lambda: network.forward(tensor).numpy()


class FewRows:
    """The networks on few rows; see :func:`evaluator`."""

    def __init__(self, params: Mapping[str, Tensor], x: Array, activation: str) -> None:
        self._single = len(x) == 1
        self._x = self._plain(x)
        self._activate = partial(np.maximum, 0.0) if activation == "relu" else np.tanh
        self._passes = []
        for i in range(depth(params)):
            layer = self._plain(params[f"layer_{i}"].numpy())
            h = np.ones((*self._x.shape[:-1], layer.shape[-1] + 1), layer.dtype)
            self._passes.append((layer, h[..., :-1], h))
        self._head = self._plain(params["head"].numpy())
        self._top = self._passes[-1][2].swapaxes(-2, -1)

    def _plain(self, array: Array) -> Array:
        """Return the matrix of a single network: a product of matrices costs less than a stack of one."""
        return array[0] if self._single else array

    def __call__(self) -> Array:
        """Evaluate."""
        below = self._x
        for layer, h, following in self._passes:
            np.matmul(below, layer, out=h)
            self._activate(h, out=h)
            below = following
        head: Array = np.matmul(self._head, self._top)
        return head[None] if self._single else head
