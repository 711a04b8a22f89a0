"""The checks of one series: does the number mean what the format says it means?

Each check is a function from a measured series (house units, NaN where missing) to findings. ``CHECKS`` names them for descriptors.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from wattloom.components.sources.formats.cells import Measured
from wattloom.components.sources.formats.findings import Finding, Level
from wattloom.components.sources.formats.quantities import COMMON_CHECKS, quantity, unit_text
from wattloom.components.sources.formats.repair import filled
from wattloom.components.sources.series import DAY, HOUR, WEEK, Floats, distinct_length

Check = Callable[[Measured], list[Finding]]
ROBUST = 1.4826  # median absolute deviation -> standard deviation of a normal distribution
FAR = 12.0  # robust standard deviations
AROUND = 13  # values whose median an outlier is compared with: up to 6 in a row stand out


def check(one: Measured) -> list[Finding]:
    """Run every check that the series' quantity, and its descriptor, ask for."""
    known = quantity(one.quantity)
    names = dict.fromkeys((*known.checks, *one.spec.checks, *(COMMON_CHECKS if known.common else ())))
    if not np.isfinite(one.values).any():
        return []
    return [finding for name in names if name in CHECKS for finding in CHECKS[name](one)]


def _say(one: Measured, level: Level, name: str, message: str, fix: str, at: int | None = None, count: int = 1) -> list[Finding]:
    line = None if at is None else int(one.lines[at]) or None
    value = None if at is None else f"{one.values[at]:g}"
    return [Finding(level, name, one.path, message, fix, line, one.column, value, count, (one.name,))]


def _highest(one: Measured) -> int:
    return int(np.nanargmax(one.values))


def percent_for_fraction(one: Measured) -> list[Finding]:
    """A fraction above 1.5 is a percentage."""
    count = int((one.values > 1.5).sum())
    if not count:
        return []
    looks, fix = ("damage", "correct the value") if _few(one, count) else ("per cent", "set unit=%")
    text = f"{count} values exceed 1.5 where a fraction 0..1 is expected (mean {np.nanmean(one.values):.3g}): looks like {looks}"
    return _say(one, "error", "percent_for_fraction", text, fix, _highest(one), count)


def share_of_rating(one: Measured) -> list[Finding]:
    """Power of a plant over its rating never reaches 1.5; a demand may, its base is chosen by whoever uses it."""
    count = int((one.values > 1.5).sum())
    if not count or one.unit != "1" or one.name == "demand":
        return []
    looks, fix = ("damage", "correct the value") if _few(one, count) else ("per cent, or a power", "set unit=%, or the unit of the power")
    text = f"{count} values exceed 1.5 where a share of the rating is expected (mean {np.nanmean(one.values):.3g}): looks like {looks}"
    return _say(one, "error", "percent_for_fraction", text, fix, _highest(one), count)


def _few(one: Measured, count: int) -> bool:
    """Whether so few values are out of range that the unit cannot be the reason."""
    return count <= 0.01 * one.values.size


def temperature_unit(one: Measured) -> list[Finding]:
    """Air temperatures on Earth lie within -60 .. 60 degC; Kelvin and Fahrenheit are told by the mean."""
    outside = (one.values < -60) | (one.values > 60)
    count = int(outside.sum())
    mean = float(np.nanmean(one.values))
    if not count:
        return []
    guess = ("Kelvin", "K") if 200 < mean < 340 else ("Fahrenheit", "degF")
    damaged = _few(one, count)
    text = f"{count} temperatures lie outside -60 .. 60 degC (mean {mean:.1f}): looks like {'damage' if damaged else guess[0]}"
    fix = (
        "correct the value" if damaged else f"set unit={{{one.name}: {guess[1]}}}, or correct the value"
    )  # by name: a file may hold other temperatures
    return _say(one, "error", "temperature_unit", text, fix, int(np.flatnonzero(outside)[0]), count)


def humidity_unit(one: Measured) -> list[Finding]:
    """Relative humidity is a percentage: a maximum of 1 is a fraction, one above 110 is damage."""
    top = float(np.nanmax(one.values))
    if top <= 1.0:
        text = f"relative humidity reaches {top:g} %: looks like a fraction"
        return _say(one, "error", "humidity_unit", text, "set unit=fraction", _highest(one), one.values.size)
    if top > 110.0:
        return _say(one, "error", "humidity_unit", f"relative humidity reaches {top:g} %", "correct the value", _highest(one))
    return []


def pressure_unit(one: Measured) -> list[Finding]:
    """Station pressure lies within 30 000 .. 110 000 Pa; below 2000 it is hPa (or kPa below 200)."""
    median = float(np.nanmedian(one.values))
    if median < 2000:
        unit = "kPa" if median < 200 else "hPa"
        text = f"pressure has a median of {median:g} Pa: looks like {unit}"
        return _say(one, "error", "pressure_unit", text, f"set unit={unit}", _highest(one), one.values.size)
    outside = np.flatnonzero((one.values < 30_000) | (one.values > 110_000))
    if outside.size:
        text = f"{outside.size} pressures lie outside 30000 .. 110000 Pa"
        return _say(one, "warning", "pressure_unit", text, "correct the values", int(outside[0]), int(outside.size))
    return []


def wind_unit(one: Measured) -> list[Finding]:
    """A mean wind above 9 m/s is rare on land: perhaps miles or kilometres per hour."""
    mean = float(np.nanmean(one.values))
    if mean <= 9:
        return []
    guess = ("km/h", "mph") if mean > 12 else ("mph", "km/h")
    text = f"mean wind of {mean:.1f} m/s: looks like {' or '.join(guess)}"
    return _say(one, "warning", "wind_unit", text, f"set unit={guess[0]} or unit={guess[1]} if so", _highest(one))


def carbon_unit(one: Measured) -> list[Finding]:
    """Grids lie within about 10 .. 1000 gCO2/kWh on average."""
    mean = float(np.nanmean(one.values))
    if mean < 2:
        text = f"mean carbon intensity of {mean:.3g} gCO2/kWh: looks like kg/kWh"
        return _say(one, "error", "carbon_unit", text, "set unit=kg/kWh", _highest(one), one.values.size)
    if mean > 2000:
        text = f"mean carbon intensity of {mean:.4g} gCO2/kWh: looks like g/MWh"
        return _say(one, "error", "carbon_unit", text, "set unit=g/MWh", _highest(one), one.values.size)
    if mean > 1150:
        text = f"mean carbon intensity of {mean:.4g} gCO2/kWh, above a grid of lignite alone: looks like lb/MWh"
        return _say(one, "warning", "carbon_unit", text, "set unit=lb/MWh if so", _highest(one), one.values.size)
    return []


def hour_major(one: Measured) -> list[Finding]:
    """Hourly utilisation that resembles itself more after 7 values than after 1 was stored hour by hour over the days of a week."""
    if one.step_seconds != HOUR or one.values.size < WEEK // HOUR:
        return []
    near, seventh = correlation(one.values, 1), correlation(one.values, 7)
    if not seventh > near + 0.1:
        return []
    text = (
        f"a value resembles the one 7 before it (correlation {seventh:.2f}) more than its neighbour ({near:.2f}): looks stored hour-major"
    )
    fix = "set transforms=[{_target_: wattloom.components.sources.transforms.TransposeHourMajor}]"
    return _say(one, "warning", "hour_major", text, fix, 0, one.values.size)


def outlier(one: Measured) -> list[Finding]:
    """Values more than 12 robust standard deviations from the median of the hours around them, and far from the median of all."""
    where = outliers(one.values)
    if not where.size:
        return []
    lines = ", ".join(str(int(one.lines[i])) for i in where[:8])
    text = f"{where.size} isolated values far off (rows {lines}{', ...' if where.size > 8 else ''}); the median is {np.nanmedian(one.values):g}"
    return _say(one, "warning", "outlier", text, "set outliers=missing to fill them, or leave them", int(where[0]), int(where.size))


def outliers(values: Floats) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return the positions of isolated outliers, shape (m,): single values off the line between their neighbours, or up to 6 in a row."""
    if values.size < 48:
        return np.zeros(0, dtype=np.intp)
    x = filled(values, "interpolate")
    line = 0.5 * (np.roll(x, 1) + np.roll(x, -1))
    line[[0, -1]] = x[[0, -1]]
    around = np.median(np.lib.stride_tricks.sliding_window_view(np.pad(x, AROUND // 2, mode="reflect"), AROUND), axis=1)
    odd = _far(x - line) | _far(x - around)
    level = ROBUST * float(np.median(np.abs(x - np.median(x))))
    return np.flatnonzero(odd & (np.abs(x - np.median(x)) > 4 * level) & ~np.isnan(values)) if level > 0 else np.zeros(0, dtype=np.intp)


def _far(off: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    spread = ROBUST * float(np.median(np.abs(off)))
    return np.asarray(np.abs(off) > FAR * spread) if spread > 0 else np.zeros(off.size, dtype=bool)


def constant_series(one: Measured) -> list[Finding]:
    """A series that never changes."""
    if np.nanmax(one.values) > np.nanmin(one.values) or one.values.size < 2:
        return []
    text = f"every value of {one.name} is {np.nanmax(one.values):g}{unit_text(one.unit)}"
    return _say(one, "warning", "constant_series", text, "check the column; a constant needs no file", 0, one.values.size)


def repeating_series(one: Measured) -> list[Finding]:
    """A series that repeats itself: splits within the period only, or train and test see the same values."""
    n, step = one.values.size, one.step_seconds
    period = distinct_length(one.values, step)
    if 1 < period <= n // 2:
        text = (
            f"the series repeats every {period} steps ({period * step / DAY:g} days), {n / period:.3g} times: a split by months would leak"
        )
        return _say(one, "warning", "repeating_series", text, "split within the period, or use one period", min(period, n - 1), n // period)
    for days in (7, 28):
        period = days * DAY // step
        if n >= 3 * period and period > 1 and correlation(one.values, period) > 0.995:
            text = f"the series nearly repeats every {period} steps ({days} days; correlation {correlation(one.values, period):.4f}): a split would leak"
            return _say(one, "warning", "repeating_series", text, "split within the period, or use one period", period, n // period)
    return []


def still_weather(one: Measured) -> list[Finding]:
    """Temperatures that repeat from day to day are averages over many years, not weather."""
    lag = DAY // one.step_seconds
    if one.values.size < 30 * lag or (same := correlation(one.values, lag)) < 0.995:
        return []
    text = f"each day resembles the day before (correlation {same:.3f}): climate normals, averages without weather"
    return _say(one, "warning", "climate_normals", text, "use a typical-year (TMY) or actual-year file", 0, one.values.size)


def correlation(values: Floats, lag: int) -> float:
    """Correlation of a series with itself ``lag`` steps later; NaN where undefined."""
    a, b = values[:-lag], values[lag:]
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both] - a[both].mean(), b[both] - b[both].mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > 0 else float("nan")


CHECKS: dict[str, Check] = {
    "percent_for_fraction": percent_for_fraction,
    "share_of_rating": share_of_rating,
    "temperature_unit": temperature_unit,
    "humidity_unit": humidity_unit,
    "pressure_unit": pressure_unit,
    "wind_unit": wind_unit,
    "carbon_unit": carbon_unit,
    "hour_major": hour_major,
    "outlier": outlier,
    "constant_series": constant_series,
    "repeating_series": repeating_series,
    "still_weather": still_weather,
}
