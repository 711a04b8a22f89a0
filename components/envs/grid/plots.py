"""Pictures of an evaluation of the grid: voltages within their band, batteries, reactive power, and the network at its worst moments."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from wattloom.errors import RunError
from wattloom.plots import Plot, PlotRequest, chosen
from wattloom.views import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from wattloom.components.envs.grid.environment import Grid

FEW_DAYS = 3  # up to which the clock is printed several times a day
MOST_LABELS = 8
OUTSIDE = "#c0392b"


def grid_plots(environment: Grid) -> dict[str, Plot]:
    """Return the pictures of ``environment``, by name."""
    drawers = {"voltage": _voltage, "soc": _charge, "reactive": _reactive, "map": _map}
    return {name: partial(draw, environment) for name, draw in drawers.items()}


def read_steps(request: PlotRequest) -> pd.DataFrame:
    """Return the rows of ``step_metrics.csv`` that are asked for, in order of time, each day once.

    Raises:
        UsageError: A run, day or seed that is not there; names those that are.
        RunError: There is no table.
    """
    import pandas as pd

    path = request.folder / "step_metrics.csv"
    if not path.is_file():
        raise RunError(f"there is no {path}: this evaluation is not one of a grid, or was made before it wrote tables")
    steps = pd.read_csv(path, parse_dates=["time"], keep_default_na=True)
    chosen("run", [request.run], sorted(steps["run"].unique()))
    steps = steps[(steps["run"] == request.run) & steps["played"]]
    if request.seed is not None:
        chosen("seed", [request.seed], sorted(steps["seed"].unique().tolist()))
        steps = steps[steps["seed"] == request.seed]
    days = sorted(steps["day"].unique().tolist())
    steps = steps[steps["day"].isin(days if request.days is None else chosen("day", request.days, days))]
    first = steps.groupby("day")["episode"].transform("min")
    return steps[steps["episode"] == first].sort_values(["day", "step"]).reset_index(drop=True)


def _voltage(environment: Grid, request: PlotRequest) -> Figure:
    """Draw the lowest, mean and highest voltage, and the band that the evaluation counts by."""
    steps, (low, high) = read_steps(request), environment.band
    figure, axes, x = _canvas(environment, steps, f"Voltage of all buses, {request.run}", "voltage, p.u.")
    lowest, highest = steps["voltage_min_pu"].to_numpy(), steps["voltage_max_pu"].to_numpy()
    for begin, end in _stretches(steps):
        part = slice(begin, end)
        label = "lowest to highest bus" if begin == 0 else None
        axes.fill_between(x[part], lowest[part], highest[part], color=style.RAW, alpha=0.45, linewidth=0, label=label)
        axes.plot(x[part], steps["voltage_mean_pu"][part], color=style.TRAINING, linewidth=1.8, label="mean" if begin == 0 else None)
    for level, name in ((low, f"band {low:g} to {high:g} p.u."), (high, None)):
        axes.axhline(level, color=OUTSIDE, linestyle="--", linewidth=1.2, label=name)
    bottom, top = min(np.nanmin(lowest), low), max(np.nanmax(highest), high)
    axes.set_ylim(bottom - 0.08 * (top - bottom), top + 0.08 * (top - bottom))
    outside = int(((lowest < low) | (highest > high)).sum())
    axes.set_title(
        f"{outside} of {len(steps)} steps with a bus outside the band", loc="right", fontsize=9, color=style.MUTED, fontweight="normal"
    )
    return _finished(figure)


def _charge(environment: Grid, request: PlotRequest) -> Figure:
    """Draw what every battery holds, and its window."""
    steps, parameters = read_steps(request), environment.fleet.parameters
    figure, axes, x = _canvas(environment, steps, f"Energy in the batteries, {request.run}", "energy stored, MWh")
    _lines(axes, x, steps, _named(steps, "battery_soc_bus_"), "battery_soc_bus_", "bus ")
    edges = sorted({*parameters.low_mwh.tolist(), *parameters.high_mwh.tolist()})
    for k, level in enumerate(edges if len(edges) == 2 else []):
        axes.axhline(level, color=style.MUTED, linestyle="--", linewidth=1.0, label="window" if k == 0 else None)
    axes.set_ylim(bottom=0.0)
    return _finished(figure)


def _reactive(environment: Grid, request: PlotRequest) -> Figure:
    """Draw the reactive power of every inverter; positive is fed into the network."""
    steps = read_steps(request)
    figure, axes, x = _canvas(environment, steps, f"Reactive power of the inverters, {request.run}", "reactive power fed in, MVAr")
    axes.axhline(0.0, color=style.MUTED, linewidth=0.8)
    _lines(axes, x, steps, _named(steps, "pv_bus_", "_q_mvar"), "pv_bus_", "bus ", "_q_mvar")
    return _finished(figure)


def _map(environment: Grid, request: PlotRequest) -> Figure:
    """Draw the network when a bus was lowest and when one was highest."""
    from wattloom.components.envs.grid.render import Map

    steps, feeder = read_steps(request), environment.feeder
    names = [f"voltage_bus_{int(bus)}_pu" for bus in feeder.model.bus_index]
    picture, figure = Map.of(feeder), style.new_figure(style.WIDTH, 3.4)
    moments = (("lowest", int(np.nanargmin(steps["voltage_min_pu"]))), ("highest", int(np.nanargmax(steps["voltage_max_pu"]))))
    for k, (which, row) in enumerate(moments):
        axes, at = figure.add_subplot(1, 2, k + 1), steps.iloc[row]
        vm = at[names].to_numpy(dtype=float)
        known = np.where(np.isfinite(vm[feeder.live]), vm[feeder.live], 1.0)
        bus = int(feeder.model.bus_index[feeder.live[int(known.argmin() if which == "lowest" else known.argmax())]])
        axes.imshow(picture.draw(vm, feeder.live, environment.band, *_assets(environment, at)))
        axes.set_axis_off()
        value = at["voltage_min_pu" if which == "lowest" else "voltage_max_pu"]
        axes.set_title(f"{which}: {value:.4f} p.u. at bus {bus}, day {at['day']} {at['time']:%H:%M}", fontsize=10)
    low, high = environment.band
    text = f"{request.run}; blue is low, red is high (marks at 0.95, 1 and 1.05 p.u.), a dark rim is outside {low:g} to {high:g} p.u."
    figure.suptitle(text, fontsize=9, color=style.MUTED)
    return figure


def _assets(environment: Grid, at: Any) -> tuple[dict[int, float], dict[int, float]]:
    """Return the state of charge and the sun of a row by bus column, as shares."""
    fleet = environment.fleet
    soc = [at[name] for name in at.index if name.startswith("battery_soc_bus_")] / fleet.capacity_mwh
    sun = [at[name] for name in at.index if name.startswith("pv_bus_") and name.endswith("_p_mw")] / fleet.pv_mw
    charge, power = np.asarray(soc, dtype=float).tolist(), np.asarray(sun, dtype=float).tolist()
    return dict(zip(fleet.battery_bus.tolist(), charge, strict=True)), dict(zip(fleet.pv_bus.tolist(), power, strict=True))


def _named(steps: pd.DataFrame, prefix: str, suffix: str = "") -> list[str]:
    """Return the columns whose names begin and end so."""
    return [name for name in map(str, steps.columns) if name.startswith(prefix) and name.endswith(suffix)]


def _lines(axes: Axes, x: Any, steps: pd.DataFrame, names: list[str], prefix: str, label: str, suffix: str = "") -> None:
    """Draw one line a column, broken where days do not follow one another."""
    for name, colour in zip(names, style.PALETTE * (1 + len(names) // len(style.PALETTE)), strict=False):
        for begin, end in _stretches(steps):
            text = label + name.removeprefix(prefix).removesuffix(suffix)
            axes.plot(x[begin:end], steps[name][begin:end], color=colour, linewidth=1.5, label=text if begin == 0 else None)


def _canvas(environment: Grid, steps: pd.DataFrame, title: str, unit: str) -> tuple[Figure, Axes, Any]:
    """Return a figure whose horizontal axis is the clock, with a line between days, and where each step lies on it, h."""
    figure = style.new_figure(style.WIDTH, 3.6)
    axes = figure.add_subplot()
    hours = environment.rows.profiles.step_hours
    x = np.arange(len(steps)) * hours
    axes.set_title(title)
    axes.set_ylabel(unit)
    axes.set_xlim(0.0, max(float(x[-1]), hours) if len(x) else 1.0)
    begins = np.flatnonzero(np.diff(steps["day"].to_numpy(), prepend=-1))
    for begin in begins[1:]:
        axes.axvline(x[begin], color=style.MUTED, linewidth=1.0, alpha=0.6)
    _clock(axes, steps, x, begins)
    return figure, axes, x


def _clock(axes: Axes, steps: pd.DataFrame, x: Any, begins: Any) -> None:
    """Label the axis: the time of the day where there are few days, else their beginnings; and the days by number."""
    times, days = steps["time"], steps["day"].to_numpy()
    if len(begins) <= FEW_DAYS:
        marks = np.flatnonzero((times.dt.minute == 0) & (times.dt.hour % (3 if len(begins) == 1 else 6) == 0))
    else:
        marks = begins[:: -(-len(begins) // MOST_LABELS)]
    first = set(begins.tolist())
    labels = [f"{times[k]:%H:%M}" + (f"\nday {days[k]}" if k in first else "") for k in marks]
    axes.set_xticks(x[marks], labels)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("local time")


def _stretches(steps: pd.DataFrame) -> list[tuple[int, int]]:
    """Return begin and end of rows that follow one another in the data and belong to one episode."""
    index, episode = steps["dataset_index"].to_numpy(), steps["episode"].to_numpy()
    breaks = np.flatnonzero((np.diff(index) != 1) | (np.diff(episode) != 0)) + 1
    edges = [0, *breaks.tolist(), len(steps)]
    return list(pairwise(edges))


def _finished(figure: Figure) -> Figure:
    """Add the legend below the picture."""
    figure.legend(loc="outside lower center", ncols=6, columnspacing=1.6, handlelength=1.8)
    return figure
