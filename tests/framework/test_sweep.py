"""Sweeps: which runs, in which folders, through which launcher, and what is left when some fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from wattloom.cli import main
from wattloom.errors import ConfigError
from wattloom.loader import Loader
from wattloom.sweep_plan import expand

QUICK = ["hooks=none", "runner.total_steps=20", "evaluation.episodes=1", "evaluation.every=null", "checkpoint.every=null"]
BAD = """
import os
from wattloom.components.baselines.zero import Zero

class Bad(Zero):
    def __init__(self, how: str = "fine") -> None:
        super().__init__()
        self.how = how
        if how == "value":
            raise ValueError("not like this")

    def setup(self, spec, seeds, total_steps):
        super().setup(spec, seeds, total_steps)
        if self.how == "crash":
            raise RuntimeError("in the middle")
        if self.how == "die":
            os._exit(9)
        if self.how == "interrupt":
            raise KeyboardInterrupt
"""


def jobs(*overrides: str) -> list[tuple[str, ...]]:
    return [job.overrides for job in expand(Loader.discover(), overrides)]


def sweep_folder(tmp_path):
    (file,) = (tmp_path / "runs" / "sweeps").glob("*/*/sweep.json")
    return file.parent


def states(folder) -> dict[str, str]:
    listing = json.loads((folder / "sweep.json").read_text())
    return {
        " ".join(job["overrides"][:2]): json.loads((folder / job["key"] / "status.json").read_text())["state"] for job in listing["jobs"]
    }


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["seed=1,2"], [("seed=1",), ("seed=2",)]),
        (["seed=range(2)", "env.mass=1"], [("seed=0", "env.mass=1"), ("seed=1", "env.mass=1")]),
        (["seed=1", "seed=2,3"], [("seed=2",), ("seed=3",)]),
        (["env.mass=[1,2]"], [("env.mass=[1,2]",)]),
        (["a=choice(1,1)"], [("a=1",)]),
        (["env=glob(pendulum*)"], [("env=pendulum",), ("env=pendulum_no_velocity",)]),
        (["sweep=seeds", "seed=9"], [("seed=9",)]),
        (["sweep=seeds"], [(f"seed={seed}",) for seed in range(1, 6)]),
        (["a=1,2", "b=x,y"], [("a=1", "b=x"), ("a=1", "b=y"), ("a=2", "b=x"), ("a=2", "b=y")]),
    ],
)
def test_combinations_are_expanded_in_order(lab, overrides, expected):
    assert jobs(*overrides) == expected


def test_a_preset_and_none_of_it_are_swept_together(lab, tmp_path):
    lab.write("conf/experiment/heavy.yaml", "# @package _global_\nenv:\n  mass: 2.0\n")
    assert main(["-m", "experiment=null,heavy", "algorithm=zero", *QUICK]) == 0
    masses = [
        yaml.safe_load((job / "config.yaml").read_text())["env"]["mass"] for job in sorted(sweep_folder(tmp_path).glob("experiment-*"))
    ]
    assert masses == [2.0, 1.0]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("env.mass=interval(0,1)", "an interval has no list of values"),
        ("env=glob(x*)", "matches nothing; known: "),
        ("sweep=seds", "no sweep named 'seds'; did you mean 'seeds'"),
    ],
)
def test_what_cannot_be_expanded_is_said(lab, override, words):
    with pytest.raises(ConfigError, match=words):
        jobs(override)


def test_a_folder_s_name_is_stable_and_differs_between_runs(lab):
    first, again = (expand(Loader.discover(), ["seed=1,2", "env.mass=3"]) for _ in range(2))
    assert [job.key for job in first] == [job.key for job in again]
    assert len({job.key for job in first}) == 2
    assert first[0].key.startswith("seed-1-")
    other = expand(Loader.discover(), ["seed=1,2", "env.mass=4"])
    assert other[0].key != first[0].key


def test_a_group_is_swept_with_a_key_that_the_default_lacks(lab, tmp_path, capsys):
    lab.write("bad.py", BAD)
    lab.write("conf/algorithm/bad.yaml", "_target_: bad.Bad\n")
    lab.write("conf/algorithm/other.yaml", "_target_: bad.Bad\nhow: other\n")
    assert main(["-m", "algorithm=bad,other", "algorithm.how=fine", *QUICK]) == 0
    folder = sweep_folder(tmp_path)
    assert states(folder) == {"algorithm=bad algorithm.how=fine": "completed", "algorithm=other algorithm.how=fine": "completed"}
    out = capsys.readouterr().out
    assert "sweep of 2 runs" in out
    assert "2 of 2 runs completed" in out
    assert len(list(folder.glob("algorithm-other-*"))) == 1


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_failed_runs_do_not_stop_the_others_and_are_listed_with_their_command(lab, tmp_path, capsys, launcher):
    lab.write("bad.py", BAD)
    lab.write("conf/algorithm/bad.yaml", "_target_: bad.Bad\n")
    overrides = ["algorithm=bad", "algorithm.how=value,fine,crash", *QUICK, f"hydra/launcher={launcher}"]
    assert main(["-m", *overrides]) == 1
    folder = sweep_folder(tmp_path)
    assert list(states(folder).values()) == ["failed", "completed", "failed"]
    out = capsys.readouterr().out
    assert "1 of 3 runs completed" in out
    assert "ValueError: not like this" in out
    assert "in the middle" in out
    assert "again: wattloom algorithm=bad algorithm.how=crash" in out
    for job in json.loads((folder / "sweep.json").read_text())["jobs"]:
        assert {"exit_code", "error", "command"} <= set(json.loads((folder / job["key"] / "job.json").read_text()))


@pytest.mark.slow
def test_a_process_that_dies_leaves_a_status_and_a_line(lab, tmp_path, capfd):
    lab.write("bad.py", BAD)
    lab.write("conf/algorithm/bad.yaml", "_target_: bad.Bad\n")
    overrides = ["algorithm=bad", "algorithm.how=die,fine", *QUICK, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    assert main(["-m", *overrides]) == 1
    assert states(sweep_folder(tmp_path))["algorithm=bad algorithm.how=die"] == "failed"
    assert "again: wattloom algorithm=bad algorithm.how=die" in capfd.readouterr().out


def test_an_interrupt_ends_the_sweep_and_the_same_command_continues_it(lab, tmp_path, capsys):
    lab.write("bad.py", BAD)
    lab.write("conf/algorithm/bad.yaml", "_target_: bad.Bad\n")
    overrides = ["algorithm=bad", "algorithm.how=fine,interrupt,other", *QUICK]
    assert main(["-m", *overrides]) == 130
    folder = sweep_folder(tmp_path)
    out = capsys.readouterr().out
    assert "  interrupted: algorithm.how-interrupt-" in out
    assert "failed: " not in out
    assert f"alone: wattloom resume={folder}/algorithm.how-interrupt-" in out
    assert f"1 not started; continue with the same command and hydra.sweep.dir={folder}" in out
    assert not list(folder.glob("algorithm.how-other-*"))
    before = {file: file.stat().st_mtime_ns for file in folder.glob("algorithm.how-fine-*/config.yaml")}
    lab.write("bad.py", BAD.replace("raise KeyboardInterrupt", "pass"))
    import sys

    del sys.modules["bad"]
    assert main(["-m", *overrides, f"hydra.sweep.dir={folder}"]) == 0
    assert set(states(folder).values()) == {"completed"}
    assert before == {file: file.stat().st_mtime_ns for file in folder.glob("algorithm.how-fine-*/config.yaml")}  # not run again


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["env.mass=1,abc"], r"run 2 of 2 \(env.mass=abc algorithm=zero\): env.mass must be float, not 'abc'"),
        (["env=pendulum,pendulm"], "run 2 of 2"),
        (["seed=1,2", "hydra/launcher=jobli"], "no launcher named 'jobli'; did you mean 'joblib'"),
        (["seed=1,2", "hydra/sweeper=optuna"], "combinations are expanded by wattloom"),
        (["seed=1,2", "hydra.launcher.n_job=2", "hydra/launcher=joblib"], "the launcher's settings are wrong"),
    ],
)
def test_a_wrong_sweep_stops_before_the_first_run(lab, tmp_path, capsys, overrides, words):
    assert main(["-m", *overrides, "algorithm=zero"]) == 2
    error = capsys.readouterr().err
    assert words.replace("\\", "") in error
    assert "Traceback" not in error
    assert not (tmp_path / "runs").exists()


def test_a_job_whose_worker_was_taken_away_by_an_interrupt_is_interrupted_and_not_failed(lab, tmp_path, capsys, monkeypatch):
    def taken_away(plan, overrides):
        folder = Path(plan.directory) / plan.jobs[0].key
        folder.mkdir()
        (folder / "status.json").write_text(json.dumps({"state": "running", "step": 7}))
        raise KeyboardInterrupt

    monkeypatch.setattr("wattloom.sweep.launch", taken_away)
    assert main(["-m", "algorithm=zero", "seed=1,2", *QUICK]) == 130
    (file,) = sweep_folder(tmp_path).glob("*/status.json")
    status = json.loads(file.read_text())
    assert (status["state"], status["step"], status["error"]) == ("interrupted", 7, "interrupted")
    assert "1 not started" in capsys.readouterr().out
