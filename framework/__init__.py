"""Wattloom: modular simulations for learning to control energy systems.

``wattloom.make`` builds an environment, ``wattloom.train`` a run, ``wattloom.load`` reads one back. Components of your own derive from
``wattloom.BatchedEnvironment``, ``wattloom.Algorithm`` or ``wattloom.Hook`` and are found by ``wattloom.register``, a YAML file or an entry point.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if __name__ == "framework":  # reached from the checkout's root: a second module with an empty registry
    raise ImportError("`import framework` would load a second, empty copy of the package; use `import wattloom` instead")

if TYPE_CHECKING:
    from wattloom.algorithm import Algorithm, Policy, Transition, UpdateReport
    from wattloom.api import load, make, train
    from wattloom.batched import BatchedEnvironment, Outcome
    from wattloom.environment import AgentSpec, Column, Environment, EnvironmentSpec, Snapshot, StepResult
    from wattloom.errors import WattloomError
    from wattloom.hooks.base import Hook
    from wattloom.hooks.schedule import Schedule
    from wattloom.registry import register
    from wattloom.telemetry.logger import Logger

__version__ = "0.1.0"

_HOMES = {
    "Algorithm": "algorithm",
    "Policy": "algorithm",
    "Transition": "algorithm",
    "UpdateReport": "algorithm",
    "load": "api",
    "make": "api",
    "train": "api",
    "BatchedEnvironment": "batched",
    "Outcome": "batched",
    "AgentSpec": "environment",
    "Column": "environment",
    "Environment": "environment",
    "EnvironmentSpec": "environment",
    "Snapshot": "environment",
    "StepResult": "environment",
    "WattloomError": "errors",
    "Hook": "hooks.base",
    "Schedule": "hooks.schedule",
    "register": "registry",
    "Logger": "telemetry.logger",
}
"""Public name to module: imported when first used, so that ``wattloom --help`` answers at once."""

__all__ = [
    "AgentSpec",
    "Algorithm",
    "BatchedEnvironment",
    "Column",
    "Environment",
    "EnvironmentSpec",
    "Hook",
    "Logger",
    "Outcome",
    "Policy",
    "Schedule",
    "Snapshot",
    "StepResult",
    "Transition",
    "UpdateReport",
    "WattloomError",
    "load",
    "make",
    "register",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'wattloom' has no attribute '{name}'")
    value = getattr(import_module(f"wattloom.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


from wattloom.registration import register_ids  # noqa: E402 - after the guard against `import framework`

register_ids()  # Gymnasium has no plugins: an id exists once its package was imported
