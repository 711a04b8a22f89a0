"""The picture of one copy: a strip of power, temperature, queue, charge and carbon over the episode so far.

Drawing begins with the first call of ``render`` for a copy; from then on every step is kept until the copy begins a new episode.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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


@dataclass
class Strip:
    """Values of one copy, step by step.

    Attributes:
        copy: Index of the copy.
        step_hours: Length of a step, h.
        horizon: Steps an episode; the width of the picture.
        rows: One tuple of 11 numbers a step.
    """

    copy: int
    step_hours: float
    horizon: int
    rows: list[tuple[float, ...]] = field(default_factory=list)

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
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=SIZE_IN, dpi=DPI, layout="constrained")
        canvas: Any = FigureCanvasAgg(figure)
        axes = figure.subplots(len(PANELS), 1, sharex=True)
        days = self.horizon * self.step_hours / 24
        series = np.array(self.rows).reshape(-1, 11)
        time = np.arange(1, len(series) + 1) * self.step_hours / 24
        column = 0
        for axis, (label, lines) in zip(axes, PANELS, strict=True):
            for name, colour in lines:
                axis.plot(time, series[:, column], color=colour, linewidth=1.3, label=name)
                column += 1
            _style(axis, label, len(lines) > 1)
            if label in WHOLE:
                axis.set_ylim(*WHOLE[label])
        axes[-1].set_xlabel("day of the episode")
        axes[-1].set_xlim(0, days)
        canvas.draw()
        picture: Array = np.asarray(canvas.buffer_rgba())[..., :3].copy()
        return picture


def _style(axis: Any, label: str, legend: bool) -> None:
    """Label one panel."""
    axis.set_ylabel(label, fontsize=9)
    axis.tick_params(labelsize=8)
    axis.grid(True, linewidth=0.4, alpha=0.5)
    axis.spines[["top", "right"]].set_visible(False)
    if legend:
        axis.legend(loc="lower right", bbox_to_anchor=(1.0, 0.94), ncols=3, fontsize=8, frameon=False, borderpad=0.1)
