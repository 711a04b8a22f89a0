"""How on-policy learners act: one evaluation a stack of equal policies, one draw for all agents, and one choice for all heads of one kind.

At a single copy the networks cost less than the calls around them. Acting therefore stays in NumPy, and what is the same every step is prepared once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wattloom.components.algorithms.on_policy.distributions import Categorical
from wattloom.components.algorithms.on_policy.units import Unit, stacks
from wattloom.components.networks.few_rows import evaluator
from wattloom.components.networks.masking import ILLEGAL
from wattloom.components.networks.stack import ParameterStack, under
from wattloom.environment import Array, Snapshot
from wattloom.streams import CopyStreams

if TYPE_CHECKING:
    from wattloom.components.algorithms.on_policy.algorithm import OnPolicy

Policies = tuple[Sequence[Unit], ParameterStack]
"""Units of one shape and their parameters."""


class OnPolicyPolicy:
    """Acts for all agents of ``num_envs`` copies with the live parameters and statistics.

    Args:
        algorithm: Whose policies act.
        num_envs: Number of copies.
        explore: False: the most probable choice, or the mean; uses no random stream.
    """

    def __init__(self, algorithm: OnPolicy, num_envs: int, explore: bool) -> None:
        self._names = [agent.name for agent in algorithm.spec.agents]
        self._explore = explore
        self._streams = CopyStreams(algorithm.seeds.generator("explore" if explore else "act"), num_envs)
        draws = {True: self._streams.share, False: self._streams.normal}  # of choices, of a Box
        columns = {discrete: _columns(algorithm.units, discrete) for discrete in draws}
        self._draws = {discrete: (draw, sum(map(len, columns[discrete].values()))) for discrete, draw in draws.items() if columns[discrete]}
        groups = stacks(algorithm.policies, lambda policies: (policies[0][0].distribution, len(policies[0][0].agents)))
        self._acting = [_ActingGroup(algorithm, group, num_envs, columns) for group in groups]

    def reset(self, mask: Array | None = None, seeds: Sequence[int | None] | None = None) -> None:
        """Restart the streams of copies with a seed; there is nothing else to forget."""
        self._streams.restart(mask, seeds)

    def act(self, snapshot: Snapshot) -> Mapping[str, Array]:
        """Return actions by agent in units of the action space; Box actions are not clipped (the environment does, and counts it)."""
        noise = {discrete: draw(size) for discrete, (draw, size) in self._draws.items()} if self._explore else {}
        actions: dict[str, Array] = {}
        for group in self._acting:
            group.act(snapshot, noise.get(group.discrete), actions)
        return {name: actions[name] for name in self._names}

    def state_dict(self) -> dict[str, Any]:
        """Return the random streams."""
        return {"streams": self._streams.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self._streams.load_state_dict(state["streams"])


class _ActingGroup:
    """Policies whose heads mean the same, however unequal their inputs: their actions are chosen in one go.

    Args:
        algorithm: Whose policies act.
        policies: Stacks of equal distribution and of equally many agents a unit.
        num_envs: Copies N.
        columns: Where each agent's noise lies in the common draw of choices (True), or of Boxes (False).
    """

    def __init__(
        self, algorithm: OnPolicy, policies: Sequence[Policies], num_envs: int, columns: Mapping[bool, Mapping[int, range]]
    ) -> None:
        units = [unit for units, _ in policies for unit in units]
        agents = algorithm.spec.agents
        self._n, self._kind = num_envs, units[0].distribution
        self.discrete = isinstance(self._kind, Categorical)
        self._stacks = [_ActingStack(algorithm, units, params, num_envs) for units, params in policies]
        self._free = [params.views["log_std"].numpy() for _, params in policies] if self._kind.free else []
        self._names = [[agents[i].name for i in unit.agents] for unit in units]
        self._codes = [[algorithm.codes[name] for name in names] for names in self._names]
        own = columns[self.discrete]
        self._columns = np.array([[own[i] for i in unit.agents] for unit in units]).transpose(0, 2, 1)  # (E, k, agents)

    def act(self, snapshot: Snapshot, drawn: Array | None, actions: dict[str, Array]) -> None:
        """Write the actions of this group's agents; ``drawn`` is the common noise ``(N, all dimensions)``, or None for the mode."""
        head = _joined([stack.head(snapshot) for stack in self._stacks])
        if snapshot.action_masks is not None and self.discrete:
            head += self._penalty(snapshot.action_masks)
        noise = None if drawn is None else self._rows(drawn.T[self._columns])
        free = _joined(self._free) if self._free else None
        chosen = self._kind.act(head, free, noise)  # (E, k, agents * N)
        each = chosen.reshape(*chosen.shape[:2], -1, self._n).transpose(0, 2, 3, 1)
        for names, codes, of_unit in zip(self._names, self._codes, each, strict=True):
            for name, code, rows in zip(names, codes, of_unit, strict=True):
                actions[name] = code.decode(rows)

    @staticmethod
    def _rows(values: Array) -> Array:
        """Lay the agents of a unit side by side: ``(E, k, agents, N)`` to ``(E, k, agents * N)``."""
        return values.reshape(*values.shape[:2], -1)

    def _penalty(self, masks: Mapping[str, Array]) -> Array:
        """Return what rules out masked choices, ``(E, out, agents * N)``."""
        everything = np.ones((self._n, self._kind.columns), dtype=bool)
        legal = np.array([[masks.get(name, everything) for name in names] for names in self._names])  # (E, agents, N, out)
        return np.where(self._rows(legal.transpose(0, 3, 1, 2)), 0.0, ILLEGAL)


class _ActingStack:
    """Policies of one shape, evaluated together on ``num_envs`` copies."""

    def __init__(self, algorithm: OnPolicy, units: Sequence[Unit], params: ParameterStack, num_envs: int) -> None:
        x = np.ones((len(units), len(units[0].agents) * num_envs, units[0].inputs + 1), params.data.numpy().dtype)
        self._evaluate = evaluator(under(params.views, "net"), x, algorithm.activation)
        self._seen = []
        for inputs, unit in zip(x[:, :, :-1], units, strict=True):
            norm = algorithm.norms[unit.name]
            blocks = inputs.reshape(len(unit.agents), num_envs, -1)
            unit.fill(inputs, [block[:, : unit.width] for block in blocks], norm)  # what names the agents within a unit stays as it is
            self._seen += [
                (algorithm.spec.agents[i].name, block[:, : unit.width], norm) for i, block in zip(unit.agents, blocks, strict=True)
            ]

    def head(self, snapshot: Snapshot) -> Array:
        """Return the policies' heads, ``(E, out, agents * N)``."""
        for name, rows, norm in self._seen:
            rows[...] = norm(np.asarray(snapshot.observations[name], np.float32).reshape(rows.shape))
        return self._evaluate()


def _joined(parts: Sequence[Array]) -> Array:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _columns(units: Sequence[Unit], discrete: bool) -> dict[int, range]:
    """Return where each agent's noise lies in a common draw of choices, or of Boxes."""
    found: dict[int, range] = {}
    start = 0
    for unit in units:
        for i in unit.agents:
            if isinstance(unit.distribution, Categorical) == discrete:
                found[i] = range(start, start + unit.distribution.dimensions)
                start += unit.distribution.dimensions
    return found
