"""Transforms: each does what its name says, and nothing at the edges of the year."""

from __future__ import annotations

import numpy as np
import pytest

from wattloom.components.sources import transforms as t
from wattloom.components.sources.series import Series
from wattloom.errors import ConfigError, DataError

RNG = np.random.default_rng(0)


def series(values=None, step=3600):
    return Series("utilization", "1", RNG.random(24 * 28) if values is None else np.asarray(values, dtype=float), step)


def test_clip_and_scale():
    x = series([-1.0, 0.5, 3.0])
    assert list(t.Clip(0, 1)(x, 0).values) == [0, 0.5, 1]
    assert list(t.Clip(high=1)(x, 0).values) == [-1, 0.5, 1]
    scaled = t.Scale(100, 1, "%")(x, 0)
    assert (list(scaled.values), scaled.unit) == ([-99, 51, 301], "%")


def test_what_is_no_transform_is_named():
    with pytest.raises(ConfigError, match=r"transforms\[1\]=\{'factor': 0.5\} is no transform"):
        t.apply_all([t.Scale(2.0), {"factor": 0.5}], series(), 0)


def test_rescale_quantile_maps_five_and_ninety_five_per_cent():
    x = series()
    y = t.RescaleQuantile()(x, 0)
    assert np.allclose(np.quantile(y.values, [0.05, 0.95]), [0.2, 0.8])
    assert y.values.min() >= 0
    assert y.values.max() <= 1
    with pytest.raises(DataError, match="values that differ"):
        t.RescaleQuantile()(series(np.ones(50)), 0)


@pytest.mark.parametrize("hours", [3.0, 4.0, 25.0])
def test_moving_average_does_not_droop_at_the_ends(hours):
    level = t.MovingAverage(hours)(series(np.full(200, 0.46)), 0).values
    assert np.allclose(level, 0.46)
    x = series()
    smooth = t.MovingAverage(hours)(x, 0).values
    width = int(hours)
    middle = x.values[100 - width // 2 : 100 - width // 2 + width].mean()
    assert smooth.size == x.n_steps
    assert smooth[100] == pytest.approx(middle)


def test_moving_average_refuses_what_it_cannot_do():
    with pytest.raises(ConfigError, match="zero"):
        t.MovingAverage(4, "zero")(series(), 0)
    with pytest.raises(ConfigError, match="longer"):
        t.MovingAverage(4000)(series(), 0)


def test_shift_rolls_by_whole_steps():
    x = series(np.arange(48.0))
    assert np.array_equal(t.Shift(8)(x, 0).values, np.roll(x.values, 8))
    with pytest.raises(ConfigError, match="whole number"):
        t.Shift(0.5)(x, 0)


def test_hour_major_week_comes_back_in_order():
    week = RNG.random((7, 24))  # day by hour
    stored = np.tile(week.T.reshape(-1), 3)  # hour 0 of seven days, hour 1 of seven days ...
    ordered = t.TransposeHourMajor()(series(stored), 0)
    assert np.array_equal(ordered.values, np.tile(week.reshape(-1), 3))
    with pytest.raises(DataError, match="whole blocks of 168"):
        t.TransposeHourMajor()(series(np.zeros(100)), 0)


def test_noise_is_seeded_and_has_the_asked_spread_and_memory():
    x = series(np.zeros(40000))
    noise = t.AddNoise(2.0, 0.8, relative=False)(x, 7).values
    assert np.array_equal(noise, t.AddNoise(2.0, 0.8, relative=False)(x, 7).values)
    assert not np.array_equal(noise, t.AddNoise(2.0, 0.8, relative=False)(x, 8).values)
    assert noise.std() == pytest.approx(2.0, rel=0.05)
    assert np.corrcoef(noise[1:], noise[:-1])[0, 1] == pytest.approx(0.8, abs=0.02)
    with pytest.raises(ConfigError, match="phi=1"):
        t.AddNoise(1, 1.0)(x, 0)


def test_a_list_is_applied_in_order():
    x = series([0.0, 1.0])
    assert list(t.apply_all([t.Scale(2), t.Clip(high=1.5)], x, 0).values) == [0, 1.5]
    assert list(t.apply_all([t.Clip(high=1.5), t.Scale(2)], x, 0).values) == [0, 2]
