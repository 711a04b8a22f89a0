"""House units: what each quantity is measured in here, and how other units become it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wattloom.components.sources.series import Floats
from wattloom.errors import ConfigError, did_you_mean

POUND_KG = 0.45359237  # international avoirdupois pound, exact


@dataclass(frozen=True, slots=True)
class Quantity:
    """A measured quantity.

    Attributes:
        unit: House unit.
        units: Other units and the ``(scale, offset)`` with ``house = scale * value + offset``.
        checks: Names of the value checks that every series of this quantity is put through.
        common: Whether the checks of every series (constant, repeating) are meaningful.
    """

    unit: str
    units: dict[str, tuple[float, float]]
    checks: tuple[str, ...] = ()
    common: bool = True


def _scales(**factors: float) -> dict[str, tuple[float, float]]:
    return {unit: (factor, 0.0) for unit, factor in factors.items()}


_PERCENT = {"%": (0.01, 0.0), "tenths": (0.1, 0.0), "oktas": (0.125, 0.0), "fraction": (1.0, 0.0)}
_POWER = _scales(W=1e-3, MW=1e3, GW=1e6)

QUANTITIES: dict[str, Quantity] = {
    "fraction": Quantity("1", _PERCENT, ("percent_for_fraction", "negative_value", "hour_major")),
    "share": Quantity("1", _PERCENT, ("negative_value",)),
    "temperature": Quantity(
        "degC",
        {
            "K": (1.0, -273.15),
            "degF": (5 / 9, -160 / 9),
            "C": (1.0, 0.0),
            "0.1 degC": (0.1, 0.0),
            "°C": (1.0, 0.0),
            "°F": (5 / 9, -160 / 9),
        },
        ("temperature_unit",),
    ),
    "humidity": Quantity("%", {"1": (100.0, 0.0), "fraction": (100.0, 0.0)}, ("humidity_unit", "negative_value")),
    "pressure": Quantity("Pa", _scales(hPa=100.0, mbar=100.0, kPa=1000.0), ("pressure_unit",)),
    "speed": Quantity(
        "m/s",
        {"km/h": (1 / 3.6, 0.0), "mph": (0.44704, 0.0), "kn": (1852 / 3600, 0.0), "0.1 m/s": (0.1, 0.0)},
        ("wind_unit", "negative_value"),
    ),
    "direction": Quantity("deg", {"°": (1.0, 0.0)}),
    "irradiance": Quantity(
        "W/m2", {"Wh/m2": (1.0, 0.0), "W/m^2": (1.0, 0.0), "W/m²": (1.0, 0.0), "kW/m2": (1e3, 0.0)}, ("negative_value",)
    ),
    "carbon_intensity": Quantity(
        "gCO2/kWh",
        {
            "kg/kWh": (1e3, 0.0),
            "kgCO2/kWh": (1e3, 0.0),
            "kg/MWh": (1.0, 0.0),
            "g/MWh": (1e-3, 0.0),
            "lb/MWh": (POUND_KG, 0.0),
            "t/MWh": (1e3, 0.0),
        },
        ("carbon_unit", "negative_value", "outlier"),
    ),
    "price": Quantity("USD/MWh", {"USD/kWh": (1e3, 0.0), "ct/kWh": (10.0, 0.0), "$/MWh": (1.0, 0.0)}),
    "power": Quantity("kW", _POWER, ("negative_value", "outlier")),
    "signed_power": Quantity("kW", _POWER),
    "generation": Quantity("kW", _POWER, common=False),
    "reactive_power": Quantity("kvar", _scales(var=1e-3, Mvar=1e3)),
    "per_unit": Quantity("1", _PERCENT, ("share_of_rating", "negative_value")),
    "signed_per_unit": Quantity("1", _PERCENT),
    "number": Quantity("", {}),
}
# Every series also goes through these.
COMMON_CHECKS = ("constant_series", "repeating_series")

# Quantity of the series that sources know by name.
SERIES: dict[str, str] = {
    "utilization": "fraction",
    "dry_bulb": "temperature",
    "wet_bulb": "temperature",
    "dew_point": "temperature",
    "relative_humidity": "humidity",
    "pressure": "pressure",
    "wind_speed": "speed",
    "wind_direction": "direction",
    "cloud_cover": "share",
    "ghi": "irradiance",
    "dni": "irradiance",
    "dhi": "irradiance",
    "carbon_intensity": "carbon_intensity",
    "price": "price",
    "demand": "power",
    "solar": "per_unit",
}


def quantity(name: str) -> Quantity:
    """Return a quantity by name.

    Raises:
        ConfigError: If there is none.
    """
    if name not in QUANTITIES:
        raise ConfigError(f"unknown quantity {name!r}{did_you_mean(name, QUANTITIES)}")
    return QUANTITIES[name]


def units_of(name: str) -> tuple[str, ...]:
    """Return the units in which a quantity may be given, the house unit first."""
    known = quantity(name)
    return (known.unit, *known.units)


def to_house(values: Floats, unit: str, kind: str) -> tuple[Floats, str]:
    """Convert ``values`` from ``unit`` to the house unit of quantity ``kind``.

    A fraction of a rated value (``"1"``) stays one where power is expected, and a price in a foreign currency keeps its unit: what a kilowatt
    or a dollar is worth there, the file does not say.

    Args:
        values: Shape (n,).
        unit: Unit of the file; empty: the house unit.
        kind: Name of a quantity.

    Returns:
        Converted values and their unit.

    Raises:
        ConfigError: If the unit is unknown for that quantity.
    """
    known = quantity(kind)
    if unit in ("", known.unit) or not known.unit:
        return values, known.unit or unit
    if unit in known.units:
        scale, offset = known.units[unit]
        return scale * values + offset, known.unit
    if (kind.endswith("power") and unit == "1") or (kind == "price" and _is_currency_price(unit)):
        return values, unit
    if kind.endswith("per_unit") and unit in ("kW", *_POWER):
        return to_house(values, unit, "power")
    raise ConfigError(f"unit {unit!r} is not one of {kind}{did_you_mean(unit, units_of(kind))}")


def is_unit_of(unit: str, kind: str) -> bool:
    """Return whether values of quantity ``kind`` may be given in ``unit``."""
    try:
        to_house(np.zeros(1), unit, kind)
    except ConfigError:
        return False
    return True


def unit_text(unit: str) -> str:
    """Return the unit as written after a number: nothing for fractions."""
    return "" if unit in ("", "1") else f" {unit}"


def _is_currency_price(unit: str) -> bool:
    currency, _, per = unit.partition("/")
    return len(currency) == 3 and currency.isupper() and per == "MWh"
