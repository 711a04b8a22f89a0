"""A finished (or stopped) run as an object: its configuration, environment and trained policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wattloom.algorithm import Algorithm, Policy
from wattloom.build import build_algorithm, build_environment
from wattloom.checkpoint import Checkpoint, CheckpointStore
from wattloom.compose import Composed
from wattloom.environment import Environment
from wattloom.errors import RunError
from wattloom.evaluation import EvaluationResult, StepListener, evaluate_policy
from wattloom.reference_names import build_reference
from wattloom.resume import recomposed
from wattloom.run import set_up
from wattloom.run_directory import RunDirectory
from wattloom.torch_settings import torch_settings


class LoadedRun:
    """What ``wattloom.load(RUN)`` returns.

    Args:
        path: The run's folder.
        overrides: Changes to its configuration, e.g. ``["location=az"]``.
        trust: Build targets outside Wattloom and its plugins that the run's configuration names.

    Raises:
        RunError: There is no run, or it cannot be read.
    """

    def __init__(self, path: str | Path, overrides: Sequence[str] = (), *, trust: bool = False) -> None:
        self.directory = RunDirectory.open(path)
        self.composed: Composed = recomposed(self.directory, list(overrides), trust=trust)

    @property
    def config(self) -> Mapping[str, Any]:
        """The resolved configuration."""
        return self.composed.config

    def checkpoint(self, which: str = "best") -> Checkpoint:
        """Load a checkpoint: ``best`` (the newest where there was no evaluation), ``latest``, or a step number."""
        store = CheckpointStore(self.directory.checkpoints)
        if which == "best" and store.pointed("best") is None:
            which = "latest"
        return store.load(which)

    def environment(self, num_envs: int = 1) -> Environment:
        """Build the run's environment with ``num_envs`` copies."""
        return build_environment(self.composed, num_envs=num_envs)

    def algorithm(self, environment: Environment, checkpoint: Checkpoint | None = None) -> Algorithm:
        """Build the run's algorithm for ``environment`` and restore it (default: the best checkpoint).

        Raises:
            RunError: The checkpoint does not fit this environment or these networks.
        """
        state = (checkpoint or self.checkpoint()).parts["algorithm"]
        algorithm = self._set_up(build_algorithm(self.composed), environment)
        try:
            algorithm.load_state_dict(state)
        except (RunError, KeyError, ValueError, RuntimeError, TypeError) as error:
            raise RunError(
                f"the checkpoint of {self.directory.path} does not fit env={self.composed.choices.get('env')} "
                f"algorithm={self.composed.choices.get('algorithm')} as configured here: {error}; agents, what they see and do, "
                "and networks must be those that it was trained with"
            ) from error
        return algorithm

    def baseline(self, name: str, environment: Environment) -> Algorithm:
        """Build another registered algorithm, as a reference line, for ``environment``; settings follow its name: ``opf+batteries=true``.

        Raises:
            UsageError: It learns: without training it is no reference.
            ConfigError: An unknown name or key, or an environment that it cannot serve.
        """
        return self._set_up(build_reference(name, self.composed), environment)

    def _set_up(self, algorithm: Algorithm, environment: Environment) -> Algorithm:
        """Give an algorithm the declarations and streams of this run."""
        return set_up(algorithm, environment, int(self.config["seed"]), int(self.config["runner"]["total_steps"]))

    def policy(self, num_envs: int = 1, explore: bool = False, checkpoint: str = "best") -> Policy:
        """Return the trained policy over ``num_envs`` copies.

        Example:
            >>> policy = wattloom.load("runs/pendulum_td3/…").policy()  # doctest: +SKIP
            >>> actions = policy.act(environment.reset(seed=1))  # doctest: +SKIP
        """
        return self.algorithm(self.environment(num_envs), self.checkpoint(checkpoint)).policy(num_envs, explore)

    def evaluate(
        self,
        seeds: Sequence[int],
        *,
        checkpoint: Checkpoint | None = None,
        baseline: str | None = None,
        num_envs: int | None = None,
        listener: StepListener | None = None,
        sampled: bool = False,
        watch: Callable[[Environment], StepListener | None] | None = None,
    ) -> EvaluationResult:
        """Play one whole episode a seed and return what came of each.

        Args:
            seeds: Reset seeds.
            checkpoint: Parameters of the policy; None: the best.
            baseline: Name of a baseline to play instead.
            num_envs: Copies played at once; None: up to 16.
            listener: Receives every step.
            sampled: Draw actions from a stochastic policy instead of taking the most probable one (or the mean); the seeds fix the draws.
            watch: Environment that is played in to the receiver of its steps; in place of ``listener`` where a receiver has to know the environment.
        """
        environment = build_environment(self.composed, "evaluation", num_envs or min(len(seeds), 16))
        try:
            algorithm = self.baseline(baseline, environment) if baseline else self.algorithm(environment, checkpoint)
            heard = watch(environment) if watch is not None else listener
            with torch_settings(int(self.config["runner"]["torch_threads"])):
                return evaluate_policy(environment, lambda count: algorithm.policy(count, explore=sampled), seeds, heard)
        finally:
            environment.close()
