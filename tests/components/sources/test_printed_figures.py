"""The generators are the ones whose figures were printed: the draws behind every printed figure, made again, give it to the last digit.

The figures are means over ten draws (five for correlations). Here the fitted models and correlations of the package are fed the white noise of
those draws, on the clock of the records they were fitted on. What fifty other years give is tested in ``test_generators.py``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wattloom.components.sources import parameters
from wattloom.components.sources.seasonal_ar import BURN_IN

US = {"NY": ("US-NY-NYIS", "NYIS"), "CA": ("US-CAL-CISO", "CISO"), "TX": ("US-TEX-ERCO", "ERCO"), "VA": ("US-MIDA-PJM", "PJM")}


def on_clock(model, start, noise):
    """One draw whose stamps begin at ``start`` and whose filter begins with ``noise``, ``BURN_IN`` hours earlier; whole days are cut to size."""
    start, hours = np.datetime64(start, "h"), noise.size - BURN_IN
    first = start.astype("datetime64[D]")
    skip = int((start - first.astype("datetime64[h]")).astype(int))
    days = first + np.arange(-(-(skip + hours) // 24))
    padded = np.concatenate([np.zeros(skip), noise, np.zeros(24 * days.size - skip - hours)])
    day_of_year = (days - days.astype("datetime64[Y]")).astype(int) + 1
    weekend = (days.astype(int) + 3) % 7 >= 5
    return replace(model, lead=0).generate(day_of_year, weekend, padded)[skip : skip + hours]


def white(seed, hours, series=None):
    size = BURN_IN + hours
    return np.random.default_rng(seed).standard_normal(size if series is None else (series, size))


def check_hourly(row, seeds, figures):
    table, zone, quantity, year, years, start, *wanted = row
    model = parameters.zone("test", zone, (table,)).models[quantity]
    hours = 43_848 if years == 5 else 8784 if year == 2024 else 8760
    found = np.mean([figures(on_clock(model, start, white(seed, hours))) for seed in seeds], axis=0)
    assert found[:2] == pytest.approx(wanted[:2], rel=1e-3, abs=6e-4)  # printed to three decimals, from coefficients of five
    assert found[2:] == pytest.approx(wanted[2:], abs=1e-3)


CORE = ["NYIS", "NY-LaGuardia", "DE-LU", "alibaba_1"]


@pytest.mark.parametrize("zone", CORE)
def test_the_draws_of_the_core_series_are_reproduced(zone, printed, figures):
    rows = [row for row in printed["hourly"] if row[1] == zone and row[4] == 1]
    assert rows
    for row in rows:
        check_hourly(row, printed["seeds"]["workload" if row[0] == "workload" else "hourly"], figures)


@pytest.mark.slow
def test_the_draws_of_every_series_are_reproduced(printed, figures):
    assert len(printed["hourly"]) == 114
    for row in printed["hourly"]:
        check_hourly(row, printed["seeds"]["workload" if row[0] == "workload" else "hourly"], figures)


def joint_models(region, year):
    """Order of the white noise: node of the place's joint climate, its short name, and its model."""
    world, authority = US.get(region, (region, region))
    rows = [("dry_bulb", "T", "weather_world", world, "dry_bulb")]
    if year == 2022:
        rows += [
            ("demand_2022", "load", "demand_us_2022", authority, "demand"),
            ("carbon_2022", "ci", "carbon_us_2022", authority, "carbon_intensity"),
        ]
    else:
        rows += [
            ("relative_humidity", "RH", "weather_world", world, "relative_humidity"),
            ("carbon_2024", "ci", "carbon_world_2024", world, "carbon_intensity"),
        ]
        rows += [("price_2024", "price", "price_world_2024", world, "price")] if region != "GB" else []
    return [(node, short, parameters.zone("test", zone, (table,)).models[quantity]) for node, short, table, zone, quantity in rows], rows[
        0
    ][3]


def factor_of(place, order):
    nodes, factor = parameters.joint(place)
    chosen = [nodes.index(node) for node in order]
    return np.linalg.cholesky((factor @ factor.T)[np.ix_(chosen, chosen)])


def check_joint(region, year, printed):
    models, world = joint_models(region, year)
    factor = factor_of(parameters.zone("test", world, ("weather_world",)).place, [node for node, _, _ in models])
    start, hours = printed["correlation_clocks"][f"{region} {year}"]
    found = []
    for seed in printed["seeds"]["correlations"]:
        noise = factor @ white(seed, hours, len(models))
        found.append(np.corrcoef([on_clock(model, start, e) for (_, _, model), e in zip(models, noise, strict=True)]))
    short = [name for _, name, _ in models]
    rows = [row for row in printed["correlations"] if row[:2] == [region, year]]
    for _, _, a, b, wanted in rows:
        assert np.mean(found, axis=0)[short.index(a), short.index(b)] == pytest.approx(wanted, abs=1e-3)
    return len(rows)


def test_the_joint_draws_of_two_places_are_reproduced(printed):
    assert check_joint("NY", 2022, printed) == 3
    assert check_joint("DE-LU", 2024, printed) == 6


@pytest.mark.slow
def test_every_joint_draw_is_reproduced(printed):
    places = [key.rsplit(" ", 1) for key in printed["correlation_clocks"]]
    assert sum(check_joint(region, int(year), printed) for region, year in places) == 99


@pytest.mark.parametrize(
    "zone", ["NY-LaGuardia", "AZ-Phoenix", "CA-SanJose", "GA-Atlanta", "IL-Chicago", "TX-Dallas", "VA-Leesburg", "WA-Seattle"]
)
def test_the_draws_of_the_wet_bulb_are_reproduced(zone, printed, figures):
    site = parameters.zone("weather", zone, ("weather_us",))
    factor = factor_of(site.place, ["dry_bulb", "wet_bulb_depression"])
    found = []
    for seed in printed["seeds"]["wet_bulb"]:
        noise = factor @ white(seed, 8760, 2)
        dry, depression = (
            on_clock(site.models[q], "2022-01-01T01", e) for q, e in zip(("dry_bulb", "wet_bulb_depression"), noise, strict=True)
        )
        wet = dry - depression
        found.append(
            [*figures(wet)[:2], *np.quantile(wet, [0.05, 0.5, 0.95]), wet.max(), *figures(wet)[2:4], np.corrcoef(dry, depression)[0, 1]]
        )
    assert np.mean(found, axis=0) == pytest.approx(printed["wet_bulb"][zone], abs=6e-3)  # printed to two decimals, correlation to three
