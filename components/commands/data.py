"""``wattloom data inspect FILE|NAME``: what a data file or a source is, everything wrong with it, and how to fix it."""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wattloom.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from rich.console import Console

    from wattloom.components.sources.formats.description import Description
    from wattloom.components.sources.formats.findings import Finding

SUMMARY = "say what a data file or a source is, and what is wrong with it"
WIDE = 150  # columns of a terminal that has room for the mean day
SHOWN = 12  # series listed; --json lists all
BARS = "▁▂▃▄▅▆▇█"
COLOURS = {"error": "bold red", "warning": "yellow", "note": "dim"}
FILE_SETTINGS = ("format", "column", "unit", "region", "time_column", "time_format", "zone", "label", "step_seconds", "package", "kind")
POLICY_SETTINGS = ("missing", "max_gap_hours", "duplicates", "text", "negative", "outliers")
EPILOG = """\
A file is read as its format says (recognised, or format=NAME); settings such as unit=% zone=+1 column=load missing=hold win over the format, and are
the settings of the file sources. A name is KIND/OPTION or KIND/OPTION:LOCATION, e.g. weather/synthetic:ny. No file is written but the one of --plot.
exit code: 0 sound, 1 an error was found, 3 it cannot be read"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command."""
    parse = argparse.ArgumentParser(prog="wattloom data", description=__doc__)
    actions = parse.add_subparsers(dest="action", required=True, metavar="ACTION")
    inspect = actions.add_parser("inspect", help=SUMMARY, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    inspect.add_argument("target", help="file, or name such as weather/synthetic:ny")
    inspect.add_argument("settings", nargs="*", help="setting=value, e.g. unit=% or zone=Europe/Berlin")
    inspect.add_argument("--json", action="store_true", help="print everything as JSON")
    inspect.add_argument("--plot", metavar="FILE", help="draw it to a PNG, PDF or SVG file")
    inspect.add_argument("--seed", type=int, default=1, help="seed of a generated source (default: %(default)s)")
    inspect.add_argument("--year", type=int, default=2022, help="year a named source is laid on (default: %(default)s)")
    actions.add_parser("formats", help="list the file formats")
    return parse


def main(argv: Sequence[str]) -> int:
    """Inspect and return the exit code.

    Raises:
        UsageError: If a setting or name is unknown.
    """
    options = parser().parse_args(list(argv))
    if options.action == "formats":
        return _formats()
    from wattloom.components.sources.formats.findings import FileError, UnreadableError, errors

    try:
        description = _describe(options)
    except FileError as error:
        _print_refused(options.target, error.findings, options.json)
        return 3 if isinstance(error, UnreadableError) else 1
    if options.json:
        print(json.dumps(_finite(description.as_dict()), indent=2, ensure_ascii=False))
    else:
        _print(description)
    if options.plot:
        _plot(description, Path(options.plot), options.json)
    return 1 if errors(description.findings) else 0


def _describe(options: argparse.Namespace) -> Description:
    settings = _settings(options.settings)
    named = _named(options.target)
    if named is not None and ("path" in settings or not Path(options.target).expanduser().exists()):
        return _of_name(options, *named, settings)
    _refuse_half_a_name(options.target)
    return _of_file(options.target, settings)


def _refuse_half_a_name(target: str) -> None:
    """Say how a source is named where a kind, an option or a place stands alone and no file is called so."""
    from wattloom.components.sources.protocol import KINDS

    if Path(target).expanduser().exists() or "/" in target or "." in target:
        return
    kind, place = (target, "ny") if target in KINDS else ("weather", target)
    raise UsageError(
        f"no file '{target}' here; a source is named KIND/OPTION or KIND/OPTION:LOCATION, e.g. wattloom data inspect {kind}/synthetic:{place}\n"
        f"  kinds: {', '.join(KINDS)}; options: wattloom list {kind}; places: wattloom list location"
    )


def _settings(words: Sequence[str]) -> dict[str, Any]:
    import yaml

    found: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"'{word}' is no setting: write setting=value")
        found[key] = value if value.startswith("%") else yaml.safe_load(value)
    return found


def _of_file(target: str, settings: Mapping[str, Any]) -> Description:
    from wattloom.components.sources.file_source import fixed, options_of
    from wattloom.components.sources.formats.description import of_file
    from wattloom.components.sources.formats.opening import resolve
    from wattloom.components.sources.formats.policies import Policies
    from wattloom.components.sources.formats.reader import read

    for key in settings:
        if key not in FILE_SETTINGS + POLICY_SETTINGS:
            raise UsageError(f"no setting '{key}' of a file{did_you_mean(key, FILE_SETTINGS + POLICY_SETTINGS)}")
    path = resolve(target, settings.get("package"))
    said = {key: fixed(value) for key, value in settings.items() if key in FILE_SETTINGS and key not in ("format", "package", "kind")}
    options = options_of(said, settings.get("kind"))
    policies = Policies(**{key: value for key, value in settings.items() if key in POLICY_SETTINGS})
    return of_file(target, read(path, settings.get("format"), options, policies, settings.get("kind")))


def _named(target: str) -> tuple[str, str, str] | None:
    """Return kind, option and location of a name; None where it can only be a file."""
    from wattloom.components.sources.protocol import KINDS

    kind, slash, rest = target.partition("/")
    option, _, location = rest.partition(":")
    return (kind, option, location or "ny") if slash and kind in KINDS and "/" not in option and "." not in option else None


def _of_name(options: argparse.Namespace, kind: str, option: str, location: str, settings: Mapping[str, Any]) -> Description:
    from omegaconf import OmegaConf

    from wattloom.components.sources.calendar import Calendar
    from wattloom.components.sources.formats.description import of_table
    from wattloom.components.sources.formats.findings import DataWarning, ordered, told
    from wattloom.components.sources.synthetic import WeakSeriesWarning
    from wattloom.loader import Loader
    from wattloom.signatures import MISSING
    from wattloom.targets import build

    loader = Loader.discover()
    place = loader.content("location", location)
    node = {**loader.content(kind, option), **settings}
    plain: Any = OmegaConf.to_container(OmegaConf.create({kind: node, "location": place}), resolve=True)
    for key, value in plain[kind].items():
        if value == MISSING:
            raise UsageError(f"{kind}.{key} is not set: write {key}=...")
    with warnings.catch_warnings(record=True) as building:
        warnings.simplefilter("always")
        source = build(plain[kind], kind)
    with warnings.catch_warnings(record=True) as loading:
        warnings.simplefilter("always")
        table = source.load(Calendar.year(options.year, utc_offset_hours=float(place["utc_offset"])), options.seed)
    found = source.findings() if hasattr(source, "findings") else ()  # those of building are among them
    late = [
        finding
        for finding in (told(str(w.message)) for w in loading if issubclass(w.category, (DataWarning, WeakSeriesWarning)))
        if finding
    ]
    for other in (w for w in [*building, *loading] if not issubclass(w.category, (DataWarning, WeakSeriesWarning))):
        warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
    return of_table(options.target, table, ordered([*found, *late]))


def _formats() -> int:
    from wattloom.components.sources.formats.catalog import descriptors, load_descriptor
    from wattloom.components.sources.protocol import KINDS

    console = _console()
    for name, path in descriptors().items():
        made = load_descriptor(path)
        kinds = ", ".join(made.kinds) if len(made.kinds) < len(KINDS) else "every kind"
        console.print(f"{name:<18}{kinds:<17}{made.title}", markup=False, highlight=False)
    return 0


def _console() -> Console:
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=160, no_color=True)


def _print_refused(target: str, findings: Sequence[Finding], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"name": target, "findings": [finding.as_dict() for finding in findings]}, indent=2, ensure_ascii=False))
        return
    _print_findings(_console(), findings)


def _print(description: Description) -> None:
    from wattloom.components.sources.formats.description import clock_of, jobs_of

    console = _console()
    lines = {"name": description.name, **description.extra}
    place = description.facts
    lines |= {key: f"{value:g}" if isinstance(value, float) else str(value) for key, value in place.items()}
    if description.series:
        clock = clock_of(description.series[0], description.site)
        lines["step"] = f"{clock['step_seconds']} s, {clock['steps']:,} steps, {clock['days']:g} days"
        lines["clock"] = f"{clock['kind']}, {clock['zone']}"
        lines["span"] = f"{clock['start']} .. {clock['end']}".rstrip(" .")
    if description.jobs is not None:
        jobs = jobs_of(description.jobs)
        lines["jobs"] = f"{jobs['jobs']:,} over {jobs['days']:.1f} days, {jobs['deferrable']:,} deferrable, sizes in {jobs['unit']}"
        lines["run time"] = f"median {jobs['median_run_time_s']:,.0f} s, 95 % below {jobs['q95_run_time_s']:,.0f} s"
    for key, value in lines.items():
        console.print(f"{key.replace('_', ' '):<18}{value}", markup=False, highlight=False)
    if description.series:
        console.print(_table(description, console.width >= WIDE))
    _print_findings(console, description.findings)


def _table(description: Description, wide: bool) -> Any:
    from rich import box
    from rich.table import Table

    from wattloom.components.sources.formats.description import QUANTILES, statistics

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("series", no_wrap=True)
    table.add_column("unit")
    for name in ("mean", "std", *QUANTILES, "distinct", "gaps"):
        table.add_column(name, justify="right")
    if wide:
        table.add_column("mean day, 0 .. 23 h", no_wrap=True)
    for one in description.series[:SHOWN]:
        numbers = statistics(one)
        levels = [_number(numbers[name]) for name in ("mean", "std", *QUANTILES)]
        distinct = (
            "all" if one.distinct_steps == one.n_steps else "constant" if one.distinct_steps == 1 else f"{numbers['distinct_days']:g} d"
        )
        row = [one.name, one.unit, *levels, distinct, str(description.missing.get(one.name, 0))]
        table.add_row(*row, *([bars(numbers["mean_day"])] if wide else []))
    if len(description.series) > SHOWN:
        table.add_row(f"... {len(description.series) - SHOWN} more (--json)")
    return table


def _number(value: float) -> str:
    return f"{value:,.0f}" if 10_000 <= abs(value) < 1_000_000 else f"{value:.4g}"


def bars(levels: Sequence[float]) -> str:
    """Return numbers as a row of bars."""
    low, high = min(levels), max(levels)
    if not high > low:
        return ""
    return "".join(BARS[min(int((level - low) / (high - low) * len(BARS)), len(BARS) - 1)] if level == level else " " for level in levels)


def _print_findings(console: Console, findings: Sequence[Finding]) -> None:
    from rich.text import Text

    for finding in findings:
        place = [f"row {finding.row}"] if finding.row is not None else []
        place += [f"column {finding.column}"] if finding.column is not None else []
        place += [f"value {finding.value}"] if finding.value else []
        line = Text(f"{finding.level:<9}", style=COLOURS[finding.level]) + Text(finding.name, style="bold" if console.is_terminal else "")
        console.print(line + Text(f"  {', '.join(place)}", style="dim"))
        console.print(Text(f"         {finding.message}"))
        if finding.fix:
            console.print(Text(f"         fix: {finding.fix}"))
    if not findings:
        console.print("nothing to complain about", highlight=False)


def _plot(description: Description, path: Path, quiet: bool) -> None:
    from wattloom.components.sources.formats.drawing import draw

    if not description.series:
        raise UsageError(f"{description.name} holds no series to draw")
    draw(description, path)
    if not quiet:
        _console().print(f"drawn to {path}", highlight=False)


def _finite(value: Any) -> Any:
    """JSON knows no NaN: absent numbers become null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and value != value else value
