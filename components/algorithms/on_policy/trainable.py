"""A stack of networks with gradient, Adam and minibatches of rows: what policies and critics have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from wattloom.components.algorithms.on_policy.settings import NetworkSettings
from wattloom.components.algorithms.on_policy.surrogate import clip_to_norm
from wattloom.components.networks.adam import FlatAdam
from wattloom.components.networks.stack import ParameterStack, StackedMLP, stacked_mlp, under
from wattloom.environment import Array
from wattloom.errors import RunError


class Trainable:
    """E networks over rows of numbers, which are gathered once a minibatch and read as views.

    A row is the input, a constant 1 (the bias's input), and whatever the objective needs. Subclasses implement :meth:`gradient`.

    Args:
        names: One a network.
        params: The networks; their perceptron lies under ``net``.
        settings: Optimiser and shape.
        rows: Rows R of one rollout, a network.
        batch: Rows B of one minibatch.
        columns: Name to width of what follows the input, in order; among them ``weight``, 1 where a row counts.
        inputs: Width of the input.
    """

    def __init__(
        self,
        names: Sequence[str],
        params: ParameterStack,
        settings: NetworkSettings,
        rows: int,
        batch: int,
        columns: Mapping[str, int],
        inputs: int,
    ) -> None:
        self.names, self.params, self.settings, self.inputs = tuple(names), params, settings, inputs
        self.batch_size = batch
        self._partial = False  # True: some rows do not count
        self._gradient = params.zeros_like()
        self._adam = FlatAdam(params.data.view(-1), self._gradient.data.view(-1), settings.learning_rate, eps=settings.adam_eps)
        self._slices: dict[str, slice] = {}
        width = inputs + 1
        for name, size in columns.items():
            self._slices[name] = slice(width, width + size)
            width += size
        self.rows, self._batch = torch.zeros(len(params), rows, width), torch.zeros(len(params), batch, width)
        self.rows[:, :, inputs] = 1.0
        self._views = {name: self._batch[:, :, columns].transpose(1, 2) for name, columns in self._slices.items()}
        self._x, self._rows_x = self._batch[:, :, : inputs + 1], self.rows[:, :, : inputs + 1]
        net, activation = under(params.views, "net"), settings.activation
        self._network = StackedMLP(net, under(self._gradient.views, "net"), batch, activation)
        self._whole = StackedMLP(net, None, rows, activation)

    def inputs_of(self, member: int) -> Array:
        """Return the input rows of one network to be filled, ``(R, inputs)``."""
        filled: Array = self.rows[member, :, : self.inputs].numpy()
        return filled

    def column(self, name: str) -> Tensor:
        """Return one column of all rows, to be filled or read, ``(E, R, width)``."""
        return self.rows[:, :, self._slices[name]]

    def outputs(self) -> Tensor:
        """Evaluate every row with the present parameters, ``(E, out, R)``."""
        return self._whole.forward(self._rows_x)

    def step(self, index: Tensor) -> None:
        """Do one Adam step on the rows of ``index``, int ``(B,)``; every network of the stack on its own rows."""
        torch.index_select(self.rows, 1, index, out=self._batch)
        if self.settings.analytic:
            self.gradient()
        else:
            self._differentiate()
        clip_to_norm(self._gradient.data, self.settings.max_grad_norm)
        self._adam.step()

    def share(self) -> Tensor | float:
        """Return each gathered row's share in a mean: of all rows, or of those that count (column ``weight``)."""
        if not self._partial:
            return 1.0 / self.batch_size
        weight = self._views["weight"]
        return weight / weight.sum(2, keepdim=True).clamp_min(1.0)

    def gradient(self) -> None:
        """Write the gradient of :meth:`loss` at the gathered minibatch by hand."""
        raise NotImplementedError

    def loss(self, output: Tensor, views: Mapping[str, Tensor]) -> Tensor:
        """Return the objective to minimise, summed over the networks; ``views`` are the parameters."""
        raise NotImplementedError

    def reader(self) -> Callable[[], dict[str, dict[str, float]]]:
        """Return a function that reads the last minibatch's figures by network, whenever it is called."""
        raise NotImplementedError

    def _differentiate(self) -> None:
        """Write the same gradient by autograd: the reference."""
        leaf = self.params.data.clone().requires_grad_()
        views = self.params.views_of(leaf)
        loss = self.loss(stacked_mlp(under(views, "net"), self._x[..., :-1], self.settings.activation), views)
        self._gradient.data.copy_(torch.autograd.grad(loss, leaf)[0])

    def set_learning_rate(self, share: float) -> None:
        """Scale the step size to a share of the initial one."""
        self._adam.set_share(share)

    def fit(self, epochs: int, generator: torch.Generator, enough: Callable[[], bool] | None = None) -> int:
        """Go through all rows ``epochs`` times in minibatches, in a new random order each time, and return the number of steps.

        What does not fill a last minibatch sits out that epoch. ``enough`` is asked after each epoch and may end the fit.
        """
        count = self.rows.shape[1]
        steps = 0
        for _ in range(epochs):
            order = torch.randperm(count, generator=generator)
            for first in range(0, count - self.batch_size + 1, self.batch_size):
                self.step(order[first : first + self.batch_size])
                steps += 1
            if enough is not None and enough():
                break
        return steps

    def state_dict(self) -> dict[str, Any]:
        """Return parameters by network and Adam's moments."""
        networks = {name: self.params.member(e).state_dict() for e, name in enumerate(self.names)}
        return {"networks": networks, "adam": self._adam.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy ``state`` into the existing tensors.

        Raises:
            RunError: Other networks or shapes.
        """
        if list(state["networks"]) != list(self.names):
            raise RunError(f"saved networks are of {list(state['networks'])}, here they are of {list(self.names)}")
        for e, name in enumerate(self.names):
            self.params.member(e).load_state_dict(state["networks"][name])
        self._adam.load_state_dict(state["adam"])
