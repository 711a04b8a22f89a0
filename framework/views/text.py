"""Numbers and times as people read them."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

WIDE = 150
"""Characters of a line in a file, which no window cuts."""


def duration(seconds: float) -> str:
    """Return ``0:07``, ``12:05`` or ``3:10:00`` (h:min:s)."""
    whole = max(round(seconds), 0)
    hours, rest = divmod(whole, 3600)
    minutes, second = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{second:02}" if hours else f"{minutes}:{second:02}"


def ago(seconds: float) -> str:
    """Return an age in one unit: ``12 s``, ``5 min``, ``3 h``, ``2 d``."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0.0):.0f} s"


def number(value: float | None) -> str:
    """Return a figure with thousands separated, a true minus, and four digits where it is small; ``–`` for None and NaN."""
    if value is None or value != value:
        return "–"
    whole = float(value).is_integer() and abs(value) < 1e15
    text = f"{value:,.0f}" if whole else f"{value:,.1f}" if abs(value) >= 100 else f"{value:.4g}"
    return text.replace("-", "\N{MINUS SIGN}", 1) if text.startswith("-") else text


def share(part: float, whole: float) -> str:
    """Return a percentage that is 100 only when complete: 9,912 of 10,000 is ``99.1 %``."""
    if whole <= 0:
        return "–"
    percent = 100.0 * part / whole
    shown = min(int(percent * 10) / 10, 100.0)
    return f"{shown:.1f} %"


def counted(count: int, noun: str) -> str:
    """Return ``1 episode`` or ``30 episodes``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def shown_path(path: Path) -> str:
    """Return a path as it is typed: relative where it lies below the working directory, else whole."""
    here, whole = Path.cwd(), Path(os.path.abspath(path))
    return str(whole.relative_to(here)) if whole.is_relative_to(here) else str(whole)


def line_width() -> int:
    """Return how many characters a line may have: those of the terminal, and :data:`WIDE` in a file or a pipe."""
    return shutil.get_terminal_size((WIDE, 24)).columns if sys.stdout.isatty() else WIDE
