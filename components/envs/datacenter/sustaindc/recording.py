"""Recorded stretches: the exogenous series of a recording, their normalisation and start, as an episode part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from wattloom.components.envs.datacenter.protocol import Cooling, State, Table
from wattloom.components.envs.datacenter.sustaindc.episode import LEAD, TAIL, SustainDcEpisode
from wattloom.environment import Array
from wattloom.errors import DataError

SERIES = ("in_workload", "in_temp", "in_wetbulb", "in_ci")


class RecordedEpisode(SustainDcEpisode):
    """One recorded stretch instead of a draw.

    Args:
        series: Demand, dry bulb, wet bulb, carbon, ``(4, LEAD + steps + TAIL)``.
        bounds: Temperature min, max, carbon min, max.
        start: 15-min index of the year of the first step.
        steps: Steps of the episode.
    """

    def __init__(self, series: Array, bounds: Sequence[float], start: int, steps: int) -> None:
        super().__init__()
        self.horizon = steps
        self._series, self._recorded_bounds, self._start = series, bounds, start

    def bind(self, sources: Mapping[str, Table], cooling: Cooling, num_envs: int) -> None:
        """Need no sources."""
        self._cooling = cooling

    def begin(self, state: State, copies: Array, generators: Sequence[np.random.Generator], options: Mapping[str, Any]) -> None:
        """Lay the recording."""
        for copy in copies:
            self.lay(state, int(copy), self._series, self._recorded_bounds, self._start)


def series_of(exogenous: Mapping[str, ArrayLike], steps: int) -> Array:
    """Return the four series, held at their last value where the recording ends early."""
    missing = [name for name in SERIES if name not in exogenous]
    if missing:
        raise DataError(f"replay: no series {', '.join(missing)}; {', '.join(SERIES)} are needed")
    rows = [np.asarray(exogenous[name], dtype=np.float64) for name in SERIES]
    if len({row.shape for row in rows}) > 1 or rows[0].ndim != 1 or len(rows[0]) < LEAD + steps + 17:
        raise DataError(
            f"replay: {steps} steps need series of equal length of at least {LEAD + steps + 17} values, not {[row.shape for row in rows]}"
        )
    length = LEAD + steps + TAIL
    series = np.stack(rows)[:, :length]
    return np.concatenate([series, np.repeat(series[:, -1:], length - series.shape[1], axis=1)], axis=1)


def bounds_of(exogenous: Mapping[str, ArrayLike]) -> tuple[float, float, float, float]:
    """Return the bounds of the normalisation."""
    return *_bound(exogenous, "temp"), *_bound(exogenous, "ci")


def _bound(exogenous: Mapping[str, ArrayLike], name: str) -> tuple[float, float]:
    """Return minimum and maximum as given, as the normalised series implies, or of the data."""
    if f"norm_{name}_min_max" in exogenous:
        low, high = np.asarray(exogenous[f"norm_{name}_min_max"], dtype=np.float64)
        return float(low), float(high)
    raw = np.asarray(exogenous[f"in_{name}"], dtype=np.float64)
    if f"in_norm_{name}" in exogenous:
        scaled = np.asarray(exogenous[f"in_norm_{name}"], dtype=np.float64)
        first, last = int(scaled.argmin()), int(scaled.argmax())
        width = (raw[last] - raw[first]) / (scaled[last] - scaled[first])
        low = raw[first] - scaled[first] * width
        return float(low), float(low + width)
    ahead = raw[LEAD : LEAD + 2880]
    return float(ahead.min()), float(ahead.max())


def start_of(exogenous: Mapping[str, ArrayLike]) -> int:
    """Return the 15-min index of the year of the first step."""
    if "t0" in exogenous:
        return round(float(np.asarray(exogenous["t0"])))
    if "start_day_hour" in exogenous:
        day, hour = np.asarray(exogenous["start_day_hour"], dtype=np.float64)
        return round(float(96 * day + 4 * hour))
    return 0
