"""Soft actor-critic of a team: critics of the joint action, one stochastic policy and one temperature a unit.

Simultaneous: every policy is improved against the joint action as all of them drew it. Sequential (J. Liu et al., "Maximum Entropy Heterogeneous-Agent
Reinforcement Learning", ICLR 2024, algorithm 1): the policies take turns, and each draws again before the next one's turn. A team of one is SAC.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from wattloom.components.algorithms.off_policy_keys import SoftKeys
from wattloom.components.algorithms.team.batch import TeamBatch
from wattloom.components.algorithms.team.critics import figures
from wattloom.components.algorithms.team.heads import Choices, Head
from wattloom.components.algorithms.team.networks import TeamNetworks
from wattloom.components.algorithms.team.policies import Actor, UnitShape
from wattloom.components.algorithms.team.soft_policies import SoftPolicy, soft_policy
from wattloom.components.algorithms.turns import turns
from wattloom.components.networks.adam import FlatAdam
from wattloom.seeding import Seeds


class SoftTeamLearner(TeamNetworks[SoftPolicy]):
    """Policies of all units, their common critics and their temperatures.

    Args:
        keys: Hyper-parameters.
        batch: Views of the replay batch; every update reads the sample that they then show.
        units: Whose policies there are, with their heads.
        seeds: Streams of this learner.
        order: ``"random"``, ``"fixed"`` or ``"reverse"`` turns; None: simultaneous.
    """

    def __init__(
        self, keys: SoftKeys, batch: TeamBatch, units: Sequence[tuple[UnitShape, Head]], seeds: Seeds, order: str | None = None
    ) -> None:
        self.keys = keys
        policies = [soft_policy(shape, head, keys, seeds.child("actor").child(shape.name)) for shape, head in units]
        super().__init__(keys, batch, policies, seeds, order)
        self._judges = [[self.critics.judge(batch, i, _counts(policy.head)) for i in policy.agents] for policy in self.policies]
        self.log_alpha = torch.full((len(units),), math.log(keys.alpha))
        self._alpha_gradient = torch.zeros(len(units))
        self._alpha_adam = FlatAdam(self.log_alpha, self._alpha_gradient, keys.alpha_learning_rate)

    def update(self) -> Callable[[], dict[str, float]]:
        """Do one update on the present sample; the result reads its losses."""
        keys, batch, critics = self.keys, self.batch, self.critics
        self.updates += 1
        alpha = self.log_alpha.exp()

        # a_i ~ π_i(·|o_i) and a'_i ~ π_i(·|o'_i)
        critics.look(batch)
        for policy in self.policies:
            policy.draw(batch)
            self._write(policy)
        if keys.learn_alpha:
            # temperatures: minimise the mean of -log α_i (log π_i(a_i|o_i) + H_i)
            for u, policy in enumerate(self.policies):
                self._alpha_gradient[u] = -(policy.weight * (policy.samples.log_density + policy.target_entropy)).sum()
            self._alpha_adam.step()
        # critics: towards y = r + γ (1 - terminated) (min Q'(s', a') - Σ_i α_i log π_i(a'_i|o'_i))
        error, y = critics.learn(batch, critics.target_values() - self._next_entropy_cost(alpha))
        # policies: minimise the mean of α_i log π_i(a_i|o_i) - min Q(s, a), under the new critics
        values = self._improve(alpha)
        critics.follow()
        return self._reader(error, y, values, alpha)

    def _write(self, policy: SoftPolicy) -> None:
        """Write a unit's actions into both joint actions."""
        self._write_now(policy, policy.samples.action)
        for rows, part in zip(policy.views(self.batch), policy.split(policy.samples.next_action), strict=True):
            self.critics.following.put(rows, part, rows.next_active)

    def _next_entropy_cost(self, alpha: Tensor) -> Tensor:
        """Return Σ_i α_i log π_i(a'_i|o'_i) over the agents that take part at s', ``(B,)``."""
        parts = []
        for u, policy in enumerate(self.policies):
            for rows, log_density in zip(policy.views(self.batch), policy.split(policy.samples.next_log_density), strict=True):
                parts.append(alpha[u] * (log_density if rows.next_active is None else log_density * rows.next_active))
        return torch.stack(parts).sum(0)

    def _improve(self, alpha: Tensor) -> list[Tensor]:
        """Improve every policy; return what its critics said of its actions, ``(R,)`` each."""
        count = len(self.policies)
        values: list[Tensor] = [torch.empty(0)] * count
        order = list(range(count)) if self.order is None else turns(self.order, count, self._order)
        for turn, u in enumerate(order):
            policy = self.policies[u]
            values[u] = policy.improve(alpha[u], self._judges[u])
            policy.adam.step()
            if self.order is not None and turn + 1 < count:
                self._write_now(policy, policy.redraw())  # those after it meet the action of the policy as it is now
        return values

    def _write_now(self, policy: SoftPolicy, action: Tensor) -> None:
        """Write a unit's actions into the joint action at s."""
        for rows, part in zip(policy.views(self.batch), policy.split(action), strict=True):
            self.critics.now.put(rows, part, rows.active)

    def _reader(self, error: Tensor, y: Tensor, values: list[Tensor], alpha: Tensor) -> Callable[[], dict[str, float]]:
        """Return a function that turns this update's own tensors into numbers, when and if somebody asks."""
        batch, several = self.batch, len(self.policies) > 1
        weight = batch.weight()
        drawn = [(policy.name, policy.weight, policy.samples.log_density, policy.target_entropy) for policy in self.policies]

        def read() -> dict[str, float]:
            found = figures(weight, error, y)
            for u, (name, share, log_density, target) in enumerate(drawn):
                entropy = -float((share * log_density).sum())
                gap = -float((share * (log_density + target)).sum())
                own = {
                    "actor_loss": float((share * (alpha[u] * log_density - values[u])).sum()),
                    "alpha": float(alpha[u]),
                    "alpha_loss": float(alpha[u].log()) * gap,
                    "entropy": entropy,
                }
                found |= {f"{name}/{key}" if several else key: value for key, value in own.items()}
            return found

        return read

    @property
    def policy_params(self) -> Mapping[str, Tensor]:
        """The tensors of the first unit's policy: that of a team of one."""
        return self.policies[0].params

    def actor(self, num_envs: int) -> Actor:
        """Return the live policy of the first unit: that of a team of one."""
        return self.policies[0].actor(num_envs)

    @property
    def optimisers(self) -> Sequence[FlatAdam]:
        """Of the critics, of every policy and of the temperatures."""
        return *super().optimisers, self._alpha_adam

    def state_dict(self) -> dict[str, Any]:
        """Return what every team saves, and the temperatures."""
        return super().state_dict() | {"log_alpha": self.log_alpha.clone(), "alpha_adam": self._alpha_adam.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy ``state`` into the existing tensors.

        Raises:
            RunError: Other agents, or other network sizes.
        """
        super().load_state_dict(state)
        self.log_alpha.copy_(state["log_alpha"])
        self._alpha_adam.load_state_dict(state["alpha_adam"])


def _counts(head: Head) -> tuple[int, ...]:
    """Return the numbers of choices of a discrete head; empty for a continuous one."""
    return head.kind.counts if isinstance(head, Choices) else ()
