"""One seed, one place, one year: one story, whoever asks, in whatever order and on whatever calendar."""

from __future__ import annotations

import numpy as np
import pytest

from wattloom.components.physics.moist_air import wet_bulb
from wattloom.components.sources import parameters
from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.carbon import SyntheticCarbon
from wattloom.components.sources.climate import innovations, white
from wattloom.components.sources.constant import Constant, ConstantWeather
from wattloom.components.sources.demand import HalfHourDemand, SyntheticDemand
from wattloom.components.sources.price import SyntheticPrice
from wattloom.components.sources.solar import HalfHourSolar, SyntheticSolar
from wattloom.components.sources.synthetic import WeakSeriesWarning
from wattloom.components.sources.synthetic_jobs import SyntheticJobs
from wattloom.components.sources.weather import SyntheticWeather
from wattloom.components.sources.workload import SyntheticWorkload
from wattloom.errors import ConfigError

NEW_YORK = Calendar.year(2022, 3600, -5.0)
SOURCES = [
    SyntheticWeather(),
    SyntheticWeather("IN-WE"),
    SyntheticCarbon(),
    SyntheticCarbon("DE-LU"),
    SyntheticPrice(),
    SyntheticDemand(),
    HalfHourDemand(),
    SyntheticSolar(),
    HalfHourSolar("b"),
    SyntheticWorkload(),
    SyntheticJobs(),
]


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: type(s).__name__)
def test_the_same_seed_gives_the_same_year_bit_for_bit(source):
    first = source.load(NEW_YORK, 3).values
    SyntheticWeather("SG").load(NEW_YORK, 3)  # other draws in between change nothing
    assert np.array_equal(first, source.load(NEW_YORK, 3).values)
    assert not np.array_equal(first, source.load(NEW_YORK, 4).values)


def test_a_year_is_what_it_was_when_this_was_written():
    """Equal to 1e-9 across machines and versions: a changed stream would silently change every result."""
    carbon = SyntheticCarbon().load(NEW_YORK, 0).values[:, 0]
    dry_bulb = SyntheticWeather().load(NEW_YORK, 0).values[:, 0]
    assert carbon[[0, 4000, 8759]] == pytest.approx(RECORDED["carbon"], rel=1e-9)
    assert dry_bulb[[0, 4000, 8759]] == pytest.approx(RECORDED["dry_bulb"], rel=1e-9)


@pytest.mark.parametrize("source", SOURCES[:-1], ids=lambda s: type(s).__name__)
def test_a_part_of_the_year_equals_the_year(source):
    """The weather of July does not depend on whether the simulation began in January."""
    july = Calendar.local("2022-07-01", 31, 3600, -5.0)
    begin = int((july.utc_seconds[0] - NEW_YORK.utc_seconds[0]) // 3600)
    whole, part = source.load(NEW_YORK, 1).values, source.load(july, 1).values
    inner = slice(24, -24)  # smooth and linear resampling look one step over the border
    assert np.allclose(whole[begin : begin + 744][inner], part[inner], rtol=1e-9)


def test_steps_of_fifteen_minutes_keep_the_hourly_means():
    quarter = Calendar.year(2022, 900, -5.0)
    for source in (SyntheticCarbon(), SyntheticDemand(noise=0.04), SyntheticSolar(), SyntheticWorkload()):
        fine = source.load(quarter, 2).values[:, 0]
        assert np.allclose(fine.reshape(-1, 4).mean(axis=1), source.load(NEW_YORK, 2).values[:, 0], rtol=1e-9, atol=1e-9)
        assert fine.min() >= -1e-9


def test_sub_hour_noise_has_the_asked_spread_where_there_is_power():
    quarter = Calendar.year(2022, 900, -5.0)
    noisy, calm = SyntheticSolar(noise=0.015).load(quarter, 0), SyntheticSolar(noise=0.0).load(quarter, 0)
    day = calm.column("solar") > 0.2
    deviation = (noisy.column("solar") - calm.column("solar"))[day]
    assert 0.003 < deviation.std() < 0.015  # less than asked: the part that moves the hourly mean is taken out
    assert (noisy.column("solar")[calm.column("solar") == 0] == 0).all()
    assert np.array_equal(noisy.column("ghi"), calm.column("ghi"))


def test_sources_built_apart_share_the_climate_of_their_place():
    """Load and carbon intensity of New York go together beyond their seasons; another place or seed knows nothing of it."""

    def residual(seed, node, place="ny"):
        return innovations(seed, place, node, 2022)

    together = np.corrcoef(residual(1, "carbon_2022"), residual(1, "demand_2022"))[0, 1]
    assert together == pytest.approx(0.499, abs=0.03)
    assert abs(np.corrcoef(residual(1, "carbon_2022"), residual(2, "demand_2022"))[0, 1]) < 0.03
    assert abs(np.corrcoef(residual(1, "carbon_2022"), residual(1, "demand_2022", "ca"))[0, 1]) < 0.03


@pytest.mark.parametrize("place", ["ny", "ca", "de-lu", "az"])
def test_innovations_have_the_tabled_correlations(place):
    nodes, factor = parameters.joint(place)
    drawn = np.array([[innovations(seed, place, node, 2022) for seed in range(4)] for node in nodes]).reshape(len(nodes), -1)
    assert np.allclose(np.corrcoef(drawn), factor @ factor.T, atol=0.02)
    assert np.allclose(drawn.std(axis=1), 1, atol=0.02)


def test_years_are_independent_and_joined_without_a_seam():
    assert abs(np.corrcoef(white(0, "ny", "dry_bulb", 2021)[:8760], white(0, "ny", "dry_bulb", 2022))[0, 1]) < 0.03
    two = Calendar.local("2021-01-01", 730, 3600, -5.0)
    dry = SyntheticWeather().load(two, 0).column("dry_bulb")
    step = np.abs(np.diff(dry))
    assert step[8759] < np.quantile(step, 0.999)


def test_leap_years_and_other_zones_of_the_site():
    leap = SyntheticCarbon().load(Calendar.year(2024, 3600, -5.0), 0)
    assert leap.values.shape == (8784, 1)
    utc = SyntheticCarbon().load(Calendar.year(2022, 3600, 0.0), 0).values[:, 0]
    local = SyntheticCarbon().load(NEW_YORK, 0).values[:, 0]
    assert np.allclose(utc[5:], local[:-5])  # the same instants, whatever clock the site keeps


def test_warming_moves_both_bulbs_alike():
    cold, warm = SyntheticWeather().load(NEW_YORK, 0), SyntheticWeather(warming=2.0).load(NEW_YORK, 0)
    assert np.allclose(warm.values[:, :2] - cold.values[:, :2], 2.0)
    assert np.array_equal(warm.values[:, 2:], cold.values[:, 2:])


def test_wet_bulb_and_humidity_of_every_zone_are_of_one_air():
    """Both ways: the wet bulb that goes with a humidity, and the humidity that goes with a wet bulb, at the pressure of the place."""
    for zone in ("NY-LaGuardia", "ZA"):
        weather = SyntheticWeather(zone).load(NEW_YORK, 0)
        dry, wet, humidity = weather.column("dry_bulb"), weather.column("wet_bulb"), weather.column("relative_humidity")
        pressure = parameters.zone("weather", zone, ("weather_us", "weather_world")).facts["pressure_pa"]
        damp = humidity > 5  # the model's driest hours reach the limit of 1 %
        assert damp.mean() > 0.98
        error = np.abs(wet_bulb(dry, humidity, pressure) - wet)[damp]
        assert np.quantile(error, 0.99) < 2e-3
        assert error.max() < 1  # at 0 degC, where ice takes over from water, one humidity has two wet bulbs


def test_weak_markets_say_so():
    with pytest.warns(WeakSeriesWarning, match="price of US-TEX-ERCO: weak_series"):
        SyntheticPrice("US-TEX-ERCO").load(NEW_YORK)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (SyntheticCarbon("NYISO"), "carbon.zone='NYISO' is unknown; did you mean 'NYIS'"),
        (SyntheticWeather("chicago"), "did you mean 'IL-Chicago'"),
        (SyntheticPrice(None), "price.zone is empty.*US-NY-NYIS.*price=constant"),
        (HalfHourDemand("c"), "demand.profile='c'"),
        (SyntheticWorkload("azure"), "workload.zone='azure'"),
    ],
)
def test_unknown_zones_name_the_nearest(source, words):
    with pytest.raises(ConfigError, match=words):
        source.load(NEW_YORK)


def test_constants():
    assert (Constant("carbon", "carbon_intensity", "gCO2/kWh", 370).load(NEW_YORK).values == 370).all()
    steady = ConstantWeather(30, 25).load(NEW_YORK)
    assert steady.names == ("dry_bulb", "wet_bulb", "relative_humidity", "wind_speed")
    assert list(steady.values[17]) == [30, 25, 60, 3]
    with pytest.raises(ConfigError, match="lies above"):
        ConstantWeather(10, 12)
    with pytest.raises(ConfigError, match="tariff"):
        Constant("tariff", "x", "1", 0)
    with pytest.raises(ConfigError, match="finite"):
        Constant("price", "price", "USD/MWh", float("nan"))


def test_half_hour_profiles_keep_their_shape():
    calendar = Calendar.local("2022-01-01", 200, 1800)
    demand = HalfHourDemand("a", 10.0).load(calendar).values[:, 0]
    solar = HalfHourSolar("a").load(calendar).values[:, 0]
    p = parameters.table("halfhour")["zones"]["a"]
    assert demand.mean() == pytest.approx(10 * p["demand_mean"], rel=0.02)
    assert np.allclose(demand.reshape(-1, 48).mean(axis=0) / demand.mean(), p["demand_shape"], atol=0.03)
    assert np.allclose(solar.reshape(-1, 48).mean(axis=0), np.maximum(p["solar_mean_profile"], 0), atol=0.03)
    assert solar.min() == 0
    assert solar.max() <= 1
    assert np.corrcoef(demand, solar)[0, 1] == pytest.approx(p["corr_demand_solar"], abs=0.08)


RECORDED = {
    "carbon": [277.60161650636866, 320.23391684901367, 253.56455804961283],
    "dry_bulb": [0.6379667271145815, 33.743521040774844, 3.716240908892757],
}
