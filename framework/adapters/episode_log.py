"""What a replay needs: the seed of an episode and its actions so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wattloom.environment import Array


@dataclass(slots=True)
class EpisodeLog:
    """One episode of one copy.

    Attributes:
        base: The seed that the copy was given.
        episode: Episodes since then, from 0.
        seed: The seed of this episode.
        options: Reset options of this copy, plain values.
        actions: One mapping of agent to action a step.
    """

    base: int
    episode: int
    seed: int
    options: Mapping[str, Any] | None = None
    actions: list[dict[str, Array]] = field(default_factory=list)

    def to_plain(self) -> dict[str, Any]:
        """Return plain values and one array ``(steps, ...)`` an agent."""
        names = list(self.actions[0]) if self.actions else []
        return {
            "base": self.base,
            "episode": self.episode,
            "seed": self.seed,
            "options": None if self.options is None else dict(self.options),
            "steps": len(self.actions),
            "actions": {name: np.stack([step[name] for step in self.actions]) for name in names},
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> EpisodeLog:
        """Undo :meth:`to_plain`."""
        steps = [{name: np.array(value[k]) for name, value in plain["actions"].items()} for k in range(plain["steps"])]
        return cls(plain["base"], plain["episode"], plain["seed"], plain["options"], steps)


def derived_seed(base: int, episode: int) -> int:
    """Return the seed of a later episode: 31 bits of the SeedSequence of base and number."""
    return int(np.random.SeedSequence([base, episode]).generate_state(1)[0] >> 1)


def fresh_seed() -> int:
    """Return a seed that nobody chose."""
    return int(np.random.SeedSequence().generate_state(1)[0] >> 1)


def options_of_copy(options: Mapping[str, Any] | None, index: int, num_envs: int) -> dict[str, Any] | None:
    """Return one copy's reset options as plain values; an entry with one value a copy is split."""
    if not options:
        return None
    return {name: _plain(value[index] if np.ndim(value) and len(value) == num_envs else value) for name, value in options.items()}


def _plain(value: Any) -> Any:
    """Return NumPy scalars as Python ones."""
    return value.item() if isinstance(value, np.generic) else value


def same_frame(shown: Mapping[str, Array], expected: Mapping[str, Array]) -> bool:
    """Return whether all agents see bit for bit the same."""
    return set(shown) == set(expected) and all(np.array_equal(value, expected[name]) for name, value in shown.items())
