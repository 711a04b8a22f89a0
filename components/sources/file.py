"""Sources that read one file each: workload, weather, carbon intensity, price, demand and solar."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from wattloom.components.physics import moist_air
from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.file_source import MEASURED, WEATHER, FileSource
from wattloom.components.sources.formats.file_checks import WRONG_NOON_HOURS, solar_noon
from wattloom.components.sources.formats.findings import DataWarning, FileError, Finding
from wattloom.components.sources.formats.mix import NAME as CARBON
from wattloom.components.sources.formats.reader import Loaded
from wattloom.components.sources.resample import Resample
from wattloom.components.sources.series import DAY, HOUR, Series
from wattloom.components.sources.table import Table
from wattloom.components.sources.transforms import TransposeHourMajor
from wattloom.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class WorkloadFile(FileSource):
    """Utilisation from a file: column ``utilization`` (unit 1, 0 .. 1)."""

    kind: ClassVar[str] = "workload"

    def findings(self) -> tuple[Finding, ...]:
        """Return what was noticed; the order of the hours is settled where the transform sets it right."""
        settled = any(isinstance(transform, TransposeHourMajor) for transform in self.transforms)
        return tuple(finding for finding in super().findings() if finding.name != "hour_major" or not settled)

    def series(self, loaded: Loaded) -> list[Series]:
        """Return the utilisation.

        Raises:
            ConfigError: If the file is a list of jobs.
        """
        if loaded.jobs is not None:
            raise ConfigError(f"{loaded.path}: a list of jobs ({loaded.format.title}); read it with workload=jobs_file")
        return [loaded.series["utilization"]]


@dataclass(frozen=True, kw_only=True)
class WeatherFile(FileSource):
    """Weather from a file: ``dry_bulb`` and ``wet_bulb`` (degC), ``relative_humidity`` (%), ``wind_speed`` (m/s), and what else the file has.

    The wet bulb is the file's own, or follows from humidity (or dew point) and station pressure (where absent: of the standard atmosphere at the
    station's elevation).
    """

    resample: Resample = "linear"

    kind: ClassVar[str] = "weather"

    def series(self, loaded: Loaded) -> list[Series]:
        """Return the weather with its wet bulb.

        Raises:
            FileError: If there is no dry bulb, or nothing that tells how moist the air is.
        """
        members = dict(loaded.series)
        if "dry_bulb" not in members or not {"wet_bulb", "relative_humidity", "dew_point"} & set(members):
            message = f"weather needs dry_bulb and one of wet_bulb, relative_humidity, dew_point; read: {', '.join(members) or 'nothing'}"
            fix = "name the columns with weather.column={dry_bulb: NAME, relative_humidity: NAME}"
            raise FileError([Finding("error", "column_missing", loaded.path, message, fix, 1)])
        dry = members["dry_bulb"]
        if "relative_humidity" not in members and "dew_point" in members:
            humidity = moist_air.humidity_from_dew_point(dry.values, members["dew_point"].values)
            members["relative_humidity"] = replace(dry, name="relative_humidity", unit="%", values=humidity, distinct_steps=0)
        if "wet_bulb" not in members:
            wet = moist_air.wet_bulb(dry.values, members["relative_humidity"].values, self._pressure(loaded))
            members["wet_bulb"] = replace(dry, name="wet_bulb", values=wet, distinct_steps=0)
        return [members[name] for name in (*WEATHER, *MEASURED) if name in members]

    @staticmethod
    def _pressure(loaded: Loaded) -> np.ndarray[tuple[int], np.dtype[np.float64]] | float:
        if "pressure" in loaded.series:
            return loaded.series["pressure"].values
        elevation = loaded.facts.get("elevation_m", 0.0)
        return moist_air.pressure_at(elevation if isinstance(elevation, (int, float)) else 0.0)


@dataclass(frozen=True, kw_only=True)
class CarbonFile(FileSource):
    """Carbon intensity from a file: column ``carbon_intensity`` (gCO2/kWh), stated or from the generation mix."""

    kind: ClassVar[str] = "carbon"

    def needed(self, loaded: Loaded) -> Iterable[str]:
        """Return the intensity, and the fuels it is made of where the file states none."""
        return (CARBON, *(loaded.format.mix if loaded.mixed else ()))

    def series(self, loaded: Loaded) -> list[Series]:
        """Return the carbon intensity."""
        return [loaded.series[CARBON]]

    def load(self, calendar: Calendar, seed: int = 0) -> Table:
        """Return the carbon intensity; warn where the file's own sun does not shine by day at the calendar's site."""
        _warn_of_night_sun(self.read(), calendar)
        return super().load(calendar, seed)


@dataclass(frozen=True, kw_only=True)
class PriceFile(FileSource):
    """Electricity price from a file: column ``price`` (USD/MWh, or the file's currency).

    Attributes:
        usd_per_unit: Dollars for one unit of the file's currency; None: the prices stay in it.
    """

    usd_per_unit: float | None = None
    resample: Resample = "hold"

    kind: ClassVar[str] = "price"

    def findings(self) -> tuple[Finding, ...]:
        """Return what was noticed; the currency is settled where an exchange rate is given."""
        return tuple(finding for finding in super().findings() if finding.name != "currency" or self.usd_per_unit is None)

    def series(self, loaded: Loaded) -> list[Series]:
        """Return the price.

        Raises:
            ConfigError: If an exchange rate is given for a file in dollars, or is not positive.
        """
        price = loaded.series["price"]
        if self.usd_per_unit is None:
            return [price]
        if price.unit == "USD/MWh" or self.usd_per_unit <= 0:
            raise ConfigError(
                f"price.usd_per_unit={self.usd_per_unit}: the prices of {loaded.path} are in {price.unit}; give a positive rate or null"
            )
        return [price.with_values(price.values * self.usd_per_unit, unit="USD/MWh")]


@dataclass(frozen=True, kw_only=True)
class DemandFile(FileSource):
    """Electric demand from a file: column ``demand`` (kW, or a fraction of the rated value), or one column for each load of the file.

    Attributes:
        peak_kw: Power that a fraction of 1 stands for, kW; None: fractions stay fractions.
    """

    peak_kw: float | None = None

    kind: ClassVar[str] = "demand"

    def series(self, loaded: Loaded) -> list[Series]:
        """Return every series of demand."""
        return [scaled(one, self.peak_kw, "demand.peak_kw") for one in loaded.series.values()]


@dataclass(frozen=True, kw_only=True)
class SolarFile(FileSource):
    """Solar power from a file: column ``solar`` (fraction of the rating, or kW), or one column for each plant; with ``ghi`` (W/m2) where it has it.

    Attributes:
        performance_ratio: Power at 1000 W/m2 over the rating, for files of irradiance alone.
        peak_kw: Power that a fraction of 1 stands for, kW; None: fractions stay fractions.
    """

    performance_ratio: float = 0.85
    peak_kw: float | None = None

    kind: ClassVar[str] = "solar"

    def series(self, loaded: Loaded) -> list[Series]:
        """Return power, and irradiance where the file has it."""
        members = {name: one for name, one in loaded.series.items() if name not in ("dni", "dhi")}
        if "ghi" in members and "solar" not in members:
            ghi = members["ghi"]
            power = np.minimum(self.performance_ratio * ghi.values / 1000.0, 1.0)
            members = {"solar": replace(ghi, name="solar", unit="1", values=power, distinct_steps=0), **members}
        return [one if name == "ghi" else scaled(one, self.peak_kw, "solar.peak_kw") for name, one in members.items()]


def scaled(series: Series, peak_kw: float | None, setting: str) -> Series:
    """Return a fraction of the rated value as kW (or kvar); other series unchanged.

    Raises:
        ConfigError: If a peak is given for a series that is in kW already.
    """
    if peak_kw is None:
        return series
    if series.unit != "1" or peak_kw <= 0:
        raise ConfigError(
            f"{setting}={peak_kw}: {series.name} of {series.origin} is in {series.unit}; give a positive peak for fractions, else null"
        )
    return series.with_values(series.values * peak_kw, unit="kW")


def _warn_of_night_sun(loaded: Loaded, calendar: Calendar) -> None:
    """The mix of a grid shows when its sun shines; that should be by day at the site."""
    sun = loaded.series.get("generation_solar")
    if sun is None or sun.start_utc is None or sun.values.mean() <= 0.005 * sum(one.values.mean() for one in loaded.series.values()):
        return
    second = int(sun.start_utc.astype(np.int64)) % DAY + round(calendar.utc_offset_hours * HOUR)
    noon = solar_noon(sun.values, sun.step_seconds, second)
    if abs(noon - 12.0) > WRONG_NOON_HOURS:
        text = (
            f"{loaded.path}: sun_at_night: solar power is highest at {noon:.1f} h local time of a site at {calendar.utc_offset_hours:+g} h; "
            "check that the file belongs to this place, and carbon.zone="
        )
        warnings.warn(text, DataWarning, stacklevel=3)
