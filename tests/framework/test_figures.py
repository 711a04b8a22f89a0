"""Figures of episodes against sums written out by hand; ratios of sums, not means of ratios."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from wattloom.environment import Column, EnvironmentSpec
from wattloom.errors import ConfigError
from wattloom.figures import Course, CourseTracker, Figure, figures_of, judged_by

SPEC = EnvironmentSpec((), 2, step_seconds=1800.0, metric_columns=(Column("power", "kW", "lower"), Column("it", "kW"), Column("soc", "1")))
POWER, IT, SOC = [[3.0, 9.0], [5.0, 1.0], [4.0, 2.0]], [[1.0, 8.0], [4.0, 1.0], [1.0, 0.0]], [[0.2, 0.3], [0.9, 0.1], [0.5, 0.7]]


def course():
    tracker = CourseTracker(SPEC, 2)
    tracker.start(np.arange(2))
    for power, it, soc in zip(POWER, IT, SOC, strict=True):
        tracker.add(SimpleNamespace(metrics={"power": np.array(power), "it": np.array(it), "soc": np.array(soc)}))
    return tracker, tracker.course(np.arange(2))


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (Figure.total("power", Column("x", "kW")), [12.0, 12.0]),
        (Figure.integral("power", Column("x", "MWh"), 1e-3), [0.006, 0.006]),
        (Figure.mean("power", Column("x", "kW")), [4.0, 4.0]),
        (Figure.ratio("power", "it", Column("pue", "1")), [12 / 6, 12 / 9]),  # the means of the ratios are 2.75 and inf
        (Figure.lowest("power", Column("x", "kW")), [3.0, 1.0]),
        (Figure.highest("power", Column("x", "W"), 1e3), [5000.0, 9000.0]),
        (Figure.end("soc", Column("x", "1")), [0.5, 0.7]),
    ],
)
def test_figures_by_hand(figure, expected):
    np.testing.assert_allclose(figure.of(course()[1]), expected, rtol=1e-12)


def test_a_copy_that_begins_anew_forgets_only_its_own_episode():
    tracker, before = course()
    tracker.start(np.array([1]))
    tracker.add(SimpleNamespace(metrics={"power": np.array([1.0, 7.0]), "it": np.array([1.0, 1.0]), "soc": np.array([0.1, 0.1])}))
    after = tracker.course(np.arange(2))
    assert before.sums["power"].tolist() == [12.0, 12.0]
    assert after.sums["power"].tolist() == [13.0, 7.0]
    assert after.lows["power"].tolist() == [1.0, 7.0]
    assert after.lengths.tolist() == [4, 1]


def test_a_ratio_of_nothing_is_no_number():
    nothing = {"power": np.zeros(1), "it": np.zeros(1), "soc": np.zeros(1)}
    assert np.isnan(Figure.ratio("power", "it", Column("pue", "1")).of(Course(nothing, nothing, nothing, nothing, np.ones(1), 1.0)))


def test_undeclared_figures_are_the_means_of_the_metrics():
    assert [(figure.name, figure.how, figure.column.unit) for figure in figures_of(SPEC)] == [
        ("power", "mean", "kW"),
        ("it", "mean", "kW"),
        ("soc", "mean", "1"),
    ]


def test_evaluations_are_judged_by_a_column_with_a_direction():
    sign, value = judged_by(SPEC, "power")
    assert sign == -1.0
    assert value(np.zeros(1), {}, {"power": np.array([5.0])}) == 5.0
    assert judged_by(SPEC, "return")[0] == 1.0
    with pytest.raises(ConfigError, match=r"no figure or metric 'powr'; did you mean 'power'\?"):
        judged_by(SPEC, "powr")
    with pytest.raises(ConfigError, match="neither direction"):
        judged_by(SPEC, "soc")
