"""Any environment of Gymnasium or PettingZoo by its name: ``env=gymnasium env.id=MountainCarContinuous-v0``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wattloom.adapters import as_environment
from wattloom.environment import Environment
from wattloom.errors import ConfigError, did_you_mean
from wattloom.targets import imports


@imports("id")
def gymnasium_environment(
    id: str,
    kwargs: Mapping[str, Any] | None = None,
    max_episode_steps: int | None = None,
    metrics: Mapping[str, str] | None = None,
    step_seconds: float | None = None,
    render_mode: str | None = None,
    num_envs: int = 1,
) -> Environment:
    """Make copies of a registered Gymnasium environment.

    Args:
        id: Registered name; ``"module:Name-v0"`` imports the module that registers it first.
        kwargs: Further arguments of the environment.
        max_episode_steps: Truncate after so many steps; None: as registered.
        metrics: Names of ``info`` entries to report, with units.
        step_seconds: Simulated seconds a step; None: from the frame rate in its metadata.
        render_mode: ``"rgb_array"`` for pictures.
        num_envs: Number of independent copies.

    Raises:
        ConfigError: Unknown name, a missing dependency, arguments that it does not take, or spaces that cannot be served.
    """
    import gymnasium

    def make() -> gymnasium.Env[Any, Any]:
        """Make one copy."""
        try:
            return gymnasium.make(id, max_episode_steps=max_episode_steps, render_mode=render_mode, **(kwargs or {}))
        except gymnasium.error.UnregisteredEnv as error:
            raise ConfigError(f"env.id: Gymnasium knows no '{id}'{did_you_mean(id, gymnasium.registry)}") from error
        except (gymnasium.error.Error, ModuleNotFoundError, TypeError) as error:
            raise ConfigError(f"env.id={id} cannot be made: {error}") from error

    return as_environment(make, num_envs, metrics=metrics, step_seconds=step_seconds)


@imports("target")
def pettingzoo_environment(
    target: str,
    kwargs: Mapping[str, Any] | None = None,
    shared_reward: bool = False,
    step_seconds: float | None = None,
    render_mode: str | None = None,
    num_envs: int = 1,
) -> Environment:
    """Make copies of a PettingZoo parallel environment.

    Args:
        target: ``"package.module:factory"``, e.g. ``"mpe2.simple_spread_v3:parallel_env"``.
        kwargs: Arguments of the factory.
        shared_reward: All agents earn one common reward.
        step_seconds: Simulated seconds a step; None: from the frame rate in its metadata.
        render_mode: ``"rgb_array"`` for pictures; given to the factory only if set.
        num_envs: Number of independent copies.

    Raises:
        ConfigError: The target cannot be imported or called, or is no parallel environment.
    """
    from wattloom.registry import import_target

    factory = import_target(target)
    arguments = dict(kwargs or {}) | ({} if render_mode is None else {"render_mode": render_mode})

    def make() -> Any:
        """Make one copy."""
        try:
            return factory(**arguments)
        except TypeError as error:
            raise ConfigError(f"env.target={target} cannot be called with {sorted(arguments)}: {error}") from error

    return as_environment(make, num_envs, step_seconds=step_seconds, shared_reward=shared_reward)
