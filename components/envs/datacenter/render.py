"""The picture of one copy: a strip of power, temperature, queue, charge and carbon over the episode so far.

Drawing begins with the first call of ``render`` for a copy; from then on every step is kept until the copy begins a new episode.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from wattloom.components.envs.datacenter.protocol import Record, State
from wattloom.environment import Array

PANELS = (
    ("power, kW", (("IT", "#4477aa"), ("facility", "#222222"), ("grid", "#cc6677"))),
    ("°C", (("outdoor", "#88ccee"), ("set-point", "#222222"), ("inlet", "#cc6677"))),
    ("share of capacity", (("waiting, capacity h", "#aa8833"), ("demand", "#bbbbbb"), ("executed", "#4477aa"))),
    ("charge, %", (("state of charge", "#228833"),)),
    ("g CO2/kWh", (("carbon intensity", "#555555"),)),
)
WHOLE = {"charge, %": (0.0, 100.0)}  # panels with a fixed range
SIZE_IN, DPI = (9.6, 7.2), 100
ABOVE = 17  # pixels above a panel that its legend takes


@dataclass
class Strip:
    """Values of one copy, step by step.

    Attributes:
        copy: Index of the copy.
        step_hours: Length of a step, h.
        horizon: Steps an episode; the width of the picture.
        rows: One tuple of 11 numbers a step.
        canvas: What it is drawn on; made with the first picture.
    """

    copy: int
    step_hours: float
    horizon: int
    rows: list[tuple[float, ...]] = field(default_factory=list)
    canvas: Canvas | None = None

    def add(self, record: Record, state: State) -> None:
        """Keep one step."""
        i, h = self.copy, self.step_hours
        x, work = record.inputs, record.work
        values = (
            record.it.power_w[i] / 1e3,
            record.total_w[i] / 1e3,
            record.power.grid_kwh[i] / h,
            x.weather.dry_bulb[i],
            record.air.setpoint[i],
            record.room_c[i],
            work.queued[i] * h,
            x.demand[i],
            work.utilisation[i],
            100.0 * record.power.soc[i],
            x.carbon[i],
        )
        self.rows.append(tuple(float(value) for value in values))

    def draw(self) -> Array:
        """Return the picture, uint8 ``(720, 960, 3)``."""
        if self.canvas is None:
            self.canvas = Canvas(self.horizon * self.step_hours / 24)
        series = np.array(self.rows).reshape(-1, 11)
        return self.canvas.draw(np.arange(1, len(series) + 1) * self.step_hours / 24, series)


class Canvas:
    """Five panels that are laid out once; the axes of one are drawn anew only where its data outgrow them, so a film of an episode takes little time.

    Args:
        days: Days that the time axis shows.
    """

    def __init__(self, days: float) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=SIZE_IN, dpi=DPI)
        canvas: Any = FigureCanvasAgg(figure)
        self._agg = canvas
        self._axes = figure.subplots(len(PANELS), 1, sharex=True)
        figure.subplots_adjust(left=0.075, right=0.985, bottom=0.068, top=0.97, hspace=0.24)
        self._lines = []
        for axis, (label, lines) in zip(self._axes, PANELS, strict=True):
            for name, colour in lines:
                self._lines += [(axis, *axis.plot([], [], color=colour, linewidth=1.3, label=name, animated=True))]
            _style(axis, label, len(lines) > 1)
        self._axes[-1].set_xlabel("day of the episode")
        self._axes[-1].set_xlim(0, days)
        self._bands = self._cut()
        self._blank = [self._agg.copy_from_bbox(band) for band in self._bands]
        self._behind = list(self._blank)  # axes without lines
        self._limits: list[tuple[float, float] | None] = [None] * len(PANELS)

    def _cut(self) -> list[Any]:
        """Draw the paper and return each panel's band of it, in pixels."""
        from matplotlib.transforms import Bbox

        width, height = SIZE_IN[0] * DPI, SIZE_IN[1] * DPI
        self._agg.figure.draw_artist(self._agg.figure.patch)
        edges = [0.0, *(axis.get_position().y1 * height + ABOVE for axis in self._axes[:0:-1]), height]
        return [Bbox([[0, low], [width, high]]) for low, high in pairwise(edges)][::-1]

    def draw(self, time: Array, series: Array) -> Array:
        """Return the picture of ``series`` (steps, 11) over ``time`` (days), uint8 ``(720, 960, 3)``."""
        for panel, limits in enumerate(_all_limits(series)):
            if limits != self._limits[panel]:
                self._limits[panel] = limits
                self._scale(panel, limits)
        for behind in self._behind:
            self._agg.restore_region(behind)
        for column, (axis, line) in enumerate(self._lines):
            line.set_data(time, series[:, column])
            axis.draw_artist(line)
        picture: Array = np.asarray(self._agg.buffer_rgba())[..., :3].copy()
        return picture

    def _scale(self, panel: int, limits: tuple[float, float]) -> None:
        """Draw the axes of one panel for other limits."""
        axis = self._axes[panel]
        axis.set_ylim(*limits)
        self._agg.restore_region(self._blank[panel])
        axis.draw(self._agg.get_renderer())
        self._behind[panel] = self._agg.copy_from_bbox(self._bands[panel])


def _all_limits(series: Array) -> list[tuple[float, float]]:
    """Return the lower and upper end of every panel."""
    ends, column = [], 0
    for label, lines in PANELS:
        shown = series[:, column : column + len(lines)]
        column += len(lines)
        ends.append(WHOLE[label] if label in WHOLE else round_limits(float(shown.min()), float(shown.max())) if shown.size else (0.0, 1.0))
    return ends


def round_limits(low: float, high: float) -> tuple[float, float]:
    """Return round numbers around ``low .. high``, a tenth to a quarter of the range apart; they depend on nothing else."""
    span = max(high - low, 1e-3 * max(abs(low), abs(high), 1e-3))
    power = 10.0 ** np.floor(np.log10(span))
    step = power / 10 if span < 2 * power else power / 4 if span < 5 * power else power / 2
    return float(np.floor((low - 0.04 * span) / step) * step), float(np.ceil((high + 0.04 * span) / step) * step)


def _style(axis: Any, label: str, legend: bool) -> None:
    """Label one panel."""
    axis.set_ylabel(label, fontsize=9)
    axis.yaxis.set_label_coords(-0.052, 0.5)
    axis.tick_params(labelsize=8)
    axis.grid(True, linewidth=0.4, alpha=0.5)
    axis.spines[["top", "right"]].set_visible(False)
    if legend:
        axis.legend(loc="lower right", bbox_to_anchor=(1.0, 0.94), ncols=3, fontsize=8, frameon=False, borderpad=0.1)
