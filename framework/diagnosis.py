"""What is wrong with a command line, in words: the group, option, key or value, and the nearest valid one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from wattloom.errors import ConfigError, did_you_mean, nearest
from wattloom.loader import Loader, Raw
from wattloom.signatures import MISSING


def refuse_sweeps(overrides: Sequence[Override]) -> None:
    """Refuse several values where one run is asked for.

    Raises:
        ConfigError: An override is a sweep.
    """
    for item in overrides:
        if item.is_sweep_override():
            key, _, value = str(item.input_line).partition("=")
            raise ConfigError(f"'{item.input_line}' gives several values: add -m to run each, or write a list as {key}=[{value}]")


def diagnose(loader: Loader, overrides: Sequence[Override], error: Exception) -> ConfigError:
    """Return the message for an error of the composer."""
    return ConfigError(_first_fault(loader, overrides) or _from_files(loader, overrides) or _plain(error))


def _first_fault(loader: Loader, overrides: Sequence[Override]) -> str | None:
    """Return what is wrong with the first bad override."""
    choices = [
        item for item in overrides if loader.options(item.key_or_group) and item.package is None and not isinstance(item._value, dict)
    ]
    for item in choices:
        fault = _bad_option(loader, item)
        if fault is not None:
            return fault
    raw = _composable(loader, choices)
    if raw is None:
        return None
    for item in overrides:
        fault = _misplaced_group(loader, item, raw) if item in choices else _bad_key(loader, item, raw)
        if fault is not None:
            return fault
    return None


def _bad_option(loader: Loader, item: Override) -> str | None:
    """A group override whose option does not exist."""
    value = item.value()
    values = value if isinstance(value, list) else [value]
    known = loader.options(item.key_or_group)
    for name in values:
        if name is not None and str(name) not in known and not item.is_delete():
            return loader.unknown_option(item.key_or_group, str(name))
    return None


def _composable(loader: Loader, choices: Sequence[Override]) -> Raw | None:
    """Compose under the choices of options alone, dropping those that fit nowhere; None where even that fails."""
    kept: list[Override] = []
    for item in choices:
        try:
            loader.compose([*kept, item])
            kept.append(item)
        except (HydraException, OmegaConfBaseException, ValueError, ConfigError):
            continue
    for attempt in (kept, []):
        try:
            return loader.compose(attempt)
        except (HydraException, OmegaConfBaseException, ValueError, ConfigError):
            continue
    return None


def _misplaced_group(loader: Loader, item: Override, raw: Raw) -> str | None:
    """A group that the chosen environment does not have."""
    group = item.key_or_group
    if group in raw.choices:
        return None
    return part_message(loader, group, raw.choices.get("env"))


def part_message(loader: Loader, group: str, env: str | None) -> str:
    """Say which environments have the part ``group``."""
    owners = [option for option in loader.options("env") if group in loader.parts("env", option)]
    if owners:
        return f"{group} is a part of {' and '.join(f'env={owner}' for owner in owners[:4])}; env={env} has no such part"
    return f"'{group}' is a group of options, but env={env} does not use it"


def _bad_key(loader: Loader, item: Override, raw: Raw) -> str | None:
    """A key that does not exist, at the first element that is wrong."""
    if item.package is not None:
        return f"'{item.input_line}': groups have one place each, write {item.key_or_group}=... without '@{item.package}'"
    if isinstance(item._value, dict) and not item.is_add():
        paths = [f"{item.key_or_group}.{key}" for key in item._value]
        return next((fault for path in paths if (fault := _bad_path(loader, path, raw, False))), None)
    return _bad_path(loader, item.key_or_group, raw, item.is_add())


def _bad_path(loader: Loader, dotted: str, raw: Raw, adding: bool) -> str | None:
    """Walk a dotted key and return what is wrong with its first bad element."""
    path = dotted.split(".")
    node: Any = raw.config
    for depth, name in enumerate(path):
        if not isinstance(node, DictConfig):
            return f"'{'.'.join(path[:depth])}' is a single value, so '{dotted}' does not exist"
        if node._is_none() or name not in node.keys():  # noqa: SIM118 - keys that are null count
            if adding and depth == len(path) - 1 and depth > 0:
                return None
            return _unknown_key(loader, raw, path, depth)
        node = node._get_node(name)
        if isinstance(node, DictConfig) and node._is_interpolation() and depth < len(path) - 1:
            node = node._dereference_node()
    return None


def _unknown_key(loader: Loader, raw: Raw, path: list[str], depth: int) -> str:
    """Return the message for a key that is missing at ``depth``."""
    name, prefix = path[depth], ".".join(path[:depth])
    full = f"{prefix}.{name}" if prefix else name
    if depth == 0:
        if name in loader.groups:
            return part_message(loader, name, raw.choices.get("env"))
        top = [key for key in map(str, raw.config.keys()) if key not in loader.groups]
        return f"no setting '{name}'{did_you_mean(name, [*top, *loader.groups])}"
    known = _keys(OmegaConf.select(raw.config, prefix))
    best = nearest(name, known)
    owners = _owners(loader, prefix, name)
    guess = f"; did you mean '{prefix}.{best}'?" if best is not None else ""
    hint = f"; it belongs to {', '.join(owners)}" if owners else guess
    layer = next((layer.origin for layer in reversed(raw.layers) if OmegaConf.select(layer.content, prefix) is not None), "")
    place = f" ({layer})" if layer else ""
    listing = f"\n  {prefix} has: {', '.join(known)}{place}" if known else f"\n  {prefix} has no settings{place}"
    return f"no setting '{full}'{hint}{listing}"


def _owners(loader: Loader, group: str, key: str) -> list[str]:
    """Return the options of ``group`` that have ``key``, four at most: what another algorithm takes, this one need not."""
    found = []
    for option in loader.options(group):
        try:
            content = loader.content(group, option)
        except ConfigError:  # another option that is broken is another story
            continue
        node = content.get(group) if isinstance(content.get(group), Mapping) else content
        if isinstance(node, Mapping) and key in node:
            found.append(f"{group}={option}")
    return [*found[:4], *(["others"] if len(found) > 4 else [])]


def _keys(node: Any) -> list[str]:
    """Return the keys of a section that people may set."""
    return [str(key) for key in node if key != "_target_"] if isinstance(node, DictConfig) else []


def _from_files(loader: Loader, overrides: Sequence[Override]) -> str | None:
    """Look for the chosen preset whose own defaults list is at fault."""
    for item in overrides:
        group, option = item.key_or_group, str(item.value())
        if option not in loader.options(group):
            continue
        for entry in loader.content(group, option).get("defaults", []):
            fault = _bad_entry(loader, entry)
            if fault is not None:
                return f"{loader.origin(f'{group}/{option}')}: {fault}"
    return None


def _bad_entry(loader: Loader, entry: Any) -> str | None:
    """Check one entry of a defaults list."""
    if not isinstance(entry, Mapping):
        return None
    for key, value in entry.items():
        *words, last = str(key).split()
        group = last.lstrip("/").partition("@")[0]
        if value is not None and "optional" not in words and str(value) not in loader.options(group):
            return loader.unknown_option(group, str(value))
    return None


def _plain(error: Exception) -> str:
    """Return Hydra's own words, without its search path."""
    text = str(error).split("\nConfig search path:")[0].strip()
    cause = str(error.__cause__).splitlines()[0] if error.__cause__ is not None else ""
    return "; ".join(part for part in (text, cause) if part) or type(error).__name__


def missing_keys(config: DictConfig) -> list[str]:
    """Return the dotted keys that are left open with ``???``."""
    found: list[str] = []

    def walk(node: Any, path: str) -> None:
        """Collect below ``path``."""
        if isinstance(node, Mapping):
            for key, value in node.items():
                walk(value, f"{path}.{key}" if path else str(key))
        elif node == MISSING:
            found.append(path)

    walk(OmegaConf.to_container(config, resolve=False), "")
    return sorted(found)


def missing_message(raw: Raw, keys: Sequence[str]) -> str:
    """Say which values must be given, and who asks for them."""
    lines = []
    for key in keys:
        owner = next((layer for layer in reversed(raw.layers) if key in missing_keys(layer.content)), None)
        lines.append(f"{key} must be set: {owner.option.replace('/', '=')} needs it ({owner.origin})" if owner else f"{key} must be set")
    return "\n  ".join([*lines, f"write {keys[0]}=..."])


def interpolation_message(raw: Raw, error: OmegaConfBaseException) -> str:
    """Say which value refers to something that is not there."""
    key = getattr(error, "full_key", None) or "a value"
    text = str(error).splitlines()[0]
    owner = next((layer.origin for layer in reversed(raw.layers) if OmegaConf.is_interpolation(layer.content, str(key))), "")
    return f"{key} cannot be resolved: {text}{f' ({owner})' if owner else ''}"
