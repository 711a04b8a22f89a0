"""First steps of episodes that cannot see across the border of a split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.series import DAY
from wattloom.components.sources.splits import PARTS, NoSplit, Part, Split
from wattloom.errors import ConfigError


@dataclass(frozen=True)
class Starts:
    """First steps of episodes that stay, with all they look at, inside one part.

    Attributes:
        part: ``"train"``, ``"validation"``, ``"test"``; None: the whole calendar.
        episode_steps: Steps of an episode.
        horizon: Steps beyond the episode's last one that a forecast or a successor reads.
        history: Steps before the first one that an observation reads.
        every_hours: Starts lie this many local hours apart, counted from midnight (24: at midnight only; 0: at any step).
    """

    part: Part | None = None
    episode_steps: int = 1
    horizon: int = 0
    history: int = 0
    every_hours: float = 0.0

    def valid(self, calendar: Calendar, split: Split | None = None) -> NDArray[np.int64]:
        """Return every allowed start in order, shape (m,).

        Raises:
            ConfigError: If the part is unknown or no start fits.
        """
        inside = self._inside(calendar, split or NoSplit())
        run = np.concatenate([[0], np.cumsum(inside)])
        need = self.history + self.episode_steps + self.horizon
        first = np.arange(max(calendar.n_steps - need + 1, 0))
        starts: NDArray[np.int64] = first[run[first + need] - run[first] == need] + self.history
        if self.every_hours > 0:
            starts = starts[calendar.local_seconds[starts] % DAY % round(self.every_hours * 3600) == 0]
        if not starts.size:
            longest = _longest_run(inside) * calendar.step_seconds / 3600
            raise ConfigError(
                f"no episode fits part {self.part or 'all'}: history + episode + horizon need {need * calendar.step_seconds / 3600:g} h in one stretch, "
                f"the longest is {longest:g} h; shorten the episode or choose a coarser split"
            )
        return starts

    def sample(self, rng: np.random.Generator, size: int, starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Draw ``size`` starts with equal chance, shape (size,)."""
        return starts[rng.integers(0, starts.size, size)]

    def _inside(self, calendar: Calendar, split: Split) -> NDArray[np.bool_]:
        if self.part is None or isinstance(split, NoSplit):
            return np.ones(calendar.n_steps, dtype=np.bool_)
        if self.part not in PARTS:
            raise ConfigError(f"part={self.part!r}: choose one of {', '.join(PARTS)}")
        chosen: NDArray[np.bool_] = split.labels(calendar) == PARTS.index(self.part)
        return chosen


def _longest_run(inside: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], inside.astype(np.int8), [0]])))
    return int(np.max(edges[1::2] - edges[::2], initial=0))
