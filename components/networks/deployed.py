"""A trained policy as one plain ``torch.nn.Module``: raw observation in, greedy action in the environment's units out.

Everything that stands between the two is inside: standardisation, the perceptron, masks, the scaling of actions. So a file made of it needs no code of
ours, and nothing can be forgotten on the way to another program.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from wattloom.components.networks.masking import ILLEGAL
from wattloom.components.networks.mlp import ACTIVATIONS, depth, weights_and_biases
from wattloom.environment import ActionSpace, Array
from wattloom.spaces import middle_and_half


class Standardise(nn.Module):
    """x ↦ clip((x - mean) * inverse, ±limit); the identity where there are no statistics.

    Args:
        mean: ``(width,)`` or None.
        inverse: One over the standard deviation, ``(width,)`` or None.
        limit: Where the result is clipped.
    """

    mean: Tensor
    inverse: Tensor

    def __init__(self, mean: Array | None = None, inverse: Array | None = None, limit: float = 10.0) -> None:
        super().__init__()
        self.limit = limit
        self.register_buffer("mean", None if mean is None else torch.from_numpy(np.array(mean, np.float32)))
        self.register_buffer("inverse", None if inverse is None else torch.from_numpy(np.array(inverse, np.float32)))

    @property
    def active(self) -> bool:
        """Whether observations are changed at all."""
        return "mean" in self.state_dict()

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(B, width)``."""
        return torch.clamp((x - self.mean) * self.inverse, -self.limit, self.limit) if self.active else x


class Perceptron(nn.Module):
    """One member of an ensemble as ordinary linear layers.

    Args:
        params: Tensors of ONE network, named as in :meth:`wattloom.components.networks.mlp.MLPShape.tensors`, leading axis 1.
        activation: ``tanh`` or ``relu``.
    """

    def __init__(self, params: Mapping[str, Tensor], activation: str) -> None:
        super().__init__()
        parts = {name: view[0] for name, view in weights_and_biases(params).items()}
        self.nonlinearity = ACTIVATIONS[activation]
        self.hidden = nn.ModuleList(_linear(parts[f"weight_{i}"].T, parts[f"bias_{i}"][0]) for i in range(depth(params)))
        self.head = _linear(parts["head_weight"], parts["head_bias"][:, 0])

    def forward(self, x: Tensor) -> Tensor:
        """Return the head, ``(B, out)``."""
        for layer in self.hidden:
            x = self.nonlinearity(layer(x))
        head: Tensor = self.head(x)
        return head


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """Return a layer that holds copies of ``weight`` ``(out, in)`` and ``bias`` ``(out,)``."""
    outputs, inputs = weight.shape
    layer = nn.Linear(inputs, outputs)
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return layer.requires_grad_(False)


class Choices(nn.Module):
    """The most probable choice of every discrete dimension.

    Args:
        space: Discrete or MultiDiscrete.
    """

    def __init__(self, space: spaces.Discrete | spaces.MultiDiscrete) -> None:
        super().__init__()
        self.single = isinstance(space, spaces.Discrete)
        self.counts = [int(space.n)] if isinstance(space, spaces.Discrete) else [int(n) for n in space.nvec]
        self.starts = [int(start) for start in np.asarray(space.start).reshape(-1)]

    def forward(self, head: Tensor, action_mask: Tensor | None = None) -> dict[str, Tensor]:
        """Return ``action`` int64 ``(B,)`` or ``(B, k)`` and ``logits`` ``(B, sum of choices)``."""
        logits = head if action_mask is None else head + torch.where(action_mask, 0.0, ILLEGAL)
        chosen = [part.argmax(1) + start for part, start in zip(torch.split(logits, self.counts, 1), self.starts, strict=True)]
        return {"action": chosen[0] if self.single else torch.stack(chosen, 1), "logits": logits}


class Mean(nn.Module):
    """The mean of a Gaussian over scaled actions, in units of the space and within its bounds.

    Args:
        space: The Box; entries with infinite bounds are not scaled.
        log_std: Free log σ of the scaled action, ``(n,)``.
    """

    middle: Tensor
    half_width: Tensor
    spread: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, space: spaces.Box, log_std: Tensor) -> None:
        super().__init__()
        self.shape = space.shape
        middle, half = middle_and_half(space)
        self.register_buffer("middle", torch.from_numpy(middle))
        self.register_buffer("half_width", torch.from_numpy(half))
        self.register_buffer("spread", log_std.detach().reshape(-1).exp() * self.half_width)
        self.register_buffer("low", torch.from_numpy(space.low.reshape(-1).astype(np.float32)))
        self.register_buffer("high", torch.from_numpy(space.high.reshape(-1).astype(np.float32)))

    def forward(self, head: Tensor, action_mask: Tensor | None = None) -> dict[str, Tensor]:
        """Return ``action`` ``(B, *shape)``, and ``action_mean`` and ``action_std`` of the density before clipping, ``(B, n)``."""
        mean = head * self.half_width + self.middle
        action = torch.clamp(mean, self.low, self.high).reshape(-1, *self.shape)
        return {"action": action, "action_mean": mean, "action_std": self.spread.expand_as(mean)}


class Squashed(nn.Module):
    """tanh of the head's mean, mapped onto a bounded Box; a second half of the head, if any, is log σ before the squashing.

    Args:
        space: A Box with finite bounds.
        log_std_range: Where log σ is clipped; None: the policy is deterministic.
    """

    low: Tensor
    high: Tensor
    half_width: Tensor

    def __init__(self, space: spaces.Box, log_std_range: tuple[float, float] | None = None) -> None:
        super().__init__()
        self.shape, self.log_std_range = space.shape, log_std_range
        self.size = int(np.prod(space.shape))
        low, high = (bound.reshape(-1).astype(np.float32) for bound in (space.low, space.high))
        self.register_buffer("low", torch.from_numpy(low))
        self.register_buffer("high", torch.from_numpy(high))
        self.register_buffer("half_width", torch.from_numpy((high - low) / np.float32(2.0)))

    def forward(self, head: Tensor, action_mask: Tensor | None = None) -> dict[str, Tensor]:
        """Return ``action`` ``(B, *shape)`` and, of a stochastic policy, ``action_mean`` and ``action_log_std`` before tanh."""
        mean = head[:, : self.size]
        unit = torch.tanh(mean) + 1.0
        action = torch.minimum(torch.maximum(self.low + unit * self.half_width, self.low), self.high).reshape(-1, *self.shape)
        if self.log_std_range is None:
            return {"action": action}
        return {"action": action, "action_mean": mean, "action_log_std": torch.clamp(head[:, self.size :], *self.log_std_range)}


class DeployedPolicy(nn.Module):
    """One agent's greedy policy.

    Args:
        perceptron: From standardised observation (and one-hot) to head.
        head: :class:`Choices`, :class:`Mean` or :class:`Squashed`.
        standardise: Applied to the raw observation.
        one_hot: The agent's place within a group that shares parameters, ``(members,)``; None: nothing is appended.
    """

    one_hot: Tensor | None

    def __init__(
        self, perceptron: Perceptron, head: nn.Module, standardise: Standardise | None = None, one_hot: Array | None = None
    ) -> None:
        super().__init__()
        self.perceptron, self.head = perceptron, head
        self.standardise = standardise or Standardise()
        self.register_buffer("one_hot", None if one_hot is None else torch.from_numpy(np.array(one_hot, np.float32))[None])

    def forward(self, observation: Tensor, action_mask: Tensor | None = None) -> dict[str, Tensor]:
        """Return the outputs of the head.

        Args:
            observation: Float32 ``(B, *observation_shape)``, as the environment gives it.
            action_mask: Bool ``(B, sum of choices)``, True where allowed; None: everything is. Ignored by continuous heads.
        """
        x = self.standardise(observation.flatten(1))
        if self.one_hot is not None:
            x = torch.cat([x, self.one_hot.repeat(x.shape[0], 1)], 1)
        outputs: dict[str, Tensor] = self.head(self.perceptron(x), action_mask)
        return outputs


def gaussian_or_choices(space: ActionSpace, log_std: Tensor | None) -> nn.Module:
    """Return the head of a policy over ``space`` whose Gaussian, if it is one, has a free ``log_std``."""
    if isinstance(space, spaces.Box):
        if log_std is None:
            raise ValueError("a Gaussian head needs its log_std")
        return Mean(space, log_std)
    return Choices(space)
