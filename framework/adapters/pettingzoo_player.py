"""One ``pettingzoo.ParallelEnv`` as a :class:`~wattloom.adapters.player.Player`: fixed agent order, masks, agents that leave."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from gymnasium import spaces

from wattloom.adapters.gymnasium_player import expect, finite, flat_mask
from wattloom.adapters.player import Frame, Played, seconds_a_step
from wattloom.adapters.spaces_in import ActionWriter, ObservationReader
from wattloom.environment import AgentSpec, Array, Column
from wattloom.spaces import choices


class PettingZooPlayer:
    """Reads and writes one foreign multi-agent environment.

    An agent that left keeps its last observation (zeros before its first) and earns 0. Masks are read from ``info["action_mask"]`` or from an observation
    dictionary with the keys ``observation`` and ``action_mask``.

    Args:
        environment: Any ``pettingzoo.ParallelEnv`` with ``possible_agents``.
        step_seconds: Simulated seconds a step; None: from the frame rate in its metadata.
    """

    def __init__(self, environment: Any, step_seconds: float | None = None) -> None:
        self._environment = environment
        self._names = [str(name) for name in environment.possible_agents]
        self._keys = dict(zip(self._names, environment.possible_agents, strict=True))
        foreign = {name: environment.observation_space(key) for name, key in self._keys.items()}
        self._masked = {name for name, space in foreign.items() if _holds_mask(space)}
        self._read = {name: ObservationReader(space["observation"] if name in self._masked else space) for name, space in foreign.items()}
        self._write = {name: ActionWriter(environment.action_space(key), name) for name, key in self._keys.items()}
        self.agents = tuple(self._spec(name) for name in self._names)
        self.metric_columns: tuple[Column, ...] = ()
        space = getattr(environment, "state_space", None)
        self._read_state = ObservationReader(space) if isinstance(space, spaces.Box) else None
        self.state_space = None if self._read_state is None else _flattened(self._read_state.space)
        self.step_seconds = seconds_a_step(getattr(environment, "metadata", None), step_seconds)
        self._last: dict[str, Array] = {}
        self._has_masks = False

    def _spec(self, name: str) -> AgentSpec:
        """Declare one agent; numbered agents with equal spaces form a group."""
        read, write = self._read[name], self._write[name]
        stem = re.sub(r"_?\d+$", "", name)
        like = [other for other in self._names if re.sub(r"_?\d+$", "", other) == stem]
        equal = all(self._read[o].space == read.space and self._write[o].space == write.space for o in like)
        return AgentSpec(name, read.space, write.space, read.columns, write.columns, group=stem if equal and len(like) > 1 else "")

    def reset(self, seed: int, options: Mapping[str, Any] | None) -> Frame:
        """Begin an episode."""
        returned = self._environment.reset(seed=seed, options=dict(options) if options else None)
        observations, infos = expect(returned, 2, "reset", "PettingZoo")
        self._last = {name: np.zeros(reader.space.shape, reader.space.dtype) for name, reader in self._read.items()}
        self._has_masks = bool(self._masked) or any("action_mask" in infos.get(key, {}) for key in self._keys.values())
        return self._frame(observations, infos)

    def step(self, actions: Mapping[str, Array]) -> Played:
        """Advance by one step under the actions of the live agents; the episode ends when nobody is left."""
        live = self._live()
        sent = {self._keys[name]: self._write[name](actions[name]) for name in live}
        observations, rewards, terminations, truncations, infos = expect(self._environment.step(sent), 5, "step", "PettingZoo")
        frame = self._frame(observations, infos)
        _refuse_missing("reward", live, rewards, self._keys)
        earned = {name: finite(rewards.get(key, 0.0)) for name, key in self._keys.items()}
        dead = {name: bool(terminations.get(self._keys[name], False)) for name in live}
        cut = {name: bool(truncations.get(self._keys[name], False)) and not dead[name] for name in live}
        ended = not self._environment.agents or all(dead[name] or cut[name] for name in live)
        terminated = ended and not any(cut.values())
        if ended:  # everybody is gone now; what counts for bootstrapping is who was still there
            there = {name: name in live and not dead[name] for name in self._names}
            frame = replace(frame, active=None if all(there.values()) or terminated else there)
        left = {name: dead.get(name, False) for name in self._names} if any(dead.values()) and not terminated else None
        return Played(frame, earned, terminated, ended and not terminated, left)

    def _live(self) -> list[str]:
        """Return the agents that take part now, in fixed order."""
        present = set(self._environment.agents)
        return [name for name, key in self._keys.items() if key in present]

    def _frame(self, observations: Mapping[Any, Any], infos: Mapping[Any, Mapping[str, Any]]) -> Frame:
        """Return what is visible, in fixed agent order."""
        masks: dict[str, Array] = {}
        for name, key in self._keys.items():
            shown = observations.get(key)
            if shown is not None:
                self._last[name] = self._read[name](shown["observation"] if name in self._masked else shown)
            if self._has_masks and choices(self._write[name].space):
                found = shown["action_mask"] if name in self._masked and shown is not None else infos.get(key, {}).get("action_mask")
                masks[name] = _all_allowed(self._write[name].space) if found is None else flat_mask(found)
        live = self._live()
        _refuse_missing("observation", live, observations, self._keys)
        active = None if len(live) == len(self._names) else {name: name in live for name in self._names}
        state = None if self._read_state is None else self._read_state(self._environment.state()).ravel()
        return Frame(dict(self._last), masks or None, active, state)

    def render(self) -> Array | None:
        """Return the picture of an environment made with ``render_mode="rgb_array"``."""
        if getattr(self._environment, "render_mode", None) != "rgb_array":
            return None
        return np.asarray(self._environment.render(), dtype=np.uint8)

    def close(self) -> None:
        """Release the environment."""
        self._environment.close()


def _refuse_missing(what: str, live: Sequence[str], given: Mapping[Any, Any], keys: Mapping[str, Any]) -> None:
    """Refuse a step that leaves out an agent that takes part.

    Raises:
        ValueError: Names the agent.
    """
    for name in live:
        if keys[name] not in given:
            raise ValueError(f"no {what} of agent '{name}', which takes part")


def _holds_mask(space: Any) -> bool:
    """Return whether observations are PettingZoo's dictionary of observation and mask."""
    return isinstance(space, spaces.Dict) and set(space.spaces) == {"observation", "action_mask"}


def _all_allowed(space: Any) -> Array:
    """Return a mask that forbids nothing."""
    counts: Sequence[int] = choices(space)
    return np.ones(sum(counts), dtype=bool)


def _flattened(space: spaces.Box) -> spaces.Box:
    """Return the Box of the central state, one axis, float32."""
    return spaces.Box(space.low.ravel().astype(np.float32), space.high.ravel().astype(np.float32), dtype=np.float32)
