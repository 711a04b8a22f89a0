"""The original's New York in July, as recorded: inputs to train on, and four weeks with the original's own results.

Importing this module registers two options of the group ``episode``, so that an ordinary run can use them:

    episode=july_inputs  episode.folder=FOLDER     random starts (days 174 .. 188), weather noise and roll as the original draws them
    episode=july_weeks   episode.folder=FOLDER     copy k plays recorded week k mod 4, whatever the seed
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wattloom import register
from wattloom.components.envs.datacenter.protocol import Cooling, State, Table
from wattloom.components.envs.datacenter.sustaindc.data import QUARTERS
from wattloom.components.envs.datacenter.sustaindc.episode import CARBON, DEMAND, SustainDcEpisode
from wattloom.components.envs.datacenter.sustaindc.recording import bounds_of, series_of, start_of
from wattloom.environment import Array

INPUTS, WEEKS = "ny_july_training_inputs.npz", "ny_july_reference_weeks.npz"
STEPS, COUNT = 672, 4


@register("episode", "july_inputs")
class JulyInputs(SustainDcEpisode):
    """The original's draws on a recorded stretch of the year.

    Args:
        folder: Where the recording lies.
    """

    def __init__(self, folder: str) -> None:
        super().__init__(month=6, days=7)
        self.folder = folder

    def bind(self, sources: Mapping[str, Table], cooling: Cooling, num_envs: int) -> None:
        """Lay the recorded stretch into an empty year; starts and rolls never leave it."""
        self._cooling = cooling
        recorded = np.load(Path(self.folder) / INPUTS)
        series = np.stack([recorded[name] for name in ("workload", "temp", "wetbulb", "ci")])
        first = int(recorded["first_index"])
        self._year = np.full((4, QUARTERS), np.nan)
        self._year[:, first : first + series.shape[1]] = series

    def means(self) -> tuple[float, float, float]:
        """Return mean demand and carbon intensity of the stretch."""
        return float(np.nanmean(self._year[DEMAND])), float(np.nanmean(self._year[CARBON])), 1.0


@register("episode", "july_weeks")
class JulyWeeks(SustainDcEpisode):
    """Four recorded weeks, weather noise included.

    Args:
        folder: Where the recording lies.
    """

    def __init__(self, folder: str) -> None:
        super().__init__(month=6, days=7)
        recorded = np.load(Path(folder) / WEEKS)
        weeks = [{name[6:]: recorded[name] for name in recorded if name.startswith(f"week{k}_")} for k in range(1, COUNT + 1)]
        self._weeks = [(series_of(week, STEPS), bounds_of(week), start_of(week)) for week in weeks]

    def bind(self, sources: Mapping[str, Table], cooling: Cooling, num_envs: int) -> None:
        """Need no sources."""
        self._cooling = cooling

    def means(self) -> tuple[float, float, float]:
        """Return mean demand and carbon intensity of the weeks."""
        demand, carbon = (float(np.mean([series[i] for series, _, _ in self._weeks])) for i in (DEMAND, CARBON))
        return demand, carbon, 1.0

    def begin(self, state: State, copies: Array, generators: Sequence[np.random.Generator], options: Mapping[str, Any]) -> None:
        """Lay the weeks."""
        for copy in copies:
            series, bounds, start = self._weeks[int(copy) % COUNT]
            self.lay(state, int(copy), series, bounds, start)
