"""Series: read-only values, one clock a set, and the length after which a trace says nothing new."""

from __future__ import annotations

import numpy as np
import pytest

from wattloom.components.sources.series import Series, SeriesSet, distinct_length
from wattloom.errors import DataError


def make(values, step=3600, **more):
    return Series("x", "1", np.asarray(values, dtype=float), step, **more)


def test_values_are_a_read_only_copy():
    mine = np.arange(5.0)
    series = make(mine)
    mine[0] = 99
    assert series.values[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        series.values[0] = 1


@pytest.mark.parametrize("values", [[], [[1.0, 2.0]]])
def test_empty_or_two_dimensional_values_are_refused(values):
    with pytest.raises(DataError, match="one non-empty column"):
        make(values)


def test_end_of_a_dated_series():
    assert make(np.zeros(24), start_utc=np.datetime64("2024-02-28T12:00")).end_utc == np.datetime64("2024-02-29T12:00:00")
    assert make(np.zeros(24)).end_utc is None


def test_a_set_is_on_one_clock():
    a, b = make(np.arange(3.0)), make(np.arange(4.0))
    assert SeriesSet({"a": a, "b": a})["b"] is a
    with pytest.raises(DataError, match="not on one clock"):
        SeriesSet({"a": a, "b": b})


@pytest.mark.parametrize("days", [1, 7, 14, 28])
@pytest.mark.parametrize("step", [900, 3600])
def test_distinct_length_finds_the_pasted_block(days, step):
    block = np.random.default_rng(days).random(days * 86400 // step)
    pasted = np.tile(block, 5)
    assert distinct_length(pasted, step) == block.size
    assert distinct_length(pasted[:-7], step) == block.size  # an incomplete last lap
    assert make(pasted, step).distinct_steps == block.size


def test_distinct_length_sees_through_a_slow_drift_of_the_level():
    rng = np.random.default_rng(0)
    laps = np.tile(rng.random(672), 13) + np.repeat(0.05 * np.sin(np.arange(13)), 672) + 1e-3 * rng.random(13 * 672)
    assert distinct_length(laps, 3600) == 672


def test_distinct_length_of_noise_of_seasons_and_of_a_constant():
    rng = np.random.default_rng(0)
    hours = np.arange(8760)
    assert distinct_length(rng.random(8760), 3600) == 8760
    seasonal = (1 + 0.5 * np.cos(2 * np.pi * hours / 8760)) * np.maximum(
        0, np.sin(2 * np.pi * hours / 24) - 0.5 * np.cos(2 * np.pi * hours / 8760)
    )
    assert distinct_length(seasonal, 3600) == 8760  # every day alike its neighbour, but not its season
    assert distinct_length(np.full(100, 3.0), 3600) == 1
    assert distinct_length(np.where(np.arange(200) < 5, np.nan, rng.random(200)), 3600) == 200
