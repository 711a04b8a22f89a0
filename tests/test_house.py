"""The rules of the house: where things lie, which way imports point, how large files may grow."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAPPING = {"wattloom.components": "components", "wattloom.conf": "conf", "wattloom": "framework"}
HEAVY = ("torch", "pandapower", "pandas", "matplotlib")


def library_files(*tops: str) -> list[Path]:
    return [path for top in tops for path in sorted((ROOT / top).rglob("*.py")) if "__pycache__" not in path.parts]


def imported_modules(path: Path, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_package_list_equals_the_folders_on_disk():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = set()
    for name, folder in MAPPING.items():
        for init in (ROOT / folder).rglob("__init__.py"):
            parts = init.parent.relative_to(ROOT / folder).parts
            found.add(".".join((name, *parts)))
    assert set(settings["packages"]) == found


def test_every_python_file_lies_in_a_package():
    for path in library_files("framework", "components"):
        assert (path.parent / "__init__.py").is_file(), f"{path.parent} has no __init__.py, so a wheel would leave it out"


@pytest.mark.parametrize("path", library_files("framework"), ids=lambda path: str(path.relative_to(ROOT)))
def test_framework_never_imports_components(path):
    assert not [name for name in imported_modules(path) if name.startswith("wattloom.components")]


@pytest.mark.parametrize("path", library_files("framework"), ids=lambda path: str(path.relative_to(ROOT)))
def test_framework_imports_nothing_heavy_at_the_top(path):
    assert not [name for name in imported_modules(path, top_level_only=True) if name.split(".")[0] in HEAVY]


@pytest.mark.parametrize("path", library_files("components"), ids=lambda path: str(path.relative_to(ROOT)))
def test_components_import_other_kinds_only_through_their_protocol(path):
    kind = path.relative_to(ROOT / "components").parts[0]
    for name in imported_modules(path):
        parts = name.split(".")
        if parts[:2] != ["wattloom", "components"] or len(parts) < 3 or parts[2] == kind or kind == "commands":
            continue
        assert parts[2] in SHARED_KINDS or parts[-1] in ("protocol", "series", "calendar"), f"{path.relative_to(ROOT)} imports {name}"


SHARED_KINDS = {"networks", "buffers", "metrics", "physics"}
"""Building blocks made to be shared by other kinds."""


def test_importing_framework_from_the_checkout_says_what_to_do():
    done = subprocess.run([sys.executable, "-c", "import framework"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "import wattloom" in done.stderr


def test_files_stay_readable():
    sizes = {path: len(path.read_text().splitlines()) for path in library_files("framework", "components")}
    assert max(sizes.values()) <= 600, max(sizes, key=sizes.get)
    assert statistics.median(sizes[path] for path in sizes if path.name != "__init__.py") <= 180


def test_functions_stay_short():
    lengths = {}
    for path in library_files("framework", "components"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lengths[f"{path.relative_to(ROOT)}:{node.name}"] = node.end_lineno - node.lineno + 1
    assert statistics.median(lengths.values()) <= 10
    assert not {name: size for name, size in lengths.items() if size > 80}


def test_the_top_level_is_the_agreed_one():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    tops = {line.split("/")[0] for line in tracked.stdout.splitlines() if not line.startswith(".")}
    assert tops == {
        "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "components", "conf", "constraints.txt",
        "docs", "experiments", "framework", "pyproject.toml", "tests",
    }  # fmt: skip
