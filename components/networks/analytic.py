"""Hand-written forward and backward pass of an ensemble of perceptrons, in preallocated memory.

Equal to autograd over :func:`wattloom.components.networks.mlp.ensemble_mlp` (tested to 1e-6), without its graph, its allocations, and the
gradients that nobody asked for: a policy step needs the gradient of a critic's input, never that of its weights. Every layer's input carries a
constant last column of ones, so that biases need no operation of their own.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from wattloom.components.networks.mlp import depth

LINE = 16  # floats a 64-byte line: rows of activations start on one

Memory = dict[tuple[str, int, tuple[int, ...]], Tensor]


class InputBuffer:
    """Preallocated network input ``(rows, width + 1)`` with its column of ones.

    Attributes:
        x: The input.
        values: Its view without the ones, ``(rows, width)``, to be filled.
    """

    def __init__(self, rows: int, width: int) -> None:
        self.x = torch.ones(rows, width + 1)
        self.values = self.x[:, :width]


class AnalyticMLP:
    """One ensemble with its activations for a fixed number of rows: one batched product a layer, a plain one for a single member.

    Args:
        params: Parameters as in :func:`ensemble_mlp`; live views, never copied.
        gradient: Where :meth:`backward` writes, same names; None where only the input gradient or no gradient is needed.
        batch: Rows B of every input.
        activation: ``"relu"`` or ``"tanh"``.
        memory: Activations shared with other ensembles. Two that share must not both be between their forward and their backward pass.
        rows: Leading rows that a backward pass covers; None: all. The rest are evaluated only.
    """

    def __init__(
        self,
        params: Mapping[str, Tensor],
        gradient: Mapping[str, Tensor] | None,
        batch: int,
        activation: str = "relu",
        memory: Memory | None = None,
        rows: int | None = None,
    ) -> None:
        self._members = params["head"].shape[0]
        self._single = self._members == 1
        self._multiply = torch.mm if self._single else torch.bmm
        self._is_relu = activation == "relu"
        self._rows = batch if rows is None else rows
        self._layers, self._head = self._tensors(params)
        self._weights_t = [layer[..., :-1, :].transpose(-2, -1) for layer in self._layers]
        self._head_weight = self._head[..., :-1]
        self._reserve(batch, {} if memory is None else memory)
        if gradient is not None:
            self._d_layers, self._d_head = self._tensors(gradient)
        self._bind(torch.ones(batch, self._layers[0].shape[-2]))

    def _tensors(self, named: Mapping[str, Tensor]) -> tuple[list[Tensor], Tensor]:
        """Return hidden layers and head, as matrices for a single member."""
        return [self._plain(named[f"layer_{i}"]) for i in range(depth(named))], self._plain(named["head"])

    def _plain(self, tensor: Tensor) -> Tensor:
        return tensor[0] if self._single else tensor

    def _reserve(self, batch: int, memory: Memory) -> None:
        """Reserve activations with their ones, gradients, and every view that a pass needs."""
        leading = () if self._single else (self._members,)
        widths = [layer.shape[-1] for layer in self._layers]
        padded = [_share(memory, "h", i, (*leading, batch, -(-(n + 1) // LINE) * LINE)) for i, n in enumerate(widths)]
        self._dh = [_share(memory, "dh", i, (*leading, self._rows, n)) for i, n in enumerate(widths)]
        for h, n in zip(padded, widths, strict=True):
            h[..., n] = 1.0
        self._h = [h[..., :n] for h, n in zip(padded, widths, strict=True)]
        self._h_back = [h[..., : self._rows, :] for h in self._h]
        self._inputs = [h[..., : n + 1] for h, n in zip(padded, widths, strict=True)]
        self._passes = [(layer, h, h.numpy(), x) for layer, h, x in zip(self._layers, self._h, self._inputs, strict=True)]
        self._inputs_back_t = [x[..., : self._rows, :].transpose(-2, -1) for x in self._inputs]
        self._top = self._inputs[-1].transpose(-2, -1)
        self._top_back = self._inputs[-1][..., : self._rows, :]
        self._bottom = self._dh[0].transpose(-2, -1)

    def _bind(self, x: Tensor) -> None:
        """Prepare the views of an input; an input that stays the same tensor is prepared once."""
        self._x = x
        self._x_in = x if self._single else x.expand(self._members, -1, -1)
        x_t = x[: self._rows].t()
        self._x_back_t = x_t if self._single else x_t.expand(self._members, -1, -1)

    def forward(self, x: Tensor) -> Tensor:
        """Evaluate ``(B, in + 1)``, last column ones; returns a fresh ``(E, out, B)``. Keep the input unchanged until the backward pass."""
        if x is not self._x:
            self._bind(x)
        below = self._x_in
        for layer, h, array, following in self._passes:
            self._multiply(below, layer, out=h)
            if self._is_relu:
                torch.relu_(h)
            else:
                np.tanh(array, out=array)
            below = following
        out = self._multiply(self._head, self._top)
        return out.unsqueeze(0) if self._single else out

    def backward(self, d_out: Tensor) -> None:
        """Write the parameter gradient of a loss whose derivative by the last output is ``d_out``, ``(E, out, rows)``."""
        d_out = self._plain(d_out)
        self._multiply(d_out, self._top_back, out=self._d_head)
        self._through_head(d_out)
        for i in range(len(self._dh) - 1, 0, -1):
            self._multiply(self._inputs_back_t[i - 1], self._dh[i], out=self._d_layers[i])
            self._through_layer(i)
        self._multiply(self._x_back_t, self._dh[0], out=self._d_layers[0])

    def input_gradient(self, d_out: Tensor, stop: int) -> Tensor:
        """Return the derivative by the input columns before ``stop``, fresh ``(E, stop, rows)``; no parameter gradient is formed."""
        self._through_head(self._plain(d_out))
        for i in range(len(self._dh) - 1, 0, -1):
            self._through_layer(i)
        d_x = self._multiply(self._layers[0][..., :stop, :], self._bottom)
        return d_x.unsqueeze(0) if self._single else d_x

    def _through_head(self, d_out: Tensor) -> None:
        """Fill the gradient of the last hidden layer before its activation."""
        d_rows = d_out.transpose(-2, -1)
        if d_rows.shape[-1] == 1:
            torch.mul(d_rows, self._head_weight, out=self._dh[-1])
        else:
            self._multiply(d_rows, self._head_weight, out=self._dh[-1])
        self._through_activation(len(self._dh) - 1)

    def _through_layer(self, i: int) -> None:
        """Fill the gradient of hidden layer ``i - 1`` before its activation from that of layer ``i``."""
        self._multiply(self._dh[i], self._weights_t[i], out=self._dh[i - 1])
        self._through_activation(i - 1)

    def _through_activation(self, i: int) -> None:
        """Multiply the layer's gradient by the derivative of its activation, in place."""
        d_h, h = self._dh[i], self._h_back[i]
        if self._is_relu:
            torch.ops.aten.threshold_backward.grad_input(d_h, h, 0, grad_input=d_h)
        else:
            torch.ops.aten.tanh_backward.grad_input(d_h, h, grad_input=d_h)


def _share(memory: Memory, kind: str, layer: int, shape: tuple[int, ...]) -> Tensor:
    """Return the tensor of this kind, layer and shape, new or shared."""
    key = (kind, layer, shape)
    if key not in memory:
        memory[key] = torch.zeros(shape)
    return memory[key]
