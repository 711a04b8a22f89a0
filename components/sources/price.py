"""Electricity price, generated: 15 markets (2024). Six of them are labelled weak: their spikes or tariff steps are not reproduced."""

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

TABLES = ("price_world_2024",)


@dataclass(frozen=True)
class SyntheticPrice:
    """Seasonal-AR electricity price, column ``price`` in USD/MWh; it may be negative.

    Attributes:
        zone: Market, e.g. ``"US-NY-NYIS"`` or ``"DE-LU"``; None: the location has none (an error that lists the markets).
        resample: How hourly prices become the calendar's step.
        transforms: Changes to the series, in order.
    """

    zone: str | None = "US-NY-NYIS"
    resample: Resample = "hold"
    transforms: Sequence[Transform] = ()

    kind: ClassVar[str] = "price"

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", tuple(self.transforms))

    def load(self, calendar: Calendar, seed: int = 0) -> Table:
        """Return the price on a calendar; correlated with the weather and carbon intensity of the same place and seed."""
        found = zone("price", self.zone, TABLES)
        series = hourly_series(found, "price", found.facts["node"], "USD/MWh", calendar, seed)
        return table_of([series], calendar, resample=self.resample, transforms=self.transforms, seed=seed)
