"""One training run: its parts, where it stands, and what hooks may ask of it. The loop that moves it is :mod:`wattloom.runner`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wattloom.algorithm import Algorithm, Policy, check_policy
from wattloom.checkpoint import Checkpoint, CheckpointStore
from wattloom.config import CheckpointConfig, EvaluationConfig, RunnerConfig
from wattloom.environment import Environment, EnvironmentSpec, Snapshot
from wattloom.episodes import EpisodeTracker
from wattloom.evaluation import EvaluationResult, evaluate_policy
from wattloom.events import CheckpointEvent, Counters, EvaluationEnd, LogEvent
from wattloom.figures import judged_by
from wattloom.held_back import held_back_facts, held_back_record
from wattloom.hooks.base import Hook, HookList
from wattloom.hooks.schedule import Schedule
from wattloom.run_directory import RunDirectory
from wattloom.seeding import Seeds
from wattloom.status import Heartbeat
from wattloom.telemetry.loggers import LoggerList

EnvironmentFactory = Callable[[str, int | None], Environment]
"""Purpose (``"evaluation"``, ``"capture"``) and number of copies (None: as configured) to a new environment."""

SECTIONS = ("act", "step", "observe", "hooks", "update", "evaluate", "checkpoint")
"""What the run's wall time is split into."""


def set_up(algorithm: Algorithm, environment: Environment, seed: int, total_steps: int) -> Algorithm:
    """Give ``algorithm`` the declarations of ``environment`` and the streams of a run's seed, and return it.

    Raises:
        ConfigError: It cannot serve these agents' spaces.
    """
    algorithm.setup(EnvironmentSpec.of(environment), Seeds(seed).child("algorithm"), total_steps)
    if algorithm.privileged:
        algorithm.bind(environment)
    return algorithm


class Run:
    """The parts of one training run; also what hooks see as ``run``.

    Args:
        name: Run name.
        config: Resolved configuration, plain values.
        directory: Where its files go.
        environment: What is trained in.
        make_environment: Builds further environments of this configuration.
        algorithm: Set up for ``environment`` by :func:`set_up`; done here if nobody has.
        hooks: Name to hook, in order.
        loggers: Sinks of metric records.
        seed: The run's seed.
        runner: Budget and limits.
        evaluation: When and on which episodes to evaluate.
        checkpoint: When to save and how many to keep.

    Attributes:
        spec: Declarations of the environment.
        total_steps: Env steps planned over all copies.
        timings: Seconds by section.
        best_value: Best mean of what ``evaluation.best`` names so far, or None.
        best_return: Mean return of that evaluation, or None.
        held_back: How the best checkpoint did on held-back seeds, or None before the run is complete.
        last_evaluation: ``step``, ``mean_return`` and ``episodes`` of the last evaluation, or None.
        stop_reason: Why the run is about to end, in words.
        stop_status: ``""`` while it goes on.
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
        self.environment = environment
        self.spec = EnvironmentSpec.of(environment)
        self.hooks = HookList(hooks)
        self.loggers = loggers
        self.episodes = EpisodeTracker(self.spec, self.spec.num_envs)
        self.heart = Heartbeat(directory)
        self.algorithm = algorithm if algorithm.is_set_up else set_up(algorithm, environment, seed, runner.total_steps)
        self.policy: Policy = check_policy(algorithm, algorithm.policy(self.spec.num_envs, explore=True))
        self.snapshot: Snapshot
        self.evaluation_due = Schedule(every=evaluation.every)
        self.checkpoint_due = Schedule(every=checkpoint.every)
        self._make_environment, self._evaluation = make_environment, evaluation
        self._better, self._judged = judged_by(self.spec, evaluation.best)
        self._evaluation_environment: Environment | None = None
        self._store = CheckpointStore(directory.checkpoints, checkpoint.keep)
        self._set_standing()

    def _set_standing(self) -> None:
        """Stand at the beginning."""
        self.began = time.perf_counter()
        self.timings: dict[str, float] = dict.fromkeys(SECTIONS, 0.0)
        self.env_steps = self.updates = self.evaluations = 0
        self.evaluated_at = -1
        self.is_new_best = False
        self.best_value: float | None = None
        self.best_return: float | None = None
        self.held_back: dict[str, Any] | None = None
        self.last_evaluation: dict[str, Any] | None = None
        self.last_checkpoint: Path | None = None
        self.last_checkpoint_time: float | None = None
        self.stop_reason = self.stop_status = ""

    @property
    def counters(self) -> Counters:
        """Where the run stands."""
        return Counters(self.env_steps, self.updates, self.episodes.completed, self.evaluations)

    @property
    def stopping(self) -> bool:
        """Whether the run ends after this iteration."""
        return bool(self.stop_status)

    @property
    def seconds(self) -> float:
        """Wall time since this process took the run up."""
        return time.perf_counter() - self.began

    @property
    def heartbeat(self) -> dict[str, Any]:
        """The latest status."""
        return self.heart.latest

    @property
    def resume_promise(self) -> str:
        """How exactly the environment continues: ``state``, ``replay`` or ``episode``."""
        return str(getattr(self.environment, "resume_promise", "state"))

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
        head = {"source": source, "event": event, "step": self.env_steps, "updates": self.updates, "episodes": self.episodes.completed}
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
        event = self._judge(name, self._play(self._evaluation.episode_seeds))
        self.timings["evaluate"] += time.perf_counter() - begin
        self.hooks.call("on_evaluate_end", self, event)
        return event

    def _play(self, seeds: Sequence[int]) -> EvaluationResult:
        """Play one whole episode a seed with the present parameters, without exploration."""
        algorithm, environment = self.algorithm, self.evaluation_environment()
        with self.bound_to(environment):
            return evaluate_policy(environment, lambda count: algorithm.policy(count, explore=False), seeds)

    def test_best(self) -> None:
        """Play the best checkpoint on seeds that neither training nor the choice of the best has seen; the last parameters are then put back.

        The evaluations that chose a checkpoint flatter it; these episodes do not. A baseline, which has nothing to choose, is not tested.
        """
        if self._evaluation.held_back is None or not self.algorithm.learns:
            return
        begin = time.perf_counter()
        last = self._store.find("latest")
        best = self._store.pointed("best") or last
        if best != last:
            self.algorithm.load_state_dict(self._store.load(best.name).parts["algorithm"])
        result = self._play(self._evaluation.unseen_seeds())
        if best != last:
            self.algorithm.load_state_dict(self._store.load(last.name).parts["algorithm"])
        self.held_back = held_back_facts(best.name, result)
        self.timings["evaluate"] += time.perf_counter() - begin
        self.log("held_back", held_back_record(self.spec, result), source="evaluation")

    @contextlib.contextmanager
    def bound_to(self, environment: Environment) -> Iterator[None]:
        """Let a privileged algorithm read the environment that it plays in, and its own again afterwards."""
        if self.algorithm.privileged:
            self.algorithm.bind(environment)
        try:
            yield
        finally:
            if self.algorithm.privileged:
                self.algorithm.bind(self.environment)

    def _judge(self, name: str, result: EvaluationResult) -> EvaluationEnd:
        """Count the evaluation and see whether it is the best so far."""
        mean = float(np.mean(result.returns))
        value = float(np.mean(self._judged(result.returns, result.figures, result.metrics)))
        is_best = not np.isnan(value) and (self.best_value is None or self._better * value > self._better * self.best_value)
        if is_best:
            self.best_value, self.best_return, self.is_new_best = value, mean, True
        self.evaluations += 1
        self.evaluated_at = self.env_steps
        self.last_evaluation = {"step": self.env_steps, "mean_return": mean, "episodes": len(result.returns)}
        return EvaluationEnd(
            name, result.returns, result.lengths, result.metrics, result.figures, result.seeds, is_best, result.seconds, result.terminated
        )

    def save(self) -> Path:
        """Write a checkpoint of everything and return its folder."""
        begin = time.perf_counter()
        best, self.is_new_best = self.is_new_best, False
        self.loggers.flush()
        info = {"promise": self.resume_promise, "seed": self.seed, "best_return": self.best_return}
        info |= {"best_by": self._evaluation.best, "best_value": self.best_value}
        self.last_checkpoint = self._store.save(self.env_steps, self._state(), info, best)
        self.last_checkpoint_time = time.time()
        self.timings["checkpoint"] += time.perf_counter() - begin
        self.hooks.call("on_checkpoint", self, CheckpointEvent(self.last_checkpoint, best))
        return self.last_checkpoint

    def close(self) -> None:
        """Release environments and files."""
        self.loggers.close()
        self.environment.close()
        if self._evaluation_environment is not None:
            self._evaluation_environment.close()

    def _state(self) -> dict[str, Any]:
        """Return every part of a checkpoint."""
        run = {
            "counters": [self.env_steps, self.updates, self.evaluations, self.evaluated_at],
            "best": [self._evaluation.best, self.best_value, self.best_return],
            "last_evaluation": self.last_evaluation,
            "episodes": self.episodes.state_dict(),
            "policy": self.policy.state_dict(),
            "snapshot": {name: getattr(self.snapshot, name) for name in Snapshot.__dataclass_fields__},
            "schedules": [self.evaluation_due.state_dict(), self.checkpoint_due.state_dict()],
            "hooks": self.hooks.state_dict(),
            "loggers": self.loggers.state_dict(),
        }
        return {"algorithm": self.algorithm.state_dict(), "environment": self.environment.get_state(), "run": run}

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from ``checkpoint``; random streams live in the parts and come back last, with the policy."""
        run = checkpoint.parts["run"]
        self.env_steps, self.updates, self.evaluations, self.evaluated_at = run["counters"]
        by, value, best_return = run["best"]
        if by == self._evaluation.best:  # values of something else cannot be compared
            self.best_value, self.best_return = value, best_return
        self.last_evaluation = run["last_evaluation"]
        self.last_checkpoint, self.last_checkpoint_time = checkpoint.path, time.time()
        self.episodes.load_state_dict(run["episodes"])
        self.snapshot = Snapshot(**run["snapshot"])
        self.evaluation_due.load_state_dict(run["schedules"][0])
        self.checkpoint_due.load_state_dict(run["schedules"][1])
        self.hooks.load_state_dict(run["hooks"])
        self.loggers.load_state_dict(run["loggers"])
        self.environment.set_state(checkpoint.parts["environment"])
        self.algorithm.load_state_dict(checkpoint.parts["algorithm"])
        self.policy.load_state_dict(run["policy"])
