"""When something is due: at marks, every so often, the last few, or on a new best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from wattloom.errors import ConfigError

Unit = Literal["episode", "env_step", "update", "evaluation"]


class Schedule:
    """Due once whenever a mark is crossed, however many units one step advances.

    ``at`` marks and multiples of ``every`` are joined by OR. Episodes are counted from 0, so ``every=100`` includes episode 0. ``None`` switches a
    rule off; 0 is refused. ``last`` and ``on_best`` are decided by whoever holds the data (a ring of the last traces, an evaluation).

    Args:
        at: Explicit marks.
        every: Period.
        last: How many of the last items to keep, decided at the end of the run.
        on_best: Also due at every new best evaluation.
        unit: What is counted.
    """

    def __init__(
        self, at: Sequence[int] = (), every: int | None = None, last: int = 0, on_best: bool = False, unit: Unit = "env_step"
    ) -> None:
        if unit not in get_args(Unit):
            raise ConfigError(f"schedule.unit must be one of {', '.join(get_args(Unit))}, not '{unit}'")
        if every is not None and every < 1:
            raise ConfigError(f"schedule.every must be at least 1 (null switches it off), not {every}")
        if last < 0 or any(mark < 0 for mark in at):
            raise ConfigError(f"schedule.at and schedule.last must not be negative, got at={list(at)} last={last}")
        self.at = tuple(sorted({int(mark) for mark in at}))
        self.every = every
        self.last = last
        self.on_best = on_best
        self.unit = unit
        self._seen = -1 if unit == "episode" else 0  # step 0 is the start, episode 0 an episode

    def matches(self, index: int) -> bool:
        """Return whether item ``index`` itself is on a mark (no memory): for items counted one by one."""
        return index in self.at or (self.every is not None and index % self.every == 0)

    def due(self, count: int) -> bool:
        """Return True once when ``count`` has reached or passed one or more marks since the last call."""
        low, self._seen = self._seen, max(self._seen, count)
        if count <= low:
            return False
        crossed = self.every is not None and count // self.every > low // self.every
        return crossed or any(low < mark <= count for mark in self.at)

    def next_mark(self, count: int) -> int | None:
        """Return the first mark after ``count``, or None."""
        marks = [mark for mark in self.at if mark > count]
        if self.every is not None:
            marks.append((count // self.every + 1) * self.every)
        return min(marks) if marks else None

    def state_dict(self) -> dict[str, Any]:
        """Return what has been seen."""
        return {"seen": self._seen}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what has been seen."""
        self._seen = int(state["seen"])
