"""The policy network of a unit: one agent, or a group that shares parameters; its rows are those of its agents one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import torch
from torch import Tensor

from wattloom.components.algorithms.off_policy_keys import OffPolicyKeys
from wattloom.components.algorithms.team.batch import AgentRows, TeamBatch
from wattloom.components.networks.adam import FlatAdam
from wattloom.components.networks.analytic import AnalyticMLP, InputBuffer
from wattloom.components.networks.flat import FlatParams
from wattloom.components.networks.mlp import MLPShape, initialise
from wattloom.errors import RunError
from wattloom.seeding import Seeds

Actor: TypeAlias = Callable[[Tensor, Tensor | None, Tensor | None], Tensor]
"""Observation ``(N, o)``, noise ``(N, n)`` (None: act greedily) and what rules out masked choices (or None) to stored actions ``(N, a)``."""


class UnitShape(NamedTuple):
    """Whose policy it is, and its sizes.

    Attributes:
        name: The agent's, or the group's.
        agents: Places of its agents in the team.
        width: Entries of one observation.
        batch: Rows B of a sample.
    """

    name: str
    agents: tuple[int, ...]
    width: int
    batch: int


class ActingPolicy(Protocol):
    """A unit's policy from outside.

    Attributes:
        params: The network's tensors.
    """

    params: FlatParams

    def actor(self, num_envs: int) -> Actor:
        """Return the live policy for ``num_envs`` rows."""
        ...


class UnitPolicy:
    """Parameters, optimiser and inputs of one policy network.

    Args:
        shape: Whose policy it is, and its sizes.
        outputs: Rows of the head.
        keys: Hyper-parameters.
        seeds: Stream ``init``.

    Attributes:
        params: The network's tensors.
        gradient: Where learners write the derivative of what is minimised.
        rows: Rows R = B times agents; inputs hold R observations, then R successors.
        both: All inputs with their column of ones, ``(2R, inputs + 1)``.
        now: The first half of them, ``(R, inputs + 1)``.
        later: The other half.
    """

    def __init__(self, shape: UnitShape, outputs: int, keys: OffPolicyKeys, seeds: Seeds) -> None:
        self.name, self.agents, self._width, self._batch = shape
        self._keys, agents, batch = keys, self.agents, self._batch
        self.inputs = self._width + (len(agents) if len(agents) > 1 else 0)
        self.params = FlatParams(MLPShape(self.inputs, keys.hidden_sizes, outputs).tensors("actor")).section("actor")
        initialise(self.params, seeds.torch("init"))
        self.gradient = self.params.zeros_like()
        self.adam = FlatAdam(self.params.data, self.gradient.data, keys.actor_learning_rate)
        self.rows = batch * len(agents)
        self._input = InputBuffer(2 * self.rows, self.inputs)
        self.both, self.now, self.later = self._input.x, self._input.x[: self.rows], self._input.x[self.rows :]
        if len(agents) > 1:
            identity = torch.eye(len(agents)).repeat_interleave(batch, 0)
            self._input.values[:, self._width :] = identity.repeat(2, 1)

    def views(self, batch: TeamBatch) -> tuple[AgentRows, ...]:
        """Return the rows of this unit's agents."""
        return tuple(batch.agents[i] for i in self.agents)

    def look(self, batch: TeamBatch) -> None:
        """Copy what this unit's agents saw and what they saw next."""
        values, size = self._input.values[:, : self._width], self._batch
        for j, rows in enumerate(self.views(batch)):
            values[j * size : (j + 1) * size].copy_(rows.observation)
            values[self.rows + j * size : self.rows + (j + 1) * size].copy_(rows.next_observation)

    def split(self, x: Tensor) -> list[Tensor]:
        """Return the parts ``(…, B)`` of each agent of ``(…, R)``."""
        return list(torch.split(x, self._batch, -1)) if x.ndim else [x] * len(self.agents)

    def acting(self, num_envs: int, act: Callable[[Tensor, Tensor | None, Tensor | None], Tensor]) -> Actor:
        """Return the live policy for ``num_envs`` rows; ``act`` turns head, noise and penalty into actions ``(columns, rows)``."""
        inputs = InputBuffer(num_envs, self.inputs)
        network = AnalyticMLP(self.params, None, num_envs, self._keys.activation)

        def run(observation: Tensor, noise: Tensor | None, penalty: Tensor | None) -> Tensor:
            inputs.values.copy_(observation)
            head = network.forward(inputs.x)[0]
            return act(head, None if noise is None else noise.T, None if penalty is None else penalty.T).T

        return run

    def state_dict(self) -> dict[str, Any]:
        """Return parameters and moments."""
        return {"params": self.params.state_dict(), "adam": self.adam.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy ``state`` into the existing tensors."""
        self.params.load_state_dict(state["params"])
        self.adam.load_state_dict(state["adam"])


def load_policies(policies: Sequence[UnitPolicy], state: Mapping[str, Any]) -> None:
    """Copy saved policies into the existing ones.

    Raises:
        RunError: They are of other agents, or of other sizes.
    """
    names = [policy.name for policy in policies]
    if list(state) != names:
        raise RunError(f"saved policies are of {list(state)}, this environment has {names}")
    for policy in policies:
        policy.load_state_dict(state[policy.name])
