"""The value functions of a team: one on the central state, or each agent's on its own observation.

A *stream* is a sequence of rewards with values of its own, ``(S, T, N)``: one for the team where all rewards are the same mean, else one an agent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from wattloom.components.algorithms.observation_norm import ObservationNorm
from wattloom.components.algorithms.on_policy.critic import Critic
from wattloom.components.algorithms.on_policy.gae import successor_values
from wattloom.components.algorithms.on_policy.units import Unit
from wattloom.components.buffers.rollout import RolloutBuffer
from wattloom.environment import Array


class Values(Protocol):
    """What the learner asks of its value functions.

    Attributes:
        critics: The stacks to be trained.
    """

    @property
    def critics(self) -> Sequence[Critic]: ...  # noqa: D102 - documented above

    def evaluate(self, rollout: RolloutBuffer) -> tuple[Array, Array]:
        """Return V(s_t) and V(s'_t), float64 ``(S, T, N)`` each, in units of reward; evaluated once a rollout."""
        ...

    def raise_by(self, start: Array) -> None:
        """Add a number to all values of each stream, ``(S,)``; agents that share a critic get their mean."""
        ...

    def set_returns(self, returns: Array, values: Array, weight: Array) -> None:
        """Set the critics' targets, ``(S, T, N)`` each."""
        ...

    def finish(self, rollout: RolloutBuffer) -> None:
        """Take the rollout into running statistics that are the critics' own."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return critics and statistics."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy ``state`` into the existing tensors."""
        ...


class CentralValues:
    """Critics that see the central state; one a stream.

    Args:
        critic: E = S critics on the state.
        norm: Scales the state.
    """

    def __init__(self, critic: Critic, norm: ObservationNorm) -> None:
        self.critics = [critic]
        self._norm = norm

    def evaluate(self, rollout: RolloutBuffer) -> tuple[Array, Array]:
        """Evaluate the state; see :class:`Values`."""
        critic, block = self.critics[0], (rollout.steps, rollout.copies)
        rows = self._norm(rollout.state[:-1].reshape(-1, rollout.state_width))
        for e in range(len(critic.names)):
            critic.inputs_of(e)[:] = rows
        values = critic.values().reshape(-1, *block)
        rest = self._norm(np.concatenate([rollout.state[-1], rollout.finals("/state")]))
        others = critic.values_of(np.array(np.broadcast_to(rest, (len(values), *rest.shape))))
        times, copies = rollout.final_rows()
        return values, successor_values(values, others[:, : rollout.copies], times, copies, others[:, rollout.copies :])

    def raise_by(self, start: Array) -> None:
        """Raise the values; see :class:`Values`."""
        self.critics[0].raise_by(start)

    def set_returns(self, returns: Array, values: Array, weight: Array) -> None:
        """Set the targets; see :class:`Values`."""
        count = len(returns)
        self.critics[0].set_returns(returns.reshape(count, -1), values.reshape(count, -1), weight.reshape(count, -1))

    def finish(self, rollout: RolloutBuffer) -> None:
        """Take up the states."""
        self._norm.update(rollout.state[:-1].reshape(-1, rollout.state_width))

    def state_dict(self) -> dict[str, Any]:
        """Return critics and statistics."""
        return {"critic": self.critics[0].state_dict(), "norm": self._norm.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy ``state`` into the existing tensors."""
        self.critics[0].load_state_dict(state["critic"])
        self._norm.load_state_dict(state["norm"])


class LocalValues:
    """Critics that see what their agents see, with the policies' own observation statistics; one stream an agent.

    Args:
        stacks: Units of equal shape and their critics.
        names: Names of all agents, in order.
        norms: Statistics by unit; they belong to the policies.
    """

    def __init__(self, stacks: Sequence[tuple[Sequence[Unit], Critic]], names: Sequence[str], norms: Mapping[str, ObservationNorm]) -> None:
        self.critics = [critic for _, critic in stacks]
        self._stacks, self._names, self._norms = stacks, names, norms

    def evaluate(self, rollout: RolloutBuffer) -> tuple[Array, Array]:
        """Evaluate every agent's observation; see :class:`Values`."""
        steps, n = rollout.steps * rollout.copies, rollout.copies
        values = np.zeros((len(self._names), rollout.steps, n))
        last = np.zeros((len(self._names), n))
        times, copies = rollout.final_rows()
        finals = np.zeros((len(self._names), len(times)))
        for units, critic in self._stacks:
            for e, unit in enumerate(units):
                seen = [rollout.observations[self._names[i]] for i in unit.agents]
                unit.fill(critic.inputs_of(e), [rows[:-1].reshape(steps, -1) for rows in seen], self._norms[unit.name])
            found = critic.values()
            others = critic.values_of(self._rest(units, rollout))
            for e, unit in enumerate(units):
                for j, i in enumerate(unit.agents):
                    values[i] = found[e, j * steps : (j + 1) * steps].reshape(rollout.steps, n)
                    rest = others[e].reshape(len(unit.agents), -1)[j]
                    last[i], finals[i] = rest[:n], rest[n:]
        return values, successor_values(values, last, times, copies, finals)

    def _rest(self, units: Sequence[Unit], rollout: RolloutBuffer) -> Array:
        """Return the inputs of the last successors and of those where an episode was cut, ``(E, agents * (N + k), inputs)``."""
        count = rollout.copies + len(rollout.final_rows()[0])
        rest = np.zeros((len(units), len(units[0].agents) * count, units[0].inputs), np.float32)
        for e, unit in enumerate(units):
            names = [self._names[i] for i in unit.agents]
            seen = [np.concatenate([rollout.observations[name][-1], rollout.finals(name)]) for name in names]
            unit.fill(rest[e], seen, self._norms[unit.name])
        return rest

    def raise_by(self, start: Array) -> None:
        """Raise the values; see :class:`Values`."""
        for units, critic in self._stacks:
            critic.raise_by(np.array([start[list(unit.agents)].mean() for unit in units]))

    def set_returns(self, returns: Array, values: Array, weight: Array) -> None:
        """Set the targets; see :class:`Values`."""
        for units, critic in self._stacks:
            arranged = (np.stack([x[list(unit.agents)].reshape(-1) for unit in units]) for x in (returns, values, weight))
            critic.set_returns(*arranged)

    def finish(self, rollout: RolloutBuffer) -> None:
        """Own no statistics: those of the policies serve."""

    def state_dict(self) -> dict[str, Any]:
        """Return the critics."""
        return {"critics": [critic.state_dict() for critic in self.critics]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy ``state`` into the existing tensors."""
        for critic, saved in zip(self.critics, state["critics"], strict=True):
            critic.load_state_dict(saved)
