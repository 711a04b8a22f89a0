"""When something is due: at marks, every so often, the last few, or on a new best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from wattloom.errors import ConfigError, did_you_mean

Unit = Literal["episode", "env_step", "update", "evaluation"]


class Schedule:
    """Due once whenever a mark is crossed, however many units one step advances.

    ``at`` marks and multiples of ``every`` are joined by OR. Episodes are items counted from 0, so ``every=100`` includes episode 0; env steps,
    updates and evaluations are amounts, so ``every=100`` begins at 100, and only an explicit ``at=[0]`` is due at the start. ``None`` switches a
    rule off; 0 is refused. ``last`` and ``on_best`` are decided by whoever holds the data (a ring of the last traces, an evaluation).

    Args:
        at: Explicit marks.
        every: Period.
        last: How many of the last items to keep, decided at the end of the run.
        on_best: Also due at every new best evaluation.
        unit: What is counted.
        key: Where the values come from, for error messages, e.g. ``"hooks.animation"``.

    Raises:
        ConfigError: An unknown unit, a period below 1, a negative or broken mark.
    """

    def __init__(
        self,
        at: Sequence[int] = (),
        every: int | None = None,
        last: int = 0,
        on_best: bool = False,
        unit: Unit = "env_step",
        key: str = "schedule",
    ) -> None:
        if unit not in get_args(Unit):
            raise ConfigError(
                f"{key}.unit must be one of {', '.join(get_args(Unit))}, not '{unit}'{did_you_mean(str(unit), get_args(Unit))}"
            )
        if isinstance(at, str) or not isinstance(at, Sequence):
            raise ConfigError(f"{key}.at must be a list of whole numbers such as [0, 100], not {at!r}")
        self.at = tuple(sorted({_whole(mark, f"{key}.at", 0) for mark in at}))
        self.every = None if every is None else _whole(every, f"{key}.every", 1)
        self.last = _whole(last, f"{key}.last", 0)
        self.on_best = bool(on_best)
        self.unit = unit
        self._offset = 0 if unit == "episode" else 1  # the first multiple of `every`: item 0, or amount `every`
        self._seen = -1

    @property
    def active(self) -> bool:
        """Whether any rule is switched on."""
        return bool(self.at or self.every or self.last or self.on_best)

    def matches(self, index: int) -> bool:
        """Return whether ``index`` itself is on a mark (no memory): for items counted one by one."""
        return index in self.at or (self.every is not None and index % self.every == 0 and index >= self._offset)

    def due(self, count: int) -> bool:
        """Return True once when ``count`` has reached or passed one or more marks since the last call."""
        low, self._seen = self._seen, max(self._seen, count)
        if count <= low:
            return False
        return self._multiples(count) > self._multiples(low) or any(low < mark <= count for mark in self.at)

    def _multiples(self, count: int) -> int:
        """Return how many multiples of ``every`` have been reached at ``count``."""
        if self.every is None or count < 0:
            return 0
        return count // self.every + 1 - self._offset

    def next_mark(self, count: int) -> int | None:
        """Return the first mark after ``count``, or None."""
        marks = [mark for mark in self.at if mark > count]
        if self.every is not None:
            following = (count // self.every + 1) * self.every
            marks.append(max(following, self._offset * self.every))
        return min(marks) if marks else None

    def state_dict(self) -> dict[str, Any]:
        """Return what has been seen."""
        return {"seen": self._seen}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what has been seen."""
        self._seen = int(state["seen"])


def _whole(value: Any, key: str, least: int) -> int:
    """Return a whole number of at least ``least``; ``1e4`` is accepted for 10000, as YAML reads it as a float."""
    whole = isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()
    if not whole or value < least:
        hint = " (null switches it off)" if least == 1 else ""
        raise ConfigError(f"{key} must be a whole number of at least {least}{hint}, not {value!r}")
    return int(value)
