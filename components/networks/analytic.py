"""Hand-written forward and backward pass of an ensemble of perceptrons, in preallocated memory.

Equal to autograd over :func:`wattloom.components.networks.mlp.ensemble_mlp` (tested to 1e-6), without its graph, its allocations, and the
gradients that nobody asked for: a policy step needs the gradient of a critic's input, never that of its weights.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from wattloom.components.networks.mlp import depth

Memory = dict[tuple[int, int, int, int], Tensor]


class AnalyticMLP:
    """One ensemble with its activations for a fixed batch size.

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
        layers = range(depth(params))
        self._weights = [params[f"weight_{i}"] for i in layers]
        self._biases = [params[f"bias_{i}"] for i in layers]
        self._head, self._head_bias = params["head_weight"], params["head_bias"]
        self._members = self._head.shape[0]
        memory = {} if memory is None else memory
        self._out = [self._allocate(memory, i, batch, w.shape[2]) for i, w in enumerate(self._weights)]
        self._top = self._out[-1].transpose(1, 2)
        self._rows = batch if rows is None else rows
        self._h = [h[:, : self._rows] for h in self._out]
        self._h_t = [h.transpose(1, 2) for h in self._h]
        self._dh = [torch.empty_like(h) for h in self._h]
        self._weights_t = [w.transpose(1, 2) for w in self._weights]
        self._activate = torch.relu_ if activation == "relu" else torch.tanh_
        self._is_relu = activation == "relu"
        self._x = torch.empty(0)
        if gradient is not None:
            self._d_weights = [gradient[f"weight_{i}"] for i in layers]
            self._d_biases = [gradient[f"bias_{i}"] for i in layers]
            self._d_head, self._d_head_bias = gradient["head_weight"], gradient["head_bias"]

    def _allocate(self, memory: Memory, layer: int, batch: int, width: int) -> Tensor:
        key = (layer, self._members, batch, width)
        if key not in memory:
            memory[key] = torch.empty(self._members, batch, width)
        return memory[key]

    def forward(self, x: Tensor) -> Tensor:
        """Evaluate input ``(B, in)``; returns a fresh ``(E, out, B)``. The input must stay unchanged until the backward pass."""
        self._x = x
        h = x.expand(self._members, *x.shape)
        for weight, bias, out in zip(self._weights, self._biases, self._out, strict=True):
            torch.baddbmm(bias, h, weight, out=out)
            h = self._activate(out)
        return torch.baddbmm(self._head_bias, self._head, self._top)

    def backward(self, d_out: Tensor) -> None:
        """Write the parameter gradient of a loss whose derivative by the last output is ``d_out``, ``(E, out, rows)``."""
        torch.bmm(d_out, self._h[-1], out=self._d_head)
        torch.sum(d_out, 2, keepdim=True, out=self._d_head_bias)
        x_t = self._x[: self._rows].T.expand(self._members, -1, -1)
        for i in self._hidden_gradients(d_out):
            below = self._h_t[i - 1] if i else x_t
            torch.bmm(below, self._dh[i], out=self._d_weights[i])
            torch.sum(self._dh[i], 1, keepdim=True, out=self._d_biases[i])

    def input_gradient(self, d_out: Tensor, start: int) -> Tensor:
        """Return the derivative by the input columns from ``start`` on, fresh ``(E, in - start, rows)``; no parameter gradient is formed."""
        for _ in self._hidden_gradients(d_out):
            pass
        return torch.bmm(self._weights[0][:, start:], self._dh[0].transpose(1, 2))

    def _hidden_gradients(self, d_out: Tensor) -> range:
        """Fill ``dL/d(pre-activation)`` of every hidden layer from the top down; returns the layers in that order."""
        last = len(self._h) - 1
        d_rows = d_out.transpose(1, 2)
        if d_out.shape[1] == 1:
            torch.mul(d_rows, self._head, out=self._dh[last])
        else:
            torch.bmm(d_rows, self._head, out=self._dh[last])
        self._through_activation(last)
        for i in range(last, 0, -1):
            torch.bmm(self._dh[i], self._weights_t[i], out=self._dh[i - 1])
            self._through_activation(i - 1)
        return range(last, -1, -1)

    def _through_activation(self, layer: int) -> None:
        """Multiply the layer's gradient by the derivative of its activation, in place."""
        d_h, h = self._dh[layer], self._h[layer]
        if self._is_relu:
            torch.ops.aten.threshold_backward.grad_input(d_h, h, 0, grad_input=d_h)
        else:
            torch.ops.aten.tanh_backward.grad_input(d_h, h, grad_input=d_h)
