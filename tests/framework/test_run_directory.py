"""Run directories: never shared, locked by one living writer, readable when a file is torn."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest

from wattloom.errors import RunError
from wattloom.run_directory import RunDirectory, find_runs, process_start, slug, write_atomically


def test_runs_of_one_second_get_folders_of_their_own(tmp_path):
    paths = {RunDirectory.create(tmp_path, "same name").path for _ in range(50)}
    assert len(paths) == 50
    assert all(path.parents[1].name == "same-name" for path in paths)


@pytest.mark.parametrize(("name", "folder"), [("a b=c/d", "a-b-c-d"), ("..", "run"), ("TD3_pendulum.v1", "TD3_pendulum.v1")])
def test_names_become_folders(name, folder):
    assert slug(name) == folder


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(RunError, match="runs_dir"):
        RunDirectory.create(blocker, "run")


def test_opening_something_else_says_why(tmp_path):
    with pytest.raises(RunError, match="no run directory"):
        RunDirectory.open(tmp_path / "missing")
    with pytest.raises(RunError, match=r"config\.yaml"):
        RunDirectory.open(tmp_path)


def test_a_second_writer_is_refused_while_the_first_lives(tmp_path):
    directory = RunDirectory(tmp_path)
    with directory.lock(), pytest.raises(RunError, match=f"process {os.getpid()} on {socket.gethostname()}"), directory.lock():
        pass
    with directory.lock():
        pass


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path):
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    lock = {"host": socket.gethostname(), "pid": done.pid, "process_start": 1.0}
    (tmp_path / "lock.json").write_text(json.dumps(lock))
    with RunDirectory(tmp_path).lock():
        assert json.loads((tmp_path / "lock.json").read_text())["pid"] == os.getpid()


def test_a_reused_process_number_does_not_hold_a_lock(tmp_path):
    lock = {"host": socket.gethostname(), "pid": os.getpid(), "process_start": (process_start(os.getpid()) or 0) - 1}
    (tmp_path / "lock.json").write_text(json.dumps(lock))
    with RunDirectory(tmp_path).lock():
        pass


def test_the_lock_of_another_host_is_respected(tmp_path):
    (tmp_path / "lock.json").write_text(json.dumps({"host": "elsewhere", "pid": 1, "process_start": 1.0}))
    with pytest.raises(RunError, match="elsewhere"), RunDirectory(tmp_path).lock():
        pass


@pytest.mark.parametrize("text", ['"x"', "[]", "{}", '{"host": 1, "pid": "abc"}', '{"pid": null}', "{", ""])
def test_a_torn_lock_is_taken_over(tmp_path, text):
    directory = RunDirectory(tmp_path)
    (tmp_path / "lock.json").write_text(text)
    with directory.lock():
        assert json.loads((tmp_path / "lock.json").read_text())["pid"] == os.getpid()
    assert not (tmp_path / "lock.json").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.yaml", b"hello"),
        ("config.yaml", b"\xff\xfe"),
        ("config.yaml", b""),
        ("overrides.yaml", b"just text"),
        ("overrides.yaml", b"[3]"),
    ],
)
def test_damaged_files_of_a_run_are_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    directory = RunDirectory(tmp_path)
    with pytest.raises(RunError, match=name):
        directory.read_config() if name == "config.yaml" else directory.read_overrides()


def test_torn_json_reads_as_empty(tmp_path):
    (tmp_path / "status.json").write_text('{"state": "run')
    assert RunDirectory(tmp_path).read_json("status.json") == {}


def test_atomic_writing_leaves_no_temporary_file(tmp_path):
    write_atomically(tmp_path / "a.txt", "one")
    write_atomically(tmp_path / "a.txt", "two")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "two"


def test_runs_are_found_newest_first(tmp_path):
    made = []
    for age in (2, 1):
        directory = RunDirectory.create(tmp_path, "run")
        directory.write_yaml("config.yaml", {})
        directory.write_json("manifest.json", {})
        os.utime(directory.path / "manifest.json", (1e9 - age, 1e9 - age))
        made.append(directory.path)
    assert find_runs(tmp_path) == made[::-1]
