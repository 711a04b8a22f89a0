"""Deterministic policies with targets, improved along the slope of the joint action's value, by hand (fast) and by autograd (reference)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from wattloom.components.algorithms.losses import deterministic_actor_loss, smoothed_action
from wattloom.components.algorithms.off_policy_keys import DelayedKeys
from wattloom.components.algorithms.team.batch import TeamBatch, rows_weight
from wattloom.components.algorithms.team.judges import Judge
from wattloom.components.algorithms.team.policies import Actor, UnitPolicy, UnitShape
from wattloom.components.networks.analytic import AnalyticMLP
from wattloom.components.networks.mlp import ensemble_mlp
from wattloom.seeding import Seeds


class DelayedPolicy(UnitPolicy):
    """A unit's policy a = tanh(f(o)) and its target.

    Args:
        shape: Whose policy it is, and its sizes.
        columns: Action dimensions.
        keys: Hyper-parameters.
        seeds: Streams ``init`` and ``target_noise``.
    """

    def __init__(self, shape: UnitShape, columns: int, keys: DelayedKeys, seeds: Seeds) -> None:
        super().__init__(shape, columns, keys, seeds)
        self._delayed = keys
        self.target = self.params.clone()
        self._noise = torch.empty(columns, self.rows)
        self._generator = seeds.torch("target_noise")
        self._targets = AnalyticMLP(self.target, None, self.rows, keys.activation)
        self._network = AnalyticMLP(self.params, self.gradient, self.rows, keys.activation)

    def smoothed(self) -> Tensor:
        """Return ``ã' = clip(π'(o') + clip(ε, -c, c), -1, 1)``, ``(columns, R)``."""
        action = self._targets.forward(self.later)[0].tanh_()
        noise = self._noise.normal_(generator=self._generator)
        return smoothed_action(action, noise, self._delayed.target_noise, self._delayed.target_noise_clip)

    def present(self) -> Tensor:
        """Return ``π(o)`` of the policy as it is now, ``(columns, R)``."""
        return self._network.forward(self.now)[0].tanh_()

    def improve(self, batch: TeamBatch, action: Tensor, judges: Sequence[Judge]) -> Tensor:
        """Write the gradient of the mean of ``-Q``; return Q ``(R,)``.

        Args:
            batch: Whose rows they are.
            action: What :meth:`present` returned last.
            judges: The critics from the point of view of each of this unit's agents.
        """
        weight = rows_weight(self.views(batch), batch.share)
        if not self._keys.analytic:
            return self._improve_by_autograd(weight, judges)
        parts = [judge.slope(*part) for judge, *part in zip(judges, self.split(action), self.split(weight), strict=True)]
        d_action = torch.cat([slope for _, slope in parts], 1)
        self._network.backward(torch.ops.aten.tanh_backward(d_action, action)[None])
        return torch.cat([q for q, _ in parts])

    def _improve_by_autograd(self, weight: Tensor, judges: Sequence[Judge]) -> Tensor:
        """Differentiate the loss as the paper writes it: the reference."""
        leaf = self.params.data.detach().requires_grad_()
        action = ensemble_mlp(self.params.views_of(leaf), self.now[:, :-1], self._keys.activation)[0].tanh()
        q = torch.cat([judge.value(part) for judge, part in zip(judges, self.split(action), strict=True)])
        self.gradient.data.copy_(torch.autograd.grad(deterministic_actor_loss(q, weight), leaf)[0])
        return q.detach()

    def follow(self) -> None:
        """Move the target by τ."""
        self.target.data.lerp_(self.params.data, self._keys.tau)

    def actor(self, num_envs: int) -> Actor:
        """Return the live policy for ``num_envs`` rows."""
        return self.acting(num_envs, lambda output, noise, penalty: output.tanh())

    def state_dict(self) -> dict[str, Any]:
        """Return parameters, target, moments and the noise stream."""
        return super().state_dict() | {"target": self.target.state_dict(), "generator": self._generator.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy ``state`` into the existing tensors."""
        super().load_state_dict(state)
        self.target.load_state_dict(state["target"])
        self._generator.set_state(state["generator"])
