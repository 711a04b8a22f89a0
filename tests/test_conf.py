"""Every configuration file keeps the rules: keys equal the signature, each key has its words, groups are flat, presets take effect."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from wattloom.compose import RUN_GROUPS, compose
from wattloom.config import CheckpointConfig, EvaluationConfig, RunConfig, RunnerConfig
from wattloom.errors import ConfigError
from wattloom.loader import Loader
from wattloom.registry import import_target
from wattloom.signatures import Signature
from wattloom.yaml_comments import comments, heading

CONF = Path(__file__).resolve().parents[1] / "conf"
FILES = sorted(CONF.glob("**/*.yaml"))
OPTIONS = [file for file in FILES if file.parent != CONF]
SETTINGS = {"runner": RunnerConfig, "evaluation": EvaluationConfig, "checkpoint": CheckpointConfig}
PRESETS = ("experiment", "debug")


def name(file: Path) -> str:
    return str(file.relative_to(CONF).with_suffix(""))


def read(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text()) or {}


def targets(node: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield path, node
        for key, value in node.items():
            yield from targets(value, f"{path}.{key}" if path else str(key))


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping) and node:
        for key, value in node.items():
            if key != "defaults":
                yield from leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, node


def test_groups_are_flat():
    assert [name(file) for file in OPTIONS if file.parent.parent != CONF] == []


def test_nothing_but_yaml_lies_in_the_groups():
    assert [file for file in CONF.glob("*/*") if file.is_file() and file.suffix != ".yaml" and "__pycache__" not in file.parts] == []


@pytest.mark.parametrize("file", OPTIONS, ids=name)
def test_the_keys_equal_the_signature_of_the_target(file):
    for path, node in targets(read(file)):
        signature = Signature.of(import_target(node["_target_"]))
        keys = set(node) - {"_target_"}
        based = "defaults" in read(file) and any(isinstance(entry, str) and entry != "_self_" for entry in read(file)["defaults"])
        assert keys <= set(signature.parameters) or signature.open, f"{path}: {keys - set(signature.parameters)} are not taken"
        missing = set(signature.parameters) - keys
        assert based or not missing, f"{path or file.stem}: {missing} of {node['_target_']} are not in the file"


@pytest.mark.parametrize("group", SETTINGS)
def test_the_keys_of_the_runner_s_settings_equal_their_dataclass(group):
    assert set(read(CONF / group / "default.yaml")) == set(Signature.of(SETTINGS[group]).parameters)
    assert set(read(CONF / "wattloom.yaml")) - {"defaults"} < set(Signature.of(RunConfig).parameters)


@pytest.mark.parametrize("file", OPTIONS, ids=name)
def test_defaults_in_yaml_equal_those_of_the_settings(file):
    if file.parent.name in SETTINGS and file.stem == "default":
        fresh = SETTINGS[file.parent.name]()
        read_back = SETTINGS[file.parent.name](**read(file))
        assert fresh == read_back


@pytest.mark.parametrize("file", OPTIONS, ids=name)
def test_each_key_says_its_unit_or_meaning(file):
    """Once a file: a name that recurs in one file (two hooks of one class, a preset of known keys) is explained the first time."""
    explained: set[str] = set()
    said = comments(file)
    if file.parent.name in PRESETS or "defaults" in read(file):
        return  # it changes keys that its base explains
    for key, value in leaves(read(file)):
        leaf = key.rpartition(".")[2]
        if leaf in ("", "_target_", "name") or re.fullmatch(r"\$\{\w+\}", str(value)):
            continue
        parents = [key.rsplit(".", depth)[0] for depth in range(key.count(".") + 1)]
        explained |= {leaf} if any(said.get(parent) for parent in [key, *parents]) else set()
        assert leaf in explained, f"{key} has no comment"


@pytest.mark.parametrize("file", OPTIONS, ids=name)
def test_each_file_says_what_it_is(file):
    assert len(heading(file)) > 4


@pytest.mark.parametrize("file", [file for file in OPTIONS if file.parent.name in PRESETS], ids=name)
def test_every_leaf_of_a_preset_survives(file, lab_of_presets):
    group = file.parent.name
    assert "# @package _global_" in file.read_text().splitlines()[0]
    composed = compose([f"{group}={file.stem}"])
    found = dict(leaves(composed.config))
    for key, value in leaves(read(file)):
        if "${" not in str(value):
            assert found[key] == value, key
    for entry in read(file).get("defaults", []):
        for words, option in entry.items() if isinstance(entry, Mapping) else ():
            assert words.split()[0] == "override", f"{words}: a preset overrides what its base chose"
            assert composed.choices[words.split()[-1].lstrip("/")] == option


@pytest.fixture
def lab_of_presets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_order_of_the_primary_file():
    entries = [entry if isinstance(entry, str) else next(iter(entry)) for entry in read(CONF / "wattloom.yaml")["defaults"]]
    place = entries.index("_self_")
    assert entries[place + 1 :] == ["experiment", "debug", "optional local"]
    assert set(entries[:place]) == set(RUN_GROUPS) - set(PRESETS)


@pytest.mark.parametrize("file", [file for file in OPTIONS if file.parent.name == "env"], ids=name)
def test_an_environment_composes_and_its_parts_are_used(file, lab_of_presets):
    node = read(file).get("env", {})
    nested = [key for key, value in node.items() if isinstance(value, Mapping)] if "@package" in file.read_text().partition("\n")[0] else []
    assert nested == [], "the only nested values of an env file are ${part}"
    if "???" in file.read_text():  # a name that only the user can give
        with pytest.raises(ConfigError, match="must be set"):
            compose([f"env={file.stem}"])
        return
    composed = compose([f"env={file.stem}"])
    composed.check()
    used = set(re.findall(r"\$\{(\w+)", " ".join(source.read_text() for source in FILES)))
    assert set(composed.choices) - set(RUN_GROUPS) <= used


@pytest.mark.parametrize("group", sorted({file.parent.name for file in OPTIONS} - set(RUN_GROUPS) - {"sweep", "local"}))
def test_a_part_is_known_to_list_and_completion(group):
    assert Loader.discover().options(group) == sorted(file.stem for file in OPTIONS if file.parent.name == group)


@pytest.mark.parametrize("file", [file for file in OPTIONS if file.parent.name == "sweep"], ids=name)
def test_a_sweep_preset_expands_to_several_runs(file):
    from wattloom.sweep_plan import expand

    assert len(expand(Loader.discover(), [f"sweep={file.stem}"])) > 1


@pytest.mark.parametrize("file", [file for file in OPTIONS if file.parent.name in ("algorithm", "hooks", "logger")], ids=name)
def test_what_a_run_builds_passes_the_check_against_its_constructor(file, lab_of_presets):
    composed = compose([f"{file.parent.name}={file.stem}"])
    RunConfig.from_composed(composed)
    composed.check()
