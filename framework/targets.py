"""Building components from their configuration: only trusted targets, every keyword checked against the constructor first."""

from __future__ import annotations

import functools
import importlib.metadata
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from wattloom.errors import ConfigError, DataError, WattloomError, did_you_mean, place_of
from wattloom.plugins import ENTRY_POINTS, is_local
from wattloom.registry import REGISTRY
from wattloom.signatures import Signature, fits, lacking, matches, type_name

TARGET = "_target_"
PARTS = "wattloom.components"
COMMANDS = f"{PARTS}.commands"
IMPORTED = "__imported_keys__"
T = TypeVar("T")
Origin = Callable[[str], str]
"""Dotted key to ``" (set in FILE)"``, or to nothing."""


def no_origin(key: str) -> str:
    """Know nothing about where ``key`` was set."""
    return ""


def resolve(target: str, *, trust: bool = True) -> Any:
    """Return the class or function that a ``_target_`` names.

    Args:
        target: ``"module.Class"``.
        trust: Whether modules of the working directory, and what its ``conf/`` names, may be imported.

    Raises:
        ConfigError: The target is not trusted, or does not exist.
    """
    if not is_trusted(target, trust=trust):
        raise ConfigError(_distrust(target, trust))
    component = REGISTRY.load(target)
    if callable(component) and not _is_named(target, trust) and not is_trusted(_home(component), trust=trust):
        raise ConfigError(f"'{target}' is {_home(component)}; {_distrust(target, trust)}")
    return component


def imports(*keys: str) -> Callable[[T], T]:
    """Mark the keywords of a factory that name code to import, so that a run directory of someone else cannot use them to run any.

    Args:
        *keys: Keywords whose text is ``"module:name"`` or ``"module.name"``.
    """

    def mark(factory: T) -> T:
        setattr(factory, IMPORTED, keys)
        return factory

    return mark


def is_trusted(target: str, *, trust: bool = True) -> bool:
    """Return whether ``target`` may be imported and called.

    Always: the components of this package and installed plugins. With ``trust``: all of this package, registered components, modules that lie in
    the working directory, and what the YAML files of ``./conf`` and ``--config-dir`` name. Nothing else, whatever a configuration says. What is
    not named by the user must also be defined in such a place (:func:`resolve`): a module of ours leads to ``os`` as well.
    """
    dotted = target.replace(":", ".")
    package = dotted.partition(".")[0]
    if package in _plugin_packages(tuple(sys.path)) or (_is_below(dotted, PARTS) and not _is_below(dotted, COMMANDS)):
        return True
    return trust and (package == "wattloom" or _is_named(target, trust) or is_local(target))


def _is_named(target: str, trust: bool) -> bool:
    """Return whether the user registered this very target, or named it in a YAML file."""
    dotted = target.replace(":", ".")
    return trust and (dotted in REGISTRY.targets() or dotted in REGISTRY.admitted)


def _is_below(dotted: str, package: str) -> bool:
    """Return whether a dotted name lies in ``package``."""
    return dotted.startswith(package + ".")


def _home(component: Any) -> str:
    """Return where an object is defined, whatever name led to it."""
    owner = component if hasattr(component, "__qualname__") else type(component)
    return f"{owner.__module__}.{owner.__qualname__}"


@functools.lru_cache(maxsize=8)
def _plugin_packages(path: tuple[str, ...]) -> frozenset[str]:
    """Return the top-level packages of the plugins installed on ``path``; kept, because every installed distribution is asked."""
    return frozenset(point.module.partition(".")[0] for point in importlib.metadata.entry_points(group=ENTRY_POINTS))


def _distrust(target: str, trust: bool) -> str:
    """Say why a target is refused, and what allows it."""
    if not trust:
        return (
            f"the configuration wants to build '{target}', which is neither part of wattloom nor of an installed plugin; "
            "a run directory that is not yours can execute any code that way. Read it, then allow it with --trust"
        )
    return (
        f"'{target}' is not built: a target must be part of wattloom, of an installed plugin, of the working directory, "
        "or be named in ./conf or a --config-dir"
    )


def check(node: Mapping[str, Any], where: str, origin: Origin = no_origin, *, trust: bool = True) -> None:
    """Check a node and everything in it against the constructors' signatures, without building.

    Args:
        node: A mapping with ``_target_``.
        where: Its key, e.g. ``"algorithm"``.
        origin: Says which file set a key.
        trust: See :func:`resolve`.

    Raises:
        ConfigError: An untrusted target, an unknown or missing key, a value of the wrong type.
    """
    target = node.get(TARGET)
    if not isinstance(target, str):
        raise ConfigError(f"{where}._target_ must be 'module.Class', not {target!r}{origin(where)}")
    component = resolve(target, trust=trust)
    if not callable(component):
        raise ConfigError(f"{where}._target_: '{target}' is no class or function{origin(where)}")
    signature = Signature.of(component)
    _check_keys(node, where, signature, target, origin)
    _check_imported(node, where, component, trust)
    for key, value in node.items():
        if key == TARGET:
            continue
        full = f"{where}.{key}"
        parameter = signature.parameters.get(key)
        if parameter is not None and not matches(value, parameter.annotation):
            raise ConfigError(f"{full} must be {type_name(parameter.annotation)}, not {_shown(value)}{origin(full)}")
        if parameter is not None and isinstance(value, Mapping) and isinstance(value.get(TARGET), str):
            _check_part(value, parameter.annotation, full, origin, trust)
        _check_inside(value, full, origin, trust)


def _check_imported(node: Mapping[str, Any], where: str, component: Any, trust: bool) -> None:
    """Refuse text that would import code of a stranger's choice."""
    if trust:
        return
    for key in getattr(component, IMPORTED, ()):
        value = str(node.get(key))
        names_code = ":" in value or ("." in value and all(part.isidentifier() for part in value.split(".")))
        if names_code and not is_trusted(value, trust=False):
            raise ConfigError(f"{where}.{key}: {_distrust(value, trust)}")


def _check_part(value: Mapping[str, Any], annotation: Any, where: str, origin: Origin, trust: bool) -> None:
    """Refuse a part made for something else."""
    part = resolve(str(value[TARGET]), trust=trust)
    if not fits(part, annotation):
        missing = lacking(part, annotation)
        why = f"it lacks {', '.join(missing)}" if missing else "it belongs to something else"
        raise ConfigError(f"{where} must be {type_name(annotation)}, and {value[TARGET]} is none: {why}{origin(where)}")


def _check_keys(node: Mapping[str, Any], where: str, signature: Signature, target: str, origin: Origin) -> None:
    """Refuse unknown keys and name missing ones."""
    accepted = dict(signature.parameters)
    if where == "env":
        accepted.setdefault("num_envs", None)  # type: ignore[arg-type]  # the adapter of a plain Gymnasium class takes it
    for key in node:
        if key != TARGET and key not in accepted and not signature.open:
            known = ", ".join(accepted) or "nothing"
            near = did_you_mean(key, accepted).partition(";")[2].partition("known")[0]
            hint = f";{near}" if near.strip() else ""
            raise ConfigError(f"no setting '{where}.{key}'{hint}{origin(f'{where}.{key}')}\n  {target} takes: {known}")
    missing = [name for name, parameter in signature.parameters.items() if parameter.required and name not in node]
    if missing:
        raise ConfigError(f"{where}.{missing[0]} must be set: {target} needs it{origin(where)}")


def _check_inside(value: Any, where: str, origin: Origin, trust: bool) -> None:
    """Check nested nodes."""
    if isinstance(value, Mapping):
        if TARGET in value:
            check(value, where, origin, trust=trust)
        else:
            for key, item in value.items():
                _check_inside(item, f"{where}.{key}", origin, trust)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check_inside(item, f"{where}[{index}]", origin, trust)


def _shown(value: Any) -> str:
    """Return a value as an error message shows it."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def build(node: Mapping[str, Any], where: str = "", origin: Origin = no_origin, *, trust: bool = True, **extra: Any) -> Any:
    """Build the object that a node describes, parts first.

    Args:
        node: A mapping with ``_target_``; nested mappings with ``_target_`` are parts.
        where: Its key, for messages, e.g. ``"env"``.
        origin: Says which file set a key.
        trust: See :func:`resolve`.
        **extra: Keywords that replace or join those of the node.

    Raises:
        ConfigError: What :func:`check` finds, or what the constructor refuses.
        DataError: A file that the component needs is missing or unreadable.
    """
    name = where or str(node.get(TARGET, "component")).rpartition(".")[2]
    check({**node, **extra}, name, origin, trust=trust)
    return _construct({**node, **extra}, name, origin)


def _construct(value: Any, where: str, origin: Origin) -> Any:
    """Build a checked value bottom-up."""
    if isinstance(value, Mapping):
        built = {key: _construct(item, f"{where}.{key}", origin) for key, item in value.items() if key != TARGET}
        return _call(str(value[TARGET]), built, where, origin) if TARGET in value else built
    if isinstance(value, list | tuple):
        return [_construct(item, f"{where}[{index}]", origin) for index, item in enumerate(value)]
    return value


def _call(target: str, keywords: dict[str, Any], where: str, origin: Origin) -> Any:
    """Call a constructor; whatever it refuses becomes one message that says where the values came from."""
    component = REGISTRY.load(target)
    if where == "env" and "num_envs" in keywords and not _takes(component, "num_envs"):
        keywords = {key: value for key, value in keywords.items() if key != "num_envs"}
    try:
        return component(**keywords)
    except WattloomError:
        raise
    except OSError as error:
        raise DataError(f"{where} ({target}): {error}{origin(where)}") from error
    except Exception as error:
        raise ConfigError(f"{where} ({target}) cannot be built: {type(error).__name__}: {error}{place_of(error)}{origin(where)}") from error


def _takes(component: Any, keyword: str) -> bool:
    """Return whether a constructor takes ``keyword``."""
    signature = Signature.of(component)
    return signature.open or keyword in signature.parameters
