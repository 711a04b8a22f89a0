"""One look for all pictures: colours, numbers on axes, and figures that share no global state."""

from __future__ import annotations

import io
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wattloom.telemetry.files import write_bytes_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1f2a37"
MUTED = "#6b7785"
GRID = "#e6eaee"
RAW = "#8fb8de"
TRAINING = "#1d6fa5"
EVALUATION = "#d9822b"
PALETTE = (TRAINING, EVALUATION, "#2a9d72", "#b5477f", "#7a5cc0", "#8a6d3b", "#3aa6b9", "#c0392b", "#b6c0ca")

SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same picture on every machine
    "font.size": 10.0,
    "axes.titlesize": 11.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10.0,
    "axes.edgecolor": "#b6c0ca",
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9.0,
    "lines.solid_capstyle": "round",
}


def applied() -> AbstractContextManager[None]:
    """Return a context in which matplotlib draws in this style."""
    import matplotlib as mpl

    settings: Any = SETTINGS
    context: AbstractContextManager[None] = mpl.rc_context(settings)
    return context


WIDTH = 9.0
"""Inches; all pictures of a page are equally wide, so that their text is equally large."""


def grid_figure(panels: int, across: int = 3, height: float = 2.5) -> tuple[Figure, list[Axes]]:
    """Return a figure of ``panels`` axes in rows of ``across``, each row ``height`` inches high."""
    across = min(across, panels)
    rows = -(-panels // across)
    figure = new_figure(WIDTH, height * rows + 0.4)
    return figure, [figure.add_subplot(rows, across, k + 1) for k in range(panels)]


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure (inches) outside pyplot, so that nothing is kept after it."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def step_axis(axes: Axes, last: float) -> None:
    """Label the horizontal axis as env steps, from 0 to ``last``, with thousands separated."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_xlim(-0.01 * max(last, 1.0), 1.02 * max(last, 1.0))
    axes.set_xlabel("env steps")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def value_axis(axes: Axes, values: np.ndarray[Any, Any], may_be_log: bool = True) -> None:
    """Format the vertical axis; a positive quantity over three decades or more is drawn on a logarithmic scale."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    finite = values[np.isfinite(values)]
    if may_be_log and len(finite) and finite.min() > 0 and finite.max() / finite.min() > 1e3:
        axes.set_yscale("log")
        return
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    if len(finite) and np.abs(finite).max() >= 1e3:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def short(value: float) -> str:
    """Return a number as printed on axes: ``7,000``, ``20k``, ``1.5M``."""
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            unit = 1e3 if suffix == "k" else size
            return _minus(f"{value / unit:.4g}{suffix}")
    return _minus(f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}")


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}", 1) if text.startswith("-") else text


def save(figure: Figure, path: Path, dots_per_inch: int = 160) -> Path:
    """Write ``figure`` in the format that the ending of ``path`` names (else PNG), whole or not at all, and return ``path``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    kind = path.suffix.lower().removeprefix(".") or "png"
    FigureCanvasAgg(figure).print_figure(buffer, format=kind, dpi=dots_per_inch)
    write_bytes_atomically(path, buffer.getvalue())
    return path
