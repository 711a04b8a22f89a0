"""The loop: act, step, observe, learn, tell the hooks; evaluate and checkpoint when due.

The runner knows neither environments nor algorithms, only their contracts. Everything that a continuation needs is saved at the end of an iteration,
after updates and resets and before the next action, so that a run of 2N steps stopped at N and resumed equals the uninterrupted one bit for bit.
"""

from __future__ import annotations

import time

import numpy as np

from wattloom.algorithm import Transition, UpdateReport
from wattloom.checkpoint import Checkpoint
from wattloom.environment import Array, StepResult
from wattloom.errors import UsageError
from wattloom.events import EpisodeStart, ResumeEvent, RunSummary, StepEvent, UpdateEvent
from wattloom.run import Run
from wattloom.signals import GracefulSignals

__all__ = ["Run", "Runner"]


class Runner:
    """Moves a run to its end.

    Args:
        run: What to move; nothing has been stepped yet.
    """

    def __init__(self, run: Run) -> None:
        self.run = run

    def execute(self, resume: Checkpoint | None = None) -> RunSummary:
        """Run to the end of the budget (or until stopped) and return how it went.

        Args:
            resume: Where to continue; None: from the start.

        Raises:
            WattloomError: The environment broke its contract, or a required hook failed; the status file says so.
        """
        with GracefulSignals(lambda name: self.run.stop(f"received {name}", "interrupted")) as signals:
            try:
                self._start(resume)
                while not self.run.stopping:
                    self._iterate()
                    self._check_limits()
                return self._finish(signals.received)
            except BaseException as error:
                self._fail(error)
                raise

    def _start(self, resume: Checkpoint | None) -> None:
        """Reset or restore, and tell the hooks."""
        run = self.run
        run.loggers.open(run.directory)
        if resume is None:
            run.snapshot = run.environment.reset(seed=run.seeds.integer("environment"))
            run.policy.reset()
            run.hooks.call("on_run_start", run)
            self._begin_episodes(np.arange(run.spec.num_envs))
        else:
            run.restore(resume)
            run.hooks.call("on_run_start", run)
            run.hooks.call("on_resume", run, ResumeEvent(resume.path, run.resume_promise))
            self._begin_lost_episodes()
        run.heart.beat(run, force=True)
        self._check_limits()

    def _begin_lost_episodes(self) -> None:
        """Begin anew in copies whose third-party episode could not be continued (promise ``episode``); a checkpoint leaves no others waiting."""
        run = self.run
        lost = np.array(getattr(run.environment, "needs_reset", False))  # a copy: the reset changes it
        if not lost.any():
            return
        run.snapshot = run.environment.reset(mask=lost)
        run.policy.reset(mask=lost)
        self._begin_episodes(np.flatnonzero(lost))

    def _iterate(self) -> None:
        """One step of all copies and everything that follows from it."""
        run, clock = self.run, time.perf_counter
        begin = clock()
        actions = run.policy.act(run.snapshot)
        acted = clock()
        result = run.environment.step(actions)
        stepped = clock()
        run.env_steps += run.spec.num_envs
        run.episodes.add(result)
        run.algorithm.observe(Transition(run.snapshot, actions, result))
        observed = clock()
        if run.hooks.wants("on_step"):
            run.hooks.call("on_step", run, StepEvent(run.snapshot, actions, result))
        hooked = clock()
        report = run.algorithm.update()
        updated = clock()
        if report is not None:
            self._tell_update(report)
        run.snapshot = result.snapshot
        self._end_episodes(result)
        run.heart.beat(run)
        timings = run.timings
        timings["act"] += acted - begin
        timings["step"] += stepped - acted
        timings["observe"] += observed - stepped
        timings["update"] += updated - hooked
        timings["hooks"] += (hooked - observed) + (clock() - updated)
        self._do_what_is_due()

    def _tell_update(self, report: UpdateReport) -> None:
        """Tell the hooks that the algorithm learned."""
        run = self.run
        if not isinstance(report, UpdateReport):
            raise UsageError(f"{type(run.algorithm).__name__}.update() must return a wattloom UpdateReport or None, not {report!r}")
        run.updates = report.total_updates
        if run.hooks.wants("on_update"):
            run.hooks.call("on_update", run, UpdateEvent(report))
        if report.rollout_closed:
            run.hooks.call("on_rollout_end", run, UpdateEvent(report))

    def _end_episodes(self, result: StepResult) -> None:
        """Close ended episodes and begin new ones in their copies."""
        run = self.run
        event = run.episodes.finish(result)
        if event is None:
            return
        run.hooks.call("on_episode_end", run, event)
        run.snapshot = run.environment.reset(mask=result.ended)
        run.policy.reset(mask=result.ended)
        self._begin_episodes(event.copies)

    def _begin_episodes(self, copies: Array) -> None:
        """Number the new episodes and tell the hooks."""
        run = self.run
        numbers = run.episodes.start(copies)
        run.hooks.call("on_episode_start", run, EpisodeStart(copies, numbers, run.snapshot))

    def _do_what_is_due(self) -> None:
        """Evaluate and checkpoint at their marks; a new best is saved at once."""
        run = self.run
        if run.evaluation_due.due(run.env_steps):
            self._evaluate("periodic")
        if run.checkpoint_due.due(run.env_steps) or run.is_new_best:
            run.save()

    def _evaluate(self, name: str) -> None:
        """Evaluate; where that fails, what was learned since the last checkpoint is saved first."""
        try:
            self.run.evaluate(name)
        except Exception:
            self.run.save()
            raise

    def _check_limits(self) -> None:
        """Stop at the budget, at ``stop_at`` or before the wall-time limit."""
        run, settings = self.run, self.run.settings
        if run.env_steps >= run.total_steps:
            run.stop("", "completed")
        elif settings.stop_at is not None and run.env_steps >= settings.stop_at:
            run.stop(f"runner.stop_at={settings.stop_at} reached", "stopped")
        elif settings.wall_time is not None and run.seconds >= settings.wall_time:
            run.stop(f"runner.wall_time of {settings.wall_time:.0f} s reached", "stopped")

    def _finish(self, signal_name: str | None) -> RunSummary:
        """Where the run is complete, evaluate a last time and test the best checkpoint; save, and leave a truthful status."""
        run = self.run
        if run.stop_status == "completed" and run.evaluated_at != run.env_steps:
            self._evaluate("final")
        run.save()
        if run.stop_status == "completed":
            run.test_best()
        summary = self._summary(signal_name)
        run.heart.beat(run, summary.status, force=True)
        run.hooks.call("on_run_end", run, summary)
        run.heart.beat(run, summary.status, force=True)
        run.close()
        return summary

    def _summary(self, signal_name: str | None) -> RunSummary:
        """Collect how the run ended."""
        run = self.run
        last = None if run.last_evaluation is None else float(run.last_evaluation["mean_return"])
        extra = {"signal": signal_name} if signal_name else {}
        timings, standing = dict(run.timings), run.counters
        return RunSummary(run.stop_status, run.stop_reason, standing, run.best_return, last, run.seconds, timings, extra, run.held_back)

    def _fail(self, error: BaseException) -> None:
        """Leave what is known about a failure; nothing that was written is touched."""
        run = self.run
        run.stop_status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        run.stop_reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        run.heart.beat(run, run.stop_status, force=True, error=run.stop_reason)
        run.hooks.call_safely("on_exception", run, error)
        run.hooks.call_safely("on_run_end", run, self._summary(None), drawing=not isinstance(error, KeyboardInterrupt))
        run.close()
