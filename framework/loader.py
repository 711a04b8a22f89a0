"""Composition by Hydra: groups, options and overrides in, one configuration out. The only file that knows Hydra's composer.

No ``hydra.main``, no global Hydra object: a loader is a value, so a notebook may hold several.
"""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository, ConfigRepository
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra._internal.core_plugins.structured_config_source import StructuredConfigSource
from hydra._internal.defaults_list import DefaultsList, create_defaults_list
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from wattloom.config_source import NAMED_LISTS, PRIMARY, FolderSource, RegistrySource
from wattloom.errors import ConfigError, did_you_mean, nearest
from wattloom.plugins import Folder, Plugins, builtin_folder, discover, named_targets
from wattloom.registry import REGISTRY

STRUCTURE = frozenset(",[]{}()'\"\\=:")  # characters of lists, mappings, functions, quotes: a value with any of them is no plain text
SEPARATOR = re.compile(r",(?![^\[\](){}]*[\])}])")
HIDDEN_GROUPS = frozenset({"sweep", "local", "command"})
"""Kinds that are no part of a single composition: sweep presets, the machine's own settings, registered commands."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One file of a composition, in merge order.

    Attributes:
        option: ``"env/pendulum"``.
        origin: The file as people read it, or ``"registered"``.
        content: What it sets, placed where it was merged.
    """

    option: str
    origin: str
    content: DictConfig


@dataclass(slots=True)
class Raw:
    """An unresolved composition.

    Attributes:
        config: Merged configuration with overrides applied.
        choices: Group to option (lists joined by commas).
        layers: Files in merge order.
    """

    config: DictConfig
    choices: dict[str, str | None]
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class Loader:
    """All sources of options, in order of precedence.

    Attributes:
        plugins: What was discovered.
    """

    plugins: Plugins = field(default_factory=Plugins)

    @classmethod
    def discover(cls, extra_dirs: Sequence[str | Path] = ()) -> Loader:
        """Find third-party components and return a loader over everything."""
        return cls(discover(extra_dirs))

    @cached_property
    def sources(self) -> list[FolderSource | RegistrySource]:
        """Working directory first, then built-in options, then plugins and registered components."""
        folders = [*self.plugins.before, builtin_folder(), *self.plugins.after]
        return [*(FolderSource(folder) for folder in folders), RegistrySource()]

    @cached_property
    def user_folders(self) -> tuple[Folder, ...]:
        """Folders that the user wrote or named on the command line; installed plugins are not among them."""
        named = [folder for folder in self.plugins.after if folder.label.partition(".")[0] not in self.plugins.packages]
        return (*self.plugins.before, *named)

    @cached_property
    def named_targets(self) -> frozenset[str]:
        """Every target that the user's own folders name."""
        return named_targets(self.user_folders)

    # what there is

    @cached_property
    def groups(self) -> list[str]:
        """Every group of one composition."""
        found = {group for source in self.sources for group in source.list("", ObjectType.GROUP)}
        return sorted(group for group in found if group not in HIDDEN_GROUPS and self.options(group))

    def options(self, group: str) -> list[str]:
        """Return the options of a group; empty where there is no such group."""
        return sorted({option for source in self.sources if source.is_group(group) for option in source.list(group, ObjectType.CONFIG)})

    def source(self, group: str, option: str) -> FolderSource | RegistrySource | None:
        """Return the source that wins for an option."""
        return next((source for source in self.sources if source.is_config(f"{group}/{option}")), None)

    def file(self, group: str, option: str) -> Path | None:
        """Return the YAML file of an option; None for registered components and unknown options."""
        source = self.source(group, option)
        return source.file(f"{group}/{option}") if isinstance(source, FolderSource) else None

    def content(self, group: str, option: str) -> dict[str, Any]:
        """Return what an option sets, its defaults list included, unresolved.

        Raises:
            ConfigError: Unknown group or option.
        """
        source = self.source(group, option)
        if source is None:
            raise ConfigError(self.unknown_option(group, option))
        value = OmegaConf.to_container(source.load_config(f"{group}/{option}").config, resolve=False)
        return dict(value) if isinstance(value, Mapping) else {}  # type: ignore[arg-type]  # keys of YAML mappings are text

    def unknown_option(self, group: str, option: str) -> str:
        """Return the message for a group or option that does not exist."""
        if not self.options(group):
            return f"there is no kind '{group}'{did_you_mean(group, self.groups)}"
        known = self.options(group)
        best = nearest(option, known)
        hint = f"; did you mean '{best}'?" if best is not None else self._elsewhere(group, option)
        return f"no {group} named '{option}'{hint}\n  known: {', '.join(known)}"

    def _elsewhere(self, group: str, option: str) -> str:
        """Say where an option lies that was put, or looked for, in the wrong place, and how to choose nothing."""
        if option == "none" and group in ("logger", "hooks"):
            return f"; {group}=null chooses nothing"
        other = next((kind for kind in [*self.groups, *REGISTRY.kinds()] if kind != group and option in self.options(kind)), None)
        if other is not None:
            return f"; there is {other}={option}"
        file = next((file for folder in self.user_folders for file in folder.path.glob(f"{group}/{option}.yml")), None)
        return f"; {file} is not read: files of options end in .yaml" if file is not None else ""

    def target(self, group: str, option: str) -> str:
        """Return the ``_target_`` of an option, following its base.

        Raises:
            ConfigError: Unknown, or a preset that builds nothing.
        """
        content = self.content(group, option)
        node = content.get(group) if isinstance(content.get(group), Mapping) and "_target_" not in content else content
        if isinstance(node, Mapping) and isinstance(node.get("_target_"), str):
            return str(node["_target_"])
        for base in self.bases(group, option):
            return self.target(group, base)
        raise ConfigError(f"{group}={option} is a preset of values: it builds no component of its own")

    def bases(self, group: str, option: str) -> list[str]:
        """Return the options of the same group that an option builds on."""
        return [
            path.rpartition("/")[2] for path in self.default_paths(group, option) if path.rpartition("/")[0] in ("", f"/{group}", group)
        ]

    def default_paths(self, group: str, option: str) -> list[str]:
        """Return the plain entries of an option's defaults list, ``_self_`` left out."""
        return [item for item in self.content(group, option).get("defaults", []) if isinstance(item, str) and item != "_self_"]

    def parts(self, group: str, option: str) -> dict[str, str]:
        """Return the groups that an option brings along, with the option it chooses in each, bases included."""
        found: dict[str, str] = {}
        for base in self.bases(group, option):
            found |= self.parts(group, base)
        for item in self.content(group, option).get("defaults", []):
            if isinstance(item, Mapping):
                for key, value in item.items():
                    found[str(key).split()[-1].lstrip("/").partition("@")[0]] = str(value)
        return found

    # composing

    def repository(self) -> ConfigRepository:
        """Return Hydra's view of the sources."""
        search_path = ConfigSearchPathImpl()
        search_path.config_search_path = []
        repository = ConfigRepository(search_path)
        repository.sources = [*self.sources, StructuredConfigSource("schema", "structured://")]
        return repository

    def parse(self, overrides: Sequence[str]) -> list[Override]:
        """Parse overrides.

        Raises:
            ConfigError: One cannot be read.
        """
        parser = OverridesParser.create()
        return [parse_one(parser, quote_overrides(text)) for text in overrides]

    def compose(self, overrides: Sequence[Override]) -> Raw:
        """Merge the defaults list under ``overrides`` and apply them.

        Raises:
            HydraException: Hydra's own errors; :mod:`wattloom.diagnosis` turns them into words.
            OmegaConfBaseException: The same of OmegaConf.
        """
        with hydra_version():
            repository = CachingConfigRepository(self.repository())
            plan, overrides = self._plan(repository, [*overrides])
            layers = self._layers(plan, repository)
            config = _composer(repository)._compose_config_from_defaults_list(plan.defaults, repository)
            OmegaConf.set_struct(config, True)
            _accept_plus_on_known(plan.config_overrides, config)
            ConfigLoaderImpl._apply_overrides_to_config(plan.config_overrides, config)
        return Raw(config, _choices(plan, overrides), layers)

    def _plan(self, repository: CachingConfigRepository, overrides: list[Override]) -> tuple[DefaultsList, list[Override]]:
        """Return the defaults list, and the overrides in Hydra's terms.

        ``+group=x`` means ``group=x`` where the group is already there, and adds to hooks and loggers; ``group=null`` chooses nothing.
        """
        special = [item for item in overrides if self.options(item.key_or_group) and (item.is_add() or is_null_choice(item))]
        if special:
            rest = [item for item in overrides if item not in special]
            known = _choices(create_defaults_list(repository, PRIMARY, rest, prepend_hydra=False, skip_missing=False), rest)
            overrides = _joined(rest, [item for item in special if item.is_add()], known)
            nulls = [item.key_or_group for item in special if not item.is_add() and known.get(item.key_or_group)]
            overrides += self.parse([f"~{group}" for group in nulls])
        return create_defaults_list(repository, PRIMARY, overrides, prepend_hydra=False, skip_missing=False), overrides

    def _layers(self, plan: DefaultsList, repository: CachingConfigRepository) -> tuple[Layer, ...]:
        """Return the files of a plan in merge order; copies, because merging writes into what was loaded."""
        composer = _composer(repository)
        layers = []
        for default in plan.defaults:
            if default.config_path is not None:
                content = composer._load_single_config(default, repository).config
                if isinstance(content, DictConfig):
                    layers.append(Layer(default.config_path, self.origin(default.config_path), copy.deepcopy(content)))
        return tuple(layers)

    def origin(self, layer: str) -> str:
        """Return the file of ``"group/option"`` as people read it."""
        group, _, option = layer.rpartition("/")
        if not group:
            return f"conf/{layer}.yaml"
        source = self.source(group, option)
        if not isinstance(source, FolderSource):
            return f"{group}={option} (registered)"
        label = source.folder.label
        return f"{label if source.folder.user else 'conf'}/{layer}.yaml"


def quote_overrides(text: str) -> str:
    """Return ``evaluation.overrides=[a=1,b=2]`` with its items quoted: overrides inside of a list, as people write them, are no grammar of Hydra."""
    key, sign, value = text.partition("=")
    if key.lstrip("+") != "evaluation.overrides" or not (value.startswith("[") and value.endswith("]")) or '"' in value or "'" in value:
        return text
    items = [item.strip() for item in SEPARATOR.split(value[1:-1]) if item.strip()]
    return f"{key}{sign}[" + ",".join(f'"{item}"' for item in items) + "]"


def parse_one(parser: OverridesParser, text: str) -> Override:
    """Parse one override; a value of characters that Hydra's grammar does not know, such as ``NY_&_CI.csv``, is text.

    Raises:
        ConfigError: It is not of the form ``key=value``.
    """
    key, sign, value = text.partition("=")
    quoted = f'{key}="{value}"'
    try:
        return parser.parse_override(text)
    except HydraException as error:
        if not sign and not text.startswith("~"):
            raise ConfigError(f"cannot read '{text}': overrides are written key=value; commands come first (wattloom --help)") from error
        detail = str(error).strip().splitlines()[0]
        if value and not STRUCTURE.intersection(value):
            with contextlib.suppress(HydraException):
                return parser.parse_override(quoted)
        example = 'key="a, b"' if '"' in value or not value or value[0] in "[{" else quoted
        raise ConfigError(f"cannot read '{text}': {detail}; quote a value that holds special characters: '{example}'") from error


@contextlib.contextmanager
def hydra_version() -> Iterator[None]:
    """Compose with Hydra 1.3 rules and leave the process as it was."""
    before = version.VersionBase.instance().version_base
    version.setbase("1.3")
    try:
        yield
    finally:
        version.VersionBase.instance().version_base = before


def _composer(repository: CachingConfigRepository) -> ConfigLoaderImpl:
    """Return Hydra's merging over ``repository``; it needs no other state."""
    composer = ConfigLoaderImpl.__new__(ConfigLoaderImpl)
    composer.repository = repository.delegate  # type: ignore[assignment]  # Hydra types the interface
    return composer


def is_null_choice(item: Override) -> bool:
    """Return whether an override is ``key=null``."""
    return item.type is OverrideType.CHANGE and item._value is None


def _accept_plus_on_known(overrides: list[Override], config: DictConfig) -> None:
    """``+key=value`` on an existing key means ``key=value``."""
    for item in overrides:
        if not item.is_add() or item.is_force_add():
            continue
        parent, _, leaf = item.key_or_group.rpartition(".")
        with contextlib.suppress(Exception):  # a path through a value: left to the check that follows
            node = OmegaConf.select(config, parent) if parent else config
            if isinstance(node, DictConfig) and leaf in node.keys():  # noqa: SIM118 - `in node` hides keys that are null
                item.type = OverrideType.CHANGE


def _choices(plan: DefaultsList, overrides: Sequence[Override]) -> dict[str, str | None]:
    """Return the chosen option of every group; a list of options is joined by commas."""
    choices = {group: option for group, option in plan.overrides.known_choices.items() if group not in HIDDEN_GROUPS}
    for item in overrides:
        if isinstance(item._value, list) and item.key_or_group in plan.overrides.override_choices:
            choices[item.key_or_group] = ",".join(str(value) for value in item._value)
    return choices


def _joined(rest: list[Override], added: list[Override], known: Mapping[str, str | None]) -> list[Override]:
    """Turn ``+group=option`` into a plain choice; for hooks and loggers, into a list with the ones already chosen."""
    parser = OverridesParser.create()
    for item in added:
        group = item.key_or_group
        if group not in known:
            rest.append(item)
            continue
        new = str(item.value()) if not isinstance(item.value(), list) else ",".join(map(str, item.value()))  # type: ignore[arg-type]
        if group in NAMED_LISTS:
            rest = [other for other in rest if other.key_or_group != group]
            new = f"[{known[group]},{new}]" if known[group] else f"[{new}]"
            known = {**known, group: new.strip("[]")}
        rest.append(parser.parse_override(f"{group}={new}"))
    return rest
