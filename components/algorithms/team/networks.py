"""What every learner of a team is made of, and saves: the policies of all units, their common critics, the stream of their turns, a count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from wattloom.components.algorithms.off_policy_keys import OffPolicyKeys
from wattloom.components.algorithms.team.batch import TeamBatch
from wattloom.components.algorithms.team.critics import JointCritics
from wattloom.components.algorithms.team.policies import UnitPolicy, load_policies
from wattloom.components.networks.adam import FlatAdam
from wattloom.seeding import Seeds

Policy = TypeVar("Policy", bound=UnitPolicy)


class TeamNetworks(Generic[Policy]):
    """Base of learners with critics of the joint action.

    Args:
        keys: Hyper-parameters.
        batch: Views of the replay batch; every update reads the sample that they then show.
        policies: One a unit.
        seeds: Streams ``critic`` and ``order``.
        order: ``"random"``, ``"fixed"`` or ``"reverse"`` turns; None: simultaneous.

    Attributes:
        updates: Updates done.
    """

    def __init__(self, keys: OffPolicyKeys, batch: TeamBatch, policies: Sequence[Policy], seeds: Seeds, order: str | None) -> None:
        self.batch, self.policies, self.order = batch, policies, order
        self.critics = JointCritics(batch, keys, seeds.child("critic"))
        self._order = seeds.torch("order")
        self.updates = 0

    @property
    def optimisers(self) -> Sequence[FlatAdam]:
        """Of the critics and of every policy."""
        return self.critics.adam, *(policy.adam for policy in self.policies)

    def state_dict(self) -> dict[str, Any]:
        """Return parameters, targets, moments, the update count and the streams."""
        return {
            "critics": self.critics.state_dict(),
            "policies": {policy.name: policy.state_dict() for policy in self.policies},
            "order": self._order.get_state(),
            "updates": self.updates,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy ``state`` into the existing tensors.

        Raises:
            RunError: Other agents, or other network sizes.
        """
        load_policies(self.policies, state["policies"])
        self.critics.load_state_dict(state["critics"])
        self._order.set_state(state["order"])
        self.updates = int(state["updates"])
