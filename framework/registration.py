"""Our environments under Gymnasium ids: ``gymnasium.make("wattloom/Pendulum-v0")`` and ``gymnasium.make_vec(..., num_envs=64)``.

``import wattloom`` registers them (so does ``gymnasium.make("wattloom:wattloom/Pendulum-v0")`` by itself); nothing else is imported before an id is made.
Keywords are those of :func:`wattloom.make`, e.g. ``gymnasium.make("wattloom/Pendulum-v0", mass=1.2)``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gymnasium.vector import AutoresetMode

    from wattloom.adapters.gymnasium_env import GymnasiumEnv
    from wattloom.adapters.gymnasium_vector import GymnasiumVectorEnv
    from wattloom.compose import Composed
    from wattloom.environment import Environment

NAMESPACE = "wattloom"
IDS = {
    "Pendulum-v0": "pendulum",
    "PendulumNoVelocity-v0": "pendulum_no_velocity",
    "DataCenter-v0": "datacenter",
    "SustainDC-v0": "sustaindc",
    "Grid-v0": "grid",
    "NeomFlex-v0": "neomflex",
}
"""Gymnasium name to option of the group ``env``; one line an environment."""


def register_ids() -> None:
    """Register every id of :data:`IDS` with Gymnasium; a second call changes nothing."""
    from gymnasium.envs.registration import register, registry

    for name, option in IDS.items():
        if f"{NAMESPACE}/{name}" not in registry:
            register(
                f"{NAMESPACE}/{name}",
                entry_point="wattloom.registration:single",
                vector_entry_point="wattloom.registration:vector",
                kwargs={"option": option},
            )


class _Single:
    """Makes single faces; carries the metadata that ``gymnasium.make`` reads before it makes anything."""

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012 - Gymnasium reads a plain dict

    def __call__(self, option: str, render_mode: str | None = None, dict: bool = False, **keywords: Any) -> GymnasiumEnv:
        """Make one copy as a ``gymnasium.Env``."""
        from wattloom.adapters.gymnasium_env import GymnasiumEnv

        return GymnasiumEnv(_make(option, 1, keywords), render_mode, dict)


single = _Single()


def vector(
    option: str,
    num_envs: int = 1,
    render_mode: str | None = None,
    dict: bool = False,
    autoreset_mode: AutoresetMode | str = "NextStep",
    max_episode_steps: int | None = None,
    **keywords: Any,
) -> GymnasiumVectorEnv:
    """Make ``num_envs`` copies as one ``gymnasium.vector.VectorEnv``.

    Raises:
        ConfigError: ``max_episode_steps`` was given, because the horizon is the environment's own, or a keyword is unknown.
    """
    from wattloom.adapters.gymnasium_vector import GymnasiumVectorEnv, refuse_time_limit

    refuse_time_limit(max_episode_steps)
    return GymnasiumVectorEnv(_make(option, num_envs, keywords), render_mode, dict, autoreset_mode)


def _make(option: str, num_envs: int, keywords: dict[str, Any]) -> Environment:
    """Compose (once for equal keywords: a vector environment is often made of many equal single ones) and build the environment."""
    from wattloom.build import build_environment

    return build_environment(_composed(option, _Keywords(keywords)), num_envs=num_envs)


class _Keywords(dict[str, Any]):
    """Keywords that are equal where they are written equally, so that a cache can hold them."""

    def __hash__(self) -> int:  # type: ignore[override]  # a dict has none; these are not changed
        return hash(repr(self))

    def __eq__(self, other: object) -> bool:
        return repr(self) == repr(other)


@lru_cache(maxsize=32)
def _composed(option: str, keywords: _Keywords) -> Composed:
    """Compose ``env=option`` with ``keywords``."""
    from wattloom.api import environment_overrides
    from wattloom.compose import compose

    return compose(environment_overrides(option, keywords))
