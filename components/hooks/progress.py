"""Where the run stands: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import TYPE_CHECKING, TextIO

from wattloom.errors import ConfigError
from wattloom.events import EpisodeEnd, EvaluationEnd, RunSummary, StepEvent
from wattloom.hooks.base import Hook
from wattloom.views.text import counted, duration, number, shown_path

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    from wattloom.run import Run

LIVE_SECONDS = 0.5
WINDOW = 20


class Progress(Hook):
    """Shows steps, rate, time left, return and evaluation on standard error; put it last, so that its last line comes when all files are there.

    Args:
        every_seconds: Wall time between plain lines where there is no terminal.
        quiet: Show nothing.
        plain: Lines even on a terminal.

    Raises:
        ConfigError: ``every_seconds`` is not positive.
    """

    def __init__(self, every_seconds: float = 5.0, quiet: bool = False, plain: bool = False) -> None:
        if every_seconds <= 0:
            raise ConfigError(f"hooks.progress.every_seconds must be positive, not {every_seconds}")
        self._every, self._quiet, self._plain = every_seconds, quiet, plain
        self._returns: deque[float] = deque(maxlen=WINDOW)
        self._next = float("inf")
        self._began = self._mark = (0.0, 0)
        self._rate = 0.0
        self._live: Live | None = None
        self._out: TextIO = sys.stderr

    def on_run_start(self, run: Run) -> None:
        """Say what will run, and start the bar."""
        self._out = sys.stderr
        now = time.perf_counter()
        self._began = self._mark = (_training_clock(run, now), run.counters.env_steps)
        if self._quiet:
            return
        self._next = now
        if self._out.isatty() and not self._plain:
            self._start_live(run)
        else:
            self._next = now + min(self._every, 1.0)
            copies = f", {run.spec.num_envs} copies" if run.spec.num_envs > 1 else ""
            self._say(f"{run.name}: seed {run.seed}{copies}, {run.total_steps:,} env steps -> {shown_path(run.directory.path)}")

    def _start_live(self, run: Run) -> None:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(self._screen(run), console=Console(file=self._out), auto_refresh=False)
        self._live.start()

    def on_step(self, run: Run, event: StepEvent) -> None:
        """Look at the clock; show only what is due."""
        now = time.perf_counter()
        if now >= self._next:
            self._show(run, now)

    def on_episode_end(self, run: Run, event: EpisodeEnd) -> None:
        """Remember the returns."""
        self._returns.extend(event.total_returns(run.spec.shared_reward)[-WINDOW:].tolist())

    def on_evaluate_end(self, run: Run, event: EvaluationEnd) -> None:
        """Say how the evaluation went; a plain log keeps every one."""
        if self._live is not None:
            self._show(run, time.perf_counter())
        elif not self._quiet:
            low, high = float(event.returns.min()), float(event.returns.max())
            self._say(
                f"step {run.counters.env_steps:>9,}  evaluation {_figure(float(event.returns.mean())):>8}  ({_figure(low)} to {_figure(high)} over "
                f"{len(event.returns)} episodes){'  best so far' if event.is_best else ''}"
            )

    def on_exception(self, run: Run, error: BaseException) -> None:
        """Give the terminal back before anything is said about the error."""
        self._stop_live(run)

    def _stop_live(self, run: Run) -> None:
        if self._live is not None:
            self._live.update(self._screen(run), refresh=True)
            self._live.stop()
            self._live = None

    def on_run_end(self, run: Run, summary: RunSummary) -> None:
        """Stop the bar and say how it ended."""
        self._stop_live(run)
        if self._quiet:
            return
        self._say(self._ending(run, summary))
        folder = run.directory.path
        if (folder / "report.html").exists():
            self._say(f"summary: {shown_path(folder / 'report.html')}")
        if summary.status in ("interrupted", "stopped") and (folder / "checkpoints" / "latest").exists():
            self._say(f"continue with: wattloom resume={shown_path(folder)}{' runner.stop_at=null' if _at_its_stop(run) else ''}")

    def _ending(self, run: Run, summary: RunSummary) -> str:
        """Return how the run ended, in one line; the rate leaves out the time that pictures took."""
        steps = run.counters.env_steps - self._began[1]
        if steps == 0 and summary.status == "completed":
            return f"completed before: {run.counters.env_steps:,} env steps; a larger runner.total_steps continues the run"
        trained = max(_training_clock(run, time.perf_counter()) - self._began[0], 1e-9)
        reason = f" ({summary.reason})" if summary.reason else ""
        best = "" if summary.best_return is None else f", best evaluation {_figure(summary.best_return)}"
        if summary.held_back is not None:
            best += f", on held-back seeds {_figure(summary.held_back['return'][0])}"
        drawn = run.hooks.drawing_seconds
        pictures = f", {duration(drawn)} of it for pictures" if drawn >= 1.0 else ""
        return (
            f"{summary.status}{reason}: {run.counters.env_steps:,} env steps, {counted(run.counters.episodes, 'episode')} in "
            f"{duration(trained + drawn)}{pictures} ({steps / trained:,.0f} env steps/s){best}"
        )

    def _show(self, run: Run, now: float) -> None:
        """Take the rate since the last time and bring the screen up to date."""
        then, steps = self._mark
        clock = _training_clock(run, now)
        if clock - then > 0.2:
            self._rate = (run.counters.env_steps - steps) / (clock - then)
            self._mark = (clock, run.counters.env_steps)
        if self._live is not None:
            self._next = now + LIVE_SECONDS
            self._live.update(self._screen(run), refresh=True)
        else:
            self._next = now + self._every
            self._say("  ".join(self._parts(run)))

    def _parts(self, run: Run) -> list[str]:
        """Return the words of a plain line."""
        step, target = run.counters.env_steps, run.total_steps
        parts = [f"step {step:>9,}", f"{100.0 * step / max(target, 1):5.1f} %"]
        if self._rate > 0:
            parts += [f"{self._rate:,.0f} env steps/s", f"{duration((target - step) / self._rate)} left"]
        if self._returns:
            parts.append(f"return {_figure(sum(self._returns) / len(self._returns))}")
        return parts

    def _screen(self, run: Run) -> Table:
        """Return what the terminal shows: the bar, then two lines of figures."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        step, target = run.counters.env_steps, max(run.total_steps, 1)
        left = duration((target - step) / self._rate) if self._rate > 0 else "?"
        head = Text.assemble(
            (run.name, "bold"),
            (f"  seed {run.seed}", "dim"),
            (f"  {shown_path(run.directory.path)}", "dim"),
            no_wrap=True,
            overflow="ellipsis",
        )
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=target, completed=min(step, target), width=24, complete_style="cyan", finished_style="green"),
            Text(f"{100.0 * step / target:.1f} %", "bold"),
            Text(f"{step:,} / {target:,} env steps"),
            Text(f"{self._rate:,.0f}/s", "cyan"),
            Text(f"{left} left", "dim"),
        )
        screen = Table.grid()
        for row in (head, bar, self._figures(run)):
            screen.add_row(row)
        return screen

    def _figures(self, run: Run) -> Text:
        """Return episodes, return and evaluation in one line."""
        from rich.text import Text

        mean = _figure(sum(self._returns) / len(self._returns)) if self._returns else "none yet"
        evaluation = "none yet" if run.last_evaluation is None else _figure(run.last_evaluation["mean_return"])
        best = "" if run.best_return is None else f" (best {_figure(run.best_return)})"
        counters = run.counters
        return Text.assemble(
            ("episodes ", "dim"), number(counters.episodes), ("  updates ", "dim"), number(counters.updates),
            ("  return ", "dim"), (mean, "bold"), ("  evaluation ", "dim"), (evaluation, "bold yellow"), (best, "yellow"),
            no_wrap=True, overflow="ellipsis",
        )  # fmt: skip

    def _say(self, line: str) -> None:
        print(line, file=self._out, flush=True)


def _training_clock(run: Run, now: float) -> float:
    """Return a time that stands still while pictures are drawn, so that rate and time left are those of training."""
    return now - run.hooks.drawing_seconds


def _at_its_stop(run: Run) -> bool:
    """Return whether ``runner.stop_at`` would stop the continued run at once."""
    return run.settings.stop_at is not None and run.counters.env_steps >= run.settings.stop_at


def _figure(value: float) -> str:
    """Return a return with one decimal, and three digits where that would hide it."""
    return f"{value:.1f}" if abs(value) >= 10 or value == 0 else f"{value:.3g}"
