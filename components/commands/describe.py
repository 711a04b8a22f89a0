"""wattloom describe KIND=NAME: every setting with its type, default and meaning, and the documentation of the class."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wattloom.config import CheckpointConfig, EvaluationConfig, RunnerConfig
from wattloom.errors import ConfigError, UsageError
from wattloom.loader import Loader
from wattloom.registry import REGISTRY
from wattloom.signatures import Signature, type_name
from wattloom.yaml_comments import comments, heading

SECTIONS = {"runner": RunnerConfig, "evaluation": EvaluationConfig, "checkpoint": CheckpointConfig}
ENTRY = re.compile(r"^(\w+)(?: \([^)]*\))?: (.*)$")


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of an option.

    Attributes:
        key: As written on the command line.
        default: Its value, as YAML shows it.
        kind: Its type.
        meaning: Unit and meaning.
    """

    key: str
    default: str
    kind: str
    meaning: str


def main(argv: Sequence[str]) -> int:
    """Print the settings of one option."""
    parser = argparse.ArgumentParser(prog="wattloom describe", description=__doc__)
    parser.add_argument("option", help="for example env=pendulum")
    parser.add_argument("--config-dir", action="append", default=[], help="a further folder of options")
    options = parser.parse_args(list(argv))
    kind, sign, name = options.option.partition("=")
    if not sign or not name:
        raise UsageError(f"write kind=name, for example env=pendulum, not '{options.option}' (wattloom list shows all)")
    print("\n".join(describe(Loader.discover(options.config_dir), kind, name)))
    return 0


def describe(loader: Loader, kind: str, name: str) -> list[str]:
    """Return the description of ``kind=name``, line by line.

    Raises:
        ConfigError: No such option.
    """
    content = loader.content(kind, name)
    file = loader.file(kind, name)
    component = _component(loader, kind, name)
    lines = [f"{kind}={name}  ({loader.origin(f'{kind}/{name}')})"]
    lines += [heading(file)] if file is not None and heading(file) else []
    parts = loader.parts(kind, name)
    lines += ["", *_table(_settings(loader, kind, name, content, component))]
    if parts:
        lines += ["", "parts  " + "  ".join(f"{group}={option}" for group, option in parts.items())]
    if component is not None and kind not in SECTIONS:
        lines += ["", f"{component.__module__}.{component.__qualname__}", inspect.getdoc(component) or "(no documentation)"]
    return lines


def _component(loader: Loader, kind: str, name: str) -> Any | None:
    """Return the class that an option builds (or the settings it becomes); None for a preset of values."""
    if kind in SECTIONS:
        return SECTIONS[kind]
    try:
        return REGISTRY.load(loader.target(kind, name))
    except ConfigError as error:
        if "preset of values" in str(error):
            return None
        raise


def _settings(loader: Loader, kind: str, name: str, content: Mapping[str, Any], component: Any | None) -> list[Setting]:
    """Collect every key with what YAML and the class say about it."""
    notes: dict[str, str] = {}
    values: dict[str, Any] = {}
    for option in [*reversed(_lineage(loader, kind, name)), name]:
        file = loader.file(kind, option)
        notes |= comments(file) if file is not None else {}
        own = loader.content(kind, option)
        node = own.get(kind)
        values |= node if isinstance(node, Mapping) and "_target_" not in own else {key: own[key] for key in own if key != "defaults"}
    signature = Signature.of(component) if component is not None else Signature({}, True)
    documented = documented_arguments(component) if component is not None else {}
    settings = []
    for key, value in _flat(values):
        parameter = signature.parameters.get(key)
        meaning = notes.get(f"{kind}.{key}") or notes.get(key) or documented.get(key, "")
        settings.append(
            Setting(f"{kind}.{key}", _yaml(value), type_name(parameter.annotation) if parameter else type(value).__name__, meaning)
        )
    return settings


def _lineage(loader: Loader, kind: str, name: str) -> list[str]:
    """Return the options that an option builds on, nearest first."""
    found: list[str] = []
    for base in loader.bases(kind, name):
        found += [base, *_lineage(loader, kind, base)]
    return found


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return dotted leaves; the target is no setting."""
    leaves: list[tuple[str, Any]] = []
    for key, value in values.items():
        if key == "_target_":
            continue
        if isinstance(value, Mapping) and value:
            leaves += _flat(value, f"{prefix}{key}.")
        else:
            leaves.append((f"{prefix}{key}", value))
    return leaves


def _yaml(value: Any) -> str:
    """Return a value as it is typed."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def documented_arguments(component: Any) -> dict[str, str]:
    """Return argument to description, from ``Args:`` or ``Attributes:`` in the documentation of a class and of those it builds on."""
    found: dict[str, str] = {}
    for one in reversed(getattr(component, "__mro__", (component,))):
        lines = inspect.cleandoc(one.__doc__ or "").splitlines()
        for section in ("Attributes:", "Args:"):
            found |= _entries(lines[lines.index(section) + 1 :]) if section in lines else {}
    return found


def _entries(lines: Sequence[str]) -> dict[str, str]:
    """Return name to description from the lines of a section."""
    found: dict[str, str] = {}
    current = ""
    for line in lines:
        if line and not line.startswith(" "):
            break
        match = ENTRY.match(line.strip())
        if match is not None and len(line) - len(line.lstrip()) == 4:
            current = match.group(1)
            found[current] = match.group(2)
        elif current and line.strip():
            found[current] += " " + line.strip()
    return found


def _table(settings: Sequence[Setting]) -> list[str]:
    """Return aligned columns."""
    if not settings:
        return ["no settings"]
    rows = [Setting("key", "default", "type", "meaning"), *settings]
    widths = [min(limit, max(len(getattr(row, field)) for row in rows)) for field, limit in (("key", 44), ("default", 32), ("kind", 32))]
    return [f"{row.key:<{widths[0]}}  {row.default:<{widths[1]}}  {row.kind:<{widths[2]}}  {row.meaning}".rstrip() for row in rows]
