"""Which formats there are, and which one a file has.

Descriptors lie beside this module and in ``./formats`` of the working directory (a descriptor there wins over a built-in of the same name); a
descriptor may also be named by its path.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from wattloom.components.sources.formats.descriptor import Format, normalized
from wattloom.components.sources.formats.findings import Finding, UnreadableError
from wattloom.components.sources.formats.opening import head_of, plain_suffix
from wattloom.components.sources.formats.parsing import parse_format
from wattloom.errors import ConfigError, did_you_mean

BUILT_IN = Path(__file__).parent
OWN = "formats"
GENERIC = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".parquet": "parquet", ".pq": "parquet"}


def load_descriptor(path: Path) -> Format:
    """Read one descriptor file.

    Raises:
        ConfigError: If it is not YAML, or says something unknown.
    """
    return _load(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _load(path: Path, changed: int) -> Format:
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: a descriptor is a mapping; see docs/data_files.md")
    return parse_format(data, path)


def descriptors() -> dict[str, Path]:
    """Return the descriptor file of every known format, by name."""
    found: dict[str, Path] = {}
    for folder in (BUILT_IN, Path(OWN)):
        found |= {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    return found


def get_format(name: str) -> Format:
    """Return a format by name or by the path of its descriptor.

    Raises:
        ConfigError: If there is none of that name.
    """
    known = descriptors()
    if name in known:
        return load_descriptor(known[name])
    if name.endswith((".yaml", ".yml")) and Path(name).is_file():
        return load_descriptor(Path(name))
    raise ConfigError(
        f"unknown format {name!r}{did_you_mean(name, known)}; a descriptor of your own goes into ./{OWN}, or is named by its path"
    )


def recognise(path: Path, kind: str | None = None) -> Format:
    """Return the format of a file, told from its name and first lines.

    Args:
        path: An existing file.
        kind: Kind of source the format must serve; None: any.

    Returns:
        The format whose most conditions hold; the generic one of its ending where no other fits.

    Raises:
        UnreadableError: If no format fits.
    """
    head = head_of(path)
    known = [load_descriptor(descriptor) for descriptor in descriptors().values()]
    scored = [(score(made, path, head), made) for made in known if kind is None or kind in made.kinds]
    best = max(scored, key=lambda pair: pair[0], default=(0, None))
    if best[0] > 0 and best[1] is not None:
        return best[1]
    if plain_suffix(path) in GENERIC:
        return get_format(GENERIC[plain_suffix(path)])
    what = f"for {kind} " if kind else ""
    message = f"no known format {what}fits its name and first lines"
    raise UnreadableError(
        [Finding("error", "format_unknown", str(path), message, f"name one with format=, known: {', '.join(descriptors())}")]
    )


def refuse_other_head(made: Format, path: Path) -> None:
    """Refuse a file whose first lines cannot be those of a format that was named: what follows would be read from the wrong places.

    Raises:
        UnreadableError: The first line is another, or the names are separated by another character.
    """
    if made.layout.kind != "csv":
        return
    first = next(iter(head_of(path)), "")
    separator, begin = made.layout.separator, made.sniff.first_line
    other = max((",", ";", "\t", "|"), key=first.count)
    message = ""
    if begin and not re.search(begin, first):
        message, fix = f"the first line of format {made.name} matches {begin!r}; here it is {first[:60]!r}", "choose another format="
    elif (
        made.layout.header
        and not made.layout.skip_lines
        and separator not in ("auto", other)
        and separator not in first
        and first.count(other) > 1
    ):
        message = f"format {made.name} separates columns by {separator!r}, this file by {other!r}"
        fix = f"export it with {separator!r}, or read it with format=csv, which finds the separator, and name the column= and the zone="
    if message:
        raise UnreadableError([Finding("error", "format_unknown", str(path), message, fix, 1)])


def score(made: Format, path: Path, head: list[str]) -> int:
    """Return how many conditions of ``made.sniff`` hold for a file; 0 if one fails or there is none."""
    sniff, fields = made.sniff, _Head(made, head)
    tests: list[bool] = []
    if sniff.suffixes:
        tests.append(plain_suffix(path) in sniff.suffixes)
    if sniff.filename:
        tests.append(re.search(sniff.filename, path.name, re.IGNORECASE) is not None)
    if sniff.first_line:
        tests.append(bool(head) and re.search(sniff.first_line, head[0]) is not None)
    if sniff.fields:
        tests.append(len(fields.row) == sniff.fields)
    if sniff.row:
        tests.append(re.search(sniff.row, fields.row_text) is not None)
    tests += [any(re.search(pattern, name) for name in fields.names) for pattern in sniff.columns]
    return len(tests) if all(tests) else 0


class _Head:
    """The first lines as one format would read them."""

    def __init__(self, made: Format, head: list[str]) -> None:
        layout = made.layout
        body = head[layout.skip_lines :]
        lead = body[0] if body and layout.header else ""
        self.names = [normalized(name.strip().strip('"')) for name in lead.split(layout.separator)] if lead or layout.header else []
        data = body[1:] if layout.header else body
        self.row_text = data[0] if data else ""
        self.row = self.row_text.split(layout.separator)
        if layout.kind == "json":
            self.names = re.findall(r'"([^"]+)"\s*:', "\n".join(head))
