"""Changing the step: means are kept, instants meet their readings, and no interval is stretched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattloom.components.sources.resample import resample
from wattloom.errors import ConfigError

VALUES = st.lists(st.floats(0, 1e4), min_size=48, max_size=96).map(np.array)
FACTORS = st.sampled_from([2, 3, 4, 6, 12])


@settings(max_examples=60, deadline=None)
@given(values=VALUES, factor=FACTORS, method=st.sampled_from(["hold", "smooth"]))
def test_up_and_down_again_gives_the_series_back(values, factor, method):
    fine = resample(values, 3600, 0, 3600 // factor, values.size * factor, "mean", method)
    assert fine.size == values.size * factor
    assert np.allclose(fine.reshape(-1, factor).mean(axis=1), values, rtol=1e-9, atol=1e-9 * values.max(initial=1))
    back = resample(fine, 3600 // factor, 0, 3600, values.size, "mean", method)
    assert np.allclose(back, values, rtol=1e-9, atol=1e-9 * values.max(initial=1))


@settings(max_examples=60, deadline=None)
@given(values=VALUES, factor=FACTORS, method=st.sampled_from(["hold", "smooth"]))
def test_down_preserves_the_mean_whatever_the_ratio(values, factor, method):
    whole = values[: values.size // factor * factor]
    coarse = resample(whole, 600, 0, 600 * factor, whole.size // factor, "mean", method)
    assert coarse.mean() == pytest.approx(whole.mean(), rel=1e-9, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(values=VALUES)
def test_smooth_power_is_never_negative(values):
    assert resample(values, 3600, 0, 300, values.size * 12, "mean", "smooth").min() >= -1e-9 * max(1.0, values.max())


def test_hold_splits_a_step_by_its_overlap_with_the_old_ones():
    values = np.array([10.0, 20.0, 40.0])
    assert np.allclose(resample(values, 3600, 1800, 3600, 2, "mean", "hold"), [15.0, 30.0])
    assert np.allclose(resample(values, 3600, 0, 900, 12, "mean", "hold"), np.repeat(values, 4))
    assert np.allclose(resample(values, 3600, 600, 2400, 2, "mean", "hold"), [10.0, 17.5])


def test_instants_lie_on_the_straight_line_between_readings():
    at = np.arange(49.0)
    fine = resample(3 * at + 1, 3600, 0, 900, 48 * 4, "instant")
    assert np.allclose(fine, 3 * np.arange(192) / 4 + 1)  # the last quarter of a day is a quarter hour before the end, not a stretched grid
    assert np.allclose(resample(3 * at + 1, 3600, 1800, 3600, 48, "instant"), 3 * (at[:-1] + 0.5) + 1)


def test_the_same_step_is_copied_exactly_and_auto_follows_the_kind():
    values = np.random.default_rng(0).random(30)
    assert np.array_equal(resample(values, 900, 1800, 900, 20, "mean"), values[2:22])
    assert np.array_equal(resample(values, 900, 0, 300, 60, "mean"), np.repeat(values, 3)[:60])
    assert not np.array_equal(resample(values, 900, 0, 300, 60, "instant"), np.repeat(values, 3)[:60])
    with pytest.raises(ConfigError, match="stretch"):
        resample(values, 900, 0, 300, 60, "mean", "stretch")  # type: ignore[arg-type]
