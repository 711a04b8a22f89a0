"""Critics of one shape, trained on scaled returns, by hand or by autograd."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wattloom.components.algorithms.on_policy.initial import VALUE_GAIN, orthogonal
from wattloom.components.algorithms.on_policy.settings import CriticSettings, NetworkSettings
from wattloom.components.algorithms.on_policy.surrogate import clipped_value_error, value_slope
from wattloom.components.algorithms.on_policy.trainable import Trainable
from wattloom.components.algorithms.on_policy.value_norm import ValueScale
from wattloom.components.networks.mlp import MLPShape
from wattloom.components.networks.stack import ParameterStack, stacked_mlp, under
from wattloom.environment import Array
from wattloom.seeding import Seeds


class Critic(Trainable):
    """E value functions of one shape.

    Args:
        names: One a critic.
        inputs: Width of the input.
        network: Shape and optimiser.
        objective: What is minimised.
        scale: Units of the outputs.
        sizes: Rows of a rollout, and minibatches they are cut into.
        seeds: Streams of initial weights by name.
    """

    def __init__(
        self,
        names: Sequence[str],
        inputs: int,
        network: NetworkSettings,
        objective: CriticSettings,
        scale: ValueScale,
        sizes: tuple[int, int],
        seeds: Seeds,
    ) -> None:
        self.objective, self.scale = objective, scale
        params = ParameterStack(MLPShape(inputs, network.hidden_sizes, 1).tensors("net"), len(names))
        for e, name in enumerate(names):
            orthogonal(params.member(e).section("net"), seeds.torch(name), network.activation, VALUE_GAIN)
        super().__init__(names, params, network, sizes[0], sizes[0] // sizes[1], {"target": 1, "old": 1, "weight": 1}, inputs)

    def values(self) -> Array:
        """Return the values of every row in units of reward, float64 ``(E, R)``."""
        found: Array = self.scale.denormalise(self.outputs()[:, 0].double()).numpy()
        return found

    def values_of(self, inputs: Array) -> Array:
        """Return the values of other inputs ``(E, K, inputs)`` in units of reward, float64 ``(E, K)``."""
        with torch.no_grad():
            out = stacked_mlp(
                under(self.params.views, "net"), torch.from_numpy(inputs).to(self.params.data.dtype), self.settings.activation
            )
        found: Array = self.scale.denormalise(out[:, 0].double()).numpy()
        return found

    def raise_by(self, amount: Array) -> None:
        """Add a number to all values of each critic, ``(E,)`` in units of reward."""
        self.scale.raise_by(torch.from_numpy(amount), self.params.views["net.head"])

    def set_returns(self, returns: Array, values: Array, weight: Array) -> None:
        """Move the scale, and set what the outputs should become, ``(E, R)`` each; rows of weight 0 do not count."""
        counted = torch.from_numpy(weight)
        self._partial = not bool((counted > 0).all())
        wanted = torch.from_numpy(returns)
        self.scale.update(wanted, counted, self.params.views["net.head"])
        self.column("target")[:, :, 0] = self.scale.normalise(wanted)
        self.column("old")[:, :, 0] = self.scale.normalise(torch.from_numpy(values))
        self.column("weight")[:, :, 0] = counted
        self._explained = (np.asarray(returns), np.asarray(values))

    def gradient(self) -> None:
        """Differentiate the mean (clipped) value error by hand."""
        views, clip, huber = self._views, self.objective.clip, self.objective.huber
        output = self._network.forward(self._x)
        error = output - views["target"]
        slope = value_slope(error, huber)
        if clip is not None:
            move = output - views["old"]
            held = views["old"] + move.clamp(-clip, clip) - views["target"]
            inside = move.abs() <= clip  # a held output does not move with the parameters
            slope = torch.where(error.abs() >= held.abs(), slope, value_slope(held, huber) * inside)
        self._network.backward(slope * self.share())
        self._seen = (output, views["target"])

    def loss(self, output: Tensor, views: Mapping[str, Tensor]) -> Tensor:
        """Return the mean (clipped) value error, summed over the critics."""
        batch = self._views
        error = clipped_value_error(output, batch["target"], batch["old"], self.objective.clip, self.objective.huber)
        self._seen = (output.detach(), batch["target"])
        return (self.share() * error).sum()

    def reader(self) -> Callable[[], dict[str, dict[str, float]]]:
        """Return a function that reads the last minibatch's loss and how much of the rollout's returns was foreseen."""
        output, target = self._seen[0], self._seen[1].clone()
        (returns, values), names = self._explained, self.names

        def read() -> dict[str, dict[str, float]]:
            loss = 0.5 * (output - target).square().mean((1, 2))
            spread = returns.var(1)
            unexplained = np.divide((returns - values).var(1), spread, out=np.ones_like(spread), where=spread > 0)
            return {name: {"value_loss": float(loss[e]), "explained_variance": float(1.0 - unexplained[e])} for e, name in enumerate(names)}

        return read

    def state_dict(self) -> dict[str, Any]:
        """Return parameters, moments and scale."""
        return super().state_dict() | {"scale": self.scale.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy ``state`` into the existing tensors."""
        super().load_state_dict(state)
        self.scale.load_state_dict(state["scale"])
