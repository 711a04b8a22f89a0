"""The border: a composed configuration becomes frozen, checked dataclasses, once. Every key is effective or refused."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

from wattloom.errors import ConfigError, did_you_mean
from wattloom.signatures import matches, type_name

if TYPE_CHECKING:
    from wattloom.compose import Composed

T = TypeVar("T")
DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")
SECONDS = (86400.0, 3600.0, 60.0, 1.0)
MAX_EVALUATION_COPIES = 64
HELD_BACK_SEED = 2000
"""First reset seed of episodes that neither training nor the evaluations that choose the best checkpoint have seen."""
HELD_BACK_EPISODES = 10


def seconds(value: float | str | None, key: str) -> float | None:
    """Return a duration such as ``3h50m``, ``90s``, ``1d`` or a number of seconds in seconds; None stays None.

    Raises:
        ConfigError: It cannot be read, or is not positive.
    """
    if value is None:
        return None
    if isinstance(value, str):
        found = DURATION.fullmatch(value.replace(" ", ""))
        if found is None or not any(found.groups()):
            raise ConfigError(f"{key} must be a duration such as 3h50m, 45m, 90s or a number of seconds, not '{value}'")
        value = sum(float(amount or 0) * unit for amount, unit in zip(found.groups(), SECONDS, strict=True))
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ConfigError(f"{key} must be a positive duration such as 3h50m, not {value!r}")
    return float(value)


def at_least(low: int, **values: int | None) -> None:
    """Check integers that may be None; keyword names use ``__`` for the dot of the key.

    Raises:
        ConfigError: One is smaller than ``low``.
    """
    for name, value in values.items():
        if value is not None and value < low:
            raise ConfigError(f"{name.replace('__', '.')} must be at least {low}, not {value}")


@dataclass(frozen=True, slots=True)
class RunnerConfig:
    """Budget and limits of a run.

    Attributes:
        total_steps: Env steps over all copies.
        stop_at: Env steps at which the run stops cleanly, to be resumed; None: never.
        wall_time: Seconds after which it stops cleanly (YAML may say ``3h50m``); None: no limit.
        torch_threads: CPU threads of torch.
    """

    total_steps: int = 10_000
    stop_at: int | None = None
    wall_time: float | None = None
    torch_threads: int = 1

    def __post_init__(self) -> None:
        at_least(1, runner__total_steps=self.total_steps, runner__stop_at=self.stop_at, runner__torch_threads=self.torch_threads)
        object.__setattr__(self, "wall_time", seconds(self.wall_time, "runner.wall_time"))


@dataclass(frozen=True, slots=True)
class EvaluationConfig:
    """When to evaluate, and on which episodes.

    Attributes:
        every: Env steps between evaluations; None: only at the end.
        episodes: Episodes an evaluation.
        seeds: Reset seed of the first episode, or one seed an episode.
        num_envs: Copies played at once; None: as many as episodes, at most 64.
        overrides: Overrides for the evaluation environment.
        best: What the best checkpoint is chosen by: ``"return"``, or a figure or metric of the environment, in the direction that it declares.
        held_back: Episodes, on seeds that nothing has seen, on which the best checkpoint is tested at the end; None: no test.
    """

    every: int | None = 1000
    episodes: int = 10
    seeds: int | tuple[int, ...] = 1000
    num_envs: int | None = None
    overrides: tuple[str, ...] = ()
    best: str = "return"
    held_back: int | None = HELD_BACK_EPISODES

    def __post_init__(self) -> None:
        at_least(1, evaluation__every=self.every, evaluation__episodes=self.episodes, evaluation__num_envs=self.num_envs)
        at_least(1, evaluation__held_back=self.held_back)
        if not isinstance(self.seeds, int):
            object.__setattr__(self, "seeds", tuple(self.seeds))
            if len(self.episode_seeds) != self.episodes:
                raise ConfigError(
                    f"evaluation.seeds lists {len(self.episode_seeds)} seeds for evaluation.episodes={self.episodes}: "
                    "give one seed an episode, or one integer to count up from"
                )
        at_least(0, evaluation__seeds=min(self.episode_seeds))
        object.__setattr__(self, "overrides", tuple(self.overrides))

    @property
    def episode_seeds(self) -> tuple[int, ...]:
        """One reset seed an episode."""
        return self.seeds if isinstance(self.seeds, tuple) else tuple(range(self.seeds, self.seeds + self.episodes))

    def unseen_seeds(self, episodes: int | None = None) -> tuple[int, ...]:
        """Return reset seeds that :attr:`episode_seeds` does not hold, from 2000 on; ``episodes`` of them, or :attr:`held_back`, or 10."""
        begin = HELD_BACK_SEED
        count = episodes or self.held_back or HELD_BACK_EPISODES
        if set(self.episode_seeds) & set(range(begin, begin + count)):
            begin = max(self.episode_seeds) + 1
        return tuple(range(begin, begin + count))

    @property
    def copies(self) -> int:
        """Copies that play at once."""
        return self.num_envs or min(self.episodes, MAX_EVALUATION_COPIES)


@dataclass(frozen=True, slots=True)
class CheckpointConfig:
    """When to save, and how many to keep.

    Attributes:
        every: Env steps between checkpoints; None: only at the end.
        keep: Newest checkpoints that stay besides the best; None: all.
    """

    every: int | None = 5000
    keep: int | None = 3

    def __post_init__(self) -> None:
        at_least(1, checkpoint__every=self.every, checkpoint__keep=self.keep)


@dataclass(frozen=True, slots=True)
class RunConfig:
    """Everything that the runner itself reads; components stay plain mappings until they are built.

    Attributes:
        env: Node of the environment.
        algorithm: Node of the algorithm.
        hooks: Name to node, or None where it is switched off.
        logger: Name to node, or None.
        runner: Budget and limits.
        evaluation: When and on what to evaluate.
        checkpoint: When to save.
        seed: Of every random stream.
        run_name: Folder under ``runs_dir``.
        runs_dir: Where runs are written.
        resume: Run directory to continue, ``"auto"``, or None.
    """

    env: Mapping[str, Any]
    algorithm: Mapping[str, Any]
    hooks: Mapping[str, Any]
    logger: Mapping[str, Any]
    runner: RunnerConfig
    evaluation: EvaluationConfig
    checkpoint: CheckpointConfig
    seed: int
    run_name: str
    runs_dir: str
    resume: str | None = None

    def __post_init__(self) -> None:
        at_least(0, seed=self.seed)
        if not self.runs_dir:
            raise ConfigError("runs_dir must name a folder")
        for group in ("env", "algorithm"):
            if "_target_" not in getattr(self, group):
                raise ConfigError(f"{group} builds nothing: its configuration has no _target_; choose one with {group}=...")

    @classmethod
    def from_composed(cls, composed: Composed) -> RunConfig:
        """Check a composition and freeze what the runner reads.

        Raises:
            ConfigError: An unknown key, a wrong type or a value out of range; names the file that set it and the nearest key.
        """
        config = composed.config
        known = {field.name for field in fields(cls)}
        for key in config:
            if key not in known and key not in composed.choices:
                raise ConfigError(f"no setting '{key}'{did_you_mean(str(key), known | set(composed.choices))}{composed.origin(str(key))}")
        sections = {
            "runner": section(RunnerConfig, "runner", _with_seconds(config.get("runner")), composed.origin),
            "evaluation": section(EvaluationConfig, "evaluation", config.get("evaluation"), composed.origin),
            "checkpoint": section(CheckpointConfig, "checkpoint", config.get("checkpoint"), composed.origin),
        }
        lists = {group: config.get(group) or {} for group in ("hooks", "logger")}
        rest = {key: value for key, value in config.items() if key in known and key not in sections and key not in lists}
        return section(cls, "", {**rest, **sections, **lists}, composed.origin)


def _with_seconds(runner: Any) -> Any:
    """Read the duration of a runner node."""
    if isinstance(runner, Mapping) and "wall_time" in runner:
        return {**runner, "wall_time": seconds(runner["wall_time"], "runner.wall_time")}
    return runner


def section(kind: type[T], name: str, values: Any, origin: Callable[[str], str]) -> T:
    """Build the dataclass ``kind`` from a mapping.

    Args:
        kind: A frozen dataclass with checks of its own.
        name: Its key, e.g. ``"runner"``; empty at the top.
        values: What was composed.
        origin: Key to ``" (set in FILE)"``.

    Raises:
        ConfigError: An unknown key or a wrong type.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{name} must be a mapping of settings, not {values!r}{origin(name)}")
    declared = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]  # every caller passes a dataclass
    hints = typing.get_type_hints(kind)
    prefix = f"{name}." if name else ""
    for key, value in values.items():
        full = f"{prefix}{key}"
        if key not in declared:
            raise ConfigError(f"no setting '{full}'{did_you_mean(str(key), declared)}{origin(full)}")
        if not matches(value, hints[key]) and not isinstance(value, RunnerConfig | EvaluationConfig | CheckpointConfig):
            raise ConfigError(f"{full} must be {type_name(hints[key])}, not {value!r}{origin(full)}")
    missing = [key for key, field in declared.items() if key not in values and field.default is NO_DEFAULT]
    if missing:
        raise ConfigError(f"{prefix}{missing[0]} is not set{origin(prefix + missing[0])}")
    return kind(**values)
