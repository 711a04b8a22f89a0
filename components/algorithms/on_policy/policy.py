"""How on-policy learners act: one evaluation a stack of equal policies, then one draw for all agents; argmax or mean where they do not explore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from wattloom.components.algorithms.on_policy.distributions import Categorical
from wattloom.components.algorithms.on_policy.units import Unit
from wattloom.components.networks.masking import ILLEGAL
from wattloom.components.networks.stack import ParameterStack, StackedMLP, under
from wattloom.environment import Array, Snapshot
from wattloom.streams import CopyStreams

if TYPE_CHECKING:
    from wattloom.components.algorithms.on_policy.algorithm import OnPolicy


class OnPolicyPolicy:
    """Acts for all agents of ``num_envs`` copies with the live parameters and statistics.

    Args:
        algorithm: Whose policies act.
        num_envs: Number of copies.
        explore: False: the most probable choice, or the mean; uses no random stream.
    """

    def __init__(self, algorithm: OnPolicy, num_envs: int, explore: bool) -> None:
        self._algorithm, self._explore = algorithm, explore
        self._streams = CopyStreams(algorithm.seeds.generator("explore" if explore else "act"), num_envs)
        self._acting = [_ActingStack(algorithm, units, params, num_envs) for units, params in algorithm.policies]
        self._uniform, self._normal = _columns(algorithm, discrete=True), _columns(algorithm, discrete=False)

    def reset(self, mask: Array | None = None, seeds: Sequence[int | None] | None = None) -> None:
        """Restart the streams of copies with a seed; there is nothing else to forget."""
        self._streams.restart(mask, seeds)

    @torch.inference_mode()
    def act(self, snapshot: Snapshot) -> Mapping[str, Array]:
        """Return actions by agent in units of the action space; Box actions are not clipped (the environment does, and counts it)."""
        noise = self._draw() if self._explore else None
        actions: dict[str, Array] = {}
        for stack in self._acting:
            actions |= stack.act(snapshot, noise)
        return {agent.name: actions[agent.name] for agent in self._algorithm.spec.agents}

    def _draw(self) -> dict[str, Array]:
        """Return each agent's noise ``(N, k)``: uniform in [0, 1) for choices, standard normal for a Box."""
        noise: dict[str, Array] = {}
        for columns, draw in ((self._uniform, self._streams.uniform), (self._normal, self._streams.normal)):
            if not columns:
                continue
            drawn = draw(max(part.stop for part in columns.values()))
            drawn = (drawn + np.float32(1.0)) * np.float32(0.5) if columns is self._uniform else drawn
            noise |= {name: drawn[:, part] for name, part in columns.items()}
        return noise

    def state_dict(self) -> dict[str, Any]:
        """Return the random streams."""
        return {"streams": self._streams.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self._streams.load_state_dict(state["streams"])


class _ActingStack:
    """Policies of one shape, evaluated together on ``num_envs`` copies."""

    def __init__(self, algorithm: OnPolicy, units: Sequence[Unit], params: ParameterStack, num_envs: int) -> None:
        self._algorithm, self._units, self._n = algorithm, units, num_envs
        self._names = [[algorithm.spec.agents[i].name for i in unit.agents] for unit in units]
        rows = len(units[0].agents) * num_envs
        self._x = torch.ones(len(units), rows, units[0].inputs + 1)
        self._inputs = self._x.numpy()[:, :, :-1]
        self._network = StackedMLP(under(params.views, "net"), None, rows, algorithm.activation)
        self._free = params.views.get("log_std")
        self._kind = units[0].distribution

    def act(self, snapshot: Snapshot, noise: Mapping[str, Array] | None) -> dict[str, Array]:
        """Return the actions of this stack's agents."""
        for inputs, unit, names in zip(self._inputs, self._units, self._names, strict=True):
            seen = [np.asarray(snapshot.observations[name], np.float32).reshape(self._n, -1) for name in names]
            unit.fill(inputs, seen, self._algorithm.norms[unit.name])
        head = self._network.forward(self._x)
        if snapshot.action_masks is not None and isinstance(self._kind, Categorical):
            head += self._penalty(snapshot.action_masks)
        drawn = None if noise is None else torch.from_numpy(self._arranged(noise)).to(head.dtype)
        chosen = self._kind.act(head, self._free, drawn).numpy()
        actions: dict[str, Array] = {}
        for e, names in enumerate(self._names):
            for j, name in enumerate(names):
                rows = chosen[e, :, j * self._n : (j + 1) * self._n].T
                actions[name] = self._algorithm.codes[name].decode(rows)
        return actions

    def _arranged(self, rows: Mapping[str, Array]) -> Array:
        """Arrange one ``(N, k)`` an agent as ``(E, k, agents * N)``."""
        if len(self._names) == len(self._names[0]) == 1:
            return rows[self._names[0][0]].T[None]
        return np.stack([np.concatenate([rows[name].T for name in names], axis=1) for names in self._names])

    def _penalty(self, masks: Mapping[str, Array]) -> Tensor:
        """Return what rules out masked choices, ``(E, out, agents * N)``."""
        everything = np.ones((self._n, self._kind.columns), dtype=bool)
        legal = self._arranged({name: masks.get(name, everything) for names in self._names for name in names})
        return torch.where(torch.from_numpy(legal), 0.0, ILLEGAL)


def _columns(algorithm: OnPolicy, discrete: bool) -> dict[str, slice]:
    """Return where each agent's noise lies in a common draw of choices, or of Boxes."""
    found: dict[str, slice] = {}
    start = 0
    for unit in algorithm.units:
        for i in unit.agents:
            if isinstance(unit.distribution, Categorical) == discrete:
                found[algorithm.spec.agents[i].name] = slice(start, start + unit.distribution.dimensions)
                start += unit.distribution.dimensions
    return found
