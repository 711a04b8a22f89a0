"""Where metric records go: the base class of loggers, and which fields of a record depend on the wall clock.

A record is one flat mapping: the envelope ``source, event, step, updates, episodes, time``, then values named as in SB3, ``rollout/``, ``train/``,
``eval/``, ``env/`` and ``time/``. Everything that depends on the wall clock is either ``time`` or below ``time/``, so that the rest is bit-equal
between a run and its stopped and resumed twin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wattloom.run_directory import RunDirectory

ENVELOPE = ("source", "event", "step", "updates", "episodes", "time")
"""Leading keys of every record, in this order; ``step`` counts env steps over all copies, ``time`` is in unix seconds."""

WALL_CLOCK_FIELDS = (
    "time",
    "time/env_steps_per_second",
    "time/updates_per_second",
    "time/evaluation_seconds",
    "time/elapsed_seconds",
    "time/act_share",
    "time/step_share",
    "time/observe_share",
    "time/update_share",
    "time/hooks_share",
    "time/drawing_share",
    "time/evaluate_share",
    "time/checkpoint_share",
    "time/other_share",
)
"""Every field of our own records whose value differs between two runs of the same seed."""


def is_wall_clock(name: str) -> bool:
    """Return whether a field may differ between two runs of the same seed."""
    return name in WALL_CLOCK_FIELDS or name.startswith("time/")


def without_wall_clock(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what must be equal between two runs of the same seed."""
    return {name: value for name, value in record.items() if not is_wall_clock(name)}


class Logger:
    """Base class of loggers; override what applies.

    Attributes:
        required: A failing required logger stops the run; a failing optional one is logged once and switched off.
    """

    required: bool = False

    def open(self, directory: RunDirectory) -> None:
        """Get ready to write into the run's folder; on resume :meth:`load_state_dict` follows."""

    def write(self, record: Mapping[str, Any]) -> None:
        """Write one record; its order of keys is part of it."""
        raise NotImplementedError

    def flush(self) -> None:
        """Bring everything written so far to the disk."""

    def close(self) -> None:
        """Release files; no write follows."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs, such as byte offsets."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to the checkpoint, keeping what is cut off beside."""
