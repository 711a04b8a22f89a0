"""Curves and the page at the end of a run, however it ends."""

import pytest
from PIL import Image

from wattloom.components.hooks.curves import Curves
from wattloom.components.hooks.metrics import Metrics
from wattloom.components.hooks.summary import Summary
from wattloom.errors import ConfigError


def test_a_run_leaves_its_curves_and_its_page(make_run, execute):
    run = make_run({"metrics": Metrics(every=10), "curves": Curves(), "summary": Summary()})
    execute(run)
    assert run.hooks.errors == {}
    assert sorted(path.name for path in run.directory.curves.iterdir()) == ["agents.png", "learning.png", "metrics.png", "training.png"]
    for path in run.directory.curves.iterdir():
        assert Image.open(path).size[0] > 600
    assert "badge completed" in (run.directory.path / "report.html").read_text()


def test_a_crashed_run_leaves_them_too(make_run, execute):
    run = make_run({"metrics": Metrics(), "curves": Curves(), "summary": Summary()}, world={"fail_at": 40})
    with pytest.raises(RuntimeError):
        execute(run)
    assert (run.directory.curves / "learning.png").exists()
    page = (run.directory.path / "report.html").read_text()
    assert "badge failed" in page
    assert "the tank burst" in page


def test_curves_are_drawn_while_running_when_the_last_drawing_is_old(make_run, execute, monkeypatch):
    drawn = []
    monkeypatch.setattr("wattloom.views.curves.draw_curves", lambda *_: drawn.append(1))
    execute(make_run({"curves": Curves(every_seconds=1e-9)}, "often", total=60, evaluate_every=20))
    often = len(drawn)
    execute(make_run({"curves": Curves(every_seconds=None)}, "once", total=60, evaluate_every=20))
    assert (often, len(drawn) - often) == (4, 1)


def test_nonsense_is_refused():
    with pytest.raises(ConfigError, match=r"hooks\.curves\.every_seconds"):
        Curves(every_seconds=-1)
