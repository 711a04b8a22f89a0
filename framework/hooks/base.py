"""The hook points, and the list that calls only what is overridden.

A hook observes: it never touches actions, observations or gradients. It may call ``run.stop(reason)``, ``run.evaluate()`` and ``run.save()``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from wattloom.errors import WattloomError
from wattloom.events import (
    CheckpointEvent,
    EpisodeEnd,
    EpisodeStart,
    EvaluationEnd,
    LogEvent,
    ResumeEvent,
    RunSummary,
    StepEvent,
    UpdateEvent,
)

if TYPE_CHECKING:
    from wattloom.runner import Run

logger = logging.getLogger(__name__)


class Hook:
    """Base class: thirteen points, all of them silent. Only overridden methods are bound, once, at the start (an idle hook costs nothing).

    Attributes:
        required: A failing required hook stops the run; a failing optional one is logged once, disabled and counted.
        draws: True where the hook makes pictures; its time is reported apart from the training loop's.
    """

    required: bool = False
    draws: bool = False

    def on_run_start(self, run: Run) -> None:
        """Everything is built, nothing has been stepped."""

    def on_episode_start(self, run: Run, event: EpisodeStart) -> None:
        """Some copies begin an episode."""

    def on_step(self, run: Run, event: StepEvent) -> None:
        """All copies advanced by one step."""

    def on_update(self, run: Run, event: UpdateEvent) -> None:
        """The algorithm learned."""

    def on_rollout_end(self, run: Run, event: UpdateEvent) -> None:
        """The algorithm consumed an on-policy rollout."""

    def on_episode_end(self, run: Run, event: EpisodeEnd) -> None:
        """Some copies ended their episode; comes before their reset."""

    def on_log(self, run: Run, event: LogEvent) -> None:
        """Merged metrics are about to be written; keys may be added."""

    def on_evaluate_start(self, run: Run) -> None:
        """An evaluation begins."""

    def on_evaluate_end(self, run: Run, event: EvaluationEnd) -> None:
        """An evaluation is complete."""

    def on_checkpoint(self, run: Run, event: CheckpointEvent) -> None:
        """A checkpoint is on disk."""

    def on_resume(self, run: Run, event: ResumeEvent) -> None:
        """The run continues from a checkpoint; comes after ``on_run_start``."""

    def on_exception(self, run: Run, error: BaseException) -> None:
        """The run is about to fail with ``error``."""

    def on_run_end(self, run: Run, summary: RunSummary) -> None:
        """The run is over, whatever its status."""

    def state_dict(self) -> dict[str, Any]:
        """Return the hook's own state for checkpoints."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the hook's own state."""


POINTS = tuple(name for name in vars(Hook) if name.startswith("on_"))


class HookList:
    """Calls hooks in configuration order, isolates optional ones, and times each.

    Args:
        hooks: Name to hook, in order.
    """

    def __init__(self, hooks: Mapping[str, Hook]) -> None:
        self.hooks = dict(hooks)
        self.errors: dict[str, str] = {}
        self.seconds: dict[str, float] = dict.fromkeys(self.hooks, 0.0)
        self._bound: dict[str, list[tuple[str, Callable[..., None]]]] = {}
        self._bind()

    def _bind(self) -> None:
        """Collect the overridden methods of the hooks that are still alive."""
        for point in POINTS:
            self._bound[point] = [
                (name, getattr(hook, point))
                for name, hook in self.hooks.items()
                if name not in self.errors and getattr(type(hook), point, None) is not getattr(Hook, point)
            ]

    def wants(self, point: str) -> bool:
        """Return whether any hook listens at ``point``: who calls often asks once."""
        return bool(self._bound[point])

    def call(self, point: str, *arguments: Any) -> None:
        """Call ``point`` on every hook that overrides it."""
        for name, method in self._bound[point]:
            begin = time.perf_counter()
            try:
                method(*arguments)
            except Exception as error:
                self._failed(name, point, error)
            self.seconds[name] += time.perf_counter() - begin

    def _failed(self, name: str, point: str, error: Exception) -> None:
        """Stop the run for a required hook; disable an optional one with one line."""
        if self.hooks[name].required or isinstance(error, WattloomError):
            raise error
        self.errors[name] = f"{point}: {type(error).__name__}: {error}"
        logger.warning("hook '%s' failed in %s and is switched off: %s: %s", name, point, type(error).__name__, error)
        logger.debug("traceback of hook '%s'", name, exc_info=error)
        self._bind()

    def state_dict(self) -> dict[str, Any]:
        """Return the states of all hooks by name."""
        return {name: hook.state_dict() for name, hook in self.hooks.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the hooks that the state knows; new hooks start fresh."""
        for name, hook in self.hooks.items():
            if name in state:
                hook.load_state_dict(state[name])
