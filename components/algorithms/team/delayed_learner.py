"""Twin delayed deterministic policy gradient of a team: critics of the joint action, one deterministic policy a unit.

Simultaneous (MATD3): each policy ascends Q_1 with the others' actions as they stand in the replay. Sequential (HATD3): the policies take turns; all act
by their present policies, and those before it by their new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from wattloom.components.algorithms.off_policy_keys import DelayedKeys
from wattloom.components.algorithms.team.batch import TeamBatch, rows_weight
from wattloom.components.algorithms.team.critics import figures
from wattloom.components.algorithms.team.delayed_policies import DelayedPolicy
from wattloom.components.algorithms.team.networks import TeamNetworks
from wattloom.components.algorithms.team.policies import UnitShape
from wattloom.components.algorithms.turns import turns
from wattloom.seeding import Seeds


class DelayedTeamLearner(TeamNetworks[DelayedPolicy]):
    """Policies of all units, their common critics, and the targets of both.

    Args:
        keys: Hyper-parameters.
        batch: Views of the replay batch; every update reads the sample that they then show.
        units: Whose policies there are, with their action dimensions.
        seeds: Streams of this learner.
        order: ``"random"``, ``"fixed"`` or ``"reverse"`` turns; None: simultaneous.
    """

    def __init__(
        self, keys: DelayedKeys, batch: TeamBatch, units: Sequence[tuple[UnitShape, int]], seeds: Seeds, order: str | None = None
    ) -> None:
        self.keys = keys
        policies = [DelayedPolicy(shape, columns, keys, seeds.child("actor").child(shape.name)) for shape, columns in units]
        super().__init__(keys, batch, policies, seeds, order)
        self._judges = [[self.critics.judge(batch, i, twin=False) for i in policy.agents] for policy in self.policies]

    def update(self) -> Callable[[], dict[str, float]]:
        """Do one update on the present sample; the result reads its losses."""
        batch, critics = self.batch, self.critics
        self.updates += 1

        # target policy smoothing: ã'_i = clip(π'_i(o'_i) + clip(ε, -c, c), -1, 1)
        critics.look(batch)
        for policy in self.policies:
            policy.look(batch)
            for rows, action in zip(policy.views(batch), policy.split(policy.smoothed()), strict=True):
                critics.following.put(rows, action, rows.next_active)
        # critics: towards y = r + γ (1 - terminated) min Q'(s', ã')
        error, y = critics.learn(batch, critics.target_values())
        if self.updates % self.keys.policy_delay:
            return self._reader(error, y, [])
        # delayed policies: ascend Q_1 of their stream, then move all targets by τ
        values = self._improve_together() if self.order is None else self._improve_in_turn(self.order)
        critics.follow()
        for policy in self.policies:
            policy.follow()
        return self._reader(error, y, values)

    def _improve_together(self) -> list[Tensor]:
        """Improve every policy with its own actions new and the others' from the replay."""
        self.critics.now.actions.copy_(self.batch.pair[:, : self.batch.actions])
        return [self._improve(u, policy.present()) for u, policy in enumerate(self.policies)]

    def _improve_in_turn(self, order: str) -> list[Tensor]:
        """Improve one policy after the other, all acting by what they are at that time."""
        actions = [policy.present() for policy in self.policies]
        for policy, action in zip(self.policies, actions, strict=True):
            self._write(policy, action)
        values = actions.copy()
        for u in turns(order, len(self.policies), self._order):
            values[u] = self._improve(u, actions[u])
            self._write(self.policies[u], self.policies[u].present())  # those after it meet the action of the policy as it is now
        return values

    def _improve(self, u: int, action: Tensor) -> Tensor:
        """Take one step of a policy that acts by ``action``; return what its critics said of it, ``(R,)``."""
        policy = self.policies[u]
        q = policy.improve(self.batch, action, self._judges[u])
        policy.adam.step()
        return q

    def _write(self, policy: DelayedPolicy, action: Tensor) -> None:
        """Write a unit's actions into the joint action."""
        for rows, part in zip(policy.views(self.batch), policy.split(action), strict=True):
            self.critics.now.put(rows, part, rows.active)

    def _reader(self, error: Tensor, y: Tensor, values: list[Tensor]) -> Callable[[], dict[str, float]]:
        """Return a function that turns this update's own tensors into numbers, when and if somebody asks."""
        weight, several = self.batch.weight(), len(self.policies) > 1
        shares = [rows_weight(policy.views(self.batch), self.batch.share) for policy in self.policies]

        def read() -> dict[str, float]:
            found = figures(weight, error, y)
            for policy, share, q in zip(self.policies, shares, values, strict=False):  # none where the policies wait
                found[f"{policy.name}/actor_loss" if several else "actor_loss"] = -float((share * q).sum())
            return found

        return read
