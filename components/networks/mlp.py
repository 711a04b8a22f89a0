"""Multilayer perceptrons as pure functions over named tensors; the leading axis holds ensemble members (twin critics, equal agents).

Layout, for E members: hidden layers ``(E, in + 1, out)``, whose last row is the bias, and the head ``(E, out, in + 1)``, whose last column is.
A bias is thus the weight of a constant input 1, and its gradient comes out of the same matrix product as the weights'. The head is stored
transposed because heads are narrow: the product (B, H) by (H, 1) costs three times that of (1, H) by (H, B).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh}


@dataclass(frozen=True, slots=True)
class MLPShape:
    """Sizes of an ensemble of perceptrons.

    Attributes:
        inputs: Width of the input.
        hidden: Widths of the hidden layers, at least one.
        outputs: Width of the head.
        members: Networks of this shape, each with its own parameters.
    """

    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    members: int = 1

    def tensors(self, prefix: str) -> dict[str, tuple[int, ...]]:
        """Return name to shape of every parameter tensor: ``prefix.layer_0 …`` and ``prefix.head``."""
        shapes: dict[str, tuple[int, ...]] = {}
        width = self.inputs
        for i, size in enumerate(self.hidden):
            shapes[f"{prefix}.layer_{i}"] = (self.members, width + 1, size)
            width = size
        shapes[f"{prefix}.head"] = (self.members, self.outputs, width + 1)
        return shapes


def depth(params: Mapping[str, Tensor]) -> int:
    """Return the number of hidden layers."""
    return len(params) - 1


def weights_and_biases(params: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return views for inspection: ``weight_i (E, in, out)``, ``bias_i (E, 1, out)``, ``head_weight (E, out, in)``, ``head_bias (E, out, 1)``."""
    views: dict[str, Tensor] = {}
    for i in range(depth(params)):
        layer = params[f"layer_{i}"]
        views |= {f"weight_{i}": layer[:, :-1], f"bias_{i}": layer[:, -1:]}
    return views | {"head_weight": params["head"][..., :-1], "head_bias": params["head"][..., -1:]}


def initialise(params: Mapping[str, Tensor], generator: torch.Generator) -> None:
    """Draw weights and biases uniformly from ``±1/sqrt(fan_in)``, PyTorch's own default for linear layers."""
    for name, tensor in params.items():
        fan_in = tensor.shape[2 if name == "head" else 1] - 1
        bound = 1.0 / math.sqrt(fan_in)
        tensor.uniform_(-bound, bound, generator=generator)


def ensemble_mlp(params: Mapping[str, Tensor], x: Tensor, activation: str = "relu") -> Tensor:
    """Evaluate all members.

    Args:
        params: Tensors named as in :meth:`MLPShape.tensors`, without prefix.
        x: Input ``(B, in)``, shared by all members.
        activation: Name in :data:`ACTIVATIONS`.

    Returns:
        Output ``(E, out, B)``: feature rows, so that one feature of the batch is contiguous.
    """
    nonlinearity, parts = ACTIVATIONS[activation], weights_and_biases(params)
    h = x.expand(params["head"].shape[0], *x.shape)
    for i in range(depth(params)):
        h = nonlinearity(torch.baddbmm(parts[f"bias_{i}"], h, parts[f"weight_{i}"]))
    return torch.baddbmm(parts["head_bias"], parts["head_weight"], h.transpose(1, 2))


def mlp(params: Mapping[str, Tensor], x: Tensor, activation: str = "relu") -> Tensor:
    """Evaluate a single network: input ``(B, in)``, output ``(B, out)``."""
    return ensemble_mlp(params, x, activation)[0].T
