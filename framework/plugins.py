"""Third-party components: where they are looked for, and importing them so that their decorators run.

Three places, all optional: packages with an entry point in group ``wattloom.components`` (their ``conf/`` joins the search path), the working
directory (``./conf``; modules listed under ``[tool.wattloom]`` in its ``pyproject.toml``; else a ``components.py``), and ``--config-dir``.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import logging
import re
import sys
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wattloom.errors import ConfigError, WattloomError, place_of

ENTRY_POINTS = "wattloom.components"
TARGET = re.compile(r"^\s*_target_\s*:\s*[\"']?([\w.:]+)", re.MULTILINE)

logger = logging.getLogger(__name__)
_faults: dict[str, str] = {}  # a plugin that failed to import is tried and reported once a process


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of configuration groups.

    Attributes:
        label: How messages name it, e.g. ``"./conf"``.
        path: Where it is.
        user: True where the user wrote or named it (filled from signatures, its targets are trusted locally).
    """

    label: str
    path: Path
    user: bool


@dataclass(frozen=True, slots=True)
class Plugins:
    """Everything found.

    Attributes:
        before: Folders that win over the built-in one (the working directory's).
        after: Folders that only add (installed plugins, ``--config-dir``).
        packages: Import names of installed plugins; their targets are trusted.
        modules: Modules of the working directory that were imported.
        warnings: What could not be loaded, one line each.
    """

    before: tuple[Folder, ...] = ()
    after: tuple[Folder, ...] = ()
    packages: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()


def builtin_folder() -> Folder:
    """Return the package's own ``conf/``."""
    spec = importlib.util.find_spec("wattloom.conf")
    if spec is None or spec.origin is None:
        raise ConfigError("the package data 'wattloom.conf' is missing; reinstall wattloom")
    return Folder("wattloom", Path(spec.origin).parent, user=False)


def discover(extra_dirs: Sequence[str | Path] = ()) -> Plugins:
    """Find and import third-party components.

    Args:
        extra_dirs: Folders given with ``--config-dir``.

    Raises:
        ConfigError: A folder of ``extra_dirs`` does not exist; a module of the working directory cannot be imported.
    """
    builtin = builtin_folder().path
    packages, installed, warnings = _installed()
    here = Path.cwd()
    modules = _local_modules(here)
    local = _local_folder(here, builtin)
    if local is not None or modules:
        _make_importable(here)
    for module in modules:
        _import_local(module)
    return Plugins(
        before=(local,) if local is not None else (),
        after=(*(_named_folder(folder) for folder in extra_dirs), *installed),
        packages=frozenset(packages),
        modules=frozenset(modules),
        warnings=tuple(warnings),
    )


def _installed() -> tuple[list[str], list[Folder], list[str]]:
    """Import every entry point; one that fails is reported in a line and left out."""
    packages: list[str] = []
    folders: list[Folder] = []
    warnings: list[str] = []
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        name = point.module
        packages.append(name.partition(".")[0])
        try:
            if name in _faults:
                raise ImportError(_faults[name])
            importlib.import_module(name)
        except WattloomError:
            raise
        except Exception as error:
            _faults.setdefault(name, f"{type(error).__name__}: {error}")
            logger.debug("traceback of plugin '%s'", name, exc_info=error)
            warnings.append(f"plugin '{point.name}' ({name}) cannot be imported and is left out: {_faults[name]}")
            continue
        folders.extend(_package_folders(name))
    return packages, folders, warnings


def _package_folders(name: str) -> list[Folder]:
    """Return ``conf/`` beside the entry-point module, if there is one."""
    module = sys.modules[name]
    roots = [Path(path) for path in getattr(module, "__path__", [])] or [Path(module.__file__ or ".").parent]
    return [Folder(name, root / "conf", user=True) for root in roots if (root / "conf").is_dir()]


def _local_folder(here: Path, builtin: Path) -> Folder | None:
    """Return ``./conf`` if it holds a file of one of our groups, and is not this program's own source."""
    path = here / "conf"
    if not path.is_dir() or (path / "wattloom.yaml").is_file():
        return None
    from wattloom.registry import REGISTRY

    groups = {folder.name for folder in builtin.iterdir() if folder.is_dir()} | set(REGISTRY.kinds())
    ours = any(file.parent.name in groups for file in path.glob("*/*.yaml"))
    return Folder("./conf", path, user=True) if ours else None


def _named_folder(folder: str | Path) -> Folder:
    """Return a folder of ``--config-dir``."""
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise ConfigError(f"--config-dir {folder}: there is no such folder")
    return Folder(str(folder), path.resolve(), user=True)


def _local_modules(here: Path) -> list[str]:
    """Return the modules that the working directory asks for."""
    listed = _listed_modules(here / "pyproject.toml")
    if listed:
        return listed
    return ["components"] if (here / "components.py").is_file() else []


def _listed_modules(file: Path) -> list[str]:
    """Return ``modules`` of ``[tool.wattloom]``."""
    if not file.is_file():
        return []
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("wattloom", {})
    except (OSError, tomllib.TOMLDecodeError):
        return []  # not ours to judge: the file belongs to the user's project
    modules = table.get("modules", [])
    if not isinstance(modules, list) or not all(isinstance(name, str) for name in modules):
        raise ConfigError(f'{file}: [tool.wattloom] modules must be a list of module names, e.g. modules = ["my_lab.envs"]')
    return modules


def _make_importable(here: Path) -> None:
    """Put the working directory on the import path, as ``python -m`` does."""
    if str(here) not in sys.path and "" not in sys.path:
        sys.path.insert(0, str(here))


def _import_local(name: str) -> None:
    """Import a module of the working directory; its decorators register its components."""
    try:
        importlib.import_module(name)
    except WattloomError:
        raise
    except Exception as error:
        raise ConfigError(
            f"module '{name}' of the working directory cannot be imported: {type(error).__name__}: {error}{place_of(error)}"
        ) from error


def is_local(target: str, here: Path | None = None) -> bool:
    """Return whether a target's top-level module is a file of the working directory (and not of an environment inside it)."""
    root = (here or Path.cwd()).resolve()
    try:
        spec = importlib.util.find_spec(target.replace(":", ".").partition(".")[0])
    except (ImportError, ValueError):
        return False
    if spec is None or (spec.submodule_search_locations is None and not spec.has_location):
        return False  # built in or frozen: its origin is no path
    places: Iterable[str] = spec.submodule_search_locations or [spec.origin or ""]
    for place in places:
        path = Path(place).resolve()
        if path.is_relative_to(root) and "site-packages" not in path.parts:
            return True
    return False


def named_targets(folders: Iterable[Folder]) -> frozenset[str]:
    """Return every ``_target_`` that the YAML files of ``folders`` name: what their owner chose to run."""
    found: set[str] = set()
    for folder in folders:
        for file in folder.path.glob("*/*.yaml"):
            found.update(match.replace(":", ".") for match in TARGET.findall(file.read_text(encoding="utf-8", errors="replace")))
    return frozenset(found)
