"""One picture of a file or source: every series over time, its mean day, and how often which value occurs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wattloom.components.sources.formats.description import Description, hour_of_day, zone_of
from wattloom.components.sources.formats.quantities import unit_text
from wattloom.components.sources.series import DAY, Floats, Series
from wattloom.views import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROWS = 4  # series drawn at most
LAST = ("ghi", "wind_speed", "cloud_cover", "pressure", "dew_point", "wind_direction", "dni", "dhi")  # drawn where there is room
BOX = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.0}
POINTS = 4000  # steps drawn one by one; longer series are thinned
LARGER = {  # from which value on a unit is drawn as a larger one, and how many of the unit that is
    "kW": ((1e7, "GW", 1e6), (1e4, "MW", 1e3)),
    "kvar": ((1e7, "Gvar", 1e6), (1e4, "Mvar", 1e3)),
    "Pa": ((1e4, "kPa", 1e3),),
}


def draw(description: Description, path: Path | None = None, names: Sequence[str] = ()) -> Figure:
    """Draw a description.

    Args:
        description: What was inspected.
        path: PNG, PDF or SVG to write; None: only return the figure.
        names: Series to draw; empty: the first four that vary.

    Returns:
        The figure.
    """
    chosen = [one for one in description.series if one.name in names] if names else _worth_drawing(description.series)
    chosen = [_in_short_numbers(one) for one in chosen]
    with style.applied():
        figure = style.new_figure(11.0, 0.7 + 2.35 * len(chosen))
        axes = figure.subplots(len(chosen), 3, squeeze=False, width_ratios=[2.4, 1.35, 1.0])
        for row, series in zip(axes, chosen, strict=True):
            _over_time(row[0], series)
            _day(row[1], series, description.site)
            _histogram(row[2], series)
        left_out = len(description.series) - len(chosen)
        more = f"  ({left_out} more series not drawn)" if left_out else ""
        name = Path(description.name).name if "format" in description.extra else description.name
        figure.suptitle(f"{_shortened(name, 70)}\n{_shortened(description.title + more, 120)}", x=0.01, ha="left", fontsize=11.0)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=110)
    return figure


def _worth_drawing(series: Sequence[Series]) -> list[Series]:
    varying = [one for one in series if np.nanmax(one.values) > np.nanmin(one.values)] or list(series)
    return sorted(varying, key=lambda one: LAST.index(one.name) + 1 if one.name in LAST else 0)[:ROWS]


def _in_short_numbers(series: Series) -> Series:
    """The series in a unit that leaves room for the ticks: 12 GW, not 1.2e7 kW."""
    largest = float(np.nanmax(np.abs(series.values)))
    for least, unit, many in LARGER.get(series.unit, ()):
        if largest >= least:
            return replace(series, values=series.values / many, unit=unit, distinct_steps=series.distinct_steps)
    return series


def _over_time(axes: Axes, series: Series) -> None:
    """All values pale, daily means strong."""
    per_day = DAY // series.step_seconds
    days = np.arange(series.n_steps) / per_day
    every = max(1, series.n_steps // POINTS)
    axes.plot(days[::every], series.values[::every], color=style.RAW, linewidth=0.6)
    whole = series.n_steps // per_day
    if whole >= 2:
        daily = series.values[: whole * per_day].reshape(whole, per_day).mean(axis=1)
        axes.plot(np.arange(whole) + 0.5, daily, color=style.TRAINING, linewidth=1.4, label="daily mean")
        _legend(axes)
    if series.distinct_steps < series.n_steps and series.distinct_steps > 1:
        axes.axvline(series.distinct_steps / per_day, color=style.EVALUATION, linewidth=1.2, linestyle="--")
        axes.text(
            series.distinct_steps / per_day, 0.02, " repeats from here", color=style.INK, transform=axes.get_xaxis_transform(), bbox=BOX
        )
    axes.set_title(f"{series.name}{f' [{series.unit}]' if unit_text(series.unit) else ' [fraction]'}")
    axes.set_xlabel(f"days since {_start(series)}")
    axes.margins(x=0.01)


def _start(series: Series) -> str:
    if series.typical_year:
        return "1 January (typical year)"
    return "the first value (undated)" if series.start_utc is None else f"{str(series.start_utc)[:16].replace('T', ' ')} UTC"


def _day(axes: Axes, series: Series, site: bool) -> None:
    """Median and 10 .. 90 % band of every hour of the day."""
    hour = hour_of_day(series).astype(np.int64)
    known = np.isfinite(series.values)
    bands: list[Floats] = []
    for h in range(24):
        members = series.values[known & (hour == h)]
        bands.append(np.quantile(members, [0.1, 0.5, 0.9]) if members.size else np.full(3, np.nan))
    low, middle, high = np.array(bands).T
    axes.fill_between(np.arange(24) + 0.5, low, high, color=style.RAW, alpha=0.45, linewidth=0, label="10–90 %")
    axes.plot(np.arange(24) + 0.5, middle, color=style.TRAINING, label="median")
    axes.set_xticks([0, 6, 12, 18, 24])
    unnamed = site or (series.start_utc is None and series.utc_offset_hours is None)
    axes.set_xlabel(f"hour of day ({'local standard time' if unnamed else zone_of(series.utc_offset_hours or 0.0)})")
    axes.set_title("day")
    _legend(axes)


def _histogram(axes: Axes, series: Series) -> None:
    from matplotlib.ticker import MaxNLocator

    values = series.values[np.isfinite(series.values)]
    axes.hist(values, bins=40, color=style.TRAINING, weights=np.full(values.size, 100.0 / values.size))
    axes.axvline(float(values.mean()), color=style.EVALUATION, linewidth=1.4)
    axes.set_xlabel(f"{series.unit if unit_text(series.unit) else 'fraction'}, mean {values.mean():.4g}")
    axes.set_ylabel("% of steps")
    axes.set_title("distribution")
    axes.xaxis.set_major_locator(MaxNLocator(4))


def _legend(axes: Axes) -> None:
    """Above the plot, beside the title, where no value can be hidden."""
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.99), ncols=2, borderpad=0.1, handlelength=1.4)


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
