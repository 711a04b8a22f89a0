"""Sources that never change: the baseline to compare with, and the quickest way to switch an input off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.protocol import KINDS
from wattloom.components.sources.table import Table
from wattloom.environment import Column
from wattloom.errors import ConfigError


@dataclass(frozen=True)
class Constant:
    """One column of one value.

    Attributes:
        kind: Config group it stands in: workload, weather, carbon, price, demand or solar.
        name: Name of the column, e.g. ``"carbon_intensity"``.
        unit: Unit of the column.
        value: The value.

    Raises:
        ConfigError: If the kind is unknown or the value is not finite.
    """

    kind: str
    name: str
    unit: str
    value: float

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"constant source of kind {self.kind!r}: choose one of {', '.join(KINDS)}")
        if not np.isfinite(self.value):
            raise ConfigError(f"{self.kind}.value={self.value}: give a finite number of {self.unit}")

    def load(self, calendar: Calendar, seed: int = 0) -> Table:
        """Return the column on a calendar."""
        return _constant(calendar, {self.name: (self.unit, self.value)}, f"constant {self.kind}")


@dataclass(frozen=True)
class ConstantWeather:
    """Steady weather.

    Attributes:
        dry_bulb: degC.
        wet_bulb: degC, not above the dry bulb.
        relative_humidity: %.
        wind_speed: m/s.

    Raises:
        ConfigError: If the wet bulb lies above the dry bulb.
    """

    dry_bulb: float = 20.0
    wet_bulb: float = 15.0
    relative_humidity: float = 60.0
    wind_speed: float = 3.0

    kind: ClassVar[str] = "weather"

    def __post_init__(self) -> None:
        if self.wet_bulb > self.dry_bulb:
            raise ConfigError(f"weather.wet_bulb={self.wet_bulb} lies above weather.dry_bulb={self.dry_bulb}; a wet bulb never does")

    def load(self, calendar: Calendar, seed: int = 0) -> Table:
        """Return the four columns on a calendar."""
        columns = {
            "dry_bulb": ("degC", self.dry_bulb),
            "wet_bulb": ("degC", self.wet_bulb),
            "relative_humidity": ("%", self.relative_humidity),
            "wind_speed": ("m/s", self.wind_speed),
        }
        return _constant(calendar, columns, "constant weather")


def _constant(calendar: Calendar, columns: dict[str, tuple[str, float]], origin: str) -> Table:
    values = np.broadcast_to(np.array([value for _, value in columns.values()]), (calendar.n_steps, len(columns)))
    return Table(calendar, tuple(Column(name, unit) for name, (unit, _) in columns.items()), values, "tile", origin)
