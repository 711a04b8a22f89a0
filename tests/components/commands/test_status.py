"""``wattloom status`` over runs and sweeps in every state."""

import json
import os
import socket
import time

import pytest

from wattloom.components.commands import status
from wattloom.errors import RunError
from wattloom.run_directory import process_start


@pytest.fixture
def folder(tmp_path):
    """Return a function that writes a run's status into ``tmp_path/runs/<name>``."""

    def write(name, **changes):
        content = {
            "state": "completed",
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "process_start": process_start(os.getpid()),
            "heartbeat": time.time(),
            "step": 9_912,
            "target": 10_000,
            "rate_total": 700.0,
            "rate_recent": 800.0,
            "eta_s": 75.0,
            "last_evaluation": {"mean_return": -180.25},
            "best_return": -151.0,
            "last_checkpoint_time": time.time() - 90,
            "hook_errors": {},
            **changes,
        }
        path = tmp_path / "runs" / name
        path.mkdir(parents=True)
        (path / "status.json").write_text(json.dumps(content))
        return path

    write.root = tmp_path / "runs"
    return write


def output(capsys, *arguments):
    code = status.main([str(argument) for argument in arguments])
    return code, capsys.readouterr().out


def test_9912_of_10000_is_99_1_percent(folder, capsys):
    run = folder("a", state="interrupted")
    code, text = output(capsys, run)
    assert (code, "99.1 %" in text, "9,912" in text) == (0, True, True)


def test_only_a_completed_run_is_100_percent(folder):
    folder("a", state="completed", step=9_000)
    folder("b", state="running", step=10_000)
    assert [row["progress"] for row in status.look([folder.root])] == ["100.0 %", "99.9 %"]


def test_a_sweep_is_counted_by_state_and_errors_are_shown_by_their_first_line(folder, capsys):
    folder("seed=1")
    folder("seed=2", state="running")
    folder("seed=3", state="running", pid=999_999_999)
    folder("seed=4", state="failed", error="EnvironmentFault: the reward is nan\nTraceback ...", step=12)
    code, text = output(capsys, folder.root)
    assert code == 1
    assert "4 runs: " in text
    for words in (
        "1 completed",
        "1 running",
        "1 dead",
        "1 failed",
        "seed=4: EnvironmentFault: the reward is nan",
        "seed=3: its process is gone",
    ):
        assert words in text
    assert "Traceback" not in text
    assert "1:15" in text


def test_json_holds_the_same_for_machines(folder, capsys):
    run = folder("a", hook_errors={"animation": "on_step: ValueError: x"})
    code, text = output(capsys, folder.root, "--json")
    (row,) = json.loads(text)
    assert (code, row["run"], row["state"], row["last_return"], row["hook_errors"]) == (
        0,
        str(run),
        "completed",
        -180.25,
        {"animation": "on_step: ValueError: x"},
    )
    assert 80 < row["checkpoint_age_s"] < 200


@pytest.mark.parametrize("state", ["failed", "running"])
def test_the_exit_code_tells_of_failed_and_dead_runs(folder, capsys, state):
    folder("a", state=state, pid=999_999_999)
    assert output(capsys, folder.root)[0] == 1


def test_how_long_silence_is_borne_can_be_chosen(folder):
    folder("a", state="running", heartbeat=time.time() - 300)
    assert status.look([folder.root])[0]["state"] == "stale"
    assert status.look([folder.root], stale=600)[0]["state"] == "running"


def test_a_half_written_status_is_unknown_not_an_error(folder, capsys):
    run = folder("a")
    (run / "status.json").write_text('{"state": "run')
    code, text = output(capsys, run)
    assert (code, "unknown" in text) == (0, True)


def test_watching_ends_when_every_run_is_over(folder, capsys, monkeypatch):
    run = folder("a", state="running")
    monkeypatch.setattr(
        status.time, "sleep", lambda _: (run / "status.json").write_text(json.dumps({"state": "completed", "step": 10, "target": 10}))
    )
    assert output(capsys, run, "--watch")[0] == 0


def test_ctrl_c_ends_watching_quietly(folder, capsys, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    run = folder("a", state="running")
    monkeypatch.setattr(status.time, "sleep", interrupt)
    assert output(capsys, run, "--watch")[0] == 0


def test_without_a_path_the_configured_root_is_looked_at(folder, capsys, monkeypatch):
    folder("a")
    monkeypatch.setenv("WATTLOOM_RUNS", str(folder.root))
    assert "1 run: 1 completed" in output(capsys)[1]


def test_nothing_to_look_at_is_an_error_that_names_the_folder(tmp_path):
    with pytest.raises(RunError, match="there is no folder 'nowhere'") as caught:
        status.main(["nowhere"])
    assert caught.value.exit_code == 3
    with pytest.raises(RunError, match="there is no run below"):
        status.main([str(tmp_path)])
