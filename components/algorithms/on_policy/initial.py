"""Initial weights: orthogonal, with a small gain on the policy's head so that it begins almost uniform (Andrychowicz et al. 2021)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

POLICY_GAIN, VALUE_GAIN = 0.01, 1.0
HIDDEN_GAINS = {"relu": math.sqrt(2.0), "tanh": 5.0 / 3.0}


def orthogonal(params: Mapping[str, Tensor], generator: torch.Generator, activation: str, head_gain: float) -> None:
    """Fill one network, tensors named as in :meth:`MLPShape.tensors`; biases are 0.

    Hidden layers get PyTorch's gain of their activation, √2 for relu and 5/3 for tanh.
    """
    for name, tensor in params.items():
        tensor.zero_()
        if name == "head":
            torch.nn.init.orthogonal_(tensor[0, :, :-1], head_gain, generator=generator)
        else:
            torch.nn.init.orthogonal_(tensor[0, :-1], HIDDEN_GAINS[activation], generator=generator)
