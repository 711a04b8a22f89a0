"""Numbers and times as people read them."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from wattloom.views.style import short
from wattloom.views.text import WIDE, ago, counted, duration, line_width, number, share, shown_path


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (9_912, 10_000, "99.1 %"),
        (9_999, 10_000, "99.9 %"),
        (99_999, 100_000, "99.9 %"),
        (10_000, 10_000, "100.0 %"),
        (0, 10, "0.0 %"),
        (5, 0, "–"),
    ],
)
def test_a_share_is_100_only_when_complete(part, whole, text):
    assert share(part, whole) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (7.4, "0:07"), (725, "12:05"), (11_400, "3:10:00"), (-5, "0:00")])
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(12, "12 s"), (300, "5 min"), (10_800, "3 h"), (172_800, "2 d"), (-3, "0 s")])
def test_ages(seconds, text):
    assert ago(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(7000, "7,000"), (-1436.5, "−1,436.5"), (0.04145, "0.04145"), (12.3456, "12.35"), (None, "–"), (float("nan"), "–"), (-2, "−2")],
)
def test_numbers(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(7000, "7,000"), (20_000, "20k"), (1.5e6, "1.5M"), (-1750, "−1,750"), (0.25, "0.25"), (2e9, "2G"), (0, "0")]
)
def test_numbers_on_axes(value, text):
    assert short(value) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 episodes"), (1, "1 episode"), (1_200, "1,200 episodes")])
def test_one_and_many(count, text):
    assert counted(count, "episode") == text


def test_a_path_is_shown_as_it_is_typed(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert shown_path(tmp_path / "here" / "runs" / "a") == "runs/a"
    assert shown_path(Path("runs/a")) == "runs/a"
    assert shown_path(tmp_path / "there") == str(tmp_path / "there")


@pytest.mark.parametrize(("terminal", "width"), [(True, 80), (False, WIDE)])
def test_lines_are_as_wide_as_the_terminal_and_wide_in_a_file(monkeypatch, terminal, width):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: terminal))
    assert line_width() == width
