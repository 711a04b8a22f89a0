"""Learning curves of many runs, such as a sweep, in one picture: a colour a configuration, a thin line a seed, a thick one their mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from wattloom.errors import RunError
from wattloom.views import style
from wattloom.views.series import RunData, Series, smoothing_window

if TYPE_CHECKING:
    from matplotlib.axes import Axes

IGNORED = ("seed", "runs_dir", "resume", "run_name")
"""Overrides that do not make another configuration."""
MOST = len(style.PALETTE)


def draw_many(runs: Sequence[Path], path: Path) -> Path:
    """Draw the evaluations of ``runs`` (training episodes, smoothed, where none was evaluated) over env steps and return ``path``.

    Raises:
        RunError: There are no records yet, or more configurations than one picture can tell apart.
    """
    curves = {run: _curve(RunData.read(run)) for run in runs}
    groups = grouped([run for run in runs if curves[run] is not None])
    if not groups:
        raise RunError(f"nothing to draw in '{path.parent}': no run has recorded an episode or an evaluation (the hook metrics does it)")
    if len(groups) > MOST:
        raise RunError(f"{len(groups)} configurations are more than one picture can tell apart ({MOST}); name the runs to draw")
    with style.applied():
        figure = style.new_figure(style.WIDTH, 4.9)
        axes = figure.add_subplot()
        drawn = [
            _group(axes, name, [curve for run in members if (curve := curves[run])], k) for k, (name, members) in enumerate(groups.items())
        ]
        axes.set_title("Learning curves: mean over seeds, and each seed")
        axes.set_ylabel("return (sum of rewards)")
        style.step_axis(axes, max(float(one.steps[-1]) for some in drawn for one in some))
        style.value_axis(axes, np.concatenate([one.values for some in drawn for one in some]), may_be_log=False)
        figure.legend(loc="outside lower center", ncols=2, columnspacing=1.6, handlelength=1.8)
        return style.save(figure, path)


def _curve(data: RunData) -> Series | None:
    """Return what a run is judged by; None where it has no record yet."""
    evaluated = data.series("evaluation").get("eval/return_mean")
    if evaluated is not None:
        return evaluated
    trained = data.series("episode").get("rollout/return")
    return None if trained is None else Series(trained.name, trained.steps, trained.smoothed(smoothing_window(len(trained.values))))


def grouped(runs: Sequence[Path]) -> dict[str, list[Path]]:
    """Return runs by configuration, named by the overrides in which the configurations differ."""
    asked = {run: _overrides(run) for run in runs}
    keys = dict.fromkeys(key for values in asked.values() for key in values)
    differing = [key for key in keys if len({values.get(key) for values in asked.values()}) > 1]
    groups: dict[str, list[Path]] = {}
    for run in sorted(runs):
        name = " ".join(f"{key}={asked[run].get(key, '(default)')}" for key in differing)
        groups.setdefault(name or "all runs", []).append(run)
    return groups


def _overrides(run: Path) -> Mapping[str, str]:
    """Return what was asked for, by key, without what makes no other configuration."""
    try:
        words: Any = yaml.safe_load((run / "overrides.yaml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RunError(f"cannot read {run / 'overrides.yaml'}: {error}") from error
    pairs = (str(word).partition("=") for word in words or [])
    found = {key.lstrip("+~"): value for key, _, value in pairs}
    return {key: value for key, value in found.items() if key not in IGNORED and not key.startswith("hooks")}


def _group(axes: Axes, name: str, curves: Sequence[Series], number: int) -> Sequence[Series]:
    """Draw the runs of one configuration: every seed, and the mean at the steps that all of them have."""
    colour = style.PALETTE[number]
    for curve in curves:
        axes.plot(curve.steps, curve.values, color=colour, linewidth=0.8, alpha=0.5)
    steps = np.array(sorted(set.intersection(*(set(curve.steps.tolist()) for curve in curves))))
    mean = np.mean([[dict(zip(curve.steps, curve.values, strict=True))[step] for step in steps] for curve in curves], axis=0)
    count = f"{len(curves)} seed{'' if len(curves) == 1 else 's'}"
    axes.plot(steps, mean, color=colour, linewidth=2.2, marker="o" if len(steps) < 30 else "", markersize=4.0, label=f"{name} ({count})")
    return curves
