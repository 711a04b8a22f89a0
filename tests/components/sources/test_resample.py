"""Changing the step: means are kept, instants meet their readings, and no interval is stretched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wattloom
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


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.floats(0, 1) | st.sampled_from([0.0, 0.5, 1.0]), min_size=48, max_size=96).map(np.array), factor=FACTORS)
def test_smooth_stays_below_a_ceiling_and_keeps_the_means(values, factor):
    free, bounded = (resample(values, 3600, 0, 3600 // factor, values.size * factor, "mean", "smooth", ceiling) for ceiling in (None, 1.0))
    assert bounded.min() >= 0.0
    assert bounded.max() <= 1.0
    assert np.allclose(bounded.reshape(-1, factor).mean(axis=1), values, rtol=0, atol=1e-9)
    if free.max() <= 1.0 and free.min() >= 0.0:
        np.testing.assert_array_equal(bounded, free)


def test_smooth_overshoots_a_peak_only_without_a_ceiling():
    values = np.array([0.4, 0.4, 0.97, 0.4, 0.4, 0.4])
    free, bounded = (resample(values, 3600, 0, 300, 72, "mean", "smooth", ceiling) for ceiling in (None, 1.0))
    assert free.max() > 1.1
    assert bounded.max() <= 1.0
    assert bounded[24:36].mean() == pytest.approx(0.97, abs=1e-12)
    np.testing.assert_allclose(bounded[48:], free[48:], atol=1e-12, err_msg="far from the peak nothing changes")
    assert resample(values * 2, 3600, 0, 300, 72, "mean", "smooth", 1.0).max() > 2.2, "values above the ceiling have none"


def test_a_utilisation_that_reaches_1_is_smoothed_and_simulated():
    environment = wattloom.make("datacenter", workload__scale=1.7)
    workload = environment.episode.tables["workload"].values
    assert (workload == 1.0).sum() > 1000
    assert workload.max() == 1.0


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
