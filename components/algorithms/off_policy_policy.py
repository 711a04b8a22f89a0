"""How an off-policy learner acts: uniform warm-up, then its policy plus exploration; greedy where it does not explore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from wattloom.components.algorithms.exploration import NoiseProcess
from wattloom.components.algorithms.scaling import ActionCode
from wattloom.environment import Array, Snapshot
from wattloom.streams import CopyStreams

if TYPE_CHECKING:
    from wattloom.components.algorithms.off_policy import OffPolicy


class OffPolicyPolicy:
    """Acts for all agents of ``num_envs`` copies.

    Args:
        algorithm: Whose live parameters and statistics act.
        num_envs: Number of copies.
        explore: False: deterministic, uses no random stream.
    """

    def __init__(self, algorithm: OffPolicy, num_envs: int, explore: bool) -> None:
        self._algorithm, self._explore = algorithm, explore
        self._streams = CopyStreams(algorithm.seeds.generator("explore" if explore else "act"), num_envs)
        self._norms = algorithm.norms.agents
        self._actors = {name: algorithm.actor(name, num_envs) for name in algorithm.codes}
        self._noise: dict[str, NoiseProcess] = {
            name: algorithm.explorer.begin(self._streams, code.size) for name, code in algorithm.codes.items()
        }

    def reset(self, mask: Array | None = None, seeds: Sequence[int | None] | None = None) -> None:
        """Begin new episodes: correlated noise starts again, and so do the streams of copies with a seed."""
        self._streams.restart(mask, seeds)
        for noise in self._noise.values():
            noise.reset(mask)

    @torch.inference_mode()
    def act(self, snapshot: Snapshot) -> Mapping[str, Array]:
        """Return actions by agent, float32 ``(num_envs, *action_shape)`` in units of the action space."""
        return {name: code.from_unit(self._stored_action(name, snapshot, code)) for name, code in self._algorithm.codes.items()}

    def _stored_action(self, name: str, snapshot: Snapshot, code: ActionCode) -> Array:
        """Return one agent's actions as they are stored: in [-1, 1], or one-hots."""
        legal = None if snapshot.action_masks is None else snapshot.action_masks.get(name)
        if self._explore and self._algorithm.warming_up:
            return code.uniform(self._streams, legal)
        observation = np.asarray(snapshot.observations[name], dtype=np.float32)
        rows = torch.from_numpy(self._norms[name](observation.reshape(len(observation), -1)))
        penalty = code.penalty(legal)
        if not self._explore:
            return self._actors[name](rows, None, penalty).numpy()
        sampled = torch.from_numpy(code.noise(self._streams)) if self._algorithm.stochastic else None
        return self._noise[name](self._actors[name](rows, sampled, penalty).numpy())

    def state_dict(self) -> dict[str, Any]:
        """Return the streams and the memory of the noise."""
        return {"streams": self._streams.state_dict(), "noise": {name: noise.state_dict() for name, noise in self._noise.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self._streams.load_state_dict(state["streams"])
        for name, noise in self._noise.items():
            noise.load_state_dict(state["noise"][name])
