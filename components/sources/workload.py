"""Workload of a machine room, generated: the utilisation of three clusters, hour by hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.climate import dated
from wattloom.components.sources.loading import table_of
from wattloom.components.sources.parameters import zone
from wattloom.components.sources.resample import Resample
from wattloom.components.sources.synthetic import hourly
from wattloom.components.sources.table import Table
from wattloom.components.sources.transforms import Transform

TABLES = ("workload",)


@dataclass(frozen=True)
class SyntheticWorkload:
    """Seasonal-AR utilisation, column ``utilization`` (unit 1, 0 .. 1), local to the site of the calendar.

    Attributes:
        trace: Cluster it is modelled on: ``"alibaba_1"`` (mean 0.50, clear day), ``"alibaba_2"`` (0.32, clear day), ``"google"`` (0.66, flat).
        scale: Factor on the utilisation; the result is limited to 1.
        resample: How hourly means become the calendar's step.
        transforms: Changes to the series, in order.
    """

    trace: str = "alibaba_1"
    scale: float = 1.0
    resample: Resample = "smooth"
    transforms: Sequence[Transform] = ()

    kind: ClassVar[str] = "workload"

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", tuple(self.transforms))

    def load(self, calendar: Calendar, seed: int = 0) -> Table:
        """Return the utilisation on a calendar."""
        found = zone("workload", self.trace, TABLES)
        values, year, offset = hourly(found, "utilization", "utilization", calendar, seed, calendar.utc_offset_hours)
        series = dated(
            "utilization", "1", (self.scale * values).clip(0.0, 1.0), year, offset, f"synthetic workload {self.trace}, seed {seed}"
        )
        return table_of([series], calendar, resample=self.resample, transforms=self.transforms, seed=seed)
