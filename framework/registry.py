"""Names to classes: ``@register("env", "my_env")`` makes a class usable from the command line.

A registered component needs no YAML: its configuration node is read from its signature. A target may also be given lazily as ``"module:Class"``,
which imports nothing until it is used. Components that come with a YAML file (all built-in ones) are found through the configuration folders.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from wattloom.errors import ConfigError, WattloomError, did_you_mean, place_of

T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Entry:
    """One registered component.

    Attributes:
        kind: Its config group, e.g. ``"env"``.
        name: Its option in that group.
        target: ``"module.Class"``, as written in ``_target_``.
    """

    kind: str
    name: str
    target: str


class Registry:
    """Registered components by kind and name; one instance a process, filled while modules are imported."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Entry] = {}
        self._objects: dict[str, Any] = {}
        self.admitted: set[str] = set()  # targets that the user's own YAML folders name

    def add(self, kind: str, name: str, target: str | Callable[..., Any]) -> None:
        """Register ``target`` as option ``name`` of group ``kind``.

        Raises:
            ConfigError: The name is taken by another target, or is not a plain identifier.
        """
        for word in (kind, name):
            if not word.replace("_", "").replace("-", "").isalnum():
                raise ConfigError(f"cannot register '{kind}={name}': use letters, digits, '_' and '-' only")
        text = target.replace(":", ".") if isinstance(target, str) else f"{target.__module__}.{target.__qualname__}"
        known = self._entries.get((kind, name))
        if known is not None and known.target != text:
            raise ConfigError(f"{kind}={name} is registered twice: as {known.target} and as {text}; rename one of them")
        self._entries[kind, name] = Entry(kind, name, text)
        if not isinstance(target, str):
            self._objects[text] = target

    def remove(self, kind: str, name: str) -> None:
        """Forget a component, e.g. at the end of a test; unknown ones are ignored."""
        entry = self._entries.pop((kind, name), None)
        if entry is not None:
            self._objects.pop(entry.target, None)

    def entries(self) -> frozenset[Entry]:
        """Return all entries as they are now."""
        return frozenset(self._entries.values())

    def kinds(self) -> list[str]:
        """Return the kinds that hold registered components."""
        return sorted({kind for kind, _ in self._entries})

    def names(self, kind: str) -> list[str]:
        """Return the registered names of ``kind``."""
        return sorted(name for group, name in self._entries if group == kind)

    def find(self, kind: str, name: str) -> Entry | None:
        """Return the entry, or None."""
        return self._entries.get((kind, name))

    def targets(self) -> frozenset[str]:
        """Return every registered target."""
        return frozenset(entry.target for entry in self._entries.values())

    def load(self, target: str) -> Any:
        """Return the object behind ``"module.Class"`` (also of a class that no module attribute leads to, if it was registered).

        Raises:
            ConfigError: No such module or attribute; names the nearest attribute.
        """
        if target in self._objects:
            return self._objects[target]
        return import_target(target)


def import_target(target: str) -> Any:
    """Import ``"package.module.Class"`` or ``"package.module:Class"``.

    Raises:
        ConfigError: No such module or attribute.
    """
    parts = target.replace(":", ".").split(".")
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        raise ConfigError(f"'{target}' is not a target: write it as 'module.Class'")
    for cut in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:cut])
        module = sys.modules.get(name) or _try_import(name, target)
        if module is not None:
            return _attribute(module, parts[cut:], target)
    raise ConfigError(f"cannot import '{target}': there is no module '{parts[0]}'; is it installed, or in the working directory?")


def _try_import(name: str, target: str) -> Any | None:
    """Import module ``name``; None where it does not exist (an import that fails inside it is an error)."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            return None
        raise ConfigError(f"cannot import '{target}': {error}{place_of(error)}") from error
    except WattloomError:
        raise
    except Exception as error:  # whatever a module does when it is imported
        raise ConfigError(f"cannot import '{target}': {type(error).__name__}: {error}{place_of(error)}") from error


def _attribute(module: Any, path: list[str], target: str) -> Any:
    """Follow ``path`` from ``module``."""
    value = module
    for part in path:
        if not hasattr(value, part):
            public = [name for name in vars(value) if not name.startswith("_")] if hasattr(value, "__dict__") else []
            where = getattr(value, "__name__", repr(value))
            raise ConfigError(f"cannot import '{target}': '{where}' has no '{part}'{did_you_mean(part, public[:40])}")
        value = getattr(value, part)
    return value


REGISTRY = Registry()


def register(kind: str, name: str, target: str | None = None) -> Callable[[T], T]:
    """Make a class (or factory function) available as ``kind=name``.

    ``@register("env", "my_env")`` above a class; ``register("env", "my_env", "my_module:MyEnv")`` registers lazily and imports nothing.

    Args:
        kind: Config group: ``"env"``, ``"algorithm"``, ``"hooks"``, ``"logger"``, ``"weather"`` … or a new one.
        name: Option name on the command line.
        target: ``"module:Class"`` instead of decorating.
    """
    if target is not None:
        REGISTRY.add(kind, name, target)

    def decorate(component: T) -> T:
        """Register and return the component unchanged."""
        if target is None:
            REGISTRY.add(kind, name, component)
        return component

    return decorate


def names(kind: str) -> list[str]:
    """Return every name of ``kind``: built-in, of installed plugins, of the working directory and registered ones."""
    from wattloom.loader import Loader

    return Loader.discover().options(kind)


def get(kind: str, name: str) -> Any:
    """Return the class behind ``kind=name``.

    Raises:
        ConfigError: Unknown kind or name; says the nearest.
    """
    from wattloom.loader import Loader

    return REGISTRY.load(Loader.discover().target(kind, name))
