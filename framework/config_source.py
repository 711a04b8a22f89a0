"""Where options come from: folders of YAML files and the registry, in the form that Hydra composes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import OmegaConf
from omegaconf._utils import get_yaml_loader

from wattloom.errors import ConfigError
from wattloom.plugins import Folder
from wattloom.registry import REGISTRY
from wattloom.signatures import Signature

PRIMARY = "wattloom"
NAMED_LISTS = ("hooks", "logger")
"""Groups that are mappings of named components: an option that is one bare component is placed under its own name."""


class FolderSource(ConfigSource):
    """One folder of groups.

    Files of a user's folder are filled from their target's signature while loading, so that two lines of YAML are enough for an option whose
    every key can be overridden and completed.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.provider = folder.label
        self.path = str(folder.path)

    @staticmethod
    def scheme() -> str:
        """Name the kind of source."""
        return "file"

    def available(self) -> bool:
        """Return whether the folder exists."""
        return self.folder.path.is_dir()

    def is_group(self, config_path: str) -> bool:
        """Return whether ``config_path`` is a sub-folder."""
        return (self.folder.path / config_path).is_dir()

    def is_config(self, config_path: str) -> bool:
        """Return whether ``config_path`` is an option; only the built-in folder has a primary config."""
        if "/" not in config_path and self.folder.user:
            return False
        return self.file(config_path).is_file()

    def file(self, config_path: str) -> Path:
        """Return the file of an option."""
        return self.folder.path / self._normalize_file_name(config_path)

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Return the options (or sub-groups) of a group."""
        root = self.folder.path / config_path
        wanted: set[str] = set()
        for entry in root.iterdir():
            if entry.is_dir() and results_filter in (None, ObjectType.GROUP) and not entry.name.startswith(("_", ".")):
                wanted.add(entry.name)
            elif entry.suffix == ".yaml" and results_filter in (None, ObjectType.CONFIG) and not entry.name.startswith("."):
                wanted.add(entry.stem)
        return sorted(wanted)

    def load_config(self, config_path: str) -> ConfigResult:
        """Read one option."""
        file = self.file(config_path)
        text = file.read_text(encoding="utf-8")
        header = self._get_header_dict(text)
        group, _, name = config_path.removesuffix(".yaml").rpartition("/")
        content = parse_yaml(text, file)
        check_defaults(content, file)
        if self.folder.user and group:
            content = fill(content, group, file)
        if group in NAMED_LISTS and "_target_" in content and header["package"] is None:
            header["package"] = f"{group}.{name}"
        return ConfigResult(config=OmegaConf.create(content), path=f"file://{self.path}", provider=self.provider, header=header)


class RegistrySource(ConfigSource):
    """Options made from the signatures of registered components."""

    def __init__(self) -> None:
        self.provider = "registered"
        self.path = ""

    @staticmethod
    def scheme() -> str:
        """Name the kind of source."""
        return "registry"

    def available(self) -> bool:
        """Return True."""
        return True

    def is_group(self, config_path: str) -> bool:
        """Return whether components of that kind are registered."""
        return config_path.rstrip("/") in REGISTRY.kinds()

    def is_config(self, config_path: str) -> bool:
        """Return whether that component is registered."""
        group, _, name = config_path.removesuffix(".yaml").rpartition("/")
        return REGISTRY.find(group, name) is not None

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Return registered kinds, or names of a kind."""
        if config_path in ("", "/"):
            return REGISTRY.kinds() if results_filter in (None, ObjectType.GROUP) else []
        return REGISTRY.names(config_path.rstrip("/")) if results_filter in (None, ObjectType.CONFIG) else []

    def load_config(self, config_path: str) -> ConfigResult:
        """Build the node of one component."""
        group, _, name = config_path.removesuffix(".yaml").rpartition("/")
        entry = REGISTRY.find(group, name)
        if entry is None:
            raise ConfigError(f"no {group} named '{name}' is registered")
        content = fill({"_target_": entry.target}, group, None)
        header = {"package": f"{group}.{name}" if group in NAMED_LISTS else None}
        return ConfigResult(config=OmegaConf.create(content), path="registry://", provider=self.provider, header=header)


class FastLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml's parser where PyYAML was built with it
    """YAML under OmegaConf's rules for numbers, an order of magnitude faster than its own loader; duplicate keys are errors."""

    yaml_implicit_resolvers = get_yaml_loader().yaml_implicit_resolvers

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping.

        Raises:
            ConstructorError: A key occurs twice.
        """
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key.value}", key.start_mark)
            seen.add(key.value)
        return dict(super().construct_mapping(node, deep=deep))


def parse_yaml(text: str, file: Path) -> dict[str, Any]:
    """Read one YAML mapping with OmegaConf's number rules.

    Raises:
        ConfigError: The text is not YAML, or no mapping; names file and line.
    """
    try:
        content = yaml.load(text, Loader=FastLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise ConfigError(f"{file}{line}: not readable as YAML: {getattr(error, 'problem', None) or error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{file}: must be a mapping of keys to values, not a {type(content).__name__}")
    return content


def check_defaults(content: dict[str, Any], file: Path) -> None:
    """Refuse entries of a defaults list that Hydra would drop without a word.

    Raises:
        ConfigError: The list is no list, or an entry begins with a word that means nothing.
    """
    entries = content.get("defaults", [])
    if not isinstance(entries, list):
        raise ConfigError(f"{file}: defaults must be a list")
    for entry in entries:
        for key, value in entry.items() if isinstance(entry, dict) else ():
            if any(word not in ("override", "optional") for word in str(key).split()[:-1]):
                raise ConfigError(
                    f"{file}: cannot read the entry '{key}: {value}' of defaults; "
                    "entries are 'group: x', 'override /group: x' or 'optional group: x'"
                )


def fill(content: dict[str, Any], group: str, file: Path | None) -> dict[str, Any]:
    """Add every keyword of the target's signature that ``content`` does not set; an option with a base is left to its base."""
    target = content.get("_target_")
    if not isinstance(target, str) or "defaults" in content:
        return content
    try:
        component = REGISTRY.load(target)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}" if file is not None else str(error)) from error
    signature = Signature.of(component)
    filled = {"_target_": target, **signature.node(), **content}
    if group == "env" and "num_envs" not in filled:
        filled["num_envs"] = 1  # a plain Gymnasium or PettingZoo class: the adapter makes the copies
    return filled
