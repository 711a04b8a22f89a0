"""wattloom list [KIND]: what there is, and what each option is for."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence

from wattloom.errors import ConfigError, UsageError, did_you_mean
from wattloom.loader import Loader
from wattloom.registry import REGISTRY
from wattloom.yaml_comments import heading


def main(argv: Sequence[str]) -> int:
    """Print every kind with its options, or the options of one kind with a line each."""
    parser = argparse.ArgumentParser(prog="wattloom list", description=__doc__)
    parser.add_argument("kind", nargs="?", help="env, algorithm, hooks, ... (default: all kinds)")
    parser.add_argument("--config-dir", action="append", default=[], help="a further folder of options")
    options = parser.parse_args(list(argv))
    loader = Loader.discover(options.config_dir)
    print("\n".join(_options(loader, options.kind) if options.kind else _kinds(loader)))
    return 0


def _kinds(loader: Loader) -> list[str]:
    """Return a line a kind."""
    return [f"{group:<16} {', '.join(loader.options(group))}" for group in loader.groups]


def _options(loader: Loader, kind: str) -> list[str]:
    """Return a line an option."""
    names = loader.options(kind)
    if not names:
        raise UsageError(f"there is no kind '{kind}'{did_you_mean(kind, loader.groups)}")
    width = max(len(name) for name in names) + 2
    room = max(40, shutil.get_terminal_size((140, 24)).columns - width)
    return [f"{name:<{width}}{_cut(summary(loader, kind, name), room)}".rstrip() for name in names]


def _cut(text: str, room: int) -> str:
    """Return the text, ended by ``…`` between two words where it is longer than the room."""
    return text if len(text) <= room else text[: room - 1].rpartition(" ")[0].rstrip(" ,;:") + "…"


def summary(loader: Loader, kind: str, name: str) -> str:
    """Return what an option is for: the heading of its file, else the first line of its class's documentation."""
    file = loader.file(kind, name)
    text = heading(file) if file is not None else ""
    if text:
        return text
    try:
        component = REGISTRY.load(loader.target(kind, name))
    except ConfigError as error:
        return f"({error})"
    return (component.__doc__ or "").strip().partition("\n")[0]
