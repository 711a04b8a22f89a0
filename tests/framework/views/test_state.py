"""What a run's status file is worth: a heartbeat is believed only while its process lives."""

import os
import socket
import subprocess
import sys
import time

import pytest

from wattloom.run_directory import process_start
from wattloom.views.state import judge, read_status


def status(**changes):
    return {
        "state": "running",
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "process_start": process_start(os.getpid()),
        "heartbeat": time.time(),
        **changes,
    }


@pytest.mark.parametrize("state", ["completed", "stopped", "interrupted", "failed"])
def test_a_final_state_is_believed_for_ever(state):
    assert judge(status(state=state, pid=999_999_999, heartbeat=0.0)) == state


def test_a_living_process_with_a_fresh_heartbeat_runs():
    assert judge(status()) == "running"


def test_a_living_process_that_is_silent_is_stale():
    assert judge(status(heartbeat=time.time() - 500)) == "stale"
    assert judge(status(heartbeat=time.time() - 500), stale=1000) == "running"


def test_a_killed_process_is_dead_at_once_although_its_heartbeat_is_fresh():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    alive = status(pid=process.pid, process_start=process_start(process.pid))
    assert judge(alive) == "running"
    process.kill()
    process.wait()
    assert judge(alive) == "dead"


def test_a_process_number_that_was_given_out_again_is_dead():
    assert judge(status(process_start=-1.0)) == "dead"


def test_another_machine_is_judged_by_its_heartbeat_alone():
    assert judge(status(host="elsewhere", pid=1, process_start=-1.0)) == "running"
    assert judge(status(host="elsewhere", heartbeat=time.time() - 500)) == "stale"


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_jumped_makes_a_run_stale_never_dead(jump):
    assert judge(status(heartbeat=time.time() + jump)) == "stale"


@pytest.mark.parametrize(
    "broken", [{}, {"state": "running"}, {"state": "running", "pid": "x", "host": socket.gethostname()}, {"state": "odd"}]
)
def test_a_status_without_its_fields_is_judged_all_the_same(broken):
    assert judge(broken) in ("unknown", "dead", "stale")


@pytest.mark.parametrize("text", ["", '{"state": "runn', "[1]", "null"])
def test_a_half_written_file_is_empty(tmp_path, text):
    (tmp_path / "status.json").write_text(text)
    assert read_status(tmp_path) == {}
    assert read_status(tmp_path / "missing") == {}


def test_entries_of_the_wrong_kind_are_left_out(tmp_path):
    (tmp_path / "status.json").write_text('{"state": "failed", "step": "x", "target": 5, "heartbeat": [1]}')
    assert read_status(tmp_path) == {"state": "failed", "target": 5}
