"""Jobs and their aggregation to a utilisation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.jobs import JobList, JobSource, occupied, utilization_of
from wattloom.components.sources.synthetic_jobs import SyntheticJobs
from wattloom.errors import ConfigError, DataError

CALENDAR = Calendar.local("2022-01-01", 2)


def jobs(arrival, duration, size):
    arrival = np.asarray(arrival, dtype=float)
    order = np.argsort(arrival)
    return JobList(arrival[order], np.asarray(duration, float)[order], np.asarray(size, float)[order], np.full(arrival.size, np.inf))


def overlaps(list_, step, n):
    """Brute force: every job against every step."""
    begin = np.arange(n)[:, None] * step
    overlap = np.minimum(list_.arrival + list_.duration, begin + step) - np.maximum(list_.arrival, begin)
    return (np.maximum(overlap, 0) * list_.size).sum(axis=1) / step


JOB = st.tuples(st.floats(-1e5, 3e5), st.floats(0, 2e5), st.floats(0, 16))


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(JOB, min_size=1, max_size=30), step=st.sampled_from([900, 3600]))
def test_occupation_is_the_exact_overlap(rows, step):
    calendar = Calendar.local("2022-01-01", 2, step)
    made = jobs(*zip(*rows, strict=True))
    assert np.allclose(occupied(made, calendar), overlaps(made, step, calendar.n_steps), atol=1e-6)


def test_utilization_uses_the_capacity_or_the_99_per_cent_quantile():
    made = jobs([0, 3600], [7200, 1800], [4, 2])
    values = utilization_of(made, CALENDAR, 8).values
    assert np.allclose(values[:3], [0.5, 0.625, 0])
    assert utilization_of(made, CALENDAR).values.max() == 1.0
    with pytest.raises(ConfigError, match="capacity=0"):
        utilization_of(made, CALENDAR, 0)
    with pytest.raises(DataError, match="nothing runs"):
        utilization_of(jobs([9e9], [1], [1]), CALENDAR)


def test_damaged_lists_are_refused_with_the_job():
    inf = np.full(2, np.inf)
    with pytest.raises(DataError, match="job 1 arrives before"):
        JobList(np.array([5.0, 1.0]), np.ones(2), np.ones(2), inf)
    with pytest.raises(DataError, match="job 1 has duration -3"):
        JobList(np.array([0.0, 1.0]), np.array([1.0, -3.0]), np.ones(2), inf)
    with pytest.raises(DataError, match="differ in length"):
        JobList(np.zeros(2), np.zeros(3), np.zeros(2), inf)


def test_generated_jobs_have_the_facts_of_the_trace():
    calendar = Calendar.year(2022)
    made = SyntheticJobs().jobs(calendar, 0)
    new = made.arrival >= 0
    hours = np.bincount((made.arrival[new] // 3600).astype(int), minlength=8760)
    assert hours.mean() == pytest.approx(6.5, rel=0.05)
    assert hours.var() / hours.mean() == pytest.approx(8.0, rel=0.1)
    by_hour = hours.reshape(365, 24).mean(axis=0)
    assert by_hour.argmin() in (3, 4, 5)
    assert by_hour.argmax() in (7, 8, 9)
    duration = made.duration[new]
    assert np.median(duration) == pytest.approx(655, rel=0.2)
    assert np.quantile(duration, 0.99) == pytest.approx(147600, rel=0.35)
    assert (made.size == 1).mean() == pytest.approx(0.55, abs=0.01)
    assert (made.size == 8).mean() == pytest.approx(0.006, abs=0.002)
    assert np.median(made.size[made.size < 1]) == pytest.approx(0.47, abs=0.02)
    assert np.allclose(made.deadline, made.arrival + 2 * made.duration)


def test_generated_jobs_are_seeded_and_serve_both_levels():
    source = SyntheticJobs(capacity=60.0)
    assert isinstance(source, JobSource)
    a, b, c = source.jobs(CALENDAR, 1), source.jobs(CALENDAR, 1), source.jobs(CALENDAR, 2)
    assert np.array_equal(a.arrival, b.arrival)
    assert not np.array_equal(a.arrival[:5], c.arrival[:5])
    table = source.load(CALENDAR, 1)
    assert np.allclose(table.column("utilization"), np.minimum(occupied(a, CALENDAR) / 60, 1))
    assert (a.arrival < 0).any()  # what already runs is known


def test_jobs_of_a_day_do_not_depend_on_where_the_calendar_begins():
    source = SyntheticJobs()
    long, short = source.jobs(Calendar.local("2022-03-01", 20), 3), source.jobs(Calendar.local("2022-03-11", 10), 3)
    shift = 10 * 86400
    assert np.array_equal(long.arrival[long.arrival >= shift] - shift, short.arrival[short.arrival >= 0])


@pytest.mark.parametrize("bad", [{"jobs_per_hour": 0}, {"burstiness": 0.5}, {"share_one": 0.8, "share_many": 0.4}, {"slack": -1}])
def test_impossible_parameters_are_refused(bad):
    with pytest.raises(ConfigError):
        SyntheticJobs(**bad)
