"""Where the wall time goes: acting, stepping, learning, hooks, drawing, evaluations, checkpoints."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wattloom.events import EpisodeEnd, RunSummary
from wattloom.hooks.base import Hook
from wattloom.hooks.schedule import Schedule

if TYPE_CHECKING:
    from wattloom.run import Run

SECTIONS = ("act", "step", "observe", "update", "hooks", "drawing", "evaluate", "checkpoint", "other")
LOOP = ("act", "step", "observe", "update", "hooks")
"""Sections of the training loop itself, which its rate is taken over."""


class Timing(Hook):
    """Records the share of every section of the loop, hooks that draw apart from those that do not, and writes ``logs/timing.json``.

    Shares are of the wall time since this process began the run; what no section claims is ``other``.

    Args:
        every: Env steps between records; null: only at the end. Taken at the next end of an episode.

    Raises:
        ConfigError: ``every`` is below 1.
    """

    def __init__(self, every: int | None = 10_000) -> None:
        self._schedule = Schedule(every=every, key="hooks.timing")
        self._began = 0.0
        self._steps = 0

    def on_run_start(self, run: Run) -> None:
        """Start the clock."""
        self._began, self._steps = time.perf_counter(), run.counters.env_steps

    def on_episode_end(self, run: Run, event: EpisodeEnd) -> None:
        """Write a record where a mark was crossed."""
        if self._schedule.due(run.counters.env_steps):
            self._log(run)

    def on_run_end(self, run: Run, summary: RunSummary) -> None:
        """Write the last record and the seconds of every section and hook."""
        elapsed = self._log(run)
        sections = seconds_by_section(run, elapsed)
        steps = run.counters.env_steps - self._steps
        content = {
            "wall_seconds": elapsed,
            "env_steps": steps,
            "env_steps_per_second": steps / elapsed,
            "loop_env_steps_per_second": steps / max(sum(sections[name] for name in LOOP), 1e-9),
            "sections": sections,
            "hooks": dict(run.hooks.seconds),
        }
        run.directory.write_json("logs/timing.json", content)

    def _log(self, run: Run) -> float:
        """Write one record and return the wall time since the start."""
        elapsed = max(time.perf_counter() - self._began, 1e-9)
        shares = {f"time/{name}_share": seconds / elapsed for name, seconds in seconds_by_section(run, elapsed).items()}
        run.log("timing", {"time/elapsed_seconds": elapsed} | shares, source="run")
        return elapsed

    def state_dict(self) -> dict[str, Any]:
        """Return the marks."""
        return {"schedule": self._schedule.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue the marks."""
        self._schedule.load_state_dict(state["schedule"])


def seconds_by_section(run: Run, elapsed: float) -> dict[str, float]:
    """Return seconds by section of :data:`SECTIONS`; they add up to ``elapsed``."""
    timings = {name: run.timings.get(name, 0.0) for name in ("act", "step", "observe", "update", "evaluate", "checkpoint")}
    drawing = run.hooks.drawing_seconds
    timings["drawing"] = drawing
    timings["hooks"] = max(sum(run.hooks.seconds.values()) - drawing, 0.0)
    timings["other"] = max(elapsed - sum(timings.values()), 0.0)
    return {name: timings[name] for name in SECTIONS}
