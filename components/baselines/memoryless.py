"""A policy that is one function of what it sees now: what most baselines need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wattloom.environment import Array, Snapshot


class MemorylessPolicy:
    """Calls ``act`` and remembers nothing.

    Args:
        act: Snapshot to actions by agent, in units of the action spaces.
    """

    def __init__(self, act: Callable[[Snapshot], Mapping[str, Array]]) -> None:
        self._act = act

    def reset(self, mask: Array | None = None, seeds: Sequence[int | None] | None = None) -> None:
        """Forget nothing."""

    def act(self, snapshot: Snapshot) -> Mapping[str, Array]:
        """Return the actions."""
        return self._act(snapshot)

    def state_dict(self) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore nothing."""
