"""Which runs a sweep consists of: every combination of values, each checked before the first one starts."""

from __future__ import annotations

import hashlib
import itertools
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import Override

from wattloom.compose import Composed, compose_with
from wattloom.config import RunConfig
from wattloom.errors import ConfigError, UsageError, did_you_mean
from wattloom.loader import Loader
from wattloom.run_directory import slug

NAME_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a sweep.

    Attributes:
        key: Its folder: the swept values and a hash of all overrides, the same whenever the sweep is run again.
        overrides: What it composes.
    """

    key: str
    overrides: tuple[str, ...]

    @property
    def command(self) -> str:
        """The command that runs this job alone."""
        return shlex.join(["wattloom", *self.overrides])


@dataclass(frozen=True, slots=True)
class Plan:
    """A sweep; travels to the processes that run its jobs.

    Attributes:
        directory: Where the jobs' folders go.
        jobs: In order.
        config_dirs: Folders of ``--config-dir``.
        trust: ``--trust``.
    """

    directory: str
    jobs: tuple[Job, ...]
    config_dirs: tuple[str, ...] = ()
    trust: bool = False


def expand(loader: Loader, overrides: Sequence[str]) -> tuple[Job, ...]:
    """Return one job a combination; the last of several overrides of one key counts.

    Raises:
        ConfigError: A value that cannot be swept.
    """
    axes: dict[str, list[str]] = {}
    swept: list[str] = []
    for item in loader.parse(_with_presets(loader, overrides)):
        key = item.get_key_element()
        axes[key] = _values(loader, item)
        if len(axes[key]) > 1:
            swept.append(key)
    combinations = [tuple(combination) for combination in itertools.product(*axes.values())]
    return tuple(Job(_key(combination, swept), combination) for combination in dict.fromkeys(combinations))


def _with_presets(loader: Loader, overrides: Sequence[str]) -> list[str]:
    """Replace ``sweep=name`` by the axes of that preset; what stands on the command line wins."""
    rest = [text for text in overrides if not text.lstrip("+").startswith("sweep=")]
    axes: list[str] = []
    for text in overrides:
        if text not in rest:
            name = text.partition("=")[2]
            content = loader.content("sweep", name)
            unknown = [key for key in content if key != "axes"]
            if unknown or not isinstance(content.get("axes"), list):
                raise ConfigError(
                    f"sweep={name}: a sweep preset is one list 'axes' of overrides{did_you_mean(unknown[0], ['axes']) if unknown else ''}"
                )
            axes += [str(axis) for axis in content["axes"]]
    return [*axes, *rest]


def _values(loader: Loader, item: Override) -> list[str]:
    """Return the overrides that one axis stands for."""
    key = item.get_key_element()
    if not item.is_sweep_override():
        return [str(item.input_line)]
    if not item.is_discrete_sweep():
        raise ConfigError(f"'{item.input_line}': an interval has no list of values; write range(low,high,step) or the values themselves")
    item.config_loader = _Options(loader)  # type: ignore[assignment]  # a glob asks for the options alone
    values = [f"{key}={value}" for value in item.sweep_string_iterator()]
    if not values:
        raise ConfigError(f"'{item.input_line}' matches nothing; known: {', '.join(loader.options(item.key_or_group))}")
    return values


class _Options:
    """What Hydra asks for when a glob is expanded."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def get_group_options(self, group_name: str, *_: Any, **__: Any) -> list[str]:
        """Return the options of a group."""
        return self._loader.options(group_name)


def _key(overrides: Sequence[str], swept: Sequence[str]) -> str:
    """Return a folder name that people can read and that no other combination has."""
    shown = [text for text in overrides if text.partition("=")[0] in swept]
    digest = hashlib.sha256("\n".join(sorted(overrides)).encode()).hexdigest()[:6]
    return f"{slug(','.join(shown).replace('=', '-'))[:NAME_LENGTH]}-{digest}"


def check_all(loader: Loader, jobs: Sequence[Job], config_dirs: Sequence[str], trust: bool) -> Composed:
    """Compose and check every job before the first one starts; jobs that differ in their seed alone are checked once."""
    first: Composed | None = None
    checked: set[tuple[str, ...]] = set()
    for index, job in enumerate(jobs):
        apart_from_seed = tuple(text for text in job.overrides if not text.startswith("seed="))
        if apart_from_seed in checked and first is not None:
            continue
        checked.add(apart_from_seed)
        try:
            composed = compose_with(loader, job.overrides, config_dirs)
            RunConfig.from_composed(composed)
            composed.check()
        except ConfigError as error:
            raise ConfigError(f"run {index + 1} of {len(jobs)} ({' '.join(job.overrides)}): {error}") from error
        first = first or composed
    if first is None:
        raise UsageError("the sweep has no runs")
    return first
