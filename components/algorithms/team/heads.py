"""What a stochastic policy's head means: a squashed Gaussian over a Box, or choices; samples, densities and gradients.

Batches run along the last axis: a head is ``(out, B)``, a stored action ``(columns, B)``, a log-density ``(B,)``.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

from wattloom.components.algorithms.losses import squashed_gaussian
from wattloom.components.algorithms.on_policy.distributions import Categorical, Distribution


class Head(Protocol):
    """A kind of policy.

    Attributes:
        outputs: Rows of the network's output.
        columns: Floats of a stored action.
        noise: Random numbers a sample takes.
    """

    @property
    def outputs(self) -> int: ...  # noqa: D102 - documented above
    @property
    def columns(self) -> int: ...  # noqa: D102
    @property
    def noise(self) -> int: ...  # noqa: D102

    def draw(self, noise: Tensor, generator: torch.Generator) -> Tensor:
        """Fill ``(noise, B)`` with what :meth:`sample` takes."""
        ...

    def sample(self, head: Tensor, noise: Tensor, penalty: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return action ``(columns, B)`` and log-density ``(B,)``; ``penalty`` ``(out, B)`` rules out masked choices."""
        ...

    def mode(self, head: Tensor, penalty: Tensor | None) -> Tensor:
        """Return the greedy action ``(columns, B)``."""
        ...

    def target_entropy(self, share: float, penalty: Tensor | None) -> Tensor | float:
        """Return the entropy, nats, that the temperature aims at: of every row ``(B,)``, or one number."""
        ...


class SquashedGaussian:
    """a = tanh(μ + σ ε) in [-1, 1]^n.

    Args:
        size: Action dimensions n.
    """

    def __init__(self, size: int) -> None:
        self.columns = self.noise = size
        self.outputs = 2 * size

    def draw(self, noise: Tensor, generator: torch.Generator) -> Tensor:
        """Fill with standard normal numbers."""
        return noise.normal_(generator=generator)

    def sample(self, head: Tensor, noise: Tensor, penalty: Tensor | None) -> tuple[Tensor, Tensor]:
        """Sample by reparameterisation; see :func:`squashed_gaussian`."""
        return squashed_gaussian(head, noise)

    def mode(self, head: Tensor, penalty: Tensor | None) -> Tensor:
        """Return tanh(μ)."""
        return head[: self.columns].tanh()

    def target_entropy(self, share: float, penalty: Tensor | None) -> Tensor | float:
        """Return minus the number of dimensions (Haarnoja et al. 2018)."""
        return -float(self.columns)


class Choices:
    """Independent categorical choices, stored as one-hots side by side.

    Args:
        kind: The distribution.
    """

    def __init__(self, kind: Categorical) -> None:
        self.kind = kind
        self.outputs = self.columns = kind.outputs
        self.noise = kind.dimensions
        starts = torch.tensor([0, *kind.counts]).cumsum(0)
        self._starts = starts[:-1, None]
        self._largest = sum(math.log(n) for n in kind.counts)

    def draw(self, noise: Tensor, generator: torch.Generator) -> Tensor:
        """Fill with numbers uniform in [0, 1)."""
        return noise.uniform_(generator=generator)

    def log_probabilities(self, head: Tensor, penalty: Tensor | None) -> Tensor:
        """Return log p of every choice, ``(columns, B)``."""
        return self.kind.log_softmax(self._legal(head, penalty)[None])[0]

    def sample(self, head: Tensor, noise: Tensor, penalty: Tensor | None) -> tuple[Tensor, Tensor]:
        """Sample through the inverse distribution function; the one-hots carry no gradient, the density does."""
        logits = self._legal(head, penalty)
        action = self._one_hots(self._choice(logits.detach(), noise))
        return action, (self.kind.log_softmax(logits[None])[0] * action).sum(0)

    def mode(self, head: Tensor, penalty: Tensor | None) -> Tensor:
        """Return the most probable choices."""
        return self._one_hots(self._choice(self._legal(head, penalty), None))

    def target_entropy(self, share: float, penalty: Tensor | None) -> Tensor | float:
        """Return ``share`` of the largest entropy, Σ log n over the dimensions; of n allowed choices where some are masked."""
        if penalty is None:
            return share * self._largest
        return share * self.kind.sums((penalty == 0.0).to(penalty.dtype)[None])[0].log().sum(0)

    def _choice(self, logits: Tensor, noise: Tensor | None) -> Tensor:
        """Return the choices ``(k, B)``."""
        return torch.from_numpy(self.kind.act(logits.numpy()[None], None, None if noise is None else noise.numpy()[None])[0])

    def _legal(self, head: Tensor, penalty: Tensor | None) -> Tensor:
        return head if penalty is None else head + penalty

    def _one_hots(self, chosen: Tensor) -> Tensor:
        """Return one-hots ``(columns, B)`` of choices ``(k, B)``."""
        return torch.zeros(self.columns, chosen.shape[1]).scatter_(0, chosen + self._starts, 1.0)


def head_of(distribution: Distribution) -> Head:
    """Return the head over the same actions as an on-policy distribution."""
    return Choices(distribution) if isinstance(distribution, Categorical) else SquashedGaussian(distribution.columns)
