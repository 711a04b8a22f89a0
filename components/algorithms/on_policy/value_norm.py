"""Scales of the value function: none, ValueNorm, PopArt; one scale for each critic.

The critic learns ``(return - mean) / std`` under running statistics. ValueNorm (Yu et al., "The Surprising Effectiveness of PPO in Cooperative
Multi-Agent Games", NeurIPS 2022, appendix) keeps debiased exponential means of the return and of its square; PopArt (van Hasselt et al.,
"Learning values across many orders of magnitude", NeurIPS 2016, section 2) also rescales the critic's last layer, so that its values in units of
reward do not jump when the statistics move.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

VALUE_SCALES = ("none", "valuenorm", "popart")


class ValueScale:
    """No scale: the critic learns returns in units of reward.

    Args:
        critics: Number of scales C.
        decay: Weight β of the past in the running means, a rollout.
    """

    def __init__(self, critics: int, decay: float) -> None:
        self.decay = decay
        self.mean = torch.zeros(critics, dtype=torch.float64)
        self.std = torch.ones(critics, dtype=torch.float64)

    def update(self, returns: Tensor, weight: Tensor, head: Tensor) -> None:
        """Take up a rollout's returns, ``(C, R)``, counted by ``weight``; ``head`` ``(C, 1, H + 1)`` is the critics' last layer."""

    def raise_by(self, amount: Tensor, head: Tensor) -> None:
        """Add ``amount`` ``(C,)`` to all values, in units of reward: to the last layer's bias."""
        head[:, 0, -1] += amount.to(head.dtype)

    def normalise(self, values: Tensor) -> Tensor:
        """Map values ``(C, R)`` in units of reward to what the critics learn."""
        return (values - self.mean[:, None].to(values.dtype)) / self.std[:, None].to(values.dtype)

    def denormalise(self, outputs: Tensor) -> Tensor:
        """Map the critics' outputs ``(C, R)`` to units of reward."""
        return outputs * self.std[:, None].to(outputs.dtype) + self.mean[:, None].to(outputs.dtype)

    def state_dict(self) -> dict[str, Any]:
        """Return the statistics."""
        return {"mean": self.mean.clone(), "std": self.std.clone()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        for name, tensor in state.items():
            getattr(self, name).copy_(tensor)


class ValueNorm(ValueScale):
    """Debiased exponential means of the return and its square; the variance is at least ``FLOOR``."""

    FLOOR = 1e-2

    def __init__(self, critics: int, decay: float) -> None:
        super().__init__(critics, decay)
        self.first, self.second = torch.zeros_like(self.mean), torch.zeros_like(self.mean)
        self.debias = torch.zeros_like(self.mean)

    def update(self, returns: Tensor, weight: Tensor, head: Tensor) -> None:
        """Move the means by the rollout's; see :class:`ValueScale`."""
        returns, weight = returns.double(), weight.double()
        seen = weight.sum(1) > 0  # an agent without a single row keeps its scale
        share = weight / weight.sum(1, keepdim=True).clamp_min(1.0)
        for running, batch in ((self.first, (share * returns).sum(1)), (self.second, (share * returns.square()).sum(1))):
            running.copy_(torch.where(seen, self.decay * running + (1.0 - self.decay) * batch, running))
        self.debias.copy_(torch.where(seen, self.decay * self.debias + (1.0 - self.decay), self.debias))
        mean = self.first / self.debias
        std = (self.second / self.debias - mean.square()).clamp_min(self.FLOOR).sqrt()
        self._move(torch.where(seen, mean, self.mean), torch.where(seen, std, self.std), head)

    def raise_by(self, amount: Tensor, head: Tensor) -> None:
        """Add ``amount`` to all values by the scale's mean, so that outputs stay near 0; see :class:`ValueScale`."""
        self.mean.add_(amount)

    def _move(self, mean: Tensor, std: Tensor, head: Tensor) -> None:
        """Set the scale."""
        self.mean.copy_(mean)
        self.std.copy_(std)

    def state_dict(self) -> dict[str, Any]:
        """Return the statistics and the running means."""
        return super().state_dict() | {"first": self.first.clone(), "second": self.second.clone(), "debias": self.debias.clone()}


class PopArt(ValueNorm):
    """ValueNorm whose critics keep their values: w ← w σ/σ', b ← (σ b + μ - μ')/σ' (van Hasselt et al. 2016, equations 7 and 8)."""

    def _move(self, mean: Tensor, std: Tensor, head: Tensor) -> None:
        """Set the scale and rescale the last layer, whose last column is the bias."""
        head.mul_((self.std / std).to(head.dtype)[:, None, None])
        head[:, 0, -1] += ((self.mean - mean) / std).to(head.dtype)
        super()._move(mean, std, head)


def make_value_scale(kind: str, critics: int, decay: float) -> ValueScale:
    """Return the scale that a configuration names: ``none``, ``valuenorm`` or ``popart``."""
    return {"none": ValueScale, "valuenorm": ValueNorm, "popart": PopArt}[kind](critics, decay)
