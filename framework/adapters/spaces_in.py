"""Third-party spaces as ours: observations become one Box, actions a Box of shape ``(n,)``, a Discrete or a MultiDiscrete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces

from wattloom.environment import ActionSpace, Array, Column
from wattloom.errors import ConfigError


class ObservationReader:
    """Turns one foreign observation into an array of our contract: float32, or uint8 where the foreign one is uint8.

    Dict and Tuple observations are laid end to end and discrete parts become one-hot, as ``gymnasium.spaces.flatten`` does.

    Args:
        space: Foreign observation space.

    Attributes:
        space: The Box of our contract.
        columns: One an entry, with empty units; none for images.
    """

    def __init__(self, space: spaces.Space[Any]) -> None:
        self._foreign = space
        self._is_box = isinstance(space, spaces.Box)
        self.space = _box(space if isinstance(space, spaces.Box) else _flat(space))
        self.columns = tuple(Column(name, "") for name in _names(space, "observation")) if len(self.space.shape) < 2 else ()

    def __call__(self, observation: Any) -> Array:
        """Return the array, of our own memory.

        Raises:
            ValueError: Wrong shape or NaN; the message says which.
        """
        try:
            raw = np.asarray(observation if self._is_box else spaces.flatten(self._foreign, observation))
        except Exception as error:
            raise ValueError(f"an observation that its space {self._foreign} cannot hold ({error})") from error
        if raw.shape != self.space.shape:
            raise ValueError(f"an observation of shape {raw.shape}, declared {self.space.shape}")
        if raw.dtype.kind == "f" and np.isnan(np.vdot(raw, raw)):  # a sum of squares is NaN where an entry is, in one call
            raise ValueError(f"a NaN observation: entries {np.flatnonzero(np.isnan(raw))[:8].tolist()}")
        return np.array(raw, dtype=self.space.dtype)


class ActionWriter:
    """Turns one action of our contract into a foreign one.

    Args:
        space: Foreign action space.
        owner: Whose it is, for the error.

    Attributes:
        space: The space of our contract.
        columns: One an action dimension, with empty units.

    Raises:
        ConfigError: A space with no Box, Discrete or MultiDiscrete form.
    """

    def __init__(self, space: spaces.Space[Any], owner: str) -> None:
        self.space, self._write = _action(space, owner)
        count = 1 if isinstance(self.space, spaces.Discrete) else int(self.space.shape[0])
        self.columns = tuple(Column(f"action_{i}", "") for i in range(count))

    def __call__(self, action: Array) -> Any:
        """Return the action as the foreign environment declared it."""
        return self._write(action)


def _action(space: spaces.Space[Any], owner: str) -> tuple[ActionSpace, Callable[[Array], Any]]:
    """Return our space and the function into the foreign one."""
    if isinstance(space, spaces.Discrete):
        return spaces.Discrete(int(space.n), start=int(space.start)), lambda action: space.dtype.type(action)
    if isinstance(space, spaces.MultiDiscrete):
        ours = spaces.MultiDiscrete(space.nvec.ravel(), start=space.start.ravel())
        return ours, lambda action: np.asarray(action, dtype=space.dtype).reshape(space.shape)
    if isinstance(space, spaces.MultiBinary):
        return spaces.MultiDiscrete([2] * int(np.prod(space.shape))), lambda action: np.asarray(action, space.dtype).reshape(space.shape)
    if isinstance(space, spaces.Box) and space.dtype.kind == "f":
        box = spaces.Box(space.low.ravel().astype(np.float32), space.high.ravel().astype(np.float32), dtype=np.float32)
        # clipped again in the foreign precision: the nearest float32 of a bound may lie outside
        return box, lambda action: np.clip(np.asarray(action, space.dtype).reshape(space.shape), space.low, space.high)
    if isinstance(space, spaces.Dict | spaces.Tuple) and all(isinstance(part, spaces.Box) for part in _parts(space)):
        flat = _box(_flat(space))
        return flat, lambda action: spaces.unflatten(space, np.asarray(action))
    raise ConfigError(f"{owner}: actions of {space} are not supported; wrap it so that it acts by Box, Discrete or MultiDiscrete")


def _parts(space: spaces.Dict | spaces.Tuple[Any]) -> list[spaces.Space[Any]]:
    """Return the direct parts of a composite space."""
    return list(space.spaces.values()) if isinstance(space, spaces.Dict) else list(space.spaces)


def _flat(space: spaces.Space[Any]) -> spaces.Box:
    """Return Gymnasium's flat Box of ``space``.

    Raises:
        ConfigError: The space has no fixed flat size (graphs, sequences, text).
    """
    try:
        flat = spaces.flatten_space(space)
    except NotImplementedError as error:
        raise ConfigError(f"a space of {type(space).__name__} has no flat form: {error}") from error
    if not isinstance(flat, spaces.Box):
        raise ConfigError(f"a space of {type(space).__name__} has no flat form of fixed size")
    return flat


def _box(space: spaces.Box) -> spaces.Box:
    """Return the Box in float32, or in uint8 if it is."""
    if space.dtype == np.uint8:
        return spaces.Box(space.low, space.high, dtype=np.uint8)
    return spaces.Box(space.low.astype(np.float32), space.high.astype(np.float32), dtype=np.float32)


def _names(space: spaces.Space[Any], prefix: str) -> list[str]:
    """Return one name an entry of the flat space, in its order."""
    if isinstance(space, spaces.Dict):
        return [name for key, part in space.spaces.items() for name in _names(part, str(key))]
    if isinstance(space, spaces.Tuple):
        return [name for i, part in enumerate(space.spaces) for name in _names(part, f"{prefix}_{i}")]
    size = int(spaces.flatdim(space))
    return [prefix] if size == 1 else [f"{prefix}_{i}" for i in range(size)]
