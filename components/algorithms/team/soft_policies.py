"""Stochastic policies that learn to maximise Q - α log π, by hand (fast) and by autograd (reference).

Continuous actions are reparameterised (Haarnoja et al. 2018, equation 9). Of discrete ones the expectation over the agent's own choices is exact:
Σ_c π(c) (α log π(c) - Q(c)); with several dimensions, over one of them at a time with the others as sampled, which is unbiased.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from wattloom.components.algorithms.losses import expected_actor_loss, mean_soft_loss, squashed_gaussian_gradient
from wattloom.components.algorithms.off_policy_keys import SoftKeys
from wattloom.components.algorithms.sac_engines import Samples
from wattloom.components.algorithms.team.batch import TeamBatch, penalty_of, rows_weight
from wattloom.components.algorithms.team.heads import Choices, Head
from wattloom.components.algorithms.team.judges import Judge
from wattloom.components.algorithms.team.policies import Actor, UnitPolicy, UnitShape
from wattloom.components.networks.analytic import AnalyticMLP
from wattloom.components.networks.mlp import ensemble_mlp
from wattloom.seeding import Seeds


class SoftPolicy(UnitPolicy):
    """A unit's stochastic policy.

    Args:
        shape: Whose policy it is, and its sizes.
        head: What the network's output means.
        keys: Hyper-parameters.
        seeds: Streams ``init`` and ``policy_noise``.

    Attributes:
        samples: The actions last drawn, ``(columns, R)``, and their log-densities.
        weight: Each row's share in this policy's means.
        target_entropy: What the temperature aims at, nats: of each row, or one number.
    """

    samples: Samples
    weight: Tensor
    target_entropy: Tensor | float

    def __init__(self, shape: UnitShape, head: Head, keys: SoftKeys, seeds: Seeds) -> None:
        super().__init__(shape, head.outputs, keys, seeds)
        self.head, self._soft = head, keys
        self._noise = torch.empty(head.noise, 2 * self.rows)
        self._generator = seeds.torch("policy_noise")
        self._again = AnalyticMLP(self.params, None, self.rows, keys.activation)
        self._choice = head if isinstance(head, Choices) else None

    def draw(self, batch: TeamBatch) -> Samples:
        """Draw ``a ~ π(·|o)`` and ``a' ~ π(·|o')`` for all rows of this unit."""
        self.look(batch)
        agents = self.views(batch)
        self.weight, penalty = rows_weight(agents, batch.share), penalty_of(agents)
        self._penalty = None if penalty is None else penalty[:, : self.rows]
        self._next_penalty = None if penalty is None else penalty[:, self.rows :]
        self.head.draw(self._noise, self._generator)
        self.samples = self._sample(self._noise[:, : self.rows], self._noise[:, self.rows :])
        fixed = self._soft.target_entropy
        self.target_entropy = self.head.target_entropy(self._soft.target_entropy_share, self._penalty) if fixed is None else fixed
        return self.samples

    def _sample(self, noise: Tensor, next_noise: Tensor) -> Samples:
        """Evaluate the network and sample."""
        raise NotImplementedError

    def improve(self, alpha: Tensor, judges: Sequence[Judge]) -> Tensor:
        """Write the gradient of the mean of ``α log π - Q`` at the actions last drawn; return Q ``(R,)``.

        Args:
            alpha: Temperature, a scalar.
            judges: The critics from the point of view of each of this unit's agents.
        """
        raise NotImplementedError

    def redraw(self) -> Tensor:
        """Draw ``a ~ π(·|o)`` from the policy as it is now, ``(columns, R)``, at the observations of :meth:`draw`."""
        noise = self.head.draw(torch.empty(self.head.noise, self.rows), self._generator)
        with torch.no_grad():
            return self.head.sample(self._again.forward(self.now)[0], noise, self._penalty)[0]

    def actor(self, num_envs: int) -> Actor:
        """Return the live policy for ``num_envs`` rows: a sample where noise is given, else the mode."""
        return self.acting(num_envs, self._act)

    def _act(self, output: Tensor, noise: Tensor | None, penalty: Tensor | None) -> Tensor:
        return self.head.mode(output, penalty) if noise is None else self.head.sample(output, noise, penalty)[0]

    def state_dict(self) -> dict[str, Any]:
        """Return parameters, moments and the noise stream."""
        return super().state_dict() | {"generator": self._generator.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy ``state`` into the existing tensors."""
        super().load_state_dict(state)
        self._generator.set_state(state["generator"])


class AnalyticSoftPolicy(SoftPolicy):
    """Hand-written passes; both evaluations are one pass over 2R rows, of which the first R go back."""

    def __init__(self, shape: UnitShape, head: Head, keys: SoftKeys, seeds: Seeds) -> None:
        super().__init__(shape, head, keys, seeds)
        self._network = AnalyticMLP(self.params, self.gradient, 2 * self.rows, keys.activation, rows=self.rows)

    def _sample(self, noise: Tensor, next_noise: Tensor) -> Samples:
        output = self._network.forward(self.both)[0]
        self._output, following = output[:, : self.rows], output[:, self.rows :]
        now = self.head.sample(self._output, noise, self._penalty)
        return Samples(*now, *self.head.sample(following, next_noise, self._next_penalty))

    def improve(self, alpha: Tensor, judges: Sequence[Judge]) -> Tensor:
        """Form the gradient by hand; see :class:`SoftPolicy`."""
        if self._choice is not None:
            q = torch.cat([judge.candidates() for judge in judges], 1)  # (columns, R)
            log_p = self._choice.log_probabilities(self._output, self._penalty)
            p = log_p.exp()
            f = alpha * log_p - q
            mean = self._choice.kind.spread(self._choice.kind.sums((p * f)[None]))[0]
            self._network.backward((p * (f - mean) * self.weight)[None])  # d/dlogit_c of Σ p f is p_c (f_c - Σ p f)
            return (p * q).sum(0) / self._choice.kind.dimensions
        parts = [judge.slope(*part) for judge, *part in zip(judges, self.split(self.samples.action), self.split(self.weight), strict=True)]
        d_action = torch.cat([slope for _, slope in parts], 1)
        density = alpha * self.weight
        log_std = self._output[self.head.columns :]
        d_output = squashed_gaussian_gradient(d_action, self.samples.action, log_std, self._noise[:, : self.rows], density)
        self._network.backward(d_output.unsqueeze(0))
        return torch.cat([q for q, _ in parts])


class AutogradSoftPolicy(SoftPolicy):
    """The reference."""

    def _sample(self, noise: Tensor, next_noise: Tensor) -> Samples:
        activation, inputs = self._soft.activation, self.both[:, :-1]
        self._leaf = self.params.data.detach().requires_grad_()
        self._output = ensemble_mlp(self.params.views_of(self._leaf), inputs[: self.rows], activation)[0]
        self._action, self._log_density = self.head.sample(self._output, noise, self._penalty)
        with torch.no_grad():
            following = ensemble_mlp(self.params, inputs[self.rows :], activation)[0]
            later = self.head.sample(following, next_noise, self._next_penalty)
        return Samples(self._action.detach(), self._log_density.detach(), *later)

    def improve(self, alpha: Tensor, judges: Sequence[Judge]) -> Tensor:
        """Form the gradient by autograd; see :class:`SoftPolicy`."""
        if self._choice is not None:
            q = torch.cat([judge.candidates() for judge in judges], 1)
            log_p = self._choice.log_probabilities(self._output, self._penalty)
            loss = expected_actor_loss(alpha, log_p, q, self.weight)
            q = (log_p.detach().exp() * q).sum(0) / self._choice.kind.dimensions
        else:
            q = torch.cat([judge.value(action) for judge, action in zip(judges, self.split(self._action), strict=True)])
            loss = mean_soft_loss(alpha, self._log_density, q, self.weight)
        self.gradient.data.copy_(torch.autograd.grad(loss, self._leaf)[0])
        return q.detach()


def soft_policy(shape: UnitShape, head: Head, keys: SoftKeys, seeds: Seeds) -> SoftPolicy:
    """Return a policy of the engine that ``keys`` name."""
    return (AnalyticSoftPolicy if keys.analytic else AutogradSoftPolicy)(shape, head, keys, seeds)
