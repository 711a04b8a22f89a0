"""From the content of a descriptor file to a :class:`Format`: every key is effective or refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from wattloom.components.sources.formats.descriptor import STAMPS, Clock, ColumnSpec, Fact, Format, Jobs, Layout, Samples, Sniff
from wattloom.components.sources.formats.quantities import QUANTITIES, quantity
from wattloom.errors import ConfigError, did_you_mean

T = TypeVar("T")


def parse_format(data: Mapping[str, Any], path: Path) -> Format:
    """Turn the content of a descriptor file into a :class:`Format`.

    Args:
        data: Content of the YAML file.
        path: The file, for messages and for the name.

    Raises:
        ConfigError: If a key is unknown or missing, or a value is of the wrong kind.
    """
    sections = dict(data)
    parts: dict[str, Any] = {"name": path.stem, "path": str(path)}
    for key, kind in (("layout", Layout), ("sniff", Sniff), ("clock", Clock), ("jobs", Jobs), ("samples", Samples)):
        if key in sections:
            parts[key] = _build(kind, sections.pop(key), f"{path}: {key}")
    specs = sections.pop("series", {})
    parts["series"] = tuple(_build(ColumnSpec, {"name": name, **spec}, f"{path}: series.{name}") for name, spec in specs.items())
    parts["facts"] = {name: _build(Fact, spec, f"{path}: facts.{name}") for name, spec in sections.pop("facts", {}).items()}
    made = _build(Format, {**sections, **parts}, str(path))
    _validate(made)
    return made


def _build(kind: type[T], data: Any, where: str) -> T:
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where}: expected a mapping, found {data!r}")
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]  # every kind given is a dataclass
    for key in data:
        if key not in known:
            raise ConfigError(f"{where}: unknown key {key!r}{did_you_mean(str(key), known)}")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from error


def _validate(made: Format) -> None:
    for spec in made.series:
        quantity(made.quantity_of(spec))
        if isinstance(spec.column, str):
            _compiles(spec.column, made)
    for pattern in (made.sniff.filename, made.sniff.first_line, made.sniff.row, *made.sniff.columns):
        _compiles(pattern, made)
    if made.clock.stamps not in STAMPS:
        raise ConfigError(f"{made.path}: clock.stamps={made.clock.stamps!r}{did_you_mean(str(made.clock.stamps), STAMPS)}")
    if not (made.series or made.jobs or made.samples or made.facts):
        raise ConfigError(f"{made.path}: no series, jobs, samples or facts; quantities are {', '.join(QUANTITIES)}")


def _compiles(pattern: str, made: Format) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"{made.path}: {pattern!r} is not a pattern: {error}") from error
