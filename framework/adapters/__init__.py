"""Environments of ours as Gymnasium's and PettingZoo's, and theirs as ours."""

from __future__ import annotations

from typing import Any

from wattloom.adapters.conversion import as_environment

_FACES = {
    "GymnasiumEnv": "wattloom.adapters.gymnasium_env",
    "GymnasiumVectorEnv": "wattloom.adapters.gymnasium_vector",
    "PettingZooEnv": "wattloom.adapters.pettingzoo_env",  # imports PettingZoo, so only when asked for
}

__all__ = ["GymnasiumEnv", "GymnasiumVectorEnv", "PettingZooEnv", "as_environment"]


def __getattr__(name: str) -> Any:
    """Import a face when it is first used."""
    if name not in _FACES:
        raise AttributeError(f"module 'wattloom.adapters' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(_FACES[name]), name)
