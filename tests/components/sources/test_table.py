"""Tables: windows, single steps and forecasts have exactly the asked length and wrap by whole weeks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.protocol import shared
from wattloom.components.sources.table import Table
from wattloom.environment import Column
from wattloom.errors import ConfigError, DataError


def make(n=400, k=2, wrap="tile", step=3600, seed=0, **more):
    calendar = Calendar(np.datetime64("2022-01-01"), step, n)
    values = np.random.default_rng(seed).random((n, k))
    return Table(calendar, tuple(Column(f"c{i}", "1") for i in range(k)), values, wrap, "made", seed, **more)


def one_by_one(table, start, length):
    """Walk step by step: past the end go back by the whole weeks (days, steps) of the span."""
    n, lap = table.calendar.n_steps, table.calendar.wrap_steps
    rows = []
    for first in start:
        steps = np.arange(first, first + length)
        while (steps >= n).any():
            steps = np.where(steps >= n, steps - lap, steps)
        while (steps < 0).any():
            steps = np.where(steps < 0, steps + lap, steps)
        rows.append(table.values[steps])
    return np.array(rows)


@settings(max_examples=80, deadline=None)
@given(
    n=st.integers(1, 500), k=st.integers(1, 3), length=st.integers(1, 200), start=st.lists(st.integers(-300, 1200), min_size=1, max_size=5)
)
def test_windows_always_have_the_asked_length_and_the_right_values(n, k, length, start):
    table = make(n, k)
    index = np.array(start)
    window = table.window(index, length)
    assert window.shape == (len(start), length, k)
    # a window that begins inside the span runs on past its end; one that begins outside is first taken back into phase
    inside = table.wrapped(index)
    assert np.array_equal(window, one_by_one(table, inside, length))
    assert np.array_equal(table.at(index), table.values[inside])


@settings(max_examples=40, deadline=None)
@given(n=st.integers(169, 600), start=st.integers(0, 599), length=st.integers(1, 96))
def test_wrapping_keeps_the_hour_of_the_week(n, start, length):
    calendar = Calendar(np.datetime64("2022-01-01"), 3600, n)
    phase = np.arange(n) % 168
    table = Table(calendar, (Column("hour", "h"),), phase[:, None])
    assert np.array_equal(table.window(np.array([start]), length)[0, :, 0], (start + np.arange(length)) % 168)


def test_error_policy_names_the_step():
    table = make(100, wrap="error")
    assert table.window(np.array([50]), 50).shape == (1, 50, 2)
    with pytest.raises(DataError, match=r"made: step 100 lies outside the 100 steps.*wrap=tile"):
        table.window(np.array([51]), 50)
    with pytest.raises(DataError, match="step -1"):
        table.at(np.array([-1]))


def test_windows_are_fresh_and_the_table_cannot_be_changed():
    table = make()
    table.window(np.array([3]), 4)[:] = 0
    assert table.window(np.array([3]), 4).min() > 0
    with pytest.raises(ValueError, match="read-only"):
        table.values[0] = 1


def test_perfect_forecast_is_the_truth_from_the_next_step():
    table = make()
    index = np.array([0, 5, 399])
    assert np.array_equal(table.forecast(index, 7), table.window(index + 1, 7))


@pytest.mark.parametrize("length", [1, 24, 30, 72])
def test_persistence_shows_the_same_hour_of_the_last_known_day(length):
    table = make(n=24 * 20)
    now = 100
    forecast = table.forecast(np.array([now]), length, "persistence")[0]
    for lead in range(1, length + 1):
        source = now + lead
        while source > now:
            source -= 24
        assert np.array_equal(forecast[lead - 1], table.values[source])


@pytest.mark.parametrize("wrap", ["tile", "error"])
@pytest.mark.parametrize("n", [24 * 20, 30, 5])
def test_persistence_within_a_day_is_the_start_of_a_longer_one(wrap, n):
    """Two ways to the same numbers: rows of the series itself, and a table of forecasts."""
    table, index = make(n, wrap=wrap), np.arange(n)
    assert np.array_equal(table.forecast(index, 24, "persistence"), table.forecast(index, 25, "persistence")[:, :24])


@pytest.mark.parametrize("mode", ["perfect", "persistence", "growing", "stored"])
def test_single_precision_rounds_the_same_values(mode):
    table, index = make(stored=np.random.default_rng(5).random((400, 36, 2))), np.array([0, 7, 399])
    double, single = (table.forecast(index, 30, mode, precision=p) for p in ("double", "single"))
    assert double.dtype == np.float64
    assert single.dtype == np.float32
    assert np.array_equal(double.astype(np.float32), single)
    assert np.array_equal(table.window(index, 5, precision="single"), table.window(index, 5).astype(np.float32))
    with pytest.raises(ConfigError, match="precision='half': choose double or single"):
        table.window(index, 5, precision="half")


def test_growing_error_grows_with_the_square_root_of_the_lead():
    table = make(n=24 * 2000, k=1)
    index = np.arange(table.calendar.n_steps)
    error = table.forecast(index, 48, "growing", error=0.2)[:, :, 0] - table.forecast(index, 48)[:, :, 0]
    std = error.std(axis=0)
    wanted = 0.2 * table.values.std() * np.sqrt(np.arange(1, 49) / 24)
    kept = table.forecast(index, 48)[:, :, 0] > 4 * wanted[-1]  # away from the floor at zero
    std = np.array([error[kept[:, lead], lead].std() for lead in range(48)])
    assert np.allclose(std, wanted, rtol=0.06)


def test_growing_forecasts_are_revised_not_redrawn():
    table = make(n=24 * 100, k=1)
    forecast = table.forecast(np.arange(1000, 1010), 24, "growing", error=0.5)[:, :, 0]
    target = 1012
    errors = [forecast[i, target - 1000 - i - 1] - table.values[target, 0] for i in range(10)]
    assert np.abs(np.diff(errors)).max() < 0.5 * table.values.std()  # one step of news at a time


def test_growing_forecasts_depend_on_the_seed_and_never_go_below_zero():
    a, b, c = (make(seed=1), make(seed=1), make(seed=1))
    object.__setattr__(c, "seed", 2)
    index = np.arange(50)
    first = a.forecast(index, 12, "growing")
    assert np.array_equal(first, b.forecast(index, 12, "growing"))
    assert not np.array_equal(first, c.forecast(index, 12, "growing"))
    assert a.forecast(np.arange(400), 96, "growing", error=2.0).min() == 0.0
    assert np.array_equal(a.forecast(index, 12, "growing", error=0.0), a.forecast(index, 12))


def test_stored_forecasts_and_what_is_missing():
    stored = np.random.default_rng(5).random((400, 36, 2))
    table = make(stored=stored)
    assert np.array_equal(table.forecast(np.array([7, 399]), 12, "stored"), stored[[7, 399], :12])
    with pytest.raises(ConfigError, match="stores forecasts of 36 steps, 40 were asked for"):
        table.forecast(np.array([0]), 40, "stored")
    with pytest.raises(ConfigError, match="of 0 steps"):
        make().forecast(np.array([0]), 4, "stored")
    with pytest.raises(ConfigError, match="clairvoyant"):
        make().forecast(np.array([0]), 4, "clairvoyant")


@pytest.mark.parametrize("mode", ["perfect", "persistence", "growing"])
@pytest.mark.parametrize("n", [1, 24, 100])
def test_forecasts_have_exactly_the_asked_length_at_the_end_of_the_data(mode, n):
    table = make(n)
    assert table.forecast(np.array([n - 1, 0]), 150, mode).shape == (2, 150, 2)


def test_select_and_column():
    table = make(k=3)
    assert np.array_equal(table.select("c2", "c0").values, table.values[:, [2, 0]])
    assert np.array_equal(table.column("c1"), table.values[:, 1])
    with pytest.raises(ConfigError, match="no column c9; it has c0, c1, c2"):
        table.select("c9")


def test_a_source_is_loaded_once_and_shared():
    class Counting:
        kind = "carbon"
        loads = 0

        def load(self, calendar, seed=0):
            Counting.loads += 1
            return make(calendar.n_steps, 1, seed=seed)

    source, calendar = Counting(), Calendar.year(2022)
    first = shared(source, calendar, 1)
    assert shared(source, Calendar.year(2022), 1) is first
    assert shared(source, calendar, 2) is not first
    assert Counting.loads == 2


def test_a_changed_file_is_read_again():
    class File:
        kind = "carbon"
        content = "a"

        def fingerprint(self):
            return self.content

        def load(self, calendar, seed=0):
            return make(calendar.n_steps, 1)

    source, calendar = File(), Calendar.year(2022)
    first = shared(source, calendar)
    assert shared(source, calendar) is first
    source.content = "b"
    assert shared(source, calendar) is not first
