"""Wet bulb and humidity against PsychroLib."""

import numpy as np
import pytest

from wattloom.components.sources.moist_air import (
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
    dry, humidity, pressure = rng.uniform(-30, 50, 400), rng.uniform(3, 100, 400), rng.uniform(75e3, 104e3, 400)
    theirs = [psychrolib.GetTWetBulbFromRelHum(t, h / 100, p) for t, h, p in zip(dry, humidity, pressure, strict=True)]
    np.testing.assert_allclose(wet_bulb(dry, humidity, pressure), theirs, atol=2e-3)  # its bisection stops at 1e-3 K


def test_humidity_is_the_inverse_of_the_wet_bulb():
    rng = np.random.default_rng(2)
    dry, humidity, pressure = rng.uniform(-20, 50, 400), rng.uniform(5, 100, 400), rng.uniform(75e3, 104e3, 400)
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
