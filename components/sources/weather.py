"""Weather, generated: dry and wet bulb, humidity and wind of 8 US sites (typical years) and 16 zones of the world (2020 - 2024).

The US sites model the wet-bulb depression beside the dry bulb, which keeps the hot, humid hours a cooling tower cares about; the zones of the world
model relative humidity and derive the wet bulb (:mod:`wattloom.components.physics.moist_air`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from wattloom.components.physics import moist_air
from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.climate import dated
from wattloom.components.sources.loading import table_of
from wattloom.components.sources.parameters import Zone, zone
from wattloom.components.sources.resample import Resample
from wattloom.components.sources.series import Floats, Series
from wattloom.components.sources.synthetic import hourly
from wattloom.components.sources.table import Table
from wattloom.components.sources.transforms import Transform

TABLES = ("weather_us", "weather_world")
UNITS = {"dry_bulb": "degC", "wet_bulb": "degC", "relative_humidity": "%", "wind_speed": "m/s"}


@dataclass(frozen=True)
class SyntheticWeather:
    """Seasonal-AR weather: columns ``dry_bulb`` and ``wet_bulb`` (degC), ``relative_humidity`` (%) and ``wind_speed`` (m/s at 10 m).

    Attributes:
        zone: Site or zone, e.g. ``"NY-LaGuardia"`` or ``"DE-LU"``.
        warming: Kelvin added to dry and wet bulb alike: a warmer climate.
        resample: How hourly readings become the calendar's step.
        transforms: Changes to every column, in order.
    """

    zone: str | None = "NY-LaGuardia"
    warming: float = 0.0
    resample: Resample = "linear"
    transforms: Sequence[Transform] = ()

    kind: ClassVar[str] = "weather"

    def __post_init__(self) -> None:
        object.__setattr__(self, "transforms", tuple(self.transforms))

    def load(self, calendar: Calendar, seed: int = 0) -> Table:
        """Return the weather on a calendar; correlated with the demand, carbon intensity and price of the same place and seed."""
        found = zone("weather", self.zone, TABLES)
        values, year, offset = hourly(found, "dry_bulb", "dry_bulb", calendar, seed)
        columns = _with_wet_bulb(found, values, calendar, seed)
        columns["wind_speed"] = hourly(found, "wind_speed", "wind_speed", calendar, seed)[0]
        for name in ("dry_bulb", "wet_bulb"):
            columns[name] = columns[name] + self.warming
        origin = f"synthetic weather of {found.name}, seed {seed}"
        series = [self._series(name, columns[name], year, offset, origin) for name in UNITS]
        return table_of(series, calendar, resample=self.resample, transforms=self.transforms, seed=seed)

    @staticmethod
    def _series(name: str, values: Floats, year: int, offset: float, origin: str) -> Series:
        return dated(name, UNITS[name], values, year, offset, origin, instant=True)


def _with_wet_bulb(found: Zone, dry_bulb: Floats, calendar: Calendar, seed: int) -> dict[str, Floats]:
    """Wet bulb and humidity that go with a dry bulb: from the depression where it is modelled, else from the humidity."""
    if "wet_bulb_depression" in found.models:
        depression = hourly(found, "wet_bulb_depression", "wet_bulb_depression", calendar, seed)[0]
        wet_bulb = np.minimum(dry_bulb - depression, found.facts["wet_bulb_max"])  # the extremes of the model run too high
        humidity = moist_air.humidity_from_wet_bulb(dry_bulb, wet_bulb, found.facts["pressure_pa"])
    else:
        humidity = hourly(found, "relative_humidity", "relative_humidity", calendar, seed)[0]
        wet_bulb = moist_air.wet_bulb(dry_bulb, humidity, found.facts["pressure_pa"])
    return {"dry_bulb": dry_bulb, "wet_bulb": wet_bulb, "relative_humidity": humidity}
