"""Whatever a user brings, as our batched contract."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
from gymnasium.vector import SyncVectorEnv, VectorEnv

from wattloom.adapters.player import Player
from wattloom.environment import Environment
from wattloom.errors import ConfigError


def as_environment(
    source: Any,
    num_envs: int | None = None,
    *,
    metrics: Mapping[str, str] | None = None,
    step_seconds: float | None = None,
    shared_reward: bool = False,
) -> Environment:
    """Return ``source`` as a batched environment.

    Args:
        source: An environment of ours, a ``gymnasium.Env``, a ``gymnasium.vector.VectorEnv`` or a ``pettingzoo.ParallelEnv``; or a class or function that
            makes one when called without arguments (called once a copy, or with ``num_envs`` where it takes that).
        num_envs: Number of copies; None: as the source has, else 1.
        metrics: For a ``gymnasium.Env``: names of ``info`` entries to report, with units.
        step_seconds: For third-party environments: simulated seconds a step; None: from their frame rate.
        shared_reward: For a ``ParallelEnv``: all agents earn one common reward.

    Raises:
        ConfigError: Not an environment, another number of copies than asked, or spaces that cannot be served.
    """
    copies = 1 if num_envs is None else int(num_envs)
    if copies < 1:
        raise ConfigError(f"env.num_envs must be at least 1, not {copies}")
    is_factory = isinstance(source, type) or (callable(source) and not _is_environment(source))
    first = _made(source, copies) if is_factory else source
    whole = _whole(first, step_seconds)
    if whole is not None:
        return _with_copies(whole, num_envs)
    if not is_factory and copies > 1:
        raise ConfigError(f"one {type(first).__name__} cannot be {copies} copies: pass its class or a function that makes it")
    made = [first] + [_made(source, copies) for _ in range(copies - 1)]
    if len({id(one) for one in made}) < len(made):
        raise ConfigError("the factory returned the same environment twice: each copy needs its own")
    from wattloom.adapters.copies import Copies

    return Copies([_player(one, metrics, step_seconds) for one in made], shared_reward)


def _is_environment(thing: Any) -> bool:
    """Return whether ``thing`` is an environment rather than something that makes one."""
    return isinstance(thing, gymnasium.Env | VectorEnv) or _is_parallel(thing) or isinstance(thing, Environment)


def _is_parallel(thing: Any) -> bool:
    """Return whether ``thing`` is a ``ParallelEnv`` (or behaves as one), without importing PettingZoo."""
    return all(hasattr(thing, name) for name in ("possible_agents", "observation_space", "action_space", "step", "reset")) and not hasattr(
        thing, "agent_iter"
    )


def _made(source: Callable[..., Any], copies: int) -> Any:
    """Call a factory; one that takes ``num_envs`` makes the whole batch."""
    try:
        takes_count = "num_envs" in inspect.signature(source).parameters
    except (TypeError, ValueError):
        takes_count = False
    return source(num_envs=copies) if takes_count else source()


def _whole(thing: Any, step_seconds: float | None) -> Environment | None:
    """Return what is a batch already, or None."""
    from wattloom.adapters.gymnasium_vector import GymnasiumVectorEnv
    from wattloom.adapters.vector_copies import VectorCopies

    if isinstance(thing, GymnasiumVectorEnv):
        return thing.environment
    if isinstance(thing, SyncVectorEnv):
        from wattloom.adapters.copies import Copies

        return Copies([_player(one, None, step_seconds) for one in thing.envs])
    if isinstance(thing, VectorEnv):
        return VectorCopies(thing, step_seconds)
    if not isinstance(thing, gymnasium.Env) and isinstance(thing, Environment):
        return thing
    return None


def _with_copies(environment: Environment, num_envs: int | None) -> Environment:
    """Return the batch if it has as many copies as asked."""
    if num_envs is not None and environment.num_envs != num_envs:
        raise ConfigError(f"asked for num_envs={num_envs}, but {type(environment).__name__} has {environment.num_envs} copies")
    return environment


def _refuse_unfinished(environment: gymnasium.Env[Any, Any]) -> None:
    """Refuse an environment that leaves out what every one has.

    Raises:
        ConfigError: No space, no ``reset`` or no ``step`` of its own.
    """
    name = type(environment.unwrapped).__name__
    for space in ("observation_space", "action_space"):
        if not isinstance(getattr(environment, space, None), gymnasium.Space):
            raise ConfigError(f"{name} has no {space}: set it to one of gymnasium.spaces, in the class or in its constructor")
    for method, call in (("reset", "reset(self, *, seed=None, options=None)"), ("step", "step(self, action)")):
        if getattr(type(environment.unwrapped), method) is getattr(gymnasium.Env, method):
            raise ConfigError(f"{name} has no method {call}")


def _is_unfinished_team(thing: Any) -> bool:
    """Return whether ``thing`` would be a ``ParallelEnv`` if it named its agents."""
    return any(base.__name__ == "ParallelEnv" for base in type(thing).__mro__)


def _refuse_unfinished_team(environment: Any) -> None:
    """The same of a ``ParallelEnv``, whose base class has a method for everything that a derived one leaves out.

    Raises:
        ConfigError: No agents, no space of one of them, no ``reset`` or no ``step``.
    """
    name, agents = type(environment).__name__, list(environment.possible_agents)
    if not agents or len(set(map(str, agents))) < len(agents):
        raise ConfigError(f"{name}.possible_agents must name every agent once, not {agents}")
    for agent in agents:
        for method, kind in (("observation_space", "observations"), ("action_space", "actions")):
            try:
                space = getattr(environment, method)(agent)
            except (AttributeError, KeyError):
                space = None
            if not isinstance(space, gymnasium.Space):
                raise ConfigError(f"{name}.{method}('{agent}') must return the space of the agent's {kind}, one of gymnasium.spaces")
    for method in ("reset", "step"):
        if getattr(type(environment), method).__module__.startswith("pettingzoo.utils.env"):
            raise ConfigError(f"{name} has no method {method} of its own")


def _player(thing: Any, metrics: Mapping[str, str] | None, step_seconds: float | None) -> Player:
    """Return one third-party environment behind plain arrays."""
    if isinstance(thing, gymnasium.Env):
        from wattloom.adapters.gymnasium_player import GymnasiumPlayer

        _refuse_unfinished(thing)
        return GymnasiumPlayer(thing, metrics, step_seconds)
    if _is_parallel(thing):
        from wattloom.adapters.pettingzoo_player import PettingZooPlayer

        _refuse_unfinished_team(thing)
        return PettingZooPlayer(thing, step_seconds)
    if _is_unfinished_team(thing):
        raise ConfigError(
            f"{type(thing).__name__} has no possible_agents: list the names of all its agents, in the class or in its constructor"
        )
    hint = "; convert an AEC environment with pettingzoo.utils.aec_to_parallel" if hasattr(thing, "agent_iter") else ""
    raise ConfigError(
        f"{type(thing).__name__} is no environment: derive it from wattloom.BatchedEnvironment, gymnasium.Env, gymnasium.vector.VectorEnv "
        f"or pettingzoo.ParallelEnv{hint}"
    )
