"""Shell completion: options of groups, keys of what is chosen so far, commands. Imports no component that has a YAML file of its own."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from wattloom.errors import UsageError, WattloomError
from wattloom.loader import Loader, Raw

FLAGS = ("-m", "--multirun", "--cfg", "--config-dir", "--trust", "--debug", "--help", "--version")
LAUNCHERS = ("basic", "joblib", "submitit_local", "submitit_slurm")
OF_GROUPS = ("describe", "list", "new")

BASH = r"""_wattloom_complete() {
    local IFS=$'\n' line="${COMP_LINE:0:COMP_POINT}" prefix=""
    local last="${line##*[[:space:]]}"
    # bash cuts words at '=': it replaces only what follows, so the part before goes from every reply
    [[ "$COMP_WORDBREAKS" == *=* ]] && prefix="${last%"${last##*=}"}"
    local replies=($(COMP_LINE="$line" "${COMP_WORDS[0]}" -sc query=bash 2>/dev/null))
    COMPREPLY=("${replies[@]#"$prefix"}")
}
complete -o nospace -o default -F _wattloom_complete wattloom
"""
ZSH = "autoload -Uz compinit bashcompinit && compinit -i && bashcompinit\n" + BASH
FISH = "complete -c wattloom -f -a '(env COMP_LINE=(commandline -cp) wattloom -sc query=fish)'\n"
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
REMOVALS = {
    "bash": "complete -r wattloom; unset -f _wattloom_complete\n",
    "zsh": "unfunction _wattloom_complete\n",
    "fish": "complete -c wattloom -e\n",
}


def main(words: Sequence[str]) -> int:
    """``install=SHELL`` and ``uninstall=SHELL`` print a script; ``query=SHELL`` answers for ``COMP_LINE``.

    Raises:
        UsageError: Another action or shell.
    """
    action, _, shell = (words[0] if words else "").partition("=")
    if action not in ("install", "uninstall", "query") or shell not in SCRIPTS:
        raise UsageError(
            'completion: eval "$(wattloom -sc install=bash)"; actions are install, uninstall and query, shells bash, zsh and fish'
        )
    if action == "query":
        print("\n".join(complete(os.environ.get("COMP_LINE", ""))))
    else:
        print((SCRIPTS if action == "install" else REMOVALS)[shell], end="")
    return 0


def complete(line: str) -> list[str]:
    """Return the words that may stand where ``line`` ends.

    Args:
        line: The command line up to the cursor, the program's name first.
    """
    words = line.split()[1:]
    word = words.pop() if words and not line[-1:].isspace() else ""
    if word.startswith("-"):
        return [flag for flag in FLAGS if flag.startswith(word)]
    dirs = [after for flag, after in itertools.pairwise(words) if flag in ("--config-dir", "-cd")]
    loader = Loader.discover()
    with contextlib.suppress(WattloomError):
        loader = Loader.discover(dirs)
    if words and words[0] in OF_GROUPS:
        return _for_command(loader, words[0], word)
    found = _of_value(loader, words, word) if "=" in word else _of_key(loader, words, word)
    if not words and "=" not in word:
        from wattloom.cli import commands

        found += [name + " " for name in commands() if name.startswith(word)]
    return sorted(found)


def _for_command(loader: Loader, command: str, word: str) -> list[str]:
    """Kinds for ``list`` and ``new``, ``kind=name`` for ``describe``."""
    if command == "new":
        return [kind + " " for kind in ("env", "algorithm", "hooks") if kind.startswith(word)]
    if command == "list":
        return [group for group in loader.groups if group.startswith(word)]
    if "=" in word:
        return _options(loader, word)
    return [f"{group}=" for group in loader.groups if group.startswith(word)]


def _options(loader: Loader, word: str) -> list[str]:
    """Options of the group before ``=``; after a comma or ``[``, the next one."""
    key, _, value = word.partition("=")
    start = max(value.rfind(","), value.rfind("[")) + 1
    group = key.lstrip("+~")
    known: Sequence[str] = LAUNCHERS if group == "hydra/launcher" else loader.options(group)
    return [f"{key}={value[:start]}{option}" for option in known if option.startswith(value[start:])]


def _of_value(loader: Loader, words: Sequence[str], word: str) -> list[str]:
    """Options of a group, or the present value of a key."""
    found = _options(loader, word)
    if found:
        return found
    key, _, value = word.partition("=")
    raw = _compose(loader, words)
    with contextlib.suppress(OmegaConfBaseException):
        node = raw.config
        if OmegaConf.is_missing(OmegaConf.select(node, key.lstrip("+~").rpartition(".")[0]) or node, key.rpartition(".")[2]):
            return []
        now = OmegaConf.select(node, key.lstrip("+~"))
        values = ("true", "false") if isinstance(now, bool) else (_text(now),)
        return [f"{key}={text}" for text in values if text and text.startswith(value)]
    return []


def _text(value: Any) -> str:
    """Return a plain value as it is typed."""
    return "" if isinstance(value, Mapping) else "null" if value is None else str(value)


def _of_key(loader: Loader, words: Sequence[str], word: str) -> list[str]:
    """Groups and keys of what the words before have chosen."""
    sign = word[: len(word) - len(word.lstrip("+~"))]
    raw = _compose(loader, words)
    parent, dot, leaf = word[len(sign) :].rpartition(".")
    node = OmegaConf.to_container(raw.config, resolve=False)
    for part in parent.split(".") if parent else ():
        node = _follow(raw, node.get(part) if isinstance(node, dict) else None)
    keys = {str(key): value for key, value in node.items()} if isinstance(node, dict) else {}
    found = [
        f"{sign}{parent}{dot}{key}{'.' if isinstance(value, dict) else '='}"
        for key, value in keys.items()
        if key.startswith(leaf) and key != "_target_" and not (isinstance(value, dict) and not value)
    ]
    if not parent:
        groups = [*raw.choices, *(("sweep", "hydra/launcher") if "-m" in words else ())]
        found += [f"{sign}{group}=" for group in groups if group.startswith(leaf)]
    return list(dict.fromkeys(found))


def _follow(raw: Raw, value: Any) -> Any:
    """Follow ``${part}`` to the part."""
    match = re.fullmatch(r"\$\{([\w.]+)\}", value) if isinstance(value, str) else None
    if match is None:
        return value
    with contextlib.suppress(OmegaConfBaseException):
        target = OmegaConf.select(raw.config, match.group(1))
        return OmegaConf.to_container(target, resolve=False) if OmegaConf.is_config(target) else target
    return None


def _compose(loader: Loader, words: Sequence[str]) -> Raw:
    """Compose under the words that can be composed: several values count as their first, what is wrong is left out."""
    texts = [text for text in words if ("=" in text or text.startswith("~")) and not text.startswith(("-", "hydra", "sweep="))]
    items = [item for text in texts if (item := _single(loader, text)) is not None]
    whole = _try(loader, items)
    if whole is not None:
        return whole
    kept: list[Override] = []
    for item in items:
        if _try(loader, [*kept, item]) is not None:
            kept.append(item)
    return loader.compose(kept)


def _single(loader: Loader, text: str) -> Override | None:
    """Parse one word; None where it cannot be read."""
    try:
        item = loader.parse([text])[0]
        return (
            loader.parse([f"{item.get_key_element()}={next(iter(item.sweep_string_iterator()))}"])[0] if item.is_sweep_override() else item
        )
    except Exception:  # a half-typed word must never disturb the shell
        return None


def _try(loader: Loader, items: Sequence[Override]) -> Raw | None:
    """Compose, or return None."""
    try:
        return loader.compose(items)
    except Exception:  # the same
        return None
