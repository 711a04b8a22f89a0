"""Alignment: a UTC carbon file, a local-standard-time weather year and an undated workload agree hour by hour on one calendar."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattloom.components.sources.align import align
from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.series import Series
from wattloom.errors import DataError

ZONES = (-8.0, 0.0, 5.5, 10.0)
HOUR = 3600


def local_hours(start, n):
    """Naive local stamps, one an hour."""
    return [datetime.fromisoformat(start) + timedelta(hours=i) for i in range(n)]


def utc_file(year, hours, zone):
    """A file in UTC whose value says the LOCAL hour of day of a site at ``zone``: hour + month / 100."""
    first = datetime(year, 1, 1) - timedelta(days=2)
    stamps = [first + timedelta(hours=i) + timedelta(hours=zone) for i in range(hours)]
    return Series(
        "carbon_intensity", "gCO2/kWh", np.array([t.hour + t.minute / 60 + t.month / 100 for t in stamps]), HOUR, np.datetime64(first, "s")
    )


def weather_year(zone):
    """365 local days: hour + month / 100."""
    stamps = local_hours("2023-01-01", 8760)
    values = np.array([t.hour + t.month / 100 for t in stamps])
    return Series("dry_bulb", "degC", values, HOUR, utc_offset_hours=zone, typical_year=True)


def workload_weeks(weeks):
    """Whole weeks from Monday: hour + weekday / 100."""
    stamps = local_hours("2024-01-01", 168 * weeks)  # a Monday
    return Series("utilization", "1", np.array([t.hour + t.weekday() / 100 for t in stamps]), HOUR)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("year", [2022, 2024])
def test_three_clocks_agree_hour_by_hour_over_a_leap_year(zone, year):
    calendar = Calendar.year(year, HOUR, zone)
    carbon = align(utc_file(year, 24 * 372, zone), calendar)
    weather = align(weather_year(zone), calendar)
    workload = align(workload_weeks(2), calendar, wrap="tile")
    hour = calendar.local_hour
    same_day = hour >= zone % 1  # in a half-hour zone the hour after midnight is the mean of 23.5 h and 0.5 h
    assert np.allclose(carbon[same_day], (hour + calendar.month / 100)[same_day])
    assert np.allclose(weather, hour + calendar.month / 100)  # 29 February repeats the 28th, which is the same month
    assert np.allclose(workload, hour + calendar.day_of_week / 100)


@pytest.mark.parametrize("zone", ZONES)
def test_half_hour_steps_agree_in_every_zone(zone):
    calendar = Calendar.year(2024, 1800, zone)
    first = datetime(2023, 12, 30)
    stamps = [first + timedelta(minutes=30 * i) + timedelta(hours=zone) for i in range(48 * 372)]
    carbon = Series("c", "1", np.array([t.hour + t.minute / 60 for t in stamps]), 1800, np.datetime64(first, "s"))
    assert np.allclose(align(carbon, calendar), calendar.local_hour)
    workload = align(workload_weeks(1), calendar, wrap="tile")
    assert np.allclose(np.floor(workload), np.floor(calendar.local_hour))


def test_the_leap_day_repeats_the_28th_or_is_refused():
    series = Series("x", "1", np.repeat(np.arange(365.0), 24), HOUR, utc_offset_hours=0.0, typical_year=True)
    calendar = Calendar.year(2024)
    days = align(series, calendar)[::24]
    assert list(days[57:61]) == [57, 58, 58, 59]
    assert days[-1] == 364
    with pytest.raises(DataError, match="29 February"):
        align(series, calendar, leap="error")
    assert np.array_equal(align(series, Calendar.year(2023), leap="error")[::24], np.arange(365))


def test_a_typical_year_of_366_days_skips_the_29th_in_common_years():
    series = Series("x", "1", np.repeat(np.arange(366.0), 24), HOUR, utc_offset_hours=0.0, typical_year=True)
    assert list(align(series, Calendar.year(2023))[::24][57:61]) == [57, 58, 60, 61]
    assert np.array_equal(align(series, Calendar.year(2024))[::24], np.arange(366))


def test_a_typical_year_is_laid_by_the_offset_of_its_file():
    noon = np.tile(np.arange(24.0), 365)
    series = Series("x", "1", noon, HOUR, utc_offset_hours=-5.0, typical_year=True)
    assert align(series, Calendar.year(2022, HOUR, -8.0))[9] == 12  # noon in New York is nine in California


@settings(max_examples=60, deadline=None)
@given(lag=st.integers(0, 700), zone=st.sampled_from(ZONES), step=st.sampled_from([900, 1800, 3600, 7200]))
def test_moving_the_calendar_moves_the_window(lag, zone, step):
    """The value at an instant does not depend on where the calendar begins."""
    series = Series("x", "1", np.random.default_rng(3).random(10000), HOUR, np.datetime64("2023-06-01T00:00:00"))
    base = np.datetime64("2023-09-01T00:00:00")
    whole = align(series, Calendar(base, step, 300 + lag, zone))
    later = align(series, Calendar(base + np.timedelta64(lag * step, "s"), step, 300, zone))
    assert np.allclose(whole[lag:], later, rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(weeks=st.integers(1, 9), extra=st.integers(0, 167), start=st.integers(0, 400), zone=st.sampled_from(ZONES))
def test_tiling_keeps_weekday_and_hour_whatever_is_cut_off(weeks, extra, start, zone):
    whole = workload_weeks(weeks + 1).values[: 168 * weeks + extra]
    series = Series("utilization", "1", whole, HOUR)
    day = np.datetime64("2023-10-01") + start
    calendar = Calendar.local(str(day), 120, HOUR, zone)
    assert np.allclose(align(series, calendar, wrap="tile"), calendar.local_hour + calendar.day_of_week / 100)


def test_a_dated_series_tiles_by_whole_weeks_into_other_years():
    stamps = local_hours("2022-01-01", 8760)
    series = Series("x", "1", np.array([t.hour + t.weekday() / 100 for t in stamps]), HOUR, np.datetime64("2022-01-01T00:00"))
    for year in (2019, 2022, 2024):
        calendar = Calendar.year(year)
        assert np.allclose(align(series, calendar, wrap="tile"), calendar.local_hour + calendar.day_of_week / 100)


def test_what_is_not_covered_is_an_error_that_names_both_spans():
    series = Series("price", "USD/MWh", np.arange(8760.0), HOUR, np.datetime64("2022-01-01T00:00"), origin="prices.csv")
    with pytest.raises(DataError, match=r"prices.csv.*2022-01-01.*2023-01-01.*asks for.*2024-01-01.*wrap=tile"):
        align(series, Calendar.year(2024))
    with pytest.raises(DataError, match=r"168 values.*fewer.*8760"):
        align(workload_weeks(1), Calendar.year(2022))
    with pytest.raises(DataError, match="at least one whole day"):
        align(Series("x", "1", np.arange(5.0), HOUR), Calendar.year(2022), wrap="tile")
    with pytest.raises(DataError, match="365 or 366 days"):
        align(Series("x", "1", np.arange(100.0), HOUR, typical_year=True), Calendar.year(2022))


def test_an_undated_series_as_long_as_the_calendar_is_only_rotated():
    series = Series("x", "1", np.arange(8760.0), HOUR)
    calendar = Calendar.year(2022)  # begins on a Saturday
    values = align(series, calendar, wrap="error")
    assert values[0] == 5 * 24
    assert np.array_equal(np.sort(values[: 8736 - 120]), np.arange(120, 8736))


def test_an_undated_series_of_broken_weeks_is_used_to_its_end_before_it_repeats():
    series = Series("x", "1", np.arange(15 * 24.0), HOUR)  # from a Monday
    values = align(series, Calendar.local("2024-01-01", 17), wrap="tile")
    assert np.array_equal(values[: 15 * 24], np.arange(15 * 24.0))
    assert np.array_equal(values[15 * 24 :], np.arange(24.0, 72.0))  # Tuesday and Wednesday of the first week


def test_first_weekday_says_which_day_a_trace_begins_on():
    sunday_first = np.repeat([6.0, 0, 1, 2, 3, 4, 5], 24)
    calendar = Calendar.local("2024-03-06", 14)
    series = Series("x", "1", sunday_first, HOUR, first_weekday=6)
    assert np.array_equal(align(series, calendar, wrap="tile"), calendar.day_of_week)


@pytest.mark.parametrize("method", ["hold", "smooth"])
@pytest.mark.parametrize("zone", ZONES)
def test_finer_calendars_keep_the_hourly_means(method, zone):
    rng = np.random.default_rng(1)
    series = Series("x", "kW", rng.random(9000) * 500, HOUR, np.datetime64("2022-01-01T00:00"))
    fine = align(series, Calendar(np.datetime64("2022-02-01"), 900, 4 * 500, zone), method=method)
    hourly = align(series, Calendar(np.datetime64("2022-02-01"), HOUR, 500, zone))
    assert np.allclose(fine.reshape(-1, 4).mean(axis=1), hourly, rtol=1e-9)
