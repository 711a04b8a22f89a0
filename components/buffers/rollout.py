"""Rollout memory of on-policy learners: preallocated arrays ``[T, N, …]``, one entry an agent; values and densities are not stored but computed once.

Row t of the observations is what the policies saw before step t. The successor of a step is the next row, except where an episode was cut: the
TRUE last observation of those (step, copy) pairs is kept apart, so that no value is ever taken of an observation after a reset.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from wattloom.algorithm import Transition
from wattloom.environment import Array, EnvironmentSpec, Snapshot
from wattloom.errors import RunError
from wattloom.spaces import action_shape, choices


class RolloutBuffer:
    """T steps of N copies of all agents.

    Args:
        spec: Declarations of the environment.
        steps: T, env steps a copy.

    Attributes:
        filled: Steps stored.
        observations: Agent name to float32 ``(T + 1, N, o)``; row T holds the successors of the last step.
        state: Float32 ``(T + 1, N, s)``, the central state, or every agent's observation side by side where the environment has none.
        actions: Agent name to ``(T, N, …)`` in units of the space.
        masks: Name of a discrete agent to bool ``(T, N, choices)``, True where allowed.
        rewards: Float64 ``(agents, T, N)``.
        active: Bool ``(agents, T, N)``: the agent took part.
        terminated: Bool ``(agents, T, N)``: the agent's continuation is worth 0.
        ended: Bool ``(agents, T, N)``: terminated, or cut by the episode or by leaving.
        team_terminated: Bool ``(T, N)``: the episode terminated.
        team_ended: Bool ``(T, N)``: the episode terminated or was truncated.
    """

    def __init__(self, spec: EnvironmentSpec, steps: int) -> None:
        self.steps, self.copies = steps, spec.num_envs
        self._agents = spec.agents
        block = (steps, spec.num_envs)
        widths = {agent.name: math.prod(agent.observation_space.shape) for agent in spec.agents}
        self._central = spec.state_space is not None
        self.state_width = math.prod(spec.state_space.shape) if spec.state_space is not None else sum(widths.values())
        self.observations = {name: np.zeros((steps + 1, spec.num_envs, width), np.float32) for name, width in widths.items()}
        self.state = np.zeros((steps + 1, spec.num_envs, self.state_width), np.float32)
        self.actions: dict[str, Array] = {}
        self.masks: dict[str, Array] = {}
        for agent in spec.agents:
            counts = choices(agent.action_space)
            self.actions[agent.name] = np.zeros((*block, *action_shape(agent.action_space)), np.int64 if counts else np.float32)
            if counts:
                self.masks[agent.name] = np.ones((*block, sum(counts)), dtype=bool)
        each = (len(spec.agents), *block)
        self.rewards, self.active = np.zeros(each), np.ones(each, dtype=bool)
        self.terminated, self.ended = np.zeros(each, dtype=bool), np.zeros(each, dtype=bool)
        self.team_terminated, self.team_ended = np.zeros(block, dtype=bool), np.zeros(block, dtype=bool)
        self.clear()

    def clear(self) -> None:
        """Begin the next rollout."""
        self.filled = 0
        self._final: list[dict[str, Array]] = []

    @property
    def full(self) -> bool:
        """True when T steps are stored."""
        return self.filled == self.steps

    def add(self, transition: Transition) -> None:
        """Copy one step of all copies."""
        t, result, before, after = self.filled, transition.result, transition.snapshot, transition.result.snapshot
        self._look(t, before)
        for agent in self._agents:
            self.actions[agent.name][t] = transition.actions[agent.name]
            if agent.name in self.masks:
                self.masks[agent.name][t] = True if before.action_masks is None else before.action_masks.get(agent.name, True)
        self.team_terminated[t], self.team_ended[t] = result.terminated, result.ended
        for i, agent in enumerate(self._agents):
            self.rewards[i, t] = result.rewards[agent.name]
        self._flag(t, transition)
        self.filled += 1
        if self.full:
            self._look(self.steps, after)
        else:
            self._keep_finals(t, after)

    def _look(self, t: int, snapshot: Snapshot) -> None:
        """Write what is visible into row t."""
        for name, rows in self.observations.items():
            rows[t] = np.asarray(snapshot.observations[name]).reshape(self.copies, -1)
        self.state[t] = self._state_of(snapshot)

    def _state_of(self, snapshot: Snapshot) -> Array:
        """Return the central state ``(N, s)``, or all observations side by side."""
        if self._central and snapshot.state is not None:
            return snapshot.state.reshape(self.copies, -1)
        return np.concatenate([np.asarray(snapshot.observations[name]).reshape(self.copies, -1) for name in self.observations], axis=1)

    def _flag(self, t: int, transition: Transition) -> None:
        """Write who took part, whose continuation is worth 0, and whose episode ended here."""
        result, now, then = transition.result, transition.snapshot.active, transition.result.snapshot.active
        self.active[:, t], self.terminated[:, t], self.ended[:, t] = True, self.team_terminated[t], self.team_ended[t]
        if now is None and then is None and result.agent_terminated is None:
            return
        for i, agent in enumerate(self._agents):
            left = None if result.agent_terminated is None else result.agent_terminated.get(agent.name)
            if now is not None:
                self.active[i, t] = now[agent.name]
            if left is not None:
                self.terminated[i, t] |= left
            gone = False if then is None else ~np.asarray(then[agent.name], dtype=bool)
            self.ended[i, t] |= self.terminated[i, t] | gone

    def _keep_finals(self, t: int, after: Snapshot) -> None:
        """Keep the true successors of copies in which an episode was cut."""
        if not self.ended[:, t].any():
            return
        cut = (self.ended[:, t] & ~self.terminated[:, t]).any(0) | (self.team_ended[t] & ~self.team_terminated[t])
        copies = np.flatnonzero(cut)
        if not len(copies):
            return
        final = {name: np.asarray(after.observations[name], np.float32).reshape(self.copies, -1)[copies] for name in self.observations}
        self._final.append(
            final | {"/state": self._state_of(after)[copies].astype(np.float32), "/copies": copies, "/times": copies * 0 + t}
        )

    def finals(self, name: str) -> Array:
        """Return the kept successors of an agent, float32 ``(k, o)``, or of the central state under ``"/state"``."""
        width = self.state_width if name == "/state" else self.observations[name].shape[2]
        return np.concatenate([entry[name] for entry in self._final]) if self._final else np.zeros((0, width), np.float32)

    def final_rows(self) -> tuple[Array, Array]:
        """Return the steps and the copies of the kept successors, int ``(k,)`` each."""
        if not self._final:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        return (np.concatenate([entry["/times"] for entry in self._final]), np.concatenate([entry["/copies"] for entry in self._final]))

    def _arrays(self) -> dict[str, Array]:
        """Return every ``(T …)`` array with time in front, by name; none is copied."""
        own = {name: getattr(self, name).swapaxes(0, 1) for name in ("rewards", "active", "terminated", "ended")}
        own |= {"state": self.state, "team_terminated": self.team_terminated, "team_ended": self.team_ended}
        for kind in ("observations", "actions", "masks"):
            own |= {f"{kind}/{name}": array for name, array in getattr(self, kind).items()}
        return own

    def state_dict(self) -> dict[str, Any]:
        """Return the filled part, loadable with ``torch.load(weights_only=True)``."""
        arrays = {name: torch.from_numpy(array[: self.filled].copy()) for name, array in self._arrays().items()}
        finals = [{name: torch.from_numpy(array.copy()) for name, array in entry.items()} for entry in self._final]
        return {"filled": self.filled, "steps": self.steps, "copies": self.copies, "arrays": arrays, "finals": finals}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy a saved part into the existing memory; one of another number of copies cannot go on, so that a new rollout begins.

        Raises:
            RunError: Saved with other agents, widths or steps; names the first difference.
        """
        own = self._arrays()
        if state["steps"] != self.steps or set(state["arrays"]) != set(own):
            raise RunError(
                f"saved rollout has {state['steps']} steps of {sorted(state['arrays'])}, here it is {self.steps} of {sorted(own)}"
            )
        if state["copies"] != self.copies:  # a trained policy is evaluated on as many copies as there are episodes
            self.clear()
            return
        for name, array in own.items():
            saved = state["arrays"][name].numpy()
            if saved.shape[1:] != array.shape[1:]:
                raise RunError(f"saved rollout array '{name}' has shape {saved.shape[1:]} a step, here it is {array.shape[1:]}")
            array[: len(saved)] = saved
        self.filled = int(state["filled"])
        self._final = [{name: tensor.numpy().copy() for name, tensor in entry.items()} for entry in state["finals"]]
