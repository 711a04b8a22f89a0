"""Learning curves: raw and smoothed, a view of ``logs/metrics.jsonl`` that can be drawn at any time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wattloom.views import style
from wattloom.views.series import RunData, Series, smoothing_window
from wattloom.views.text import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS = 12
"""Small panels on one picture; what lies beyond is in the metric file."""


def draw_curves(run: Path, folder: Path, title: str = "") -> list[Path]:
    """Draw every picture that the run in folder ``run`` has data for.

    Args:
        run: Run folder; only ``logs/`` is read.
        folder: Where the pictures go: ``learning.png``, ``agents.png``, ``training.png``, ``metrics.png``.
        title: Headline of the learning curve.

    Returns:
        The files written; none where there is no data yet.
    """
    data = RunData.read(run)
    episodes, updates, evaluations = (data.series(event) for event in ("episode", "update", "evaluation"))
    last = max((float(record.get("step", 0)) for record in data.records), default=0.0)
    small = {
        "agents.png": [s for name, s in episodes.items() if name.count("/") == 2 and name.endswith("/return")],
        "training.png": [s for name, s in updates.items() if name.startswith("train/")],
        "metrics.png": [s for name, s in episodes.items() if name.startswith("env/")],
    }
    written: list[Path] = []
    with style.applied():
        if "rollout/return" in episodes or "eval/return_mean" in evaluations:
            written.append(_learning(episodes.get("rollout/return"), evaluations, last, title, folder / "learning.png"))
        written += [_panels(series, data, evaluations, last, folder / name) for name, series in small.items() if series]
    return written


def _learning(training: Series | None, evaluations: Mapping[str, Series], last: float, title: str, path: Path) -> Path:
    """Draw the return of training episodes, raw and smoothed, and of evaluations with their range over episodes."""
    figure = style.new_figure(style.WIDTH, 4.9)
    axes = figure.add_subplot()
    if training is not None:
        _raw_and_smoothed(axes, training, style.RAW, style.TRAINING, "training episodes", "episodes")
    if "eval/return_mean" in evaluations:
        _evaluations(axes, evaluations)
    axes.set_title(title or "Learning curve")
    axes.set_ylabel("return (sum of rewards)")
    style.step_axis(axes, last)
    _return_axis(axes, [training, *evaluations.values()] if training is not None else evaluations.values())
    figure.legend(loc="outside lower center", ncols=4, columnspacing=1.6, handlelength=1.8)
    return style.save(figure, path)


def _return_axis(axes: Axes, drawn: Iterable[Series]) -> None:
    """Format the numbers; returns are never drawn on a logarithmic scale, which would hide their sign."""
    values = [s.values for s in drawn if s.name.split("/")[-1].startswith("return")]
    style.value_axis(axes, np.concatenate(values), may_be_log=False)


def _evaluations(axes: Axes, evaluations: Mapping[str, Series]) -> None:
    """Draw mean and range of the evaluation episodes, and mark the best."""
    from matplotlib.patheffects import withStroke

    mean = evaluations["eval/return_mean"]
    low, high = evaluations.get("eval/return_min", mean), evaluations.get("eval/return_max", mean)
    axes.fill_between(
        mean.steps, low.values, high.values, color=style.EVALUATION, alpha=0.16, linewidth=0.0, label="evaluation, worst to best"
    )
    axes.plot(mean.steps, mean.values, color=style.EVALUATION, linewidth=2.2, marker="o", markersize=4.5, label="evaluation, mean")
    if np.isfinite(mean.values).any():
        best = _best(mean, evaluations.get("eval/is_best"))
        axes.annotate(
            f"best {number(mean.values[best])}",
            (mean.steps[best], mean.values[best]),
            xytext=(0, 9),
            textcoords="offset points",
            ha="right" if mean.steps[best] > 0.8 * mean.steps[-1] else "center",
            color=style.EVALUATION,
            fontweight="bold",
            path_effects=[withStroke(linewidth=3.0, foreground="white")],
        )


def _best(mean: Series, chosen: Series | None) -> int:
    """Return the number of the evaluation that was kept as the best: the last one marked, else the one of highest return."""
    known = chosen is not None and len(chosen.values) == len(mean.values)
    marked = np.flatnonzero(chosen.values == 1) if chosen is not None and known else np.zeros(0)
    return int(marked[-1]) if len(marked) else int(np.nanargmax(mean.values))


def _raw_and_smoothed(axes: Axes, series: Series, raw: str, smooth: str, label: str, items: str) -> None:
    """Draw a thin raw line under a bold moving average; a single point becomes a dot."""
    window = smoothing_window(len(series.values))
    marker = "o" if len(series.values) == 1 else None
    axes.plot(series.steps, series.values, color=raw, linewidth=1.0, alpha=0.75, marker=marker, label=label)
    if window > 1:
        axes.plot(series.steps, series.smoothed(window), color=smooth, linewidth=2.4, label=f"mean of the last {window} {items}")


def _panels(series: list[Series], data: RunData, evaluations: Mapping[str, Series], last: float, path: Path) -> Path:
    """Draw one small panel a column, with its unit; an evaluation of the same metric is drawn over it."""
    figure, panels = style.grid_figure(min(len(series), PANELS))
    for axes, one in zip(panels, series, strict=False):
        _raw_and_smoothed(axes, one, style.RAW, style.TRAINING, "training", "records")
        twin = evaluations.get(one.name.replace("env/", "eval/", 1)) if one.name.startswith("env/") else None
        if twin is not None:
            axes.plot(twin.steps, twin.values, color=style.EVALUATION, linewidth=1.8, marker="o", markersize=3.0, label="evaluation")
        axes.set_title(_caption(one.name), fontsize=10.0)
        axes.set_ylabel("return" if one.name.endswith("/return") else data.unit(one.name))
        style.step_axis(axes, last)
        style.value_axis(axes, one.values)
        if not np.isfinite(one.values).any():
            axes.text(0.5, 0.5, "no finite value", transform=axes.transAxes, ha="center", va="center", color=style.MUTED)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, columnspacing=1.6, handlelength=1.8)
    return style.save(figure, path)


def _caption(name: str) -> str:
    """Return a column name as a panel title: ``train/loss_q1`` becomes ``loss q1``."""
    kind, _, rest = name.partition("/")
    return (rest if kind in ("train", "env") else rest.removesuffix("/return")).replace("_", " ")
