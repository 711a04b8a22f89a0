"""Adam on one flat vector: a single fused call a step (Kingma and Ba 2015, algorithm 1)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from wattloom.components.networks.flat import check_shapes


class FlatAdam:
    """The optimiser of one flat parameter vector and its gradient vector.

    Args:
        params: Float vector, changed in place.
        gradient: Vector of the same length that the learner fills before :meth:`step`.
        learning_rate: Step size α > 0.
        betas: Decay rates of the first and second moment.
        eps: Added to the root of the second moment.

    Attributes:
        learning_rate: Step size of the following steps; :meth:`set_share` scales it.
    """

    def __init__(
        self, params: Tensor, gradient: Tensor, learning_rate: float, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
    ) -> None:
        self.first = torch.zeros_like(params)
        self.second = torch.zeros_like(params)
        self.steps = torch.zeros(())
        self._one = torch.ones(())  # adding a tensor is faster than adding a Python number
        self._params, self._gradient = [params], [gradient]
        self._moments = ([self.first], [self.second])
        self.learning_rate = self._first_rate = learning_rate
        self._betas, self._eps = betas, eps

    def set_share(self, share: float) -> None:
        """Set the step size of the following steps to a share of the first one; what a schedule of learning rates does."""
        self.learning_rate = self._first_rate * share

    def step(self) -> None:
        """Move the parameters by one Adam step along the gradient."""
        self.steps.add_(self._one)
        # torch.optim.Adam(fused=True) ends in this call; going there directly saves its bookkeeping, as long as a small network's product.
        torch._fused_adam_(
            self._params,
            self._gradient,
            *self._moments,
            [],
            [self.steps],
            lr=self.learning_rate,
            beta1=self._betas[0],
            beta2=self._betas[1],
            weight_decay=0.0,
            eps=self._eps,
            amsgrad=False,
            maximize=False,
        )

    def state_dict(self) -> dict[str, Tensor]:
        """Return copies of both moments and the step count."""
        return {"first": self.first.clone(), "second": self.second.clone(), "steps": self.steps.clone()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Copy ``state`` into the existing tensors.

        Raises:
            RunError: The state belongs to another number of parameters.
        """
        own = {"first": self.first, "second": self.second, "steps": self.steps}
        check_shapes({k: tuple(v.shape) for k, v in own.items()}, {k: tuple(v.shape) for k, v in state.items()})
        for name, tensor in own.items():
            tensor.copy_(state[name])
