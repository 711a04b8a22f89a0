"""What a policy's head means: categorical (one or several choices) or diagonal Gaussian; densities, entropies, gradients, by hand.

Batches run along the last axis: a head is ``(E, out, B)`` for E policies and B rows, densities are ``(E, k, B)``, one row an action dimension.
``free`` are the parameters that do not depend on the observation, ``(E, n, 1)``: a Gaussian's log σ.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from wattloom.environment import ActionSpace, Array
from wattloom.spaces import action_shape, choices, middle_and_half

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


class Pass(Protocol):
    """One evaluation of a distribution at given actions."""

    log_prob: Tensor  # (E, k, B)

    def entropy(self) -> Tensor:
        """Return the entropy of each dimension, ``(E, k, B)`` or ``(E, k, 1)``."""
        ...

    def backward(self, d_log_prob: Tensor, d_entropy: Tensor | float) -> tuple[Tensor, Tensor | None]:
        """Return the derivatives by head and by ``free`` of a loss with these derivatives, each ``(E, k or 1, B)`` or a number."""
        ...


class Distribution(Protocol):
    """A kind of head. Equal kinds compare equal, so that policies of one shape can be stacked.

    Attributes:
        outputs: Rows of the head.
        free: Number of free parameters.
        columns: Floats that one action takes in a learner's row.
        dimensions: Action dimensions k.
    """

    @property
    def outputs(self) -> int: ...  # noqa: D102 - documented above
    @property
    def free(self) -> int: ...  # noqa: D102
    @property
    def columns(self) -> int: ...  # noqa: D102
    @property
    def dimensions(self) -> int: ...  # noqa: D102

    def evaluate(self, head: Tensor, free: Tensor | None, action: Tensor) -> Pass:
        """Evaluate at encoded actions ``(E, columns, B)``."""
        ...

    def act(self, head: Array, free: Array | None, noise: Array | None) -> Array:
        """Return actions ``(E, k, B)``: a sample where noise ``(E, k, B)`` is given, else the mode."""
        ...

    def fisher(self, head: Tensor, free: Tensor | None, d_head: Tensor, d_free: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the Fisher information of the density at ``head`` times a direction, row by row."""
        ...

    def kl(self, old: Tensor, old_free: Tensor | None, new: Tensor, new_free: Tensor | None) -> Tensor:
        """Return KL(old ‖ new) of each row, ``(E, B)``."""
        ...


class Categorical:
    """Independent choices: Discrete has one, MultiDiscrete several.

    Args:
        counts: Number of choices of each dimension.
    """

    free = 0

    def __init__(self, counts: tuple[int, ...]) -> None:
        self.counts = counts
        self.outputs = self.columns = sum(counts)
        self.dimensions = len(counts)
        self._repeats = torch.tensor(counts)
        self._bounds = [(sum(counts[:k]), sum(counts[: k + 1])) for k in range(len(counts))]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Categorical) and other.counts == self.counts

    def __hash__(self) -> int:
        return hash(self.counts)

    def parts(self, x: Tensor) -> list[Tensor]:
        """Return the rows of each dimension."""
        return [x[:, first:stop] for first, stop in self._bounds]

    def log_softmax(self, logits: Tensor) -> Tensor:
        """Return log-probabilities of every choice, ``(E, out, B)``."""
        if self.dimensions == 1:
            return torch.log_softmax(logits, 1)
        return torch.cat([torch.log_softmax(part, 1) for part in self.parts(logits)], 1)

    def sums(self, x: Tensor) -> Tensor:
        """Sum over the choices of each dimension: ``(E, out, B)`` to ``(E, k, B)``."""
        if self.dimensions == 1:
            return x.sum(1, keepdim=True)
        return torch.cat([part.sum(1, keepdim=True) for part in self.parts(x)], 1)

    def spread(self, x: Tensor) -> Tensor:
        """Repeat a value of each dimension over its choices: ``(E, k, B)`` to ``(E, out, B)`` (k = 1 broadcasts)."""
        return x if x.shape[1] == 1 else x.repeat_interleave(self._repeats, 1)

    def evaluate(self, head: Tensor, free: Tensor | None, action: Tensor) -> CategoricalPass:
        """Evaluate at one-hot actions; see :class:`Distribution`."""
        return CategoricalPass(self, head, action)

    def act(self, head: Array, free: Array | None, noise: Array | None) -> Array:
        """Return int64 choices; noise is uniform in [0, 1) and passed through the inverse distribution function."""
        chosen = []
        uniform = None if noise is None else np.minimum(noise, 1.0 - 1e-6)
        for k, (first, stop) in enumerate(self._bounds):
            part = head[:, first:stop]
            if uniform is None:
                chosen.append(part.argmax(1)[:, None])
                continue
            mass = np.add.accumulate(np.exp(part - np.maximum.reduce(part, 1, keepdims=True)), 1)
            reached = mass <= uniform[:, k : k + 1] * mass[:, -1:]  # "<=" steps over choices of probability 0
            chosen.append(np.add.reduce(reached, 1, np.int64, keepdims=True))
        return chosen[0] if len(chosen) == 1 else np.concatenate(chosen, 1)

    def fisher(self, head: Tensor, free: Tensor | None, d_head: Tensor, d_free: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return (diag(p) - p pᵀ) d, for each dimension."""
        p = self.log_softmax(head).exp()
        weighted = p * d_head
        return weighted - p * self.spread(self.sums(weighted)), None

    def kl(self, old: Tensor, old_free: Tensor | None, new: Tensor, new_free: Tensor | None) -> Tensor:
        """Return Σ p (log p - log q)."""
        log_p = self.log_softmax(old)
        return (log_p.exp() * (log_p - self.log_softmax(new))).sum(1)


class CategoricalPass:
    """Densities of one-hot actions."""

    def __init__(self, kind: Categorical, logits: Tensor, onehot: Tensor) -> None:
        self._kind, self._onehot = kind, onehot
        self._log_p = kind.log_softmax(logits)
        self.log_prob = kind.sums(self._log_p * onehot)

    def entropy(self) -> Tensor:
        """Return -Σ p log p of each dimension."""
        return self._kind.sums(self._log_p.exp() * self._log_p).neg_()

    def backward(self, d_log_prob: Tensor, d_entropy: Tensor | float) -> tuple[Tensor, Tensor | None]:
        """Return the derivative by the logits: of log p(a) it is 1{a} - p, of the entropy -p (log p + H)."""
        p = self._log_p.exp()
        d_head = (self._onehot - p).mul_(self._kind.spread(d_log_prob))
        if isinstance(d_entropy, Tensor) or d_entropy != 0.0:
            weighted = p * self._log_p
            slope = torch.addcmul(weighted, p, self._kind.spread(self._kind.sums(weighted)), value=-1.0)
            d_head.addcmul_(slope, d_entropy, value=-1.0) if isinstance(d_entropy, Tensor) else d_head.sub_(slope, alpha=d_entropy)
        return d_head, None


class Gaussian:
    """A normal density in each dimension, with a mean from the network and a free log σ; in units of the scaled action, unbounded.

    Args:
        size: Action dimensions.
    """

    def __init__(self, size: int) -> None:
        self.outputs = self.columns = self.dimensions = self.free = size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Gaussian) and other.outputs == self.outputs

    def __hash__(self) -> int:
        return hash(("gaussian", self.outputs))

    def evaluate(self, head: Tensor, free: Tensor | None, action: Tensor) -> GaussianPass:
        """Evaluate at scaled actions; see :class:`Distribution`."""
        assert free is not None
        return GaussianPass(head, free, action)

    def act(self, head: Array, free: Array | None, noise: Array | None) -> Array:
        """Return μ + σ ε for standard normal noise ε, or μ."""
        assert free is not None
        return head if noise is None else head + np.exp(free) * noise

    def fisher(self, head: Tensor, free: Tensor | None, d_head: Tensor, d_free: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return d/σ² for the mean and 2 d for log σ."""
        assert free is not None
        assert d_free is not None
        return d_head * torch.exp(-2.0 * free), (2.0 * d_free).expand_as(d_head)

    def kl(self, old: Tensor, old_free: Tensor | None, new: Tensor, new_free: Tensor | None) -> Tensor:
        """Return Σ log σ'/σ + (σ² + (μ - μ')²) / 2σ'² - 1/2."""
        assert old_free is not None
        assert new_free is not None
        spread = torch.exp(2.0 * (old_free - new_free)) + (old - new).square() * torch.exp(-2.0 * new_free)
        return (new_free - old_free + 0.5 * spread - 0.5).sum(1)


class GaussianPass:
    """Densities of unbounded actions."""

    def __init__(self, mean: Tensor, log_std: Tensor, action: Tensor) -> None:
        self._log_std, self._mean = log_std, mean
        self._inverse = torch.exp(-log_std)
        self._z = (action - mean).mul_(self._inverse) if not mean.requires_grad else (action - mean) * self._inverse
        self.log_prob = -0.5 * self._z.square() - log_std - _HALF_LOG_2PI

    def entropy(self) -> Tensor:
        """Return log σ + (1 + log 2π) / 2, ``(E, n, 1)``: the same in every row."""
        return self._log_std + (0.5 + _HALF_LOG_2PI)

    def backward(self, d_log_prob: Tensor, d_entropy: Tensor | float) -> tuple[Tensor, Tensor | None]:
        """Return the derivatives by μ, z/σ each, and by log σ, z² - 1 and, of the entropy, 1."""
        pull = self._z * d_log_prob
        d_free = (pull * self._z - d_log_prob).sum(2, keepdim=True)
        if isinstance(d_entropy, Tensor):
            d_free += d_entropy.sum(2, keepdim=True)
        else:
            d_free += d_entropy * self._z.shape[2]
        return pull * self._inverse, d_free


def distribution_of(space: ActionSpace) -> Distribution:
    """Return the distribution over an action space."""
    counts = choices(space)
    return Categorical(counts) if counts else Gaussian(math.prod(action_shape(space)))


class ActionCode:
    """Between an agent's actions in units of its space and what a distribution works on.

    Bounded Box entries are scaled to [-1, 1] without clipping (the environment clips, the learner keeps what was sampled); unbounded ones stay.

    Args:
        space: The action space.
    """

    def __init__(self, space: ActionSpace) -> None:
        self._shape = action_shape(space)
        self._counts = choices(space)
        if isinstance(space, spaces.Box):
            self._middle, self._half = middle_and_half(space)
        else:
            self._start = np.asarray(space.start, dtype=np.int64).reshape(-1)

    def encode(self, actions: Array) -> Array:
        """Map actions ``(R, *shape)`` to float32 ``(R, columns)``: one-hot, or scaled."""
        flat = actions.reshape(len(actions), -1)
        if not self._counts:
            scaled: Array = (flat - self._middle) / self._half
            return scaled
        flat = flat - self._start
        return np.concatenate([np.eye(n, dtype=np.float32)[flat[:, k]] for k, n in enumerate(self._counts)], axis=1)

    def decode(self, actions: Array) -> Array:
        """Map a distribution's actions ``(R, k)`` to units of the space, ``(R, *shape)``."""
        value = actions + self._start if self._counts else (actions * self._half + self._middle).astype(np.float32, copy=False)
        return value.reshape(len(actions), *self._shape)
