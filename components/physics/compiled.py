"""One source, two speeds: a law of physics is written once, and works on whole arrays or, compiled, on one copy at a time.

A *law* is a plain function of constants (a named tuple) and of values, made of arithmetic, ``numpy.minimum``, ``maximum``, ``exp`` and the like. Called
with arrays ``(num_envs,)`` it is NumPy. Where numba is installed (extra ``fast``), a loop beside it calls the compiled law copy by copy, which spares the
dozens of small array operations; results differ by rounding at most. ``NUMBA_DISABLE_JIT=1`` chooses NumPy.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])
Tuple = TypeVar("Tuple", bound=tuple[Any, ...])

try:
    import numba
    from numba.extending import register_jitable

    FAST = not bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]
except ImportError:
    FAST = False


def law(function: Function) -> Function:
    """Let compiled loops call ``function``; called from Python it stays as it is."""
    if not FAST:
        return function
    marked: Function = register_jitable(error_model="numpy")(function)
    return marked


def compiled(function: Function) -> Function:
    """Compile ``function`` where numba is installed, and keep the result on disk until its file changes."""
    if not FAST:
        return function
    return cast(Function, numba.njit(cache=True, error_model="numpy")(function))


def quickest(plain: Callable[..., Any], loop: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``loop`` where it is compiled, else ``plain``; both take the same and return as many rows of ``(num_envs,)``."""
    return loop if FAST else plain


def constants(kind: Callable[..., Tuple], *values: float | bool | tuple[Any, ...]) -> Tuple:
    """Return the named tuple ``kind`` of ``values``, whole numbers made floats: a loop is compiled anew for every other set of types."""
    return kind(*(value if isinstance(value, bool | tuple) else float(value) for value in values))


def edition(*modules: ModuleType) -> int:
    """Return a number that changes with the text of ``modules``.

    The cache on disk looks at the file of a loop alone. A loop that calls laws of other files closes over this number, which is part of the cache's key.
    """
    text = b"".join(path.read_bytes() for module in modules if (path := Path(module.__file__ or "")).is_file())
    return zlib.crc32(text)
