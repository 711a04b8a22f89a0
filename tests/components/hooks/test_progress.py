"""What people see: plain lines without a terminal, a bar with one, nothing when quiet."""

import io
import re
import sys
import time

import pytest
from rich.console import Console

from wattloom.components.hooks.progress import Progress, _figure
from wattloom.errors import ConfigError
from wattloom.events import RunSummary
from wattloom.hooks.base import Hook


class Terminal(io.StringIO):
    def isatty(self):
        return True


def output_of(monkeypatch, execute, run, stream):
    monkeypatch.setattr(sys, "stderr", stream)
    execute(run)
    return stream.getvalue()


def test_a_log_gets_plain_lines(make_run, execute, monkeypatch):
    run = make_run({"progress": Progress(every_seconds=1e-9)}, num_envs=2, total=60, evaluate_every=30)
    text = output_of(monkeypatch, execute, run, io.StringIO())
    assert "\x1b" not in text
    lines = text.splitlines()
    assert lines[0] == f"tank: seed 5, 2 copies, 60 env steps -> {run.directory.path}"
    assert any(re.match(r"step +32 +53\.3 % ", line) for line in lines)
    assert sum("evaluation" in line and "over 3 episodes" in line for line in lines) == 2
    assert lines[-1].startswith("completed: 60 env steps, ")


def test_plain_lines_keep_their_distance(make_run, execute, monkeypatch):
    run = make_run({"progress": Progress(every_seconds=1000.0)}, evaluate_every=None)
    lines = output_of(monkeypatch, execute, run, io.StringIO()).splitlines()
    assert not any("%" in line for line in lines)


def test_a_terminal_gets_a_bar_that_ends_full(make_run, execute, monkeypatch):
    run = make_run({"progress": Progress()}, total=60, evaluate_every=30)
    text = output_of(monkeypatch, execute, run, Terminal())
    assert "100.0 %" in text
    assert "60 / 60 env steps" in text
    assert text.splitlines()[-1].startswith("\x1b[?25hcompleted")


def test_plain_holds_on_a_terminal_too(make_run, execute, monkeypatch):
    run = make_run({"progress": Progress(plain=True)}, evaluate_every=None)
    assert "\x1b" not in output_of(monkeypatch, execute, run, Terminal())


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_quiet_shows_nothing(make_run, execute, monkeypatch, stream):
    run = make_run({"progress": Progress(quiet=True)}, evaluate_every=30)
    assert output_of(monkeypatch, execute, run, stream()) == ""


def test_the_last_line_says_why_a_run_ended(make_run, execute, monkeypatch):
    run = make_run({"progress": Progress()}, stop_at=20, evaluate_every=None)
    assert "stopped (runner.stop_at=20 reached): 20 env steps" in output_of(monkeypatch, execute, run, io.StringIO())


@pytest.mark.parametrize("inside", [True, False])
def test_a_stopped_run_says_how_to_continue_it(make_run, execute, monkeypatch, tmp_path, inside):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run = make_run({"progress": Progress()}, stop_at=20, evaluate_every=None)
    monkeypatch.chdir(run.directory.path.parent if inside else elsewhere)
    lines = output_of(monkeypatch, execute, run, io.StringIO()).splitlines()
    assert lines[-1] == f"continue with: wattloom resume={run.directory.path.name if inside else run.directory.path} runner.stop_at=null"
    assert lines[0].endswith(f"-> {run.directory.path.name if inside else run.directory.path}")


def test_a_complete_run_says_nothing_about_continuing(make_run, execute, monkeypatch):
    run = make_run({"progress": Progress()}, evaluate_every=None)
    assert "resume=" not in output_of(monkeypatch, execute, run, io.StringIO())


def test_a_run_that_was_complete_before_says_so(make_run, monkeypatch):
    hook = Progress()
    run = make_run({"progress": hook}, total=60, evaluate_every=None)
    run.env_steps = 60
    hook.on_run_start(run)
    text = hook._ending(run, RunSummary("completed", "", run.counters, None, None, 0.1))
    assert text == "completed before: 60 env steps; a larger runner.total_steps continues the run"


class Painter(Hook):
    draws = True

    def on_run_end(self, run, summary):
        time.sleep(1.1)


def test_time_for_pictures_is_told_apart_and_is_part_of_the_whole(make_run, execute, monkeypatch):
    run = make_run({"painter": Painter(), "progress": Progress()}, evaluate_every=None)
    text = output_of(monkeypatch, execute, run, io.StringIO())
    whole, pictures = re.search(r" in 0:(\d\d), 0:(\d\d) of it for pictures \([\d,]+ env steps/s\)", text).groups()
    assert int(whole) >= int(pictures) >= 1


def test_the_screen_fits_into_80_columns(make_run):
    hook = Progress()
    run = make_run({"progress": hook}, total=1_000_000)
    run.env_steps, run.updates, run.episodes.completed = 345_678, 345_678, 1_728
    run.best_return, run.last_evaluation = -1234.5, {"mean_return": -1436.4}
    hook._rate = 12_345.0
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(hook._screen(run))
    lines = console.export_text().splitlines()
    assert len(lines) == 3
    assert "345,678 / 1,000,000 env steps" in lines[1]
    assert "left" in lines[1]


def test_nonsense_is_refused():
    with pytest.raises(ConfigError, match=r"hooks\.progress\.every_seconds"):
        Progress(every_seconds=0)


def test_a_crash_gives_the_terminal_back(make_run, execute, monkeypatch):
    run = make_run({"progress": Progress()}, evaluate_every=None, world={"fail_at": 20})
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    with pytest.raises(RuntimeError, match="burst"):
        execute(run)
    assert stream.getvalue().count("\x1b[?25l") == stream.getvalue().count("\x1b[?25h") == 1
    assert "failed (RuntimeError: the tank burst)" in stream.getvalue()


@pytest.mark.parametrize(("value", "text"), [(-1436.54, "-1436.5"), (-10.0, "-10.0"), (-0.02476, "-0.0248"), (0.0, "0.0"), (9.876, "9.88")])
def test_small_returns_keep_their_digits(value, text):
    assert _figure(value) == text
