"""Multilayer perceptrons as pure functions over named tensors; the leading axis holds ensemble members (twin critics, equal agents).

Layout, for E members: hidden weights ``(E, in, out)``, hidden biases ``(E, 1, out)``, head weights ``(E, out, in)`` and head biases ``(E, out, 1)``.
The head is stored transposed because heads are narrow: the product (B, H) by (H, 1) costs three times that of (1, H) by (H, B).
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
        """Return name to shape of every parameter, names under ``prefix.``."""
        shapes: dict[str, tuple[int, ...]] = {}
        width = self.inputs
        for i, size in enumerate(self.hidden):
            shapes[f"{prefix}.weight_{i}"] = (self.members, width, size)
            shapes[f"{prefix}.bias_{i}"] = (self.members, 1, size)
            width = size
        shapes[f"{prefix}.head_weight"] = (self.members, self.outputs, width)
        shapes[f"{prefix}.head_bias"] = (self.members, self.outputs, 1)
        return shapes


def depth(params: Mapping[str, Tensor]) -> int:
    """Return the number of hidden layers."""
    return sum(name.startswith("weight_") for name in params)


def initialise(params: Mapping[str, Tensor], generator: torch.Generator) -> None:
    """Draw weights and biases uniformly from ``±1/sqrt(fan_in)``, PyTorch's own default for linear layers."""
    for i in range(depth(params)):
        bound = 1.0 / math.sqrt(params[f"weight_{i}"].shape[1])
        params[f"weight_{i}"].uniform_(-bound, bound, generator=generator)
        params[f"bias_{i}"].uniform_(-bound, bound, generator=generator)
    bound = 1.0 / math.sqrt(params["head_weight"].shape[2])
    params["head_weight"].uniform_(-bound, bound, generator=generator)
    params["head_bias"].uniform_(-bound, bound, generator=generator)


def ensemble_mlp(params: Mapping[str, Tensor], x: Tensor, activation: str = "relu") -> Tensor:
    """Evaluate all members.

    Args:
        params: Tensors named as in :meth:`MLPShape.tensors`, without prefix.
        x: Input ``(B, in)``, shared by all members.
        activation: Name in :data:`ACTIVATIONS`.

    Returns:
        Output ``(E, out, B)``: feature rows, so that one feature of the batch is contiguous.
    """
    nonlinearity = ACTIVATIONS[activation]
    h = x.expand(params["head_weight"].shape[0], *x.shape)
    for i in range(depth(params)):
        h = nonlinearity(torch.baddbmm(params[f"bias_{i}"], h, params[f"weight_{i}"]))
    return torch.baddbmm(params["head_bias"], params["head_weight"], h.transpose(1, 2))


def mlp(params: Mapping[str, Tensor], x: Tensor, activation: str = "relu") -> Tensor:
    """Evaluate a single network: input ``(B, in)``, output ``(B, out)``."""
    return ensemble_mlp(params, x, activation)[0].T
