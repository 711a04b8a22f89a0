"""The contract suite: play an environment in every way that a learner relies on, and name what breaks.

    >>> from wattloom.testing import check_environment
    >>> check_environment(MyEnvironment)
    [Finding(name='reset-not-seeded', message='…')]

``wattloom check env=NAME`` runs the same suite on a configured environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from wattloom.testing.calls import check_actions, check_buffers
from wattloom.testing.ends import check_ends
from wattloom.testing.finding import Finding
from wattloom.testing.randomness import check_global_generators, check_independence, check_mask, check_seeding
from wattloom.testing.session import Build, builder
from wattloom.testing.state import check_state
from wattloom.testing.values import check_declarations, check_values

__all__ = ["CHECKS", "Finding", "assert_environment", "check_environment"]

CHECKS: dict[str, Callable[[Build, int], Iterator[Finding]]] = {
    "declarations": check_declarations,
    "values": check_values,
    "actions": check_actions,
    "seeding": check_seeding,
    "global generators": check_global_generators,
    "independence of copies": check_independence,
    "masked reset": check_mask,
    "end of an episode": check_ends,
    "state": check_state,
    "buffers": check_buffers,
}
"""What is checked, in order; each gets a function that builds an environment of so many copies, and the number of steps to take."""


def check_environment(factory: Any, steps: int = 50) -> list[Finding]:
    """Run the contract suite.

    Args:
        factory: Makes the environment: a class or function that takes ``num_envs`` (ours), or one without arguments that makes a ``gymnasium.Env`` or
            ``pettingzoo.ParallelEnv``. It is called many times.
        steps: Random steps a check.

    Returns:
        The faults found, none for a sound environment. A check that raises is one fault named ``raises`` and does not stop the others.
    """
    build = builder(factory)
    findings: list[Finding] = []
    try:
        build(1).close()
    except Exception as error:
        return [Finding("raises", f"while being made: {type(error).__name__}: {error}")]
    for what, check in CHECKS.items():
        try:
            findings += check(build, steps)
        except Exception as error:
            findings.append(Finding("raises", f"while checking {what}: {type(error).__name__}: {error}"))
    return list(dict.fromkeys(findings))


def assert_environment(factory: Any, steps: int = 50) -> None:
    """Run the contract suite and raise on any fault.

    Raises:
        AssertionError: One line a fault.
    """
    findings = check_environment(factory, steps)
    if findings:
        raise AssertionError("the environment breaks its contract:\n" + "\n".join(f"- {finding}" for finding in findings))
