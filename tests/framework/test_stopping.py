"""Signals, limits and automatic continuation, through the command line and across processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from wattloom.checkpoint import CheckpointStore
from wattloom.telemetry.logger import without_wall_clock
from wattloom.telemetry.reader import read_records

BASE = [
    "algorithm.hidden_sizes=[16,16]", "algorithm.batch_size=16", "algorithm.learning_starts=100", "hooks=none", "+hooks@hooks=metrics_only",
    "runner.total_steps=6000", "evaluation.every=2000", "evaluation.episodes=1", "checkpoint.every=1500", "run_name=stop",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "conf" / "hooks").mkdir(parents=True)
    hook = "metrics:\n  _target_: wattloom.components.hooks.metrics.Metrics\n  every: 200\n"
    (tmp_path / "conf" / "hooks" / "metrics_only.yaml").write_text(hook)
    return tmp_path


def command(*overrides: str) -> list[str]:
    return [sys.executable, "-c", "import sys; from wattloom.cli import main; sys.exit(main())", *overrides]


def start(folder: Path, *overrides: str, runs: str = "runs", **kwargs) -> subprocess.Popen:
    env = {**os.environ, "WATTLOOM_RUNS": str(folder / runs), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command(*overrides), cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs)


def finish(process: subprocess.Popen) -> tuple[int, str]:
    out, err = process.communicate(timeout=300)
    return process.returncode, out + err


def the_run(folder: Path, runs: str = "runs") -> Path:
    (found,) = [path.parent for path in (folder / runs).glob("**/config.yaml")]
    return found


def status(path: Path) -> dict:
    return json.loads((path / "status.json").read_text())


def wait_for_step(folder: Path, runs: str, step: int) -> None:
    for _ in range(3000):
        for file in (folder / runs).glob("**/metrics.jsonl"):
            if any(record.get("step", 0) >= step for record in read_records(file).records):
                return
        time.sleep(0.01)
    raise AssertionError(f"no record of step {step} came")


def flat(value, path=""):
    if isinstance(value, dict):
        for key, item in value.items():
            if key != "loggers":
                yield from flat(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from flat(item, f"{path}[{index}]")
    else:
        yield path, value


def same(left, right) -> bool:
    if isinstance(left, np.ndarray):
        return np.array_equal(left, right)
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)
    return left == right


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["td3", "sac"])
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGUSR1", 143)])
def test_a_signal_stops_cleanly_and_the_resumed_run_equals_the_uninterrupted_one(folder, name, code, algorithm):
    overrides = [f"algorithm={algorithm}", *BASE]
    whole = finish(start(folder, *overrides, runs="whole"))
    assert whole[0] == 0, whole[1]
    process = start(folder, *overrides, runs="halves")
    wait_for_step(folder, "halves", 800)
    process.send_signal(getattr(signal, name))
    assert finish(process)[0] == code
    path = the_run(folder, "halves")
    assert status(path)["state"] == "interrupted"
    assert 800 <= status(path)["step"] < 6000
    done = finish(start(folder, f"resume={path}", runs="halves"))
    assert done[0] == 0, done[1]
    assert status(path)["state"] == "completed"
    checkpoints = [CheckpointStore(p / "checkpoints").load() for p in (the_run(folder, "whole"), path)]
    pairs = list(zip(*(sorted(flat(dict(c.parts)), key=lambda item: item[0]) for c in checkpoints), strict=True))
    assert [left[0] for left, right in pairs if left[0] != right[0] or not same(left[1], right[1])] == []
    logs = [[without_wall_clock(r) for r in read_records(p / "logs" / "metrics.jsonl").records] for p in (the_run(folder, "whole"), path)]
    assert logs[0] == logs[1]


@pytest.mark.slow
def test_a_second_signal_leaves_at_once_and_the_last_checkpoint_counts(folder):
    slow = "import time\nfrom wattloom import Hook\nclass Slow(Hook):\n    def on_checkpoint(self, run, event):\n        time.sleep(60)\n"
    (folder / "slow.py").write_text(slow)
    (folder / "conf" / "hooks" / "slow.yaml").write_text("slow:\n  _target_: slow.Slow\n")
    process = start(folder, "algorithm=td3", *BASE, "+hooks@hooks=slow", "runner.total_steps=100000")
    wait_for_step(folder, "runs", 800)
    process.send_signal(signal.SIGINT)
    time.sleep(1.0)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert finish(process)[0] == 130
    assert time.monotonic() - begin < 30
    assert status(the_run(folder))["state"] == "interrupted"
    assert CheckpointStore(the_run(folder) / "checkpoints").load().step >= 800


@pytest.mark.slow
def test_resume_auto_continues_the_unfinished_run_of_the_same_configuration_and_else_starts(folder):
    overrides = ["algorithm=td3", *BASE, "runner.total_steps=900"]
    assert finish(start(folder, *overrides, "resume=auto", "runner.stop_at=400"))[0] == 0
    first = the_run(folder)
    assert status(first)["state"] == "stopped"
    code, text = finish(start(folder, *overrides, "resume=auto", "runner.stop_at=null"))
    assert code == 0, text
    assert the_run(folder) == first
    assert status(first)["state"] == "completed"
    code, text = finish(start(folder, *overrides, "resume=auto", "seed=2"))
    assert code == 0, text
    assert len(list((folder / "runs").glob("**/config.yaml"))) == 2


@pytest.mark.slow
def test_wall_time_stops_cleanly(folder):
    code, text = finish(
        start(folder, "algorithm=td3", *BASE, "runner.total_steps=10000000", "runner.wall_time=3s", "evaluation.every=null")
    )
    assert code == 0, text
    assert status(the_run(folder))["state"] == "stopped"
    assert "wall_time" in status(the_run(folder))["reason"]


@pytest.mark.slow
def test_a_running_run_cannot_be_resumed_a_second_time(folder):
    process = start(folder, "algorithm=td3", *BASE, "runner.total_steps=1000000", "checkpoint.every=500")
    wait_for_step(folder, "runs", 1000)
    code, text = finish(start(folder, f"resume={the_run(folder)}"))
    assert code == 3
    assert f"process {process.pid}" in text
    assert "Traceback" not in text
    process.send_signal(signal.SIGTERM)
    assert finish(process)[0] == 143


@pytest.mark.slow
def test_two_runs_started_in_the_same_second_do_not_meet(folder):
    both = [start(folder, "algorithm=td3", *BASE, "runner.total_steps=300") for _ in range(2)]
    assert [finish(process)[0] for process in both] == [0, 0]
    assert len(list((folder / "runs").glob("**/config.yaml"))) == 2


@pytest.mark.slow
def test_sigkill_leaves_a_run_that_resumes_to_the_same_numbers(folder):
    overrides = ["algorithm=td3", *BASE, "checkpoint.every=300", "runner.total_steps=3000"]
    assert finish(start(folder, *overrides, runs="whole"))[0] == 0
    process = start(folder, *overrides, runs="killed")
    wait_for_step(folder, "killed", 1000)
    process.kill()
    process.wait()
    path = the_run(folder, "killed")
    code, text = finish(start(folder, f"resume={path}", runs="killed"))
    assert code == 0, text
    logs = [[without_wall_clock(r) for r in read_records(p / "logs" / "metrics.jsonl").records] for p in (the_run(folder, "whole"), path)]
    assert logs[0] == logs[1]
