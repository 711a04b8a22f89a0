"""What parts hand to the environment, looked at once when it is built: a wrong shape is named here, not by a law that it reaches later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wattloom.components.envs.datacenter.protocol import Battery, Control, LoadShifting, State
from wattloom.errors import ConfigError

AGES = 8
"""Columns of a queue's view; see :meth:`LoadShifting.view`."""


def check_controls(controls: Mapping[str, Control]) -> None:
    """Refuse a part that does not say how its agent acts.

    Raises:
        ConfigError: Names the agent and what was returned.
    """
    for name, control in controls.items():
        if not isinstance(control, Control):
            raise ConfigError(
                f"the part of agent {name!r}: control(kind) must return a Control, as three_way and unit_interval do, not {control!r}"
            )


def joined(parts: Sequence[Any], num_envs: int) -> State:
    """Collect the parts' arrays.

    Raises:
        ConfigError: Two parts use one name, or an array has no row a copy.
    """
    arrays: State = {"begun": np.zeros(num_envs, dtype=bool)}
    for part in parts:
        for name, array in part.initial(num_envs).items():
            if name in arrays:
                raise ConfigError(f"two parts use the array {name!r}; {type(part).__name__} must rename its own")
            if np.shape(array)[:1] != (num_envs,):
                raise ConfigError(
                    f"{type(part).__name__}.initial(): array {name!r} of shape {np.shape(array)} must have a row a copy: ({num_envs}, ...)"
                )
            arrays[name] = array
    return arrays


def check_views(battery: Battery, queue: LoadShifting, state: State, num_envs: int) -> None:
    """Refuse views of another shape than observations are made of.

    Raises:
        ConfigError: Names the part, its method and the shapes.
    """
    with np.errstate(all="ignore"):  # nothing has begun, so the numbers mean nothing yet
        found = (
            (battery, "view", [np.shape(array) for array in battery.view(state)], [(num_envs,)] * 3),
            (battery, "debt_mwh", np.shape(battery.debt_mwh(state)), (num_envs,)),
            (queue, "view", np.shape(queue.view(state)), (num_envs, AGES)),
        )
    for part, method, shapes, wanted in found:
        if shapes != wanted:
            raise ConfigError(f"{type(part).__name__}.{method}() must return arrays of shape {wanted}, not {shapes}")
