"""What a check has to say about a file: a name, where it is, how bad it is, and the fix."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from wattloom.errors import DataError

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark on one file.

    Attributes:
        level: ``"error"`` stops a source from being built, ``"warning"`` is shown, ``"note"`` is only listed.
        name: Name of the check, e.g. ``"missing_value"`` (docs/data_files.md lists them).
        file: Path as it was given.
        message: What was found.
        fix: What to do about it; empty where nothing needs doing.
        row: Line of the file as an editor counts (1 = first line; JSON: element of the array); None: the whole column or file.
        column: Column as the file spells it; None: the whole file.
        value: Offending cell as text.
        count: How many cells or rows the finding stands for.
        series: Series the finding concerns; empty: all of them.
    """

    level: Level
    name: str
    file: str
    message: str
    fix: str = ""
    row: int | None = None
    column: str | None = None
    value: str | None = None
    count: int = 1
    series: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = [f"row {self.row}"] if self.row is not None else []
        place += [f"column {self.column!r}"] if self.column is not None else []
        place += [f"value {self.value!r}"] if self.value is not None else []
        where = f" ({', '.join(place)})" if place else ""
        fix = f" Fix: {self.fix}{'' if self.fix.endswith('?') else '.'}" if self.fix else ""
        return f"{self.file}: {self.name}{where}: {self.message}{'' if self.message.endswith('?') else '.'}{fix}"

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as plain values, ready for JSON."""
        return asdict(self)


class DataWarning(UserWarning):
    """A finding that does not stop a source: the series is used as the finding says."""


def told(text: str) -> Finding | None:
    """Return the finding that a warning's text spells out (``FILE: name: message``); None where it is no such text."""
    found = re.match(r"(?P<file>.+?): (?P<name>[a-z_]+)(?: \(.*?\))?: (?P<message>.+?)\.?(?: Fix: (?P<fix>.+?)\.?)?$", text, re.DOTALL)
    return Finding("warning", found["name"], found["file"], found["message"], found["fix"] or "") if found else None


class FileError(DataError):
    """A file with findings of level error.

    Attributes:
        findings: All findings of the file, the errors among them.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in errors(findings)))


class UnreadableError(FileError):
    """A file that cannot be read at all: missing, empty, truncated, or of no known format."""


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings of level error."""
    return [finding for finding in findings if finding.level == "error"]


def concerning(findings: Iterable[Finding], names: Iterable[str]) -> tuple[Finding, ...]:
    """Return the findings about the whole file or about one of the series ``names``."""
    wanted = set(names)
    return tuple(finding for finding in findings if not finding.series or wanted & set(finding.series))


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings with errors first, then warnings, then notes; the order within a level is kept."""
    return tuple(sorted(findings, key=lambda finding: LEVELS.index(finding.level)))
