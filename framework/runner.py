"""The loop: act, step, observe, learn, tell the hooks; evaluate and checkpoint when due.

The runner knows neither environments nor algorithms, only their contracts. Everything that a continuation needs is saved at the end of an iteration,
after updates and resets and before the next action, so that a run of 2N steps stopped at N and resumed equals the uninterrupted one bit for bit.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wattloom.algorithm import Algorithm, Policy, Transition, UpdateReport
from wattloom.checkpoint import Checkpoint, CheckpointStore
from wattloom.config import CheckpointConfig, EvaluationConfig, RunnerConfig
from wattloom.environment import Environment, EnvironmentSpec, Snapshot, StepResult
from wattloom.episodes import EpisodeTracker
from wattloom.evaluation import EvaluationResult, evaluate_policy
from wattloom.events import (
    CheckpointEvent,
    Counters,
    EpisodeStart,
    EvaluationEnd,
    LogEvent,
    ResumeEvent,
    RunSummary,
    StepEvent,
    UpdateEvent,
)
from wattloom.hooks.base import Hook, HookList
from wattloom.hooks.schedule import Schedule
from wattloom.run_directory import RunDirectory
from wattloom.seeding import Seeds
from wattloom.signals import GracefulSignals
from wattloom.status import Heartbeat
from wattloom.telemetry.loggers import LoggerList

logger = logging.getLogger(__name__)
EnvironmentFactory = Callable[[str, int | None], Environment]
"""Purpose (``"evaluation"``, ``"capture"``) and number of copies (None: as configured) to a new environment."""


class Run:
    """One training run; also what hooks see as ``run``.

    Args:
        name: Run name.
        config: Resolved configuration, plain values.
        directory: Where its files go.
        environment: What is trained in.
        make_environment: Builds further environments of this configuration.
        algorithm: Not yet set up.
        hooks: Name to hook, in order.
        loggers: Sinks of metric records.
        seed: The run's seed.
        runner: Budget and limits.
        evaluation: When and on which episodes to evaluate.
        checkpoint: When to save and how many to keep.
    """

    def __init__(
        self,
        *,
        name: str,
        config: Mapping[str, Any],
        directory: RunDirectory,
        environment: Environment,
        make_environment: EnvironmentFactory,
        algorithm: Algorithm,
        hooks: Mapping[str, Hook],
        loggers: LoggerList,
        seed: int,
        runner: RunnerConfig,
        evaluation: EvaluationConfig,
        checkpoint: CheckpointConfig,
    ) -> None:
        self.name, self.config, self.directory, self.seed = name, config, directory, seed
        self.seeds = Seeds(seed)
        self.settings = runner
        self.total_steps = runner.total_steps
        self.algorithm = algorithm
        self.hooks = HookList(hooks)
        self.loggers = loggers
        self.timings: dict[str, float] = dict.fromkeys(("act", "step", "observe", "hooks", "update", "evaluate", "checkpoint"), 0.0)
        self.stop_reason = ""
        self.stop_status = ""
        self.best_return: float | None = None
        self.last_evaluation: dict[str, Any] | None = None
        self.last_checkpoint: Path | None = None
        self.last_checkpoint_time: float | None = None
        self._make_environment = make_environment
        self._evaluation = evaluation
        self._evaluation_schedule = Schedule(every=evaluation.every)
        self._checkpoint_schedule = Schedule(every=checkpoint.every)
        self._store = CheckpointStore(directory.checkpoints, checkpoint.keep)
        self._heartbeat = Heartbeat(directory)
        self._evaluation_environment: Environment | None = None
        self._env_steps = self._updates = self._evaluations = 0
        self._evaluated_at = -1
        self._is_new_best = False
        self._began = time.perf_counter()
        self.environment = environment
        self.spec = EnvironmentSpec.of(self.environment)
        self._episodes = EpisodeTracker(self.spec, self.spec.num_envs)
        algorithm.setup(self.spec, self.seeds.child("algorithm"), self.total_steps)
        if algorithm.privileged:
            algorithm.bind(self.environment)
        self._policy: Policy = algorithm.policy(self.spec.num_envs, explore=True)
        self._snapshot: Snapshot

    # what hooks may read and ask for

    @property
    def counters(self) -> Counters:
        """Where the run stands."""
        return Counters(self._env_steps, self._updates, self._episodes.completed, self._evaluations)

    @property
    def stopping(self) -> bool:
        """Whether the run ends after this iteration."""
        return bool(self.stop_status)

    @property
    def heartbeat(self) -> dict[str, Any]:
        """The latest status."""
        return self._heartbeat.latest

    def stop(self, reason: str, status: str = "completed") -> None:
        """End the run after this iteration.

        Args:
            reason: In words, for people.
            status: ``"completed"`` (the goal is reached: evaluated once more), ``"stopped"`` (a limit: can be resumed) or ``"interrupted"``.
        """
        if not self.stop_status:
            self.stop_reason, self.stop_status = reason, status

    def log(self, event: str, values: Mapping[str, float], source: str = "train") -> None:
        """Write one record to every logger, after hooks have added theirs."""
        log = LogEvent(dict(values))
        self.hooks.call("on_log", self, log)
        counters = self.counters
        head = {"source": source, "event": event, "step": counters.env_steps, "updates": counters.updates, "episodes": counters.episodes}
        self.loggers.write({**head, "time": time.time(), **log.values})

    def evaluation_environment(self) -> Environment:
        """Return the environment that evaluations own."""
        if self._evaluation_environment is None:
            self._evaluation_environment = self._make_environment("evaluation", self._evaluation.copies)
        return self._evaluation_environment

    def make_capture_environment(self) -> Environment:
        """Return a new environment of one copy, for pictures."""
        return self._make_environment("capture", 1)

    def evaluate(self, name: str = "periodic") -> EvaluationEnd:
        """Play the fixed evaluation episodes with the present parameters."""
        begin = time.perf_counter()
        self.hooks.call("on_evaluate_start", self)
        result = evaluate_policy(self.evaluation_environment(), self._evaluation_policy, self._evaluation.episode_seeds)
        event = self._judge(name, result)
        self.timings["evaluate"] += time.perf_counter() - begin
        self.hooks.call("on_evaluate_end", self, event)
        return event

    def _evaluation_policy(self, num_envs: int) -> Policy:
        """Return a fresh policy that does not explore."""
        return self.algorithm.policy(num_envs, explore=False)

    def _judge(self, name: str, result: EvaluationResult) -> EvaluationEnd:
        """Count the evaluation and see whether it is the best so far."""
        mean = float(np.mean(result.returns))
        is_best = self.best_return is None or mean > self.best_return
        if is_best:
            self.best_return, self._is_new_best = mean, True
        self._evaluations += 1
        self._evaluated_at = self._env_steps
        self.last_evaluation = {"step": self._env_steps, "mean_return": mean, "episodes": len(result.returns)}
        return EvaluationEnd(name, result.returns, result.lengths, result.metrics, result.seeds, is_best, result.seconds)

    def save(self) -> Path:
        """Write a checkpoint of everything and return its folder."""
        begin = time.perf_counter()
        best, self._is_new_best = self._is_new_best, False
        self.loggers.flush()
        promise = getattr(self.environment, "resume_promise", "state")
        info = {"promise": promise, "seed": self.seed, "best_return": self.best_return}
        self.last_checkpoint = self._store.save(self._env_steps, self._state(), info, best)
        self.last_checkpoint_time = time.time()
        self.timings["checkpoint"] += time.perf_counter() - begin
        self.hooks.call("on_checkpoint", self, CheckpointEvent(self.last_checkpoint, best))
        return self.last_checkpoint

    # the loop

    def execute(self, resume: Checkpoint | None = None) -> RunSummary:
        """Run to the end of the budget (or until stopped) and return how it went.

        Raises:
            WattloomError: The environment broke its contract, or a required hook failed; the status file says so.
        """
        with GracefulSignals(lambda name: self.stop(f"received {name}", "interrupted")) as signals:
            try:
                self._start(resume)
                while not self.stopping:
                    self._iterate()
                    self._check_limits()
                return self._finish(signals.received)
            except BaseException as error:
                self._fail(error)
                raise

    def _start(self, resume: Checkpoint | None) -> None:
        """Reset or restore, and tell the hooks."""
        self.loggers.open(self.directory)
        if resume is None:
            self._snapshot = self.environment.reset(seed=self.seeds.integer("environment"))
            self._policy.reset()
            self.hooks.call("on_run_start", self)
            self._begin_episodes(np.arange(self.spec.num_envs))
        else:
            self._restore(resume)
            self.hooks.call("on_run_start", self)
            promise = getattr(self.environment, "resume_promise", "state")
            self.hooks.call("on_resume", self, ResumeEvent(resume.path, promise))
        self._heartbeat.beat(self, force=True)
        self._check_limits()

    def _iterate(self) -> None:
        """One step of all copies and everything that follows from it."""
        clock, timings = time.perf_counter, self.timings
        begin = clock()
        actions = self._policy.act(self._snapshot)
        acted = clock()
        result = self.environment.step(actions)
        stepped = clock()
        self._env_steps += self.spec.num_envs
        self._episodes.add(result)
        self.algorithm.observe(Transition(self._snapshot, actions, result))
        observed = clock()
        if self.hooks.wants("on_step"):
            self.hooks.call("on_step", self, StepEvent(self._snapshot, actions, result))
        hooked = clock()
        report = self.algorithm.update()
        updated = clock()
        timings["act"] += acted - begin
        timings["step"] += stepped - acted
        timings["observe"] += observed - stepped
        timings["update"] += updated - hooked
        if report is not None:
            self._tell_update(report)
        self._snapshot = result.snapshot
        self._end_episodes(result)
        timings["hooks"] += (hooked - observed) + (clock() - updated)
        self._heartbeat.beat(self)
        self._do_what_is_due()

    def _tell_update(self, report: UpdateReport) -> None:
        """Tell the hooks that the algorithm learned."""
        self._updates = report.total_updates
        if self.hooks.wants("on_update"):
            self.hooks.call("on_update", self, UpdateEvent(report))
        if report.rollout_closed:
            self.hooks.call("on_rollout_end", self, UpdateEvent(report))

    def _end_episodes(self, result: StepResult) -> None:
        """Close ended episodes and begin new ones in their copies."""
        event = self._episodes.finish(result)
        if event is None:
            return
        self.hooks.call("on_episode_end", self, event)
        self._snapshot = self.environment.reset(mask=result.ended)
        self._policy.reset(mask=result.ended)
        self._begin_episodes(event.copies)

    def _begin_episodes(self, copies: np.ndarray[Any, Any]) -> None:
        """Number the new episodes and tell the hooks."""
        numbers = self._episodes.start(copies)
        self.hooks.call("on_episode_start", self, EpisodeStart(copies, numbers, self._snapshot))

    def _do_what_is_due(self) -> None:
        """Evaluate and checkpoint at their marks."""
        if self._evaluation_schedule.due(self._env_steps):
            self.evaluate()
        if self._checkpoint_schedule.due(self._env_steps) or self._is_new_best:
            self.save()

    def _check_limits(self) -> None:
        """Stop at the budget, at ``stop_at`` or before the wall-time limit."""
        if self._env_steps >= self.total_steps:
            self.stop("", "completed")
        elif self.settings.stop_at is not None and self._env_steps >= self.settings.stop_at:
            self.stop(f"runner.stop_at={self.settings.stop_at} reached", "stopped")
        elif self.settings.wall_time is not None and time.perf_counter() - self._began >= self.settings.wall_time:
            self.stop(f"runner.wall_time of {self.settings.wall_time:.0f} s reached", "stopped")

    def _finish(self, signal_name: str | None) -> RunSummary:
        """Evaluate a last time where the run is complete, save, and leave a truthful status."""
        if self.stop_status == "completed" and self._evaluated_at != self._env_steps:
            self.evaluate("final")
        self.save()
        summary = self._summary(signal_name)
        self.loggers.flush()
        self._heartbeat.beat(self, summary.status, force=True)
        self.hooks.call("on_run_end", self, summary)
        self._heartbeat.beat(self, summary.status, force=True)
        self._close()
        return summary

    def _summary(self, signal_name: str | None) -> RunSummary:
        """Collect how the run ended."""
        last = None if self.last_evaluation is None else float(self.last_evaluation["mean_return"])
        seconds = time.perf_counter() - self._began
        extra = {"signal": signal_name} if signal_name else {}
        return RunSummary(self.stop_status, self.stop_reason, self.counters, self.best_return, last, seconds, dict(self.timings), extra)

    def _fail(self, error: BaseException) -> None:
        """Leave what is known about a failure; nothing that was written is touched."""
        self.stop_status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        self.stop_reason = f"{type(error).__name__}: {error}"
        self._heartbeat.beat(self, self.stop_status, force=True, error=self.stop_reason)
        self.hooks.call_safely("on_exception", self, error)
        self.hooks.call_safely("on_run_end", self, self._summary(None))
        self._close()

    def _close(self) -> None:
        """Release environments and files."""
        self.loggers.close()
        self.environment.close()
        if self._evaluation_environment is not None:
            self._evaluation_environment.close()

    # exact resume

    def _state(self) -> dict[str, Any]:
        """Return every part of a checkpoint."""
        snapshot = self._snapshot
        run = {
            "counters": [self._env_steps, self._updates, self._evaluations, self._evaluated_at],
            "best_return": self.best_return,
            "last_evaluation": self.last_evaluation,
            "episodes": self._episodes.state_dict(),
            "policy": self._policy.state_dict(),
            "snapshot": {name: getattr(snapshot, name) for name in Snapshot.__dataclass_fields__},
            "schedules": [self._evaluation_schedule.state_dict(), self._checkpoint_schedule.state_dict()],
            "hooks": self.hooks.state_dict(),
            "loggers": self.loggers.state_dict(),
        }
        return {"algorithm": self.algorithm.state_dict(), "environment": self.environment.get_state(), "run": run}

    def _restore(self, checkpoint: Checkpoint) -> None:
        """Continue from ``checkpoint``; random streams live in the parts and come back last, with the policy."""
        run = checkpoint.parts["run"]
        self._env_steps, self._updates, self._evaluations, self._evaluated_at = run["counters"]
        self.best_return, self.last_evaluation = run["best_return"], run["last_evaluation"]
        self.last_checkpoint, self.last_checkpoint_time = checkpoint.path, time.time()
        self._episodes.load_state_dict(run["episodes"])
        self._snapshot = Snapshot(**run["snapshot"])
        self._evaluation_schedule.load_state_dict(run["schedules"][0])
        self._checkpoint_schedule.load_state_dict(run["schedules"][1])
        self.hooks.load_state_dict(run["hooks"])
        self.loggers.load_state_dict(run["loggers"])
        self.environment.set_state(checkpoint.parts["environment"])
        self.algorithm.load_state_dict(checkpoint.parts["algorithm"])
        self._policy.load_state_dict(run["policy"])
