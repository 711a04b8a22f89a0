"""Splits do not leak: not through repeats of the data, not through windows, not through normalisation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.loading import table_of as resampled_table
from wattloom.components.sources.normalisation import Normaliser
from wattloom.components.sources.series import Series
from wattloom.components.sources.splits import BlockSplit, LeakWarning, MonthSplit, NoSplit, WeekSplit, check_leak
from wattloom.components.sources.starts import Starts
from wattloom.components.sources.table import Table
from wattloom.environment import Column
from wattloom.errors import ConfigError, DataError

SPLITS = [MonthSplit(), MonthSplit((1, 2, 3), (4,), (6, 7)), WeekSplit(), WeekSplit((0, 1), (2,), (3,)), BlockSplit(0.6, 0.2, 0.2, 48.0)]


def table_of(values, calendar):
    return Table(calendar, (Column("x", "1"),), np.asarray(values, dtype=float)[:, None], "tile", "trace.csv")


def random_table(calendar, seed=0):
    return table_of(np.random.default_rng(seed).random(calendar.n_steps), calendar)


@pytest.mark.parametrize("split", [MonthSplit(), WeekSplit(), BlockSplit()])
def test_a_split_of_a_week_pasted_all_year_is_refused_with_its_length(split):
    calendar = Calendar.year(2022)
    pasted = table_of(np.resize(np.random.default_rng(0).random(168), 8760), calendar)
    with pytest.raises(DataError, match=r"trace.csv.*repeats every 168 h: the split has no effect, 100% of the held-out"):
        check_leak(pasted, split)
    with pytest.warns(LeakWarning, match="168 h"):
        check_leak(pasted, split, "warn")


def test_honest_data_and_constants_pass():
    calendar = Calendar.year(2022)
    for split in SPLITS:
        check_leak(random_table(calendar), split)
        check_leak(table_of(np.full(8760, 3.0), calendar), split)


def test_a_typical_year_played_twice_may_not_be_split_by_year():
    year = np.random.default_rng(0).random(8760)
    calendar = Calendar.local("2022-01-01", 730)
    twice = table_of(np.tile(year, 2), calendar)
    with pytest.raises(DataError, match="8760 h"):
        check_leak(twice, BlockSplit(0.5, 0.0, 0.5, 0.0))
    check_leak(twice, MonthSplit())  # the same months train in both laps: nothing is shown twice


@settings(max_examples=60, deadline=None)
@given(
    split=st.sampled_from(SPLITS),
    part=st.sampled_from(["train", "test"]),
    episode=st.integers(1, 96),
    horizon=st.integers(0, 48),
    history=st.integers(0, 24),
    zone=st.sampled_from([-8.0, 0.0, 5.5]),
)
def test_no_episode_reads_one_step_of_another_part(split, part, episode, horizon, history, zone):
    calendar = Calendar.year(2024, 3600, zone)
    labels = split.labels(calendar)
    starts = Starts(part, episode, horizon, history).valid(calendar, split)
    number = {"train": 0, "test": 2}[part]
    for start in {starts[0], starts[-1], *starts[:: max(1, starts.size // 20)]}:
        assert (labels[start - history : start + episode + horizon] == number).all()
        assert start + episode + horizon <= calendar.n_steps
    blocked = np.flatnonzero(labels != number)
    assert not np.isin(starts, blocked).any()


def test_poisoned_test_steps_never_reach_a_training_observation():
    """Every test step is NaN: neither windows, forecasts of any kind nor the normaliser of the training part may show one."""
    calendar = Calendar.year(2022)
    split = MonthSplit()
    values = np.random.default_rng(0).random(8760)
    values[split.labels(calendar) != 0] = np.nan
    table = table_of(values, calendar)
    normaliser = Normaliser.fit(table, split)
    assert np.isfinite(normaliser.shift).all()
    assert np.isfinite(normaliser.scale).all()
    starts = Starts("train", episode_steps=48, horizon=24, history=24).valid(calendar, split)
    normal = normaliser.table(table)
    for begin in range(0, 49, 12):
        assert np.isfinite(normal.window(starts + begin - 24, 24)).all()
        for mode in ("perfect", "persistence", "growing"):
            assert np.isfinite(normal.forecast(starts + begin - 1, 24, mode)).all()
    with pytest.raises(DataError, match="not finite"):
        Normaliser.fit(table)


def test_repeats_are_found_after_smooth_resampling_too():
    rng = np.random.default_rng(0)
    calendar = Calendar.local("2022-01-01", 730, 900)
    for block, hours in ((rng.random(168), 168), (rng.random(8760), 8760)):
        values = np.tile(block, 17520 // block.size + 1)[:17520]
        series = Series("x", "1", values, 3600, calendar.start_utc, origin="trace.csv")
        with pytest.raises(DataError, match=f"repeats every {hours} h"):
            check_leak(resampled_table([series], calendar, resample="smooth"), BlockSplit(0.5, 0.0, 0.5, 0.0))


def test_starts_can_be_midnights_and_are_drawn_evenly():
    calendar = Calendar.year(2022, 1800, 5.5)
    rule = Starts("test", 48, every_hours=24)
    starts = rule.valid(calendar, MonthSplit())
    assert (calendar.local_hour[starts] == 0).all()
    assert starts.size == 31 + 30 + 30 + 31  # every day of March, June, September and December
    drawn = rule.sample(np.random.default_rng(0), 20000, starts)
    counts = np.array([(drawn == s).sum() for s in starts])
    assert counts.min() > 100
    assert np.array_equal(drawn, rule.sample(np.random.default_rng(0), 20000, starts))


def test_without_a_split_every_step_that_fits_is_a_start():
    calendar = Calendar.local("2022-01-01", 10)
    assert np.array_equal(Starts(None, 24, 6, 2).valid(calendar), np.arange(2, 240 - 30 + 1))
    assert np.array_equal(Starts("test", 24).valid(calendar, NoSplit()), np.arange(240 - 24 + 1))


def test_an_episode_longer_than_its_part_is_refused_with_both_lengths():
    with pytest.raises(ConfigError, match=r"part test.*need 800 h.*longest is 744 h"):
        Starts("test", 800).valid(Calendar.year(2022), MonthSplit())
    with pytest.raises(ConfigError, match="part='dev'"):
        Starts("dev", 1).valid(Calendar.year(2022), MonthSplit())


def test_blocks_keep_their_gap_and_weeks_their_monday():
    calendar = Calendar.year(2022)
    labels = BlockSplit(0.7, 0.0, 0.3, 24.0).labels(calendar)
    first_test = np.flatnonzero(labels == 2)[0]
    assert (labels[first_test - 24 : first_test] == -1).all()
    assert labels[first_test - 25] == 0
    weeks = WeekSplit().labels(calendar)
    changes = np.flatnonzero(np.diff(weeks)) + 1
    assert (calendar.day_of_week[changes] == 0).all()
    assert (calendar.local_hour[changes] == 0).all()


@pytest.mark.parametrize(
    "make",
    [lambda: MonthSplit((1, 2), (), (2,)), lambda: MonthSplit((0,)), lambda: WeekSplit((0,), (), (7,)), lambda: BlockSplit(0.9, 0.0, 0.3)],
)
def test_impossible_splits_are_refused(make):
    with pytest.raises(ConfigError):
        make()


def test_normaliser_scales_undoes_and_remembers():
    calendar = Calendar.year(2022)
    table = random_table(calendar)
    train = MonthSplit().labels(calendar) == 0
    standard = Normaliser.fit(table, MonthSplit())
    scaled = standard(table.values)
    assert scaled[train].mean() == pytest.approx(0, abs=1e-12)
    assert scaled[train].std() == pytest.approx(1)
    assert np.allclose(standard.inverse(scaled), table.values)
    assert np.array_equal(Normaliser.from_state(standard.state())(table.values), scaled)
    minmax = Normaliser.fit(table, MonthSplit(), "minmax")(table.values)[train]
    assert (minmax.min(), minmax.max()) == (0, 1)
    constant = table_of(np.full(8760, 7.0), calendar)
    assert np.isfinite(Normaliser.fit(constant)(constant.values)).all()
    assert np.array_equal(Normaliser.fit(table, None, "none")(table.values), table.values)
    with pytest.raises(ConfigError, match="robust"):
        Normaliser.fit(table, None, "robust")
