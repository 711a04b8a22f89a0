"""Intervals against SciPy's, and against how often they hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from wattloom.statistics import mean_interval, paired_interval, ratio_interval


def test_intervals_of_means_are_scipys():
    a, b = np.random.default_rng(1).normal(size=(2, 12))
    expected = stats.ttest_1samp(a, 0.0).confidence_interval(0.95)
    assert mean_interval(a) == pytest.approx((a.mean(), expected.low, expected.high), rel=1e-12)
    expected = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert paired_interval(a, b) == pytest.approx(((a - b).mean(), expected.low, expected.high), rel=1e-12)


def test_one_value_has_no_interval():
    assert mean_interval([3.0])[0] == 3.0
    assert all(math.isnan(end) for end in mean_interval([3.0])[1:])


def test_a_ratio_of_means_holds_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(7)
    room = generator.lognormal(0.0, 0.4, (4000, 20))
    gained = 0.6 * room + generator.normal(0.0, 0.2, room.shape)
    held = [low <= 0.6 <= high for _, low, high in map(ratio_interval, gained, room)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)


def test_a_proportional_sample_has_an_exact_ratio():
    room = np.array([1.0, 10.0, 3.0])
    assert ratio_interval(0.25 * room, room) == pytest.approx((0.25, 0.25, 0.25))
    assert math.isnan(ratio_interval([1.0, 2.0], [1.0, -1.0])[0])
