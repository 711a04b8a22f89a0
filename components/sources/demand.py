"""Electric demand, generated: the hourly load of a region, and the half-hour demand of a small islanded grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.halfhour import demand_of
from wattloom.components.sources.loading import table_of
from wattloom.components.sources.noise import with_noise
from wattloom.components.sources.parameters import zone
from wattloom.components.sources.resample import Resample
from wattloom.components.sources.synthetic import hourly_series
from wattloom.components.sources.table import Table
from wattloom.components.sources.transforms import Transform

TABLES = ("demand_us_2022",)


@dataclass(frozen=True)
class SyntheticDemand:
    """Seasonal-AR load of a region (8 US balancing authorities, 2022), column ``demand`` in kW.

    Attributes:
        zone: Balancing authority, e.g. ``"NYIS"``.
        mean_kw: Annual mean demand, kW.
        resample: How hourly means become the calendar's step.
        noise: Standard deviation of the variation within an hour, as a share of the mean; 0: none. Only for steps under an hour.
        transforms: Changes to the series, in order.
    """

    zone: str | None = "NYIS"
    mean_kw: float = 1000.0
    resample: Resample = "smooth"
    noise: float = 0.0
    transforms: Sequence[Transform] = ()

    kind: ClassVar[str] = "demand"

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", tuple(self.transforms))

    def load(self, calendar: Calendar, seed: int = 0) -> Table:
        """Return the demand on a calendar; correlated with the weather and carbon intensity of the same place and seed."""
        found = zone("demand", self.zone, TABLES)
        series = hourly_series(found, "demand", found.facts["node"], "kW", calendar, seed, factor=self.mean_kw)
        table = table_of([series], calendar, resample=self.resample, transforms=self.transforms, seed=seed)
        noisy = with_noise(table.values[:, 0], calendar, self.noise * self.mean_kw, 0.2, seed, f"demand {found.place}")
        return Table(calendar, table.columns, noisy[:, None], "tile", table.origin, seed)


@dataclass(frozen=True)
class HalfHourDemand:
    """Half-hour demand of a small islanded grid: a daily shape, a level for each day and an AR(1) residual; column ``demand`` in kW.

    Attributes:
        profile: ``"a"`` or ``"b"``: which of two 15-day records it was fitted on.
        peak_kw: Peak demand, kW.
        resample: How half-hour means become the calendar's step.
        transforms: Changes to the series, in order.
    """

    profile: str = "a"
    peak_kw: float = 1.0
    resample: Resample = "smooth"
    transforms: Sequence[Transform] = ()

    kind: ClassVar[str] = "demand"

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", tuple(self.transforms))

    def load(self, calendar: Calendar, seed: int = 0) -> Table:
        """Return the demand on a calendar."""
        series = demand_of(self.profile, self.peak_kw, calendar, seed)
        return table_of([series], calendar, resample=self.resample, transforms=self.transforms, seed=seed)
