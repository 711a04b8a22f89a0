"""A comparison as text for terminals, and as files for notebooks."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wattloom.comparison import RETURN, Comparison, Line, percent
from wattloom.figures import Figure
from wattloom.statistics import Interval
from wattloom.telemetry.json import dumps
from wattloom.views.text import line_width

PRIVILEGED = " *"


def comparison_text(comparison: Comparison, figures: Sequence[Figure]) -> str:
    """Return the tables of ``comparison``: figures of every line, the share of the gap, differences to every reference."""
    blocks = [_means(comparison, figures)]
    if comparison.gap is not None:
        blocks.append(_gap(comparison, figures))
    if comparison.references and comparison.policies:
        blocks.append(_differences(comparison, comparison.policies[0], figures))
    notes = []
    if any(line.privileged for line in comparison.lines):
        notes.append("* knows the model or the true future: a bound, no controller")
    if comparison.identical_episodes():
        notes.append(
            "all episodes came out the same: this environment draws nothing, so intervals over episodes say nothing (--episodes 1 is enough)"
        )
    return "\n\n".join([*blocks, *notes] if notes else blocks)


def _means(comparison: Comparison, figures: Sequence[Figure]) -> str:
    """Return mean and half width of the 95 % interval of every figure and line."""
    heads = [_name(line) for line in comparison.lines]
    rows = [[_spread(Comparison.interval(line, figure)) for line in comparison.lines] for figure in figures]
    over = {line.over for line in comparison.policies} or {"episodes"}
    counts = ", ".join(sorted(over))
    return _table(
        f"mean and 95 % interval over {counts}" + (" (references: over episodes)" if "runs" in over else ""), figures, heads, rows
    )


def _differences(comparison: Comparison, policy: Line, figures: Sequence[Figure]) -> str:
    """Return policy minus reference for every figure and reference."""
    heads = [_name(line) for line in comparison.references]
    rows = []
    for figure in figures:
        cells = []
        for reference in comparison.references:
            interval = Comparison.difference(policy, reference, figure)
            share = percent(interval[0], Comparison.interval(reference, figure)[0])
            cells.append(_bracketed(interval) + ("" if share is None else f" {_signed(share, 1)} %"))
        rows.append(cells)
    return _table(f"{policy.name} minus, paired on the same episodes, 95 % interval over {policy.over}", figures, heads, rows)


def _gap(comparison: Comparison, figures: Sequence[Figure]) -> str:
    """Return the share of the gap between two references that every policy closes."""
    assert comparison.gap is not None
    shown, rows = [], []
    for figure in figures:
        shares = [comparison.share(line, figure) for line in comparison.policies]
        if any(share is not None for share in shares):
            shown.append(figure)
            rows.append(["–" if share is None else _bracketed(_times(share, 100.0), sign=False) + " %" for share in shares])
    title = f"share closed of the gap from {comparison.gap[0]} to {comparison.gap[1]}, 95 % interval over {comparison.policies[0].over}"
    if not shown:
        return f"{title}: {comparison.gap[1]} is better than {comparison.gap[0]} in no figure here"
    return _table(title, shown, [_name(line) for line in comparison.policies], rows)


def _table(title: str, figures: Sequence[Figure], heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells under heads, each row begun by name, unit and kind of its figure; wrapped into blocks of columns."""
    labels = [(figure.name, figure.column.unit, figure.how) for figure in figures]
    left = [max(len(label[k]) for label in (*labels, ("figure", "unit", "over steps"))) for k in range(3)]
    widths = [max(len(cell) for cell in (head, *(row[k] for row in rows))) for k, head in enumerate(heads)]
    lines = [title]
    for columns in _blocks(widths, line_width() - sum(left) - 4):
        if len(lines) > 1:
            lines.append("")
        for label, cells in zip((("figure", "unit", "over steps"), *labels), (heads, *rows), strict=True):
            begin = "  ".join(text.ljust(size) for text, size in zip(label, left, strict=True))
            lines.append(f"{begin}  {'  '.join(cells[k].rjust(widths[k]) for k in columns)}".rstrip())
    return "\n".join(lines)


def _blocks(widths: Sequence[int], room: int) -> list[list[int]]:
    """Return column numbers in groups that fit into ``room`` characters, at least one each."""
    blocks: list[list[int]] = [[]]
    used = 0
    for k, width in enumerate(widths):
        if blocks[-1] and used + width + 2 > room:
            blocks.append([])
            used = 0
        blocks[-1].append(k)
        used += width + 2
    return blocks


def _name(line: Line) -> str:
    return line.name + (PRIVILEGED if line.privileged else "")


def _times(interval: Interval, factor: float) -> Interval:
    return interval[0] * factor, interval[1] * factor, interval[2] * factor


def _spread(interval: Interval) -> str:
    """Return ``12.3 ± 0.4``."""
    mean, low, high = interval
    digits = _digits(mean, (high - low) / 2)
    return _fixed(mean, digits) + ("" if math.isnan(low) else f" ± {_fixed((high - low) / 2, digits)}")


def _bracketed(interval: Interval, sign: bool = True) -> str:
    """Return ``+1.2 [+0.9, +1.5]``."""
    mean, low, high = interval
    digits = _digits(mean, (high - low) / 2)
    show = _signed if sign else _fixed
    return show(mean, digits) + ("" if math.isnan(low) else f" [{show(low, digits)}, {show(high, digits)}]")


def _digits(value: float, half: float) -> int:
    """Return decimals: two significant digits of the half width, or four of the value where there is no width."""
    if math.isfinite(half) and half > 0.0:
        return min(max(1 - math.floor(math.log10(half)), 0), 6)
    return min(max(3 - math.floor(math.log10(abs(value))), 0), 6) if math.isfinite(value) and value else 0


def _fixed(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{value:,.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _signed(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{value:+,.{digits}f}".replace("-", "\N{MINUS SIGN}")


# files


def write_comparison(folder: Path, comparison: Comparison, about: Mapping[str, Any]) -> None:
    """Write ``episodes.csv``, ``summary.csv``, ``differences.csv`` and ``summary.json``.

    Args:
        folder: Where to; made if it is not there.
        comparison: What was found.
        about: Further entries of the JSON file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_episodes(folder / "episodes.csv", comparison)
    _write_summary(folder / "summary.csv", comparison)
    if comparison.references and comparison.policies:
        _write_differences(folder / "differences.csv", comparison)
    (folder / "summary.json").write_text(dumps({**about, **comparison.summary()}, indent=2) + "\n")


def _write_episodes(path: Path, comparison: Comparison) -> None:
    """Write one row an episode and run: figures, then step means of the metrics as ``NAME/step_mean``."""
    figures = [figure.name for figure in comparison.figures if figure is not RETURN]
    metrics = list(comparison.lines[0].results[0].metrics)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["policy", "run", "seed", "return", "length", "terminated", *figures, *(f"{name}/step_mean" for name in metrics)])
        for line in comparison.lines:
            for run, result in zip(line.runs or ("",), line.results, strict=True):
                for k, seed in enumerate(result.seeds):
                    head = [line.name, run, seed, float(result.returns[k]), int(result.lengths[k]), int(result.terminated[k])]
                    values = [float(result.figures[name][k]) for name in figures] + [float(result.metrics[name][k]) for name in metrics]
                    writer.writerow([*head, *values])


def _write_summary(path: Path, comparison: Comparison) -> None:
    """Write one row a line and figure, with its interval and the share of the gap closed."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        head = ["policy", "kind", "privileged", "figure", "unit", "better", "over_steps", "mean", "low", "high", "interval_over"]
        writer.writerow([*head, "gap_closed", "gap_closed_low", "gap_closed_high"])
        for line in comparison.lines:
            for figure in comparison.figures:
                about = [line.name, "reference" if line.is_reference else "policy", int(line.privileged)]
                share = None if line.is_reference else comparison.share(line, figure)
                column = figure.column
                numbers = [*Comparison.interval(line, figure), line.over, *(share or ("", "", ""))]
                writer.writerow([*about, column.name, column.unit, column.better, figure.how, *numbers])


def _write_differences(path: Path, comparison: Comparison) -> None:
    """Write one row a policy, reference and figure: the paired difference with its interval."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["policy", "reference", "figure", "unit", "difference", "low", "high", "percent", "interval_over"])
        for policy in comparison.policies:
            for reference in comparison.references:
                for figure in comparison.figures:
                    interval = Comparison.difference(policy, reference, figure)
                    relative = percent(interval[0], Comparison.interval(reference, figure)[0])
                    writer.writerow(
                        [
                            policy.name,
                            reference.name,
                            figure.name,
                            figure.column.unit,
                            *interval,
                            "" if relative is None else relative,
                            policy.over,
                        ]
                    )
