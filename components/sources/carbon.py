"""Carbon intensity of the grid, generated: 8 balancing authorities of the US (life cycle, 2022) and 16 zones of the world (direct, 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.loading import table_of
from wattloom.components.sources.parameters import zone
from wattloom.components.sources.resample import Resample
from wattloom.components.sources.synthetic import hourly_series
from wattloom.components.sources.table import Table
from wattloom.components.sources.transforms import Transform

TABLES = ("carbon_us_2022", "carbon_world_2024")


@dataclass(frozen=True)
class SyntheticCarbon:
    """Seasonal-AR carbon intensity, column ``carbon_intensity`` in gCO2/kWh.

    Attributes:
        zone: Balancing authority or zone, e.g. ``"NYIS"`` or ``"DE-LU"``.
        resample: How hourly means become the calendar's step.
        transforms: Changes to the series, in order.
    """

    zone: str | None = "NYIS"
    resample: Resample = "smooth"
    transforms: Sequence[Transform] = ()

    kind: ClassVar[str] = "carbon"

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", tuple(self.transforms))

    def load(self, calendar: Calendar, seed: int = 0) -> Table:
        """Return the carbon intensity on a calendar; correlated with the weather, demand and price of the same place and seed."""
        found = zone("carbon", self.zone, TABLES)
        series = hourly_series(found, "carbon_intensity", found.facts["node"], "gCO2/kWh", calendar, seed)
        return table_of([series], calendar, resample=self.resample, transforms=self.transforms, seed=seed)
