"""One third-party environment, one copy: what :class:`wattloom.adapters.copies.Copies` asks of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from gymnasium import spaces

from wattloom.environment import AgentSpec, Array, Column


@dataclass(frozen=True, slots=True)
class Frame:
    """What one copy shows now: arrays without the axis of copies.

    Attributes:
        observations: By agent, also of those that left (their last one).
        masks: Bool ``(sum of choices,)`` by agent, or None.
        active: By agent, or None where all take part.
        state: Central state, or None.
    """

    observations: Mapping[str, Array]
    masks: Mapping[str, Array] | None = None
    active: Mapping[str, bool] | None = None
    state: Array | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """What one step of one copy led to."""

    frame: Frame
    rewards: Mapping[str, float]
    terminated: bool
    truncated: bool
    agent_terminated: Mapping[str, bool] | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


class Player(Protocol):
    """One copy of a third-party environment behind plain arrays; a ValueError's text says what it returned wrongly."""

    @property
    def agents(self) -> tuple[AgentSpec, ...]:
        """Agents in fixed order."""
        ...

    @property
    def metric_columns(self) -> tuple[Column, ...]:
        """Declared metrics."""
        ...

    @property
    def state_space(self) -> spaces.Box | None:
        """Space of the central state, or None."""
        ...

    @property
    def step_seconds(self) -> float:
        """Simulated seconds a step."""
        ...

    def reset(self, seed: int, options: Mapping[str, Any] | None) -> Frame:
        """Begin an episode."""
        ...

    def step(self, actions: Mapping[str, Array]) -> Played:
        """Advance by one step under checked actions."""
        ...

    def render(self) -> Array | None:
        """Return the picture, or None."""
        ...

    def close(self) -> None:
        """Release the environment."""
        ...


def seconds_a_step(metadata: Mapping[str, Any] | None, given: float | None) -> float:
    """Return the given time, else the one that the frame rate of the metadata implies, else 1 s."""
    if given is not None:
        return given
    rate = (metadata or {}).get("render_fps") or 1.0
    return 1.0 / float(rate)
