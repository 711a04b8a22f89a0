"""Metric records as columns over env steps, with units, and their moving average."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wattloom.telemetry.logger import ENVELOPE, is_wall_clock
from wattloom.telemetry.reader import read_records

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Series:
    """One column over env steps.

    Attributes:
        name: Column name, e.g. ``"train/loss_q1"``.
        steps: Float64 ``(n,)``, env steps over all copies.
        values: Float64 ``(n,)``; NaN where the record held null.
    """

    name: str
    steps: Floats
    values: Floats

    def smoothed(self, window: int) -> Floats:
        """Return the mean of the last ``window`` values at each point; see :func:`moving_average`."""
        return moving_average(self.values, window)


@dataclass(frozen=True, slots=True)
class RunData:
    """All metric records of one run.

    Attributes:
        records: In file order.
        columns: Column name to ``{"unit", "better", "meaning"}`` as declared when the run began.
        torn: 1 where the metric file ended in a half-written line.
    """

    records: Sequence[Mapping[str, Any]]
    columns: Mapping[str, Mapping[str, str]]
    torn: int = 0

    @classmethod
    def read(cls, run: Path) -> RunData:
        """Read the metrics of the run in folder ``run``; a run without any has no records."""
        found = read_records(run / "logs" / "metrics.jsonl")
        declared = read_records(run / "logs" / "columns.jsonl")
        return cls(found.records, {str(row["name"]): row for row in declared}, found.torn)

    def select(self, event: str) -> list[Mapping[str, Any]]:
        """Return the records of one event, in file order."""
        return [record for record in self.records if record.get("event") == event]

    def series(self, event: str) -> dict[str, Series]:
        """Return every value column of one event, by name in order of appearance; wall-clock columns are left out."""
        rows = self.select(event)
        names = dict.fromkeys(name for row in rows for name in row if name not in ENVELOPE and not is_wall_clock(name))
        return {name: _series(name, rows) for name in names if name != "nonfinite"}

    def unit(self, name: str) -> str:
        """Return the declared unit, ``""`` where there is none or it is a plain number."""
        unit = str(self.columns.get(name, {}).get("unit", ""))
        return "" if unit == "1" else unit


def _series(name: str, rows: Iterable[Mapping[str, Any]]) -> Series:
    pairs = [(row["step"], row[name]) for row in rows if name in row]
    values = np.array([np.nan if value is None else float(value) for _, value in pairs])
    return Series(name, np.array([float(step) for step, _ in pairs]), values)


def moving_average(values: Floats, window: int) -> Floats:
    """Return the mean of the last ``window`` finite values at each point, float64 ``(n,)``; NaN where there is none.

    Sums run over the window alone, whatever its length: two cumulative sums.
    """
    finite = np.isfinite(values)
    totals = np.concatenate([[0.0], np.cumsum(np.where(finite, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(finite)])
    end = np.arange(1, len(values) + 1)
    begin = np.maximum(end - max(window, 1), 0)
    number = counts[end] - counts[begin]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(number > 0, (totals[end] - totals[begin]) / number, np.nan)


def smoothing_window(length: int) -> int:
    """Return a window for ``length`` points: a tenth of them, 5 to 100; 1 where there are too few to smooth."""
    return 1 if length < 10 else int(np.clip(length // 10, 5, 100))
