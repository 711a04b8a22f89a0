"""Wet bulb and humidity against PsychroLib."""

import numpy as np
import pytest

from wattloom.components.physics import magnus, moist_air
from wattloom.components.physics.moist_air import (
    humidity_from_dew_point,
    humidity_from_wet_bulb,
    pressure_at,
    saturation_pressure,
    wet_bulb,
)

psychrolib = pytest.importorskip("psychrolib")


@pytest.fixture(autouse=True)
def _si():
    psychrolib.SetUnitSystem(psychrolib.SI)


def test_wet_bulb_agrees_within_its_tolerance():
    rng = np.random.default_rng(1)
    dry, humidity, pressure = rng.uniform(-30, 50, 80), rng.uniform(3, 100, 80), rng.uniform(75e3, 104e3, 80)
    theirs = [psychrolib.GetTWetBulbFromRelHum(t, h / 100, p) for t, h, p in zip(dry, humidity, pressure, strict=True)]
    np.testing.assert_allclose(wet_bulb(dry, humidity, pressure), theirs, atol=2e-3)  # its bisection stops at 1e-3 K


def test_every_root_solves_its_equation_and_is_the_one_of_bisection():
    """Around 0 degC a third of the air has two wet bulbs; the choice between them must not depend on how the root is found."""
    rng = np.random.default_rng(3)
    dry, humidity, pressure = rng.uniform(-2, 14, 4000), rng.uniform(0, 100, 4000), rng.uniform(75e3, 104e3, 4000)
    found = wet_bulb(dry, humidity, pressure)
    actual = moist_air.humidity_ratio(humidity / 100 * saturation_pressure(dry), pressure)
    np.testing.assert_allclose(found, moist_air._bisected(dry, actual, pressure), atol=1e-6)
    clear = (humidity > 5) & (np.abs(found) > 0.02)
    np.testing.assert_allclose(humidity_from_wet_bulb(dry, found, pressure)[clear], humidity[clear], atol=1e-3)
    assert np.array_equal(found[:900], wet_bulb(dry[:900], humidity[:900], pressure[:900]))  # no hour depends on another


def test_humidity_is_the_inverse_of_the_wet_bulb():
    rng = np.random.default_rng(2)
    dry, humidity, pressure = rng.uniform(-20, 50, 80), rng.uniform(5, 100, 80), rng.uniform(75e3, 104e3, 80)
    wet = wet_bulb(dry, humidity, pressure)
    unique = np.abs(wet) > 0.01  # where ice meets water the two equations jump
    np.testing.assert_allclose(humidity_from_wet_bulb(dry, wet, pressure)[unique], humidity[unique], atol=1e-3)
    theirs = [100 * psychrolib.GetRelHumFromTWetBulb(t, w, p) for t, w, p in zip(dry, wet, pressure, strict=True)]
    np.testing.assert_allclose(humidity_from_wet_bulb(dry, wet, pressure), theirs, atol=1e-6)


def test_saturation_pressure_and_dew_point():
    dry = np.linspace(-40, 55, 96)
    np.testing.assert_allclose(saturation_pressure(dry), [psychrolib.GetSatVapPres(t) for t in dry], rtol=1e-12)
    humidity = humidity_from_dew_point(np.full(20, 25.0), np.linspace(-5, 25, 20))
    theirs = [100 * psychrolib.GetRelHumFromTDewPoint(25.0, d) for d in np.linspace(-5, 25, 20)]
    np.testing.assert_allclose(humidity, theirs, rtol=1e-9)


def test_standard_atmosphere():
    assert pressure_at(1186.0) == pytest.approx(psychrolib.GetStandardAtmPressure(1186.0), rel=1e-6)


def test_saturated_air_is_its_own_wet_bulb():
    dry = np.array([-10.0, 0.5, 20.0])
    np.testing.assert_allclose(wet_bulb(dry, np.full(3, 100.0)), dry, atol=1e-5)


def test_the_closed_form_stays_near_the_handbook_over_water():
    """The two formulas of one house: 0.3 % in saturation, 0.1 K in the wet bulb where both mean water."""
    dry, humidity = (grid.ravel() for grid in np.meshgrid(np.linspace(5, 40, 36), np.linspace(60, 100, 9)))
    np.testing.assert_allclose(magnus.saturation_pressure(dry), saturation_pressure(dry), rtol=3e-3)
    np.testing.assert_allclose(magnus.wet_bulb(dry, humidity / 100), wet_bulb(dry, humidity), atol=0.1)
    ratio = magnus.humidity_ratio_of(dry, humidity / 100)
    np.testing.assert_allclose(magnus.saturation_ratio(magnus.dew_point(ratio)), ratio, rtol=1e-12)
