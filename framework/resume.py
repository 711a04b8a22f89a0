"""Continue a run: compose again from what was asked for then, plus what is asked for now."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from wattloom.compose import Composed, compose
from wattloom.manifest import BOOKKEEPING, config_hash
from wattloom.run_directory import RunDirectory, find_runs
from wattloom.views.text import shown_path

logger = logging.getLogger(__name__)

_MISSING = object()


def continued(directory: RunDirectory, asked: Composed) -> Composed:
    """Return the configuration of the run in ``directory`` under the overrides of ``asked``.

    Leaves that differ from the saved file although nobody asked (a default that changed since) keep the saved value, and are listed.

    Args:
        directory: The run to continue.
        asked: What the command line composed, ``resume=…`` included.
    """
    new = [item for item in asked.overrides if not item.lstrip("+").startswith("resume=")]
    return recomposed(directory, new, asked.extra_dirs, trust=bool(asked.trust))


def recomposed(directory: RunDirectory, overrides: list[str], extra_dirs: Sequence[str] = (), *, trust: bool = False) -> Composed:
    """Return the saved overrides of ``directory`` plus ``overrides``, with unasked changes undone.

    Raises:
        ConfigError: The directory is not ours and names a target that only ``--trust`` builds.
        RunError: Its files cannot be read.
    """
    saved_overrides = directory.read_overrides()
    saved = dict(_leaves(directory.read_config()))
    before = dict(_leaves(compose(saved_overrides, extra_dirs).config))
    composed = compose([*saved_overrides, *overrides], extra_dirs)
    kept = []
    config = composed.config
    for key, value in _leaves(composed.config):
        unasked = before.get(key, _MISSING) == value
        if unasked and key[0] not in BOOKKEEPING and key in saved and saved[key] != value:
            kept.append(f"{'.'.join(key)}={saved[key]!r} (now {value!r})")
            config = _with(config, key, saved[key])
    if kept:
        logger.warning("defaults changed since the run was started; the saved values are used: %s", ", ".join(kept))
    result = replace(composed, config=config, trust=trust or is_ours(directory, overrides, extra_dirs))
    result.check()
    return result


def is_ours(directory: RunDirectory, overrides: Sequence[str] = (), extra_dirs: Sequence[str | Path] = ()) -> bool:
    """Return whether a run lies in the working directory or under the root of runs of whoever asks: others may name any code to execute.

    Args:
        directory: The run.
        overrides: What is asked for now; the run's own files have no say in this.
        extra_dirs: Folders of ``--config-dir``.
    """
    if directory.path.is_relative_to(Path.cwd()):
        return True
    named = [text for text in overrides if text.lstrip("+").startswith("runs_dir=")]
    root = Path(str(compose(named, extra_dirs).config["runs_dir"])).expanduser().resolve()
    return directory.path.is_relative_to(root)


def find_unfinished(root: Path, asked: Composed) -> RunDirectory | None:
    """Return the newest run under ``root`` of the same configuration that is not complete, or None."""
    wanted = config_hash(asked.config)
    for path in find_runs(root):
        directory = RunDirectory(path)
        same = directory.read_json("manifest.json").get("config_hash") == wanted
        if (
            same
            and directory.read_json("status.json").get("state") != "completed"
            and any((path / "checkpoints").glob("step_*/manifest.json"))
        ):
            logger.info("resume=auto continues %s", shown_path(path))
            return directory
    logger.info("resume=auto: nothing to continue under %s, a new run begins", shown_path(root))
    return None


def _leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every leaf of a tree of mappings with its path; lists are leaves."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _leaves(value, (*path, str(key)))
    else:
        yield path, node


def _with(config: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return ``config`` with one leaf replaced."""
    changed = dict(config)
    changed[path[0]] = value if len(path) == 1 else _with(changed[path[0]], path[1:], value)
    return changed
