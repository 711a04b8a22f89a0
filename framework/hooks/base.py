"""The hook points, and the list that calls only what is overridden.

A hook observes: it never touches actions, observations or gradients. It may call ``run.stop(reason)``, ``run.evaluate()`` and ``run.save()``.
"""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from wattloom.checkpoint import encode
from wattloom.errors import ConfigError, WattloomError, did_you_mean, place_of
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
    from wattloom.run import Run

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
CLOSING = ("on_exception", "on_run_end")
"""Points where every hook gets its say even if a required one fails: files are closed there."""


class HookList:
    """Calls hooks in configuration order, isolates optional ones, and times each.

    Args:
        hooks: Name to hook, in order.

    Attributes:
        errors: Name to text of the optional hooks that failed and were switched off.
        seconds: Name to wall time spent in the hook itself, without that of hooks or evaluations it set off.

    Raises:
        ConfigError: A hook defines a method ``on_…`` that is no hook point, which would never be called.
    """

    def __init__(self, hooks: Mapping[str, Hook]) -> None:
        self.hooks = dict(hooks)
        self.errors: dict[str, str] = {}
        self.seconds: dict[str, float] = dict.fromkeys(self.hooks, 0.0)
        self._inner = 0.0
        self._bound: dict[str, list[tuple[str, Callable[..., None]]]] = {}
        for name, hook in self.hooks.items():
            check_points(name, hook)
        self._bind()

    def _bind(self) -> None:
        """Collect the overridden methods of the hooks that are still alive."""
        alive = [(name, hook) for name, hook in self.hooks.items() if name not in self.errors]
        for point in POINTS:
            self._bound[point] = [(name, getattr(hook, point)) for name, hook in alive if _overrides(hook, point)]

    def wants(self, point: str) -> bool:
        """Return whether any hook listens at ``point``: who calls often asks once."""
        return bool(self._bound[point])

    @property
    def drawing_seconds(self) -> float:
        """Wall time of the hooks that make pictures, reported apart from the training loop's."""
        return sum(self.seconds[name] for name, hook in self.hooks.items() if hook.draws)

    def call(self, point: str, *arguments: Any) -> None:
        """Call ``point`` on every hook that overrides it.

        Raises:
            Exception: What a required hook raised; at ``on_run_end`` only after all others were called, at ``on_exception`` never (the run is
                failing already and its own error matters more).
        """
        raised: Exception | None = None
        for name, method in self._bound[point]:
            outer, self._inner = self._inner, 0.0
            begin = time.perf_counter()
            try:
                method(*arguments)
            except Exception as error:
                if self._is_fatal(name, point, error):
                    raised = raised or error
            elapsed = time.perf_counter() - begin
            self.seconds[name] += elapsed - self._inner
            self._inner = outer + elapsed
            if raised is not None and point not in CLOSING:
                break
        if raised is not None and point != "on_exception":
            raise raised

    def call_safely(self, point: str, *arguments: Any, drawing: bool = True) -> None:
        """Call ``point`` while the run is failing already: nothing that a hook raises may hide the run's own error.

        Args:
            point: Hook point.
            *arguments: What the hooks are given.
            drawing: False leaves out the hooks that make pictures, for a user who wants to leave at once.
        """
        if not drawing:
            self._bound[point] = [(name, method) for name, method in self._bound[point] if not self.hooks[name].draws]
        try:
            self.call(point, *arguments)
        except Exception as error:
            logger.warning("%s failed after the run had failed: %s: %s", point, type(error).__name__, error)

    def _is_fatal(self, name: str, point: str, error: Exception) -> bool:
        """Return whether ``error`` must stop the run; an optional hook is switched off with one line instead.

        What a user can fix (:class:`WattloomError`) also stops the run at its start, before compute is spent.
        """
        if self.hooks[name].required or (point == "on_run_start" and isinstance(error, WattloomError)):
            error.add_note(f"raised by hook '{name}' in {point}")
            return True
        self._switch_off(name, point, error)
        return False

    def _switch_off(self, name: str, point: str, error: Exception) -> None:
        self.errors[name] = f"{point}: {type(error).__name__}: {error}"
        kind = type(error).__name__
        logger.warning("hook '%s' failed in %s and is switched off: %s: %s%s", name, point, kind, error, place_of(error))
        logger.debug("traceback of hook '%s'", name, exc_info=error)
        self._bind()

    def state_dict(self) -> dict[str, Any]:
        """Return the states by name of the hooks that are still alive."""
        states: dict[str, Any] = {}
        for name, hook in self.hooks.items():
            if name in self.errors:
                continue
            try:
                states[name] = hook.state_dict()
                encode(states[name], f"hooks.{name}")  # what cannot be saved is this hook's fault, not the run's
            except Exception as error:
                if self._is_fatal(name, "state_dict", error):
                    raise
                states.pop(name, None)
        return states

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the hooks that the state knows; new hooks start fresh."""
        for name, hook in self.hooks.items():
            if name not in state or name in self.errors:
                continue
            try:
                hook.load_state_dict(state[name])
            except Exception as error:
                if self._is_fatal(name, "load_state_dict", error):
                    raise


def _overrides(hook: Hook, point: str) -> bool:
    """Return whether the hook's class has its own method for ``point``."""
    return getattr(type(hook), point, getattr(Hook, point)) is not getattr(Hook, point)


def check_points(name: str, hook: Hook) -> None:
    """Refuse a misspelt hook point, and one that does not take what it will be called with."""
    for method in dir(type(hook)):
        if method.startswith("on_") and method not in POINTS:
            raise ConfigError(
                f"hook '{name}' ({type(hook).__name__}) defines '{method}', which is no hook point{did_you_mean(method, POINTS)}"
            )
        if method in POINTS and _overrides(hook, method):
            _check_arguments(name, hook, method)


def _check_arguments(name: str, hook: Hook, method: str) -> None:
    """Refuse a hook point that takes other arguments than it will be called with."""
    needed = [*inspect.signature(getattr(Hook, method)).parameters][1:]
    try:
        inspect.signature(getattr(hook, method)).bind(*needed)
    except TypeError:
        raise ConfigError(
            f"hook '{name}' ({type(hook).__name__}): {method}{inspect.signature(getattr(type(hook), method))} will be called with "
            f"{' and '.join(needed)}; write def {method}(self, {', '.join(needed)})"
        ) from None
    except ValueError:  # no signature to look at: a method in C, or a mock
        return
