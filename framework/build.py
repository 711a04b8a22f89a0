"""From a composed configuration to a run: components, directory, manifest; and what a command line returns."""

from __future__ import annotations

import inspect
import logging
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wattloom.adapters import as_environment
from wattloom.algorithm import Algorithm
from wattloom.checkpoint import Checkpoint, CheckpointStore
from wattloom.compose import Composed, compose
from wattloom.config import RunConfig
from wattloom.environment import Environment, EnvironmentSpec
from wattloom.errors import ConfigError
from wattloom.events import RunSummary
from wattloom.figures import judged_by
from wattloom.hooks.base import Hook, check_points
from wattloom.manifest import manifest
from wattloom.resume import continued, find_unfinished
from wattloom.run import Run, set_up
from wattloom.run_directory import RunDirectory
from wattloom.runner import Runner
from wattloom.signals import EXIT_CODES
from wattloom.status import write_failure
from wattloom.targets import build, resolve
from wattloom.telemetry.logger import Logger
from wattloom.telemetry.loggers import LoggerList
from wattloom.torch_settings import torch_settings

logger = logging.getLogger(__name__)


def execute(composed: Composed, *, directory: Path | None = None) -> int:
    """Train as configured and return the exit code of the command line.

    Args:
        composed: The configuration.
        directory: Exact folder of the run (jobs of a sweep); None: a new one under ``runs_dir``.
    """
    summary, _ = train(composed, directory=directory)
    signal_name = summary.extra.get("signal")
    return EXIT_CODES.get(str(signal_name), 0) if summary.status == "interrupted" else 0


def train(composed: Composed, *, directory: Path | None = None) -> tuple[RunSummary, RunDirectory]:
    """Train as configured, from the start or from where ``resume`` says.

    Raises:
        WattloomError: Bad configuration (before anything is written), a damaged run, or a failing environment.
    """
    settings = RunConfig.from_composed(composed)
    source: RunDirectory | None = None
    if settings.resume == "auto":
        source = find_unfinished(Path(settings.runs_dir), composed)
    elif settings.resume:
        source = RunDirectory.open(settings.resume)
    if source is not None:
        return _resume(source, composed)
    return _start(composed, settings, directory)


def _start(composed: Composed, settings: RunConfig, exact: Path | None) -> tuple[RunSummary, RunDirectory]:
    """Begin a new run."""
    composed.check()
    with torch_settings(settings.runner.torch_threads):
        parts = _Parts.of(composed, settings)  # data files, ranges and spaces are checked before a folder is made
        directory = RunDirectory.create(Path(settings.runs_dir), settings.run_name, exact)
        with directory.lock():
            directory.write_yaml("config.yaml", composed.config)
            directory.write_yaml("overrides.yaml", list(composed.overrides))
            directory.write_json("manifest.json", manifest(composed.config, list(composed.overrides)))
            return _run(composed, settings, directory, parts, None), directory


def _resume(source: RunDirectory, asked: Composed) -> tuple[RunSummary, RunDirectory]:
    """Continue the run in ``source`` under the new overrides."""
    with source.lock():
        composed = continued(source, asked)
        settings = RunConfig.from_composed(composed)
        with torch_settings(settings.runner.torch_threads):
            checkpoint = CheckpointStore(source.checkpoints).load()
            for reason in checkpoint.skipped:
                logger.warning("skipped a damaged checkpoint: %s; continuing from %s", reason, checkpoint.path.name)
            parts = _Parts.of(composed, settings)
            source.write_yaml("config.yaml", composed.config)
            source.write_yaml("overrides.yaml", list(composed.overrides))
            return _run(composed, settings, source, parts, checkpoint), source


@dataclass(frozen=True)
class _Parts:
    """The components of a run, built before anything is written."""

    algorithm: Algorithm
    hooks: Mapping[str, Hook]
    loggers: Mapping[str, Logger]
    environment: Environment

    @classmethod
    def of(cls, composed: Composed, settings: RunConfig) -> _Parts:
        """Build every component of ``composed`` and set the algorithm up."""
        algorithm, hooks, loggers = build_algorithm(composed), build_hooks(composed), build_loggers(composed)
        environment = build_environment(composed)
        judged_by(EnvironmentSpec.of(environment), settings.evaluation.best)
        return cls(set_up(algorithm, environment, settings.seed, settings.runner.total_steps), hooks, loggers, environment)


def _run(composed: Composed, settings: RunConfig, directory: RunDirectory, parts: _Parts, checkpoint: Checkpoint | None) -> RunSummary:
    """Build the run and execute it; a failure while building is left in the status file too."""
    try:
        run = Run(
            name=settings.run_name,
            config=composed.config,
            directory=directory,
            environment=parts.environment,
            make_environment=lambda purpose, num_envs: build_environment(composed, purpose, num_envs),
            algorithm=parts.algorithm,
            hooks=parts.hooks,
            loggers=LoggerList(parts.loggers),
            seed=settings.seed,
            runner=settings.runner,
            evaluation=settings.evaluation,
            checkpoint=settings.checkpoint,
        )
        return Runner(run).execute(checkpoint)
    except Exception as error:
        write_failure(directory, f"{type(error).__name__}: {error}")
        raise


def build_environment(composed: Composed, purpose: str = "train", num_envs: int | None = None) -> Environment:
    """Build the configured environment as the batched contract.

    Args:
        composed: The configuration.
        purpose: ``"evaluation"`` composes ``evaluation.overrides`` in; ``"capture"`` asks for pictures.
        num_envs: Number of copies; None: as configured.
    """
    config = composed.config
    extra_overrides = config.get("evaluation", {}).get("overrides") or []
    trust = composed.trust is not False
    if purpose == "evaluation" and extra_overrides:
        config = compose([*composed.overrides, *extra_overrides], composed.extra_dirs).config
    node = dict(config["env"])
    copies = int(node.get("num_envs", 1)) if num_envs is None else _whole(num_envs)
    accepted = inspect.signature(resolve(str(node.get("_target_")), trust=trust)).parameters
    if "num_envs" in accepted:
        node["num_envs"] = copies
        if purpose == "capture" and "render_mode" in accepted:
            node["render_mode"] = "rgb_array"
        return as_environment(build(node, "env", composed.origin, trust=trust), num_envs=copies)
    node.pop("num_envs", None)
    if purpose == "capture" and "render_mode" in accepted:
        node["render_mode"] = "rgb_array"
    return as_environment(lambda: build(node, "env", composed.origin, trust=trust), num_envs=copies)


def _whole(num_envs: Any) -> int:
    """Return a number of copies that a caller gave (also one of NumPy's integers).

    Raises:
        ConfigError: It is no whole number of at least 1.
    """
    try:
        count = operator.index(num_envs)
    except TypeError:
        raise ConfigError(f"num_envs must be a whole number, not {num_envs!r}") from None
    if count < 1:
        raise ConfigError(f"num_envs must be at least 1, not {count}")
    return count


def build_algorithm(composed: Composed) -> Algorithm:
    """Build the configured algorithm.

    Raises:
        ConfigError: The target is no algorithm, or a value is out of range.
    """
    algorithm = build(composed.config["algorithm"], "algorithm", composed.origin, trust=composed.trust is not False)
    if not isinstance(algorithm, Algorithm):
        raise ConfigError(f"algorithm: {type(algorithm).__name__} is no wattloom.Algorithm; derive it from that class")
    if type(algorithm).policy is Algorithm.policy:
        raise ConfigError(f"algorithm: {type(algorithm).__name__} has no method policy(num_envs, explore), which returns what acts")
    return algorithm


def build_hooks(composed: Composed) -> dict[str, Hook]:
    """Build the configured hooks in order; an entry that is null is off."""
    hooks = _named(composed, "hooks", Hook)
    for name, hook in hooks.items():
        check_points(name, hook)
    return hooks


def build_loggers(composed: Composed) -> dict[str, Logger]:
    """Build the configured metric sinks in order; an entry that is null is off."""
    return _named(composed, "logger", Logger)


def _named(composed: Composed, group: str, base: type) -> dict[str, Any]:
    """Build a group that is a mapping of named instances."""
    built = {}
    for name, node in (composed.config.get(group) or {}).items():
        if node is None:
            continue
        if not isinstance(node, Mapping):
            raise ConfigError(f"{group}.{name} must be a mapping with _target_, or null to switch it off, not {node!r}")
        built[name] = build(node, f"{group}.{name}", composed.origin, trust=composed.trust is not False)
        if not isinstance(built[name], base):
            raise ConfigError(f"{group}.{name}: {type(built[name]).__name__} is no {base.__module__}.{base.__name__}")
    return built
