"""The same composition as the command line, for notebooks and scripts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wattloom.compose import compose
from wattloom.environment import Environment
from wattloom.events import RunSummary
from wattloom.loading import LoadedRun

PLAIN = re.compile(r"[\w/\-+.$%*@?|]*", re.ASCII)  # what the grammar of overrides takes without quotes


class TrainedRun(LoadedRun):
    """A run that just ended: :class:`LoadedRun` plus how it went."""

    def __init__(self, path: Path, summary: RunSummary) -> None:
        super().__init__(path, trust=True)  # this very process wrote it
        self.summary = summary


def make(env: str, num_envs: int = 1, **changes: Any) -> Environment:
    """Build a registered environment with ``num_envs`` copies.

    Args:
        env: Option of the group ``env``, as in ``env=pendulum`` on the command line.
        num_envs: Independent copies.
        **changes: Parts by option (``cooling="chiller"``) and keys of the environment (``mass=1.2``); dots are written ``__``
            (``battery__capacity_mwh=4``).

    Raises:
        ConfigError: An unknown name or a value out of range.

    Example:
        >>> environment = wattloom.make("pendulum", num_envs=64, mass=1.2)
        >>> snapshot = environment.reset(seed=1)
    """
    from wattloom.build import build_environment

    return build_environment(compose(environment_overrides(env, changes)), num_envs=num_envs)


def train(*overrides: str, **changes: Any) -> TrainedRun:
    """Train as ``wattloom OVERRIDES`` would and return the finished run.

    Example:
        >>> run = wattloom.train("experiment=pendulum_td3_small", seed=2)  # doctest: +SKIP
        >>> run.summary.best_return  # doctest: +SKIP
    """
    from wattloom.build import train as execute

    arguments = [f"{key.replace('__', '.')}={_text(value)}" for key, value in changes.items()]
    summary, directory = execute(compose([*overrides, *arguments]))
    return TrainedRun(directory.path, summary)


def load(path: str | Path, *overrides: str, trust: bool = False) -> LoadedRun:
    """Return the run in ``path``; ``.policy()`` is its trained policy, ``.environment()`` its environment.

    Raises:
        RunError: There is no run, or it cannot be read.
    """
    return LoadedRun(path, overrides, trust=trust)


def environment_overrides(env: str, changes: Mapping[str, Any]) -> list[str]:
    """Return the command line of an environment and the changes that :func:`make` takes."""
    if not changes:
        return [f"env={env}"]
    groups = set(compose([f"env={env}"]).choices)
    return [f"env={env}", *(_override(key, value, groups) for key, value in changes.items())]


def _override(key: str, value: Any, groups: set[str]) -> str:
    """Return one override: a part's option, a dotted key, or a key of the environment."""
    if "__" in key:
        return f"{key.replace('__', '.')}={_text(value)}"
    return f"{key}={_text(value)}" if key in groups else f"env.{key}={_text(value)}"


def _text(value: Any) -> str:
    """Return ``value`` in the grammar of overrides."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_text(item) for item in value) + "]"
    if isinstance(value, str) and not PLAIN.fullmatch(value):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value)
