"""Errors meant for people: one clear message each, with the name, the value and the fix.

Everything a user can cause is a :class:`WattloomError`; the command line prints its message without a traceback (``--debug`` shows the full one).
"""

from __future__ import annotations

import difflib
import os
import traceback
from collections.abc import Iterable
from pathlib import Path


class WattloomError(Exception):
    """Something the user can fix. ``exit_code`` is what the command line returns."""

    exit_code = 1


class UsageError(WattloomError):
    """A command line that cannot be understood (exit code 2)."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration that names something unknown, or holds a value out of range or of the wrong type."""


class DataError(WattloomError):
    """A data file that is missing, unreadable or not what it was said to be (exit code 3)."""

    exit_code = 3


class RunError(WattloomError):
    """A run directory or checkpoint that is missing, damaged, locked or incompatible (exit code 3)."""

    exit_code = 3


class MissingExtraError(WattloomError):
    """An optional dependency is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional dependency: pip install 'wattloom[{extra}]'")


class EnvironmentFault(WattloomError):  # noqa: N818 - a fault of the environment, not of the caller's code
    """An environment broke its contract while running: a raised step, a NaN reward, a wrong shape."""


class ActionError(EnvironmentFault):
    """An action that cannot be taken: wrong shape, NaN, or an index out of range."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name closest to ``name``, or None where nothing is close."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.55)
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` or the known names, ready to end a message."""
    options = sorted(known)
    best = nearest(name, options)
    if best is not None:
        return f"; did you mean '{best}'?"
    return f"; known: {', '.join(options)}" if options else ""


def place_of(error: BaseException) -> str:
    """Return ``" (my_env.py, line 12)"``: where in the user's own code an error came from; empty where none of it was involved.

    The last line in a file of the working directory counts, so that an error deep in a library names the call that led there.
    """
    here = Path.cwd().resolve()
    for frame, line in reversed([*traceback.walk_tb(error.__traceback__)]):
        file = Path(frame.f_code.co_filename)
        ours = str(frame.f_globals.get("__name__", "")).partition(".")[0] == "wattloom"
        if ours or "site-packages" in file.parts or not file.is_absolute() or not file.is_relative_to(here):
            continue
        return f" ({os.path.relpath(file, here)}, line {line})"
    return ""
