"""The words in a YAML file: its heading, and the comment of every key (unit and meaning)."""

from __future__ import annotations

import re
from pathlib import Path

KEY = re.compile(r"^(\s*)(?:- )?([A-Za-z_][\w-]*)\s*:(.*)$")


def heading(file: Path) -> str:
    """Return the comment lines before the first key, package directives left out."""
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.strip():
            continue
        if not line.startswith("#"):
            break
        if not line.lstrip("# ").startswith("@package"):
            lines.append(line.lstrip("# ").rstrip())
    return " ".join(lines)


def comments(file: Path) -> dict[str, str]:
    """Return dotted key to the comment on its line, ``""`` where there is none; entries of ``defaults`` are left out."""
    found: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        match = KEY.match(line)
        if match is None or line.lstrip().startswith("#"):
            continue
        indent, name, rest = len(match.group(1)), match.group(2), match.group(3)
        while path and path[-1][0] >= indent:
            path.pop()
        path.append((indent, name))
        key = ".".join(part for _, part in path)
        if path[0][1] != "defaults" and not line.lstrip().startswith("- "):
            found[key] = _comment(rest)
    return found


def _comment(text: str) -> str:
    """Return what follows ``#`` outside of quotes."""
    quote = ""
    for index, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "#" and (index == 0 or text[index - 1] in " \t"):
            return text[index + 1 :].strip()
    return ""
