"""Solar irradiance and PV power, generated: clear sky x daily clearness x hourly ratio, at 8 US sites; and a half-hour PV shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.clearness import hourly_year
from wattloom.components.sources.climate import dated, years_of
from wattloom.components.sources.halfhour import solar_of
from wattloom.components.sources.loading import table_of
from wattloom.components.sources.noise import with_noise
from wattloom.components.sources.parameters import zone
from wattloom.components.sources.resample import Resample
from wattloom.components.sources.table import Table
from wattloom.components.sources.transforms import Transform

TABLES = ("solar_clearness_us",)


@dataclass(frozen=True)
class SyntheticSolar:
    """PV power per unit of its rating (column ``solar``, unit 1) and global horizontal irradiance (``ghi``, W/m2).

    Power is ``performance_ratio * ghi / 1000``, limited to 1: a horizontal array without temperature losses of its own.

    Attributes:
        zone: Site, e.g. ``"NY-LaGuardia"``; None: the location has none (an error that lists the sites).
        performance_ratio: Power at 1000 W/m2 over the rating.
        resample: How hourly means become the calendar's step.
        noise: Standard deviation of the variation within an hour, as a share of the rating; 0: none. Only for steps under an hour.
        transforms: Changes to both series, in order.
    """

    zone: str | None = "NY-LaGuardia"
    performance_ratio: float = 0.85
    resample: Resample = "smooth"
    noise: float = 0.015
    transforms: Sequence[Transform] = ()

    kind: ClassVar[str] = "solar"

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", tuple(self.transforms))

    def load(self, calendar: Calendar, seed: int = 0) -> Table:
        """Return power and irradiance on a calendar."""
        found = zone("solar", self.zone, TABLES)
        offset = float(found.facts["utc_offset_hours"])
        years = years_of(calendar, offset)
        ghi = np.concatenate([hourly_year(found, seed, year) for year in years])
        power = np.minimum(self.performance_ratio * ghi / 1000.0, 1.0)
        origin = f"synthetic solar of {found.name}, seed {seed}"
        members = [dated("solar", "1", power, years[0], offset, origin), dated("ghi", "W/m2", ghi, years[0], offset, origin)]
        table = table_of(members, calendar, resample=self.resample, transforms=self.transforms, seed=seed)
        noisy = with_noise(table.values[:, 0], calendar, self.noise, 0.67, seed, f"solar {found.place}")
        return Table(calendar, table.columns, np.column_stack([noisy, table.values[:, 1]]), "tile", table.origin, seed)


@dataclass(frozen=True)
class HalfHourSolar:
    """Half-hour PV power of a small islanded grid, column ``solar`` as a fraction of the peak.

    Attributes:
        profile: ``"a"`` or ``"b"``: which of two 15-day records it was fitted on.
        resample: How half-hour means become the calendar's step.
        transforms: Changes to the series, in order.
    """

    profile: str = "a"
    resample: Resample = "smooth"
    transforms: Sequence[Transform] = ()

    kind: ClassVar[str] = "solar"

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", tuple(self.transforms))

    def load(self, calendar: Calendar, seed: int = 0) -> Table:
        """Return the power on a calendar."""
        return table_of([solar_of(self.profile, calendar, seed)], calendar, resample=self.resample, transforms=self.transforms, seed=seed)
