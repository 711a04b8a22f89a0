"""The built-in generators over fifty seeded years.

Against the model's own long-run figures (``expected_figures.json``, from a script that knows nothing of this package) the bar is plain: 2 % in
the mean, 5 % in the standard deviation, 0.02 in every correlation. The figures printed with the tables are means over ten draws (five for
correlations) and carry a sampling error; ``beyond_printed.json`` lists every figure that lies farther from them than the bar, with its size in
standard errors, and the list may only shrink. None of it is the model's: every listed figure lies within 3.5 standard errors of a mean of ten (five)
draws, and so small a number of draws leaves a perfect generator about 15 of 540 figures and 28 of 81 correlations outside the bar. That the printed
draws come out of this very code is tested in ``test_printed_figures.py``.
"""

from __future__ import annotations

import dataclasses
import json
import os
from math import erfc
from pathlib import Path

import numpy as np
import pytest

from wattloom.components.sources import clearness, climate, parameters
from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.carbon import SyntheticCarbon
from wattloom.components.sources.file import CarbonFile
from wattloom.components.sources.seasonal_ar import BURN_IN
from wattloom.components.sources.weather import SyntheticWeather

HERE = Path(__file__).parent
PRINTED = json.loads((HERE / "printed_figures.json").read_text())
EXPECTED = json.loads((HERE / "expected_figures.json").read_text())
BEYOND = json.loads((HERE / "beyond_printed.json").read_text())
FIGURES = ("mean", "std", "acf1", "acf24", "acf168")
TOLERANCE = np.array([0.02, 0.05, 0.02, 0.02, 0.02])  # mean and std relative, autocorrelations absolute
WEAK_PRICES = {"AU-NSW", "AU-VIC", "BR-SP", "SG", "US-TEX-ERCO", "ZA"}
US = {"NY": ("US-NY-NYIS", "NYIS"), "CA": ("US-CAL-CISO", "CISO"), "TX": ("US-TEX-ERCO", "ERCO"), "VA": ("US-MIDA-PJM", "PJM")}


def strong(row):
    return not parameters.zone("test", row[1], (row[0],)).facts.get("weak", False)


def draw(table, zone, quantity, year, seed):
    found = parameters.zone("test", zone, (table,))
    node = found.facts.get("node", quantity)
    return climate.hourly_year(found.models[quantity], seed, found.place, node, year)


def fifty_years(row, figures):
    """Figures of fifty years, shape (draws, 5): fifty draws of one year, or ten of the five years 2020 .. 2024 where the fit printed those."""
    table, zone, quantity, year, years = row[:5]
    span = [year] if years == 1 else range(2020, 2025)
    return np.array([figures(np.concatenate([draw(table, zone, quantity, y, seed) for y in span])) for seed in range(50 // years)])


def apart(found, wanted):
    return (found - wanted) / np.array([abs(wanted[0]), wanted[1], 1, 1, 1])


def expected(row):
    return next(np.array(e[3:]) for e in EXPECTED["hourly"] if e[:3] == row[:3])


@pytest.mark.parametrize("zone", ["NYIS", "CISO", "NY-LaGuardia", "DE-LU", "alibaba_1"])
def test_core_series_lie_within_the_bar(zone, figures):
    for row in (row for row in PRINTED["hourly"] if row[1] == zone):
        difference = apart(fifty_years(row, figures).mean(axis=0), expected(row))
        assert (np.abs(difference) <= TOLERANCE).all(), (row[:3], difference)


@pytest.fixture(scope="module")
def all_years(figures):
    return {tuple(row[:3]): (row, fifty_years(row, figures)) for row in PRINTED["hourly"] if strong(row)}


@pytest.mark.slow
def test_every_strong_series_lies_within_the_bar(all_years):
    """540 figures; the spikes of New York's price make fifty years too few for two of them."""
    outside = {}
    for key, (row, years) in all_years.items():
        difference = apart(years.mean(axis=0), expected(row))
        outside |= {(*key, FIGURES[i]): difference[i] for i in np.flatnonzero(np.abs(difference) > TOLERANCE)}
    assert len(all_years) == 108
    assert set(outside) <= {("price_world_2024", "US-NY-NYIS", "price", name) for name in ("std", "acf168")}, outside
    assert all(abs(value) < 0.09 for value in outside.values())


@pytest.mark.slow
def test_what_lies_beyond_the_bar_of_the_printed_figures_is_listed(all_years):
    listed = {tuple(entry[:4]): entry[4] for entry in BEYOND["hourly"]}
    assert len(listed) <= 18
    for key, (row, years) in all_years.items():
        difference = apart(years.mean(axis=0), np.array(row[6:]))
        for i in np.flatnonzero(np.abs(difference) > TOLERANCE):
            assert (*key, FIGURES[i]) in listed, (key, FIGURES[i], difference[i])
            assert abs(difference[i]) <= abs(listed[*key, FIGURES[i]]) + 1e-3


def chance_beyond(bar, spread):
    """How often a normal number of this standard deviation lies farther from zero than the bar."""
    return np.vectorize(erfc)(bar / np.maximum(spread, 1e-12) / np.sqrt(2))


@pytest.mark.slow
def test_the_draws_behind_the_printed_figures_explain_what_lies_beyond(all_years, all_correlations):
    """As many as noise alone puts there: a printed mean of ten draws against fifty years, of five where it is a correlation."""
    listed, expected_number = {tuple(entry[:4]) for entry in BEYOND["hourly"]}, 0.0
    for key, (row, years) in all_years.items():
        own, printed = years.std(axis=0, ddof=1), np.array(row[6:])
        bar = TOLERANCE * np.array([abs(printed[0]), printed[1], 1, 1, 1])
        expected_number += chance_beyond(bar, own * np.sqrt(1 / 10 + 1 / len(years))).sum()
        far = np.abs(expected(row) - printed) / (own / np.sqrt(10))
        assert all(far[i] < 3.6 for i in range(5) if (*key, FIGURES[i]) in listed), (key, far)
    assert len(listed) < expected_number + 3 * np.sqrt(expected_number)
    listed, expected_number = {tuple(entry[:4]) for entry in BEYOND["correlations"]}, 0.0
    for key, (_, own) in all_correlations.items():
        printed = next(row[4] for row in PRINTED["correlations"] if tuple(row[:4]) == key)
        expected_number += chance_beyond(0.02, own * np.sqrt(1 / 5 + 1 / 50))
        assert key not in listed or abs(long_run(key) - printed) / (own / np.sqrt(5)) < 3.6, key
    assert len(listed) < expected_number + 3 * np.sqrt(expected_number)


def quantity(region, year, name, seed):
    """One year by the stamps of its record, so that what was fitted together is compared together."""
    world, authority = US.get(region, (region, region))
    table, zone, model = {
        "T": ("weather_world", world, "dry_bulb"),
        "RH": ("weather_world", world, "relative_humidity"),
        "load": ("demand_us_2022", authority, "demand"),
        "ci": ("carbon_us_2022", authority, "carbon_intensity") if year == 2022 else ("carbon_world_2024", world, "carbon_intensity"),
        "price": ("price_world_2024", world, "price"),
    }[name]
    x = draw(table, zone, model, year, seed)
    return x[:-1] if parameters.zone("test", zone, (table,)).models[model].lead else x[1:]


def correlations(region, year):
    """Correlation of every two series of a place over fifty years: {(a, b): (mean, standard deviation of a year)}."""
    pairs = [tuple(row[2:4]) for row in PRINTED["correlations"] if row[:2] == [region, year]]
    names = sorted({name for pair in pairs for name in pair})
    years = [np.corrcoef([quantity(region, year, name, seed) for name in names]) for seed in range(50)]
    mean, std = np.mean(years, axis=0), np.std(years, axis=0, ddof=1)
    strong_pairs = [(a, b) for a, b in pairs if not (region in WEAK_PRICES and "price" in (a, b))]
    return {(a, b): (mean[names.index(a), names.index(b)], std[names.index(a), names.index(b)]) for a, b in strong_pairs}


@pytest.fixture(scope="module")
def all_correlations():
    places = [key.rsplit(" ", 1) for key in PRINTED["correlation_clocks"]]
    return {(region, int(year), *pair): r for region, year in places for pair, r in correlations(region, int(year)).items()}


def long_run(key):
    return next(row[4] for row in EXPECTED["correlations"] if tuple(row[:4]) == key)


@pytest.mark.parametrize(("region", "year"), [("NY", 2022), ("DE-LU", 2024)])
def test_series_of_one_place_are_drawn_jointly(region, year):
    found = correlations(region, year)
    assert len(found) == (3 if year == 2022 else 6)
    for pair, (r, _) in found.items():
        assert r == pytest.approx(long_run((region, year, *pair)), abs=0.02)


@pytest.mark.slow
def test_all_cross_correlations_lie_within_the_bar(all_correlations):
    """81 pairs; two, 1.7 and 2.2 standard errors of fifty years away, lie 0.0025 outside."""
    outside = {key for key, (r, _) in all_correlations.items() if abs(r - long_run(key)) > 0.02}
    assert len(all_correlations) == 81
    assert outside <= {("US-CAL-CISO", 2024, "T", "ci"), ("US-MIDA-PJM", 2024, "T", "ci")}
    assert all(abs(r - long_run(key)) < 0.023 for key, (r, _) in all_correlations.items())


@pytest.mark.slow
def test_what_lies_beyond_the_bar_of_the_printed_correlations_is_listed(all_correlations):
    listed = {tuple(entry[:4]): entry[4] for entry in BEYOND["correlations"]}
    assert len(listed) <= 23
    for region, year, a, b, wanted in PRINTED["correlations"]:
        r, _ = all_correlations.get((region, year, a, b), (wanted, 0.0))
        if abs(r - wanted) > 0.02:
            assert abs(r - wanted) <= abs(listed[region, year, a, b]) + 1e-3, (region, year, a, b)


def test_hours_stamped_at_their_end_begin_an_hour_earlier():
    """What a record stamps 01:00 is the mean from 00:00 to 01:00, so it stands first on the calendar: season, week and noise alike."""
    model = parameters.zone("carbon", "CISO", ("carbon_us_2022",)).models["carbon_intensity"]
    assert model.lead == 1
    assert parameters.zone("carbon", "DE-LU", ("carbon_world_2024",)).models["carbon_intensity"].lead == 0
    noise = np.random.default_rng(0).standard_normal(BURN_IN + 24 * 28 + 1)
    day, weekend = np.arange(1, 29), np.arange(28) % 7 >= 5
    early, by_stamp = model.generate(day, weekend, noise[1:]), dataclasses.replace(model, lead=0).generate(day, weekend, noise[:-1])
    assert np.allclose(early[:-1], by_stamp[1:], atol=1e-3)  # their filters begin one hour apart
    whole, later = (climate.innovations(1, "ca", "carbon_2022", 2023, lead) for lead in (0, 1))
    assert np.array_equal(whole[1:], later[:-1])


@pytest.mark.filterwarnings("ignore::wattloom.components.sources.formats.findings.DataWarning")
@pytest.mark.parametrize(("state", "zone", "offset"), [("AZ", "AZPS", -7), ("GA", "SOCO", -5), ("NY", "NYIS", -5), ("TX", "ERCO", -6)])
def test_the_day_of_a_generated_year_is_in_phase_with_the_record(state, zone, offset):
    """A record read from its file and the years generated from it reach their high and low hours together."""
    shared = Path(os.environ.get("WATTLOOM_SHARED", HERE.parents[3] / "shared"))
    path = shared / "data" / "carbon" / "eia_ng_avgci" / f"{state}_NG_&_avgCI.csv.gz"
    if not path.is_file():
        pytest.skip(f"no recording {path.name}; set WATTLOOM_SHARED")
    calendar = Calendar.year(2022, 3600, offset)
    record = CarbonFile(path=str(path), wrap="tile").load(calendar).values[:, 0].reshape(-1, 24).mean(axis=0)
    years = [SyntheticCarbon(zone).load(calendar, seed).values[:, 0].reshape(-1, 24).mean(axis=0) for seed in range(20)]
    generated = np.mean(years, axis=0)
    match = [np.corrcoef(record, np.roll(generated, shift))[0, 1] for shift in (-1, 0, 1)]
    assert np.argmax(match) == 1
    assert match[1] > 0.96


@pytest.mark.slow
@pytest.mark.parametrize("zone", sorted(PRINTED["wet_bulb"]))
def test_wet_bulb_matches_the_printed_figures(zone, figures):
    mean, std, q05, q50, q95, _, acf1, acf24, correlation = PRINTED["wet_bulb"][zone]
    calendar = Calendar.year(2022, 3600, parameters.zone("weather", zone, ("weather_us",)).facts["utc_offset_hours"])
    tables = [SyntheticWeather(zone).load(calendar, seed) for seed in range(20)]
    wet = [t.column("wet_bulb") for t in tables]
    found = np.array([[w.mean(), w.std(), *np.quantile(w, [0.05, 0.5, 0.95])] for w in wet])
    tolerance = np.array([0.02 * 15, 0.05 * std, 0.5, 0.5, 0.5]) + 0.5 * found.std(axis=0)  # printed over few draws
    assert (np.abs(found.mean(axis=0) - [mean, std, q05, q50, q95]) < tolerance).all()
    assert np.mean([figures(w)[2:4] for w in wet], axis=0) == pytest.approx([acf1, acf24], abs=0.02)
    correlated = [np.corrcoef(t.column("dry_bulb"), t.column("dry_bulb") - t.column("wet_bulb"))[0, 1] for t in tables]
    assert np.mean(correlated) == pytest.approx(correlation, abs=0.02)
    real_maximum = parameters.zone("weather", zone, ("weather_us",)).facts["wet_bulb_max"]
    assert max(w.max() for w in wet) <= real_maximum
    assert all((t.column("wet_bulb") <= t.column("dry_bulb")).all() for t in tables)


@pytest.mark.parametrize("zone", sorted(PRINTED["irradiance"]))
def test_irradiance_matches_the_printed_figures(zone, figures):
    annual, std, q95, acf1, acf24, daily = PRINTED["irradiance"][zone]
    site = parameters.zone("solar", zone, ("solar_clearness_us",))
    draws = [clearness.hourly_year(site, seed, 2022) for seed in range(50)]
    assert np.mean([g.sum() / 1000 for g in draws]) == pytest.approx(annual, rel=0.02)
    assert np.mean([g.std() for g in draws]) == pytest.approx(std, rel=0.05)
    assert np.mean([np.quantile(g, 0.95) for g in draws]) == pytest.approx(q95, rel=0.02)
    assert np.mean([g.reshape(-1, 24).sum(axis=1).std() for g in draws]) == pytest.approx(daily, rel=0.05)
    assert np.mean([figures(g)[2:4] for g in draws], axis=0) == pytest.approx([acf1, acf24], abs=0.02)
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
