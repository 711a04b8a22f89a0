"""The built-in generators are as good as the fit of their tables printed, over fifty seeded years.

The printed figures are means over ten draws, so they carry a sampling error of their own: two standard errors of it are allowed for, single
figures beyond the plain tolerance are counted, and most may not be.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from wattloom.components.sources import clearness, climate, parameters
from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.seasonal_ar import BURN_IN
from wattloom.components.sources.weather import SyntheticWeather

PRINTED = json.loads((Path(__file__).parent / "printed_figures.json").read_text())
SEEDS = range(50)
TOLERANCE = np.array([0.02, 0.05, 0.02, 0.02, 0.02])  # mean and std relative, autocorrelation at 1, 24 and 168 h absolute
CORE = {"NYIS", "CISO", "NY-LaGuardia", "DE-LU", "US-NY-NYIS", "alibaba_1"}


def correlogram(x, lags, years=1):
    """Autocovariance over variance with the full-length divisor, as printed; a draw of several years dilutes less than one."""
    x = x - x.mean()
    n = x.size
    return [float((x[k:] * x[:-k]).sum() / (x * x).sum()) * (1 - k / (n * years)) / (1 - k / n) for k in lags]


@lru_cache(maxsize=2000)
def draw(table, zone, quantity, year, seed):
    found = parameters.zone("test", zone, (table,))
    node = found.facts.get("node", quantity)
    return climate.hourly_year(found.models[quantity], seed, found.place, node, year)


def deviation(row):
    """How far fifty years lie from the printed figures, and the standard error of that difference; shape (5,) each."""
    table, zone, quantity, year, years, *wanted = row
    draws = [draw(table, zone, quantity, year, seed) for seed in SEEDS]
    draw.cache_clear()
    figures = np.array([[x.mean(), x.std(), *correlogram(x, (1, 24, 168), years)] for x in draws])
    unit = np.array([abs(wanted[0]), wanted[1], 1, 1, 1])
    error = figures.std(axis=0) * np.sqrt(1 / (10 * years) + 1 / len(draws)) / unit
    return (figures.mean(axis=0) - np.array(wanted)) / unit, error


def strong(row):
    return not parameters.zone("test", row[1], (row[0],)).facts.get("weak", False)


@pytest.mark.parametrize("row", [r for r in PRINTED["hourly"] if r[1] in CORE], ids=lambda r: f"{r[1]}-{r[2]}")
def test_core_series_match_the_printed_figures(row):
    difference, error = deviation(row)
    assert (np.abs(difference) <= TOLERANCE + 2 * error).all(), dict(zip(PRINTED["hourly_columns"][5:], difference, strict=True))


@pytest.mark.slow
def test_every_strong_series_matches_the_printed_figures():
    rows = [row for row in PRINTED["hourly"] if strong(row)]
    results = {f"{row[1]} {row[2]}": deviation(row) for row in rows}
    difference = np.array([d for d, _ in results.values()])
    error = np.array([e for _, e in results.values()])
    beyond = {name: d for name, (d, e) in results.items() if (np.abs(d) > TOLERANCE + 2 * e).any()}
    assert not beyond
    assert (np.abs(difference) <= TOLERANCE).mean() > 0.96  # 540 figures, most within the tolerance as it stands
    assert (np.median(np.abs(difference), axis=0) < [0.005, 0.006, 0.001, 0.007, 0.009]).all()
    assert (np.abs(difference[:, 2]) < 0.015).all()
    assert error.shape == (108, 5)


def quantity(region, year, name, seed):
    us = {"NY": ("US-NY-NYIS", "NYIS"), "CA": ("US-CAL-CISO", "CISO"), "TX": ("US-TEX-ERCO", "ERCO"), "VA": ("US-MIDA-PJM", "PJM")}
    world, authority = us.get(region, (region, region))
    table, zone, model = {
        "T": ("weather_world", world, "dry_bulb"),
        "RH": ("weather_world", world, "relative_humidity"),
        "load": ("demand_us_2022", authority, "demand"),
        "ci": ("carbon_us_2022", authority, "carbon_intensity") if year == 2022 else ("carbon_world_2024", world, "carbon_intensity"),
        "price": ("price_world_2024", world, "price"),
    }[name]
    return draw(table, zone, model, year, seed)


def joint_deviation(region, year, a, b, printed):
    found = [np.corrcoef(quantity(region, year, a, s), quantity(region, year, b, s))[0, 1] for s in SEEDS]
    return np.mean(found) - printed, np.std(found) * np.sqrt(1 / 10 + 1 / 50)


@pytest.mark.parametrize("row", [r for r in PRINTED["correlations"] if r[:2] in (["NY", 2022], ["DE-LU", 2024])], ids=str)
def test_series_of_one_place_are_drawn_jointly(row):
    difference, error = joint_deviation(*row)
    assert abs(difference) < 0.02 + 2.5 * error


@pytest.mark.slow
def test_all_cross_correlations_match_the_printed_ones():
    weak = {"AU-NSW", "AU-VIC", "BR-SP", "SG", "US-TEX-ERCO", "ZA"}
    rows = [r for r in PRINTED["correlations"] if not (r[0] in weak and "price" in r)]
    results = np.array([joint_deviation(*row) for row in rows])
    assert (np.abs(results[:, 0]) < 0.02 + 2.5 * results[:, 1]).all()
    assert np.abs(results[:, 0]).mean() < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("zone", sorted(PRINTED["wet_bulb"]))
def test_wet_bulb_matches_the_printed_figures(zone):
    mean, std, q05, q50, q95, _, acf1, acf24, correlation = PRINTED["wet_bulb"][zone]
    calendar = Calendar.year(2022, 3600, parameters.zone("weather", zone, ("weather_us",)).facts["utc_offset_hours"])
    tables = [SyntheticWeather(zone).load(calendar, seed) for seed in range(20)]
    wet = [t.column("wet_bulb") for t in tables]
    figures = np.array([[w.mean(), w.std(), *np.quantile(w, [0.05, 0.5, 0.95])] for w in wet])
    tolerance = np.array([0.02 * 15, 0.05 * std, 0.5, 0.5, 0.5]) + 0.5 * figures.std(axis=0)  # printed over few draws
    assert (np.abs(figures.mean(axis=0) - [mean, std, q05, q50, q95]) < tolerance).all()
    assert np.mean([correlogram(w, (1, 24)) for w in wet], axis=0) == pytest.approx([acf1, acf24], abs=0.02)
    apart = [np.corrcoef(t.column("dry_bulb"), t.column("dry_bulb") - t.column("wet_bulb"))[0, 1] for t in tables]
    assert np.mean(apart) == pytest.approx(correlation, abs=0.02)
    real_maximum = parameters.zone("weather", zone, ("weather_us",)).facts["wet_bulb_max"]
    assert max(w.max() for w in wet) <= real_maximum
    assert all((t.column("wet_bulb") <= t.column("dry_bulb")).all() for t in tables)


@pytest.mark.parametrize("zone", sorted(PRINTED["irradiance"]))
def test_irradiance_matches_the_printed_figures(zone):
    annual, std, q95, acf1, acf24, daily = PRINTED["irradiance"][zone]
    site = parameters.zone("solar", zone, ("solar_clearness_us",))
    draws = [clearness.hourly_year(site, seed, 2022) for seed in SEEDS]
    assert np.mean([g.sum() / 1000 for g in draws]) == pytest.approx(annual, rel=0.02)
    assert np.mean([g.std() for g in draws]) == pytest.approx(std, rel=0.05)
    assert np.mean([np.quantile(g, 0.95) for g in draws]) == pytest.approx(q95, rel=0.02)
    assert np.mean([g.reshape(-1, 24).sum(axis=1).std() for g in draws]) == pytest.approx(daily, rel=0.05)
    assert np.mean([correlogram(g, (1, 24)) for g in draws], axis=0) == pytest.approx([acf1, acf24], abs=0.02)
    assert min(g.min() for g in draws) == 0


def test_clear_sky_is_dark_at_midnight_and_highest_at_solar_noon():
    sky = clearness.clear_sky(365, 40.0, -75.0, -5.0)  # on its zone's meridian: solar noon is near 12:00
    assert (sky[:, [0, 1, 23]] == 0).all()
    assert set(sky.argmax(axis=1)) <= {11, 12}
    assert sky[171].max() == pytest.approx(1098 * 0.957 * np.exp(-0.057 / 0.957), rel=0.02)  # solstice: cos(40 - 23.4 deg)
    south = clearness.clear_sky(365, -33.9, 151.2, 10.0)
    assert south[355].sum() > 2 * south[171].sum()


def test_the_filter_has_unit_variance_and_the_quantile_map_its_own():
    model = parameters.zone("carbon", "NYIS", ("carbon_us_2022",)).models["carbon_intensity"]
    innovations = np.random.default_rng(0).standard_normal(BURN_IN + 400_000)
    z = model.residual(innovations)[BURN_IN:]
    levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    assert np.allclose(np.quantile(z, levels), np.interp(levels, model.levels, model.quantiles), atol=0.05)


def test_quantities_stay_within_their_physical_limits():
    for row in PRINTED["hourly"]:
        x = draw(*row[:4], 0)
        assert np.isfinite(x).all()
        if row[2] in ("carbon_intensity", "demand", "wind_speed", "relative_humidity", "utilization"):
            assert x.min() >= 0
        if row[2] == "relative_humidity":
            assert x.max() <= 100
