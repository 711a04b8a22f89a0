"""Overrides in, a checked configuration out: the same for the command line, a notebook, a resumed run and an evaluation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from wattloom.config_source import NAMED_LISTS, FolderSource
from wattloom.diagnosis import diagnose, interpolation_message, missing_keys, missing_message, part_message, refuse_sweeps
from wattloom.errors import ConfigError, nearest
from wattloom.loader import Layer, Loader, Raw, is_null_choice
from wattloom.registry import REGISTRY
from wattloom.targets import TARGET, check

NEVER_NULL = ("env", "algorithm", "runner", "evaluation", "checkpoint")
RUN_GROUPS = (*NEVER_NULL, "hooks", "logger", "experiment", "debug")
INTERPOLATION_ROOT = re.compile(r"\$\{(\w+)")
INTERPOLATION = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Composed:
    """A composed configuration.

    Attributes:
        config: Plain nested values, interpolations resolved.
        overrides: What was asked for, as on a command line; composing them again gives the same configuration.
        choices: Group to chosen option; several hooks or loggers are joined by commas.
        sources: ``"group/option"`` to the file that it came from.
        notes: What a user should know: options of their own that hide built-in ones, plugins that failed.
        extra_dirs: Folders of ``--config-dir``.
        trust: True after ``--trust``, False for a run directory of unknown origin, None where nobody said.
    """

    config: dict[str, Any]
    overrides: list[str]
    choices: dict[str, str | None]
    sources: dict[str, str]
    notes: tuple[str, ...] = ()
    extra_dirs: tuple[str, ...] = ()
    trust: bool | None = None
    layers: tuple[Layer, ...] = field(default=(), repr=False, compare=False)

    def origin(self, key: str) -> str:
        """Return ``" (set in FILE)"`` for a dotted key, or ``""`` where no file is known."""
        for text in reversed(self.overrides):
            name = text.lstrip("+~").partition("=")[0]
            if key == name or (key.startswith(name + ".") and name not in self.choices):
                return f" (set by '{text}')"
        for layer in reversed(self.layers):
            if _holds(layer.content, key):
                group, _, entry = key.partition(".")
                part = _slots(layer.content, group).get(entry)  # env.reward is what the group reward chooses
                return (self.origin(part) if part else "") or f" (set in {layer.origin})"
        return ""

    def check(self, *, trust: bool | None = None) -> None:
        """Check every component against the constructor that will build it; imports what will be built.

        Args:
            trust: Allow targets outside this package and installed plugins; None: unless :attr:`trust` is False.

        Raises:
            ConfigError: An untrusted target, an unknown or missing key, a value of the wrong type.
        """
        trust = self.trust is not False if trust is None else trust
        for group in ("env", "algorithm"):
            check(_node(self.config, group), group, self.origin, trust=trust)
        for group in ("hooks", "logger"):
            for name, node in (self.config.get(group) or {}).items():
                if node is not None:
                    check(_node({f"{group}.{name}": node}, f"{group}.{name}"), f"{group}.{name}", self.origin, trust=trust)
        extra = (self.config.get("evaluation") or {}).get("overrides") or []
        if extra:  # found now, not at the first evaluation
            evaluation = compose([*self.overrides, *extra], self.extra_dirs)
            check(_node(evaluation.config, "env"), "env", evaluation.origin, trust=trust)


def _node(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a node that has to be a mapping."""
    node = config.get(key)
    if not isinstance(node, Mapping):
        raise ConfigError(f"{key} must be a mapping with _target_, not {node!r}")
    return node


def compose(overrides: Sequence[str] = (), extra_dirs: Sequence[str | Path] = ()) -> Composed:
    """Compose the configuration under ``overrides``.

    Nothing global is left behind: no Hydra object, no working directory, no log set-up.

    Args:
        overrides: As on a command line: ``["env=pendulum", "algorithm.gamma=0.98"]``.
        extra_dirs: Further folders of options, as ``--config-dir``.

    Raises:
        ConfigError: An unknown group, option or key, a value left open, an interpolation that leads nowhere.
    """
    loader = Loader.discover(extra_dirs)
    REGISTRY.admitted.update(loader.named_targets)
    return compose_with(loader, overrides, extra_dirs)


def continuation(resume: str, overrides: Sequence[str], extra_dirs: Sequence[str | Path] = ()) -> Composed:
    """Return a request to continue a run: its new overrides are composed on top of those it recorded, once they were read.

    Args:
        resume: The override ``resume=DIR``.
        overrides: All that is asked for; may name parts that only the recorded choices have.
        extra_dirs: Folders of ``--config-dir``.
    """
    return replace(compose([resume], extra_dirs), overrides=list(overrides))


def compose_with(loader: Loader, overrides: Sequence[str], extra_dirs: Sequence[str | Path] = ()) -> Composed:
    """Compose with sources that were discovered before; see :func:`compose`."""
    asked = [text for text in overrides if not re.match(r"[+~]?hydra[./=]", text)]
    parsed = loader.parse(asked)
    refuse_sweeps(parsed)
    _refuse_empty(loader, parsed)
    try:
        raw = loader.compose(parsed)
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise diagnose(loader, parsed, error) from error
    _refuse_replaced_parts(raw)
    _refuse_ineffective(loader, raw, parsed)
    config = _resolve(raw)
    name = config.get("run_name")
    if isinstance(name, int | float) and not isinstance(name, bool):
        config["run_name"] = str(name)  # run_name=2026 is a name, whatever YAML thinks
    elif name is None:
        config["run_name"] = raw.choices.get("experiment") or f"{raw.choices.get('env')}_{raw.choices.get('algorithm')}"
    return Composed(
        config=config,
        overrides=asked,
        choices=raw.choices,
        sources={layer.option: layer.origin for layer in raw.layers},
        notes=(*loader.plugins.warnings, *_shadowed(loader, raw)),
        extra_dirs=tuple(str(folder) for folder in extra_dirs),
        layers=raw.layers,
    )


def compose_component(group: str, overrides: Sequence[str], within: Mapping[str, Any], extra_dirs: Sequence[str | Path] = ()) -> Any:
    """Return the node of ``group`` under ``overrides``, its interpolations read from the configuration ``within``.

    A reference that is judged in the environment of a run is built so: ``${hall.setpoint_low_c}`` means that run's hall.

    Raises:
        ConfigError: An unknown option or key, or an interpolation that leads nowhere.
    """
    compose(overrides, extra_dirs)  # for its messages
    loader = Loader.discover(extra_dirs)
    raw = loader.compose(loader.parse(overrides))
    around = OmegaConf.create({key: value for key, value in within.items() if key != group})
    OmegaConf.set_struct(raw.config, False)
    joined = OmegaConf.merge(raw.config, around)
    try:
        return OmegaConf.to_container(OmegaConf.select(joined, group), resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(interpolation_message(raw, error)) from error


def _refuse_empty(loader: Loader, overrides: Sequence[Override]) -> None:
    """Every run has an environment, an algorithm, and so on; only presets, hooks and loggers may be null.

    Raises:
        ConfigError: ``env=null`` and the like.
    """
    for item in overrides:
        group = item.key_or_group
        if is_null_choice(item) and group in NEVER_NULL:
            raise ConfigError(f"{group}=null: every run needs one; known: {', '.join(loader.options(group))}")


def _refuse_ineffective(loader: Loader, raw: Raw, overrides: Sequence[Override]) -> None:
    """``+key=value`` and ``+group=option`` where nothing reads them, and ``group=null`` where something does.

    Raises:
        ConfigError: A part that the environment does not use or cannot do without, or a key added to plain values of a group.
    """
    used = {*RUN_GROUPS, *INTERPOLATION_ROOT.findall(str(OmegaConf.to_container(raw.config, resolve=False)))}
    for item in overrides:
        path = item.key_or_group.split(".")
        if is_null_choice(item) and path[0] in used - {*RUN_GROUPS} and path[0] not in raw.config:
            raise ConfigError(f"{path[0]}=null: env={raw.choices.get('env')} needs one; known: {', '.join(loader.options(path[0]))}")
        if item.is_add() and path[0] in loader.groups and path[0] not in used:
            raise ConfigError(part_message(loader, path[0], raw.choices.get("env")))
        section = raw.config.get(path[0]) if item.is_add() and len(path) > 1 and path[0] in raw.choices else None
        if isinstance(section, DictConfig) and TARGET not in section and path[0] not in NAMED_LISTS:
            known = [str(key) for key in section if str(key) != path[1]]
            best = nearest(path[1], known)
            hint = f"; did you mean '{path[0]}.{best}'?" if best is not None else ": nothing reads it"
            raise ConfigError(f"no setting '{item.key_or_group}'{hint}\n  {path[0]} has: {', '.join(known)}")


def _resolve(raw: Raw) -> dict[str, Any]:
    """Return plain values.

    Raises:
        ConfigError: A value that must be given is missing, or an interpolation leads nowhere.
    """
    missing = missing_keys(raw.config)
    if missing:
        raise ConfigError(missing_message(raw, missing))
    try:
        values = OmegaConf.to_container(raw.config, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(interpolation_message(raw, error)) from error
    return {str(key): value for key, value in values.items()} if isinstance(values, dict) else {}


def _refuse_replaced_parts(raw: Raw) -> None:
    """A part is a mapping that its own group chooses: ``env.cooling=x`` would silently put text in its place.

    Raises:
        ConfigError: A part's slot holds a plain value.
    """
    values = OmegaConf.to_container(raw.config, resolve=False)
    for group in ("env", "algorithm"):
        node = values.get(group) if isinstance(values, dict) else None
        slots = {key: part for layer in raw.layers for key, part in _slots(layer.content, group).items()}
        for key, part in slots.items():
            if not isinstance(node, Mapping):
                break
            now = node.get(key)
            if part in raw.choices and not isinstance(now, Mapping) and not (isinstance(now, str) and "${" in now):
                raise ConfigError(
                    f"{group}.{key} is a part, built from a mapping, and cannot be {now!r}: "
                    f"choose it with {part}={now}, or set its keys with {part}.<key>=..."
                )


def _slots(content: DictConfig, group: str) -> dict[str, str]:
    """Return the keys of a layer's ``group`` node that refer to a part: key to the part's group."""
    values = OmegaConf.to_container(content, resolve=False)
    node = values.get(group) if isinstance(values, dict) else None
    if not isinstance(node, Mapping):
        return {}
    found = {str(key): INTERPOLATION.fullmatch(value) for key, value in node.items() if isinstance(value, str) and key != TARGET}
    return {key: match.group(1) for key, match in found.items() if match is not None}


def _shadowed(loader: Loader, raw: Raw) -> list[str]:
    """Return a line for every used option of the working directory that hides another of the same name."""
    notes = []
    for layer in raw.layers:
        group, _, option = layer.option.rpartition("/")
        holders = [source for source in loader.sources if group and source.is_config(layer.option)]
        if len(holders) > 1 and isinstance(holders[0], FolderSource) and holders[0].folder.user:
            notes.append(f"{group}={option} comes from {layer.origin} and hides the one of {holders[1].provider}")
    return [*dict.fromkeys(notes), *_hidden_registrations(raw)]


def _hidden_registrations(raw: Raw) -> list[str]:
    """Return a line for every used option whose YAML file hides a component that someone registered under the same name."""
    notes = []
    for group, option in raw.choices.items():
        entry = None if option is None else REGISTRY.find(group, option)
        node = raw.config.get(group)
        target = str(node.get(TARGET)) if isinstance(node, DictConfig) and TARGET in node else None
        if entry is not None and target is not None and target.replace(":", ".") != entry.target.replace(":", "."):
            notes.append(
                f"{group}={option} is {target} and hides {entry.target}, registered as '{option}' too: register it under another name"
            )
    return notes


def _holds(content: DictConfig, key: str) -> bool:
    """Return whether a layer sets a dotted key."""
    node: Any = content
    for part in key.split("."):
        if not isinstance(node, DictConfig) or node._is_none() or part not in node.keys():  # noqa: SIM118 - null keys count
            return False
        node = node._get_node(part)
    return True
