"""The clock: local hours and dates agree with Python's own datetime, in whole, half and quarter hour zones and over leap days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattloom.components.sources.calendar import Calendar
from wattloom.errors import ConfigError

OFFSETS = st.integers(-48, 56).map(lambda quarter: quarter / 4)
STARTS = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)).map(lambda t: t.replace(microsecond=0))


@settings(max_examples=60, deadline=None)
@given(start=STARTS, offset=OFFSETS, step=st.sampled_from([300, 900, 1800, 3600, 86400]))
def test_local_fields_equal_datetime(start, offset, step):
    calendar = Calendar(np.datetime64(start, "s"), step, 500, offset)
    zone = timezone(timedelta(hours=offset))
    for i in (0, 1, 137, 499):
        local = (start.replace(tzinfo=UTC) + timedelta(seconds=i * step)).astimezone(zone)
        assert calendar.local_hour[i] == pytest.approx(local.hour + local.minute / 60 + local.second / 3600)
        assert calendar.day_of_week[i] == local.weekday()
        assert calendar.day_of_year[i] == local.timetuple().tm_yday
        assert (calendar.month[i], calendar.day_of_month[i]) == (local.month, local.day)


def test_a_local_year_begins_at_local_midnight_and_knows_leap_years():
    delhi = Calendar.year(2024, 1800, 5.5)
    assert delhi.start_utc == np.datetime64("2023-12-31T18:30:00")
    assert delhi.n_steps == 366 * 48
    assert delhi.local_hour[0] == 0
    assert delhi.day_of_year[-1] == 366
    assert Calendar.year(2100).n_steps == 8760  # no leap year


def test_wrap_steps_are_whole_weeks_then_whole_days():
    assert Calendar.year(2022).wrap_steps == 52 * 168
    assert Calendar.local("2022-01-01", days=3).wrap_steps == 72
    assert Calendar(np.datetime64("2022-01-01"), 3600, 5).wrap_steps == 5


def test_arrays_are_computed_once_and_read_only():
    calendar = Calendar.year(2022)
    assert calendar.local_hour is calendar.local_hour
    with pytest.raises(ValueError, match="read-only"):
        calendar.local_hour[0] = 1


@pytest.mark.parametrize(
    ("step", "count", "offset", "word"),
    [(7, 10, 0, "step_seconds=7"), (3600, 0, 0, "n_steps=0"), (3600, 1, 5.1, "5.1"), (3600, 1, 15, "15")],
)
def test_impossible_calendars_are_refused(step, count, offset, word):
    with pytest.raises(ConfigError, match=word):
        Calendar(np.datetime64("2022-01-01"), step, count, offset)
