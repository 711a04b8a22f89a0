"""Policies beside references: what intervals are over, what a share of a gap is, and when there is none."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from wattloom.comparison import RETURN, Comparison, Line, compared_figures
from wattloom.environment import Column
from wattloom.evaluation import EvaluationResult
from wattloom.figures import Figure
from wattloom.statistics import mean_interval
from wattloom.views.comparison import comparison_text, write_comparison

LOSSES = Figure.total("losses", Column("losses", "MWh", "lower"))
CHARGE = Figure.end("charge", Column("charge", "MWh"))


def result(returns, losses):
    returns, losses = np.array(returns, dtype=float), np.array(losses, dtype=float)
    seeds = tuple(range(2000, 2000 + len(returns)))
    metrics, figures = {"losses": losses / 48}, {"losses": losses, "charge": losses * 0.0}
    return EvaluationResult(returns, {}, np.full(len(returns), 48), np.zeros(len(returns), bool), metrics, figures, seeds, 1.0)


NOTHING = Line("zero", (result([-9, -7, -8], [10.0, 12.0, 11.0]),))
BOUND = Line("opf", (result([-5, -4, -6], [6.0, 7.0, 5.0]),), privileged=True)
ONE = Line("sac", (result([-6, -6, -6], [7.0, 8.0, 8.0]),), ("a",))
THREE = Line("sac", tuple(result([-6 - k] * 3, np.array([7.0, 8.0, 8.0]) + k) for k in range(3)), ("a", "b", "c"))


def compare(policy, gap=("zero", "opf")):
    return Comparison(compared_figures([LOSSES, CHARGE]), (policy, NOTHING, BOUND), gap)


def test_one_run_is_judged_over_its_episodes_and_several_over_the_runs():
    assert Comparison.interval(ONE, LOSSES) == mean_interval([7.0, 8.0, 8.0])
    assert Comparison.interval(THREE, LOSSES) == pytest.approx(mean_interval([23 / 3, 26 / 3, 29 / 3]))
    assert Comparison.difference(ONE, NOTHING, LOSSES) == mean_interval([-3.0, -4.0, -3.0])
    assert Comparison.difference(THREE, NOTHING, LOSSES) == pytest.approx(mean_interval([-10 / 3, -7 / 3, -4 / 3]))


def test_a_share_of_the_gap_is_a_ratio_of_means_in_the_better_direction():
    assert compare(ONE).share(ONE, LOSSES)[0] == pytest.approx(10 / 15)  # 10 of 15 MWh
    assert compare(ONE).share(ONE, RETURN)[0] == pytest.approx(6 / 9)
    assert compare(THREE).share(THREE, LOSSES) == pytest.approx(mean_interval([10 / 15, 7 / 15, 4 / 15]))


def test_there_is_no_share_where_the_bound_is_not_better():
    assert compare(ONE).share(ONE, CHARGE) is None, "neither direction is better"
    assert compare(ONE, gap=None).share(ONE, LOSSES) is None
    turned = compare(ONE, gap=("opf", "zero"))
    assert turned.share(ONE, LOSSES) is None
    assert "better than opf in no figure" in comparison_text(turned, turned.figures)


def test_the_text_names_units_intervals_and_privilege():
    text = comparison_text(compare(THREE), compare(THREE).figures)
    assert "95 % interval over runs (references: over episodes)" in text
    assert "opf *" in text
    assert "bound, no controller" in text
    (row, *_) = [line for line in text.splitlines() if line.startswith("losses")]
    assert row.split()[:3] == ["losses", "MWh", "total"]
    assert "9 ± 2" in row or "8.7 ± 2.5" in row
    assert "share closed of the gap from zero to opf" in text


def test_tables_fit_the_terminal(monkeypatch):
    rules = [Line(f"rule number {k}", NOTHING.results) for k in range(5)]
    comparison = Comparison(compared_figures([LOSSES, CHARGE]), (THREE, *rules, BOUND), ("rule number 0", "opf"))
    wide = comparison_text(comparison, comparison.figures)
    monkeypatch.setattr("wattloom.views.comparison.line_width", lambda: 80)
    narrow = comparison_text(comparison, comparison.figures)
    rows = [line for line in narrow.splitlines() if line.startswith(("figure", "return", "losses", "charge"))]
    assert max(map(len, rows)) <= 80 < max(map(len, wide.splitlines()))
    assert {*wide.split()} == {*narrow.split()}


def test_equal_episodes_are_called_so():
    same = Line("sac", (result([-6, -6, -6], [7.0, 7.0, 7.0]),), ("a",))
    assert "this environment draws nothing" in comparison_text(Comparison((RETURN, LOSSES), (same,)), [RETURN])
    assert "draws nothing" not in comparison_text(Comparison((RETURN, LOSSES), (NOTHING,)), [RETURN])


def test_the_files_say_the_same(tmp_path):
    write_comparison(tmp_path, compare(THREE), {"seeds": [2000, 2001, 2002]})
    facts = json.loads((tmp_path / "summary.json").read_text())
    assert facts["rows"]["opf"]["privileged"] is True
    assert facts["differences"]["sac"]["zero"]["losses"]["mean"] == pytest.approx(-7 / 3)
    assert facts["gap"]["shares"]["sac"]["losses"][0] == pytest.approx(7 / 15)
    with (tmp_path / "summary.csv").open() as file:
        rows = {(row["policy"], row["figure"]): row for row in csv.DictReader(file)}
    assert rows["sac", "losses"]["unit"] == "MWh"
    assert float(rows["sac", "losses"]["gap_closed"]) == pytest.approx(7 / 15)
    assert rows["zero", "losses"]["gap_closed"] == ""
    with (tmp_path / "episodes.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 3 * 3 + 2 * 3
    with (tmp_path / "differences.csv").open() as file:
        assert {(row["policy"], row["reference"]) for row in csv.DictReader(file)} == {("sac", "zero"), ("sac", "opf")}
