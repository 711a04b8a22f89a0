"""Wrong commands, configurations, environments and run directories: one clear message, the right exit code, nothing written is lost."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import yaml

import wattloom
from wattloom.cli import main
from wattloom.errors import ConfigError
from wattloom.registry import REGISTRY
from wattloom.run_directory import RunDirectory
from wattloom.telemetry.reader import read_records

USAGE, FAULT, DATA = 2, 1, 3
SMALL = ["algorithm.hidden_sizes=[8,8]", "algorithm.batch_size=8", "algorithm.learning_starts=20", "hooks=none"]
SHORT = ["runner.total_steps=60", "evaluation.every=null", "evaluation.episodes=1", "checkpoint.every=20", "env.horizon=20"]
BASELINE = ["algorithm=zero", "hooks=none", *SHORT[:-1]]

LAB = '''
import numpy as np
from gymnasium import spaces
from wattloom import AgentSpec, BatchedEnvironment, Column, Hook, Outcome, Snapshot


class Faulty(BatchedEnvironment):
    """Goes wrong at a given step, in a given way."""

    def __init__(self, fault: str = "", at: int = 45, path: str = "", num_envs: int = 1):
        if path:
            open(path)
        box = spaces.Box(-1.0, 1.0, (1,), np.float32)
        super().__init__([AgentSpec("a", box, box, (Column("x", "1"),), (Column("u", "1"),))], num_envs, 20)
        self.fault, self.at, self.steps = fault, at, 0
        self.arrays["x"] = np.zeros(num_envs)

    def _begin(self, copies, generators, options):
        self.arrays["x"][copies] = 0.0

    def _advance(self, actions):
        self.steps += 1
        now = self.fault if self.steps >= self.at else ""
        if now == "raise":
            raise RuntimeError("the pump broke")
        if now == "blind":
            self.arrays["x"][:] = np.nan
        reward = np.full(self.num_envs, np.nan if now == "not_a_number" else 0.0)
        return Outcome({"a": reward[:, None] if now == "shape" else reward})

    def _observe(self):
        return Snapshot({"a": self.arrays["x"][:, None].astype(np.float32)})


class Cracked(Hook):
    required = True

    def __init__(self, at: int = 45):
        self.at = at

    def on_step(self, run, event):
        if run.counters.env_steps >= self.at:
            raise RuntimeError("the hook broke")
'''

FILES = {
    "lab_faults.py": LAB,
    "conf/env/faulty.yaml": "_target_: lab_faults.Faulty\n",
    "conf/hooks/cracked.yaml": "_target_: lab_faults.Cracked\n",
    "conf/chilling/plain.yaml": "_target_: lab_faults.Cracked\n",
    "conf/env/site.yaml": "# @package _global_\ndefaults:\n  - /chilling: plain\n  - _self_\nenv:\n  _target_: lab_faults.Faulty\n  fault: ${chilling}\n",
    "conf/experiment/torn.yaml": "# @package _global_\nseed: [1,\n",
    "conf/experiment/wrong.yaml": "# @package _global_\ndefaults:\n  - override /env: pendulm\n",
    "conf/algorithm/nowhere.yaml": "_target_: no_such_package.Thing\n",
}

COMMANDS = {
    # name: (words, exit code, words of the message)
    "misspelt group": (["algoritm=td3"], USAGE, "no setting 'algoritm'; did you mean 'algorithm'?"),
    "misspelt option": (["env=pendulm"], USAGE, "no env named 'pendulm'; did you mean 'pendulum'?"),
    "misspelt key": (["env.mas=3"], USAGE, "no setting 'env.mas'; did you mean 'env.mass'?"),
    "misspelt key, forced": (["+env.mas=3"], USAGE, "no setting 'env.mas'; did you mean 'mass'?"),
    "key of another option": (
        ["algorithm.alpha=1"],
        USAGE,
        "no setting 'algorithm.alpha'; it belongs to algorithm=csac, algorithm=hasac, ",
    ),
    "misspelt value": (["hooks.animation.unit=episod"], USAGE, "hooks.animation.unit must be 'episode' or"),
    "misspelt command": (["evaluat", "x"], USAGE, "no command 'evaluat'; did you mean 'evaluate'?"),
    "misspelt flag": (["--multirum"], USAGE, "no option '--multirum'; did you mean '--multirun'?"),
    "no key": (["pendulum=", "seed"], USAGE, "cannot read 'seed': overrides are written key=value"),
    "unreadable value": (["env.mass=[1,"], USAGE, "cannot read 'env.mass=["),
    "range: environment": (["env.mass=-1"], USAGE, "env.mass must be"),
    "range: algorithm": (["algorithm.gamma=1.7"], USAGE, "algorithm.gamma must lie in [0, 1], not 1.7"),
    "range: runner": (["runner.total_steps=0"], USAGE, "runner.total_steps must be at least 1, not 0"),
    "range: seed": (["seed=-1"], USAGE, "seed must be at least 0, not -1"),
    "type: algorithm": (["algorithm.gamma=abc"], USAGE, "algorithm.gamma must be float, not 'abc' (set by 'algorithm.gamma=abc')"),
    "type: runner": (["runner.total_steps=many"], USAGE, "runner.total_steps must be int, not 'many'"),
    "duration": (["runner.wall_time=soon"], USAGE, "runner.wall_time must be a duration such as 3h50m"),
    "threads": (["runner.torch_threads=0"], USAGE, "runner.torch_threads must be at least 1, not 0"),
    "seeds that do not fit": (["evaluation.seeds=[1,2]"], USAGE, "evaluation.seeds lists 2 seeds for evaluation.episodes=10"),
    "several values without -m": (["seed=1,2"], USAGE, "add -m to run each"),
    "nothing chosen": (["env=null"], USAGE, "env=null: every run needs one"),
    "part of another environment": (["chilling=plain"], USAGE, "chilling is a part of env=site; env=pendulum has no such part"),
    "text in the place of a part": (["env=site", "env.fault=plain"], USAGE, "env.fault is a part, built from a mapping"),
    "part of another kind": (["env=site"], USAGE, "env.fault must be str"),
    "part left out": (["env=datacenter", "price=null"], USAGE, "price=null: env=datacenter needs one; known: constant, csv"),
    "interpolation to nowhere": (["env.mass=${nowhere}"], USAGE, "env.mass cannot be resolved"),
    "torn preset": (["experiment=torn"], USAGE, "torn.yaml, line"),
    "preset of a misspelt option": (
        ["experiment=wrong"],
        USAGE,
        "./conf/experiment/wrong.yaml: no env named 'pendulm'; did you mean 'pendulum'?",
    ),
    "package that is not installed": (["algorithm=nowhere"], USAGE, "nowhere.yaml: cannot import 'no_such_package.Thing'"),
    "folder that is not there": (["--config-dir", "nowhere"], USAGE, "--config-dir nowhere: there is no such folder"),
    "target outside": (["algorithm._target_=os.system"], USAGE, "'os.system' is not built"),
    "unknown Gymnasium name": (["env=gymnasium", "env.id=NoSuch-v0", "algorithm=zero"], USAGE, "NoSuch"),
    "missing file": (["env=faulty", "env.path=no/such.csv", *BASELINE], DATA, "No such file or directory: 'no/such.csv'"),
    "unwritable directory": ([*BASELINE, "runs_dir=lab_faults.py/runs"], DATA, "cannot write the run directory under 'lab_faults.py/runs'"),
    "unwritable sweep directory": (["-m", "seed=1,2", *BASELINE, "runs_dir=lab_faults.py/runs"], DATA, "cannot write the sweep directory"),
    "unknown launcher": (["-m", "seed=1,2", *BASELINE, "hydra/launcher=jobli"], USAGE, "no launcher named 'jobli'; did you mean 'joblib'?"),
    "a wrong run in a sweep": (["-m", "env.mass=1,abc", *BASELINE], USAGE, "run 2 of 2"),
    "null in a sweep": (["-m", "env=pendulum,null", *BASELINE], USAGE, "env=null: every run needs one"),
    "run that is not there: resume": (["resume=runs/nothing"], DATA, "there is no run directory 'runs/nothing'"),
    "run that is not there: evaluate": (["evaluate", "runs/nothing"], DATA, "there is no run directory 'runs/nothing'"),
    "run that is not there: status": (["status", "runs/nothing"], DATA, "runs/nothing"),
    "folder that is no run": (["resume=conf"], DATA, "'conf' is not a run directory"),
    "kind that is not there": (["list", "envs"], USAGE, "there is no kind 'envs'; did you mean 'env'?"),
}


def digest(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.glob("**/*") if file.is_file()}


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    yield tmp_path
    sys.modules.pop("lab_faults", None)
    REGISTRY.admitted.clear()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A stopped run with checkpoints."""
    folder = tmp_path_factory.mktemp("trained")
    before = Path.cwd()
    os.chdir(folder)
    try:
        assert main(["algorithm=td3", *SMALL, *SHORT, "runner.stop_at=40", "runs_dir=runs"]) == 0
    finally:
        os.chdir(before)
    (run,) = (folder / "runs").glob("*/*/*")
    return run


@pytest.fixture
def run(lab, trained):
    """A copy of it that may be spoilt."""
    target = lab / "runs" / "pendulum_td3" / "2026-01-01" / trained.name
    shutil.copytree(trained, target)
    return target


def refused(capsys, words: list[str], code: int, message: str) -> str:
    """Call, and check that there is one message, without a traceback, with the right exit code."""
    capsys.readouterr()
    assert main(words) == code
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, error
    assert message in error
    assert "Traceback" not in error
    return error


@pytest.mark.parametrize("name", COMMANDS)
def test_a_wrong_command_is_one_message_and_writes_nothing(lab, capsys, name):
    words, code, message = COMMANDS[name]
    before = digest(lab)
    refused(capsys, words, code, message)
    assert {file: value for file, value in digest(lab).items() if "__pycache__" not in file} == before


@pytest.mark.parametrize("name", ["misspelt key", "range: algorithm", "missing file", "run that is not there: resume"])
def test_debug_shows_where(lab, capsys, name):
    words, code, _ = COMMANDS[name]
    assert main([*words, "--debug"]) == code
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["env=faulty", "env.fault=raise"], "the pump broke"),
        (["env=faulty", "env.fault=not_a_number"], "is nan in copy 0"),
        (["env=faulty", "env.fault=blind"], "the observation of agent 'a' is not finite in copy 0 at step 5 of episode 2: entry 0 of 1"),
        (["env=faulty", "env.fault=shape"], "shape"),
        (["env=faulty", "hooks=cracked"], "the hook broke"),
    ],
)
def test_a_fault_in_the_middle_of_a_run_keeps_what_was_written(lab, capsys, words, message):
    error = refused(capsys, ["algorithm=zero", "hooks=none", *SHORT[:-1], *words, "runs_dir=runs"], FAULT, message)
    assert error.count("error: ") == 1
    (path,) = (lab / "runs").glob("*/*/*")
    status = json.loads((path / "status.json").read_text())
    assert status["state"] == "failed"
    assert message in status["error"]
    assert (path / "checkpoints" / "step_000000040" / "manifest.json").is_file()
    assert not (path / "lock.json").exists()


@pytest.mark.parametrize(("every", "step"), [("null", 60), ("40", 40)], ids=["last evaluation", "periodic evaluation"])
def test_an_evaluation_that_fails_costs_nothing_of_what_was_learned(lab, capsys, every, step):
    words = ["env=faulty", *BASELINE, "checkpoint.every=null", f"evaluation.every={every}", "runs_dir=runs"]
    refused(capsys, [*words, "evaluation.overrides=[env.fault=raise,env.at=1]"], FAULT, "the pump broke")
    (run,) = (lab / "runs").glob("*/*/*")
    assert [path.name for path in (run / "checkpoints").glob("step_*")] == [f"step_{step:09d}"]
    assert json.loads((run / "status.json").read_text())["state"] == "failed"


def test_a_full_disk_is_one_message_that_names_the_file(lab, capsys):
    resource = pytest.importorskip("resource", reason="limits of file sizes are POSIX")
    off = [f"hooks.{name}=null" for name in ("animation", "evaluation_animation", "curves", "timing", "summary", "progress")]
    words = ["env=faulty", "algorithm=zero", "runner.total_steps=9000", "evaluation.every=null", "runs_dir=runs", *off]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, before[1]))
    try:
        refused(capsys, words, DATA, "metrics.jsonl: File too large; free space or set runs_dir=...")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    (run,) = (lab / "runs").glob("*/*/*")
    assert "metrics.jsonl: File too large" in json.loads((run / "status.json").read_text())["error"]
    assert len(read_records(run / "logs" / "metrics.jsonl").records) > 10


@pytest.mark.parametrize("count", [0, -1, 2.5, "2"])
def test_a_number_of_copies_that_is_none_is_refused(count):
    with pytest.raises(ConfigError, match="num_envs must be"):
        wattloom.make("pendulum", num_envs=count)


def test_a_number_of_copies_may_be_an_integer_of_numpy():
    assert wattloom.make("pendulum", num_envs=np.int64(3)).num_envs == 3


def test_a_space_that_the_algorithm_cannot_serve_is_refused_before_anything_is_written(lab, capsys):
    refused(capsys, ["env=gymnasium", "env.id=CartPole-v1", "algorithm=td3", *SMALL, "runs_dir=runs"], USAGE, "td3")
    assert not (lab / "runs").exists()


def test_a_checkpoint_of_other_networks_is_refused_and_kept(run, capsys):
    before = digest(run / "checkpoints")
    refused(
        capsys,
        [f"resume={run}", "runner.stop_at=null", "algorithm.hidden_sizes=[16,16]"],
        DATA,
        "saved parameter 'actor.layer_0' has shape",
    )
    assert digest(run / "checkpoints") == before


def test_an_environment_that_shows_something_else_than_the_policy_was_trained_on_is_named(run, capsys):
    words = ["evaluate", str(run), "env=pendulum_no_velocity", "--episodes", "1", "--baseline", "none"]
    error = refused(capsys, words, DATA, "does not fit env=pendulum_no_velocity algorithm=td3 as configured here: saved parameter")
    assert "what they see and do" in error


@pytest.mark.parametrize("how", ["flip", "truncate", "remove"])
def test_damaged_checkpoints_are_named(run, capsys, how):
    for file in (run / "checkpoints").glob("step_*/algorithm.pt"):
        data = file.read_bytes()
        if how == "remove":
            file.unlink()
        else:
            file.write_bytes(
                data[: len(data) // 2] + (b"" if how == "truncate" else bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :])
            )
    refused(capsys, [f"resume={run}", "runner.stop_at=null"], DATA, "algorithm.pt")


def test_a_run_without_checkpoints_is_refused(run, capsys):
    shutil.rmtree(run / "checkpoints")
    refused(capsys, [f"resume={run}", "runner.stop_at=null"], DATA, "checkpoint")


@pytest.mark.parametrize("file", ["overrides.yaml", "config.yaml"])
def test_a_torn_file_of_a_run_is_named(run, capsys, file):
    (run / file).write_text("[a: b\n")
    before = digest(run)
    refused(capsys, [f"resume={run}"], DATA, file)
    assert digest(run) == before


def test_a_second_resume_of_a_running_run_is_refused(run, capsys):
    with RunDirectory(run).lock():
        before = digest(run)
        refused(capsys, [f"resume={run}", "runner.stop_at=null"], DATA, f"is being written by process {os.getpid()}")
        assert digest(run) == before
    assert main([f"resume={run}", "runner.stop_at=null"]) == 0


def test_a_stranger_s_run_directory_executes_nothing(lab, trained, tmp_path_factory, capsys):
    foreign = tmp_path_factory.mktemp("foreign") / "run"
    shutil.copytree(trained, foreign)
    touched = foreign.parent / "touched"
    overrides = yaml.safe_load((foreign / "overrides.yaml").read_text())
    bad = {"_target_": "pathlib.Path.write_text", "self": str(touched), "data": "x"}
    (foreign / "overrides.yaml").write_text(yaml.safe_dump([*overrides, "+hooks.x={_target_: pathlib.Path.write_text, data: x}"]))
    config = yaml.safe_load((foreign / "config.yaml").read_text())
    (foreign / "config.yaml").write_text(yaml.safe_dump(config | {"hooks": {"x": bad}, "env": config["env"] | {"_target_": "os.system"}}))
    for words in (
        ["evaluate", str(foreign)],
        [f"resume={foreign}"],
        ["evaluate", str(foreign), "--trust"],
        [f"resume={foreign}", "--trust"],
    ):
        capsys.readouterr()
        assert main(words) == USAGE
        assert "Traceback" not in capsys.readouterr().err
    assert not touched.exists()


SYSTEM = "'echo > touched'"
WITHOUT_KEYS = [f"~env.{key}" for key in ("g", "mass", "length", "dt", "max_torque", "max_speed", "horizon", "velocity", "num_envs")]
BACK_DOORS = {
    "a module that one of ours imports": ["env._target_=wattloom.run_directory.os.system", f"+env.command={SYSTEM}", *WITHOUT_KEYS],
    "a class that one of ours imports": ["+hooks.x={_target_: wattloom.components.hooks.gif.Path.write_text, self: touched, data: x}"],
    "a function of ours that trains": [
        "env._target_=wattloom.api.train",
        "+env.env=pettingzoo",
        "+env.env__target=os:system",
        *WITHOUT_KEYS,
    ],
    "a command of ours": ["env._target_=wattloom.components.commands.new.main", "+env.argv=[env,touched]", *WITHOUT_KEYS],
    "a factory by its name": ["env=pettingzoo", "env.target=os:system", f"+env.kwargs.command={SYSTEM}"],
    "a module that registers an id": ["env=gymnasium", "env.id='lab_touching:Touched-v0'"],
    "the evaluation": [f"evaluation.overrides=['env=pettingzoo','env.target=os:system',\"+env.kwargs.command={SYSTEM}\"]"],
    "a root of runs that holds everything": ["runs_dir=/", "env._target_=lab_touching.Touched", *WITHOUT_KEYS],
}


@pytest.mark.parametrize("forged", BACK_DOORS.values(), ids=BACK_DOORS)
def test_a_stranger_s_run_directory_has_no_back_door(lab, trained, tmp_path_factory, capsys, monkeypatch, forged):
    foreign = tmp_path_factory.mktemp("foreign") / "run"
    shutil.copytree(trained, foreign)
    (lab / "lab_touching.py").write_text("open('touched', 'w').close()\nTouched = dict\n")
    monkeypatch.syspath_prepend(lab)
    overrides = yaml.safe_load((foreign / "overrides.yaml").read_text())
    (foreign / "overrides.yaml").write_text(yaml.safe_dump([*(text for text in overrides if not text.startswith("env.horizon")), *forged]))
    (foreign / "config.yaml").write_text("seed: 1\n")
    for words in (["evaluate", str(foreign)], [f"resume={foreign}", "runner.total_steps=900"]):
        refused(capsys, words, USAGE, "--trust")
    assert not list(lab.glob("**/touched*"))


def test_two_runs_started_in_the_same_second_have_a_folder_each(lab):
    codes: list[int] = []
    threads = [threading.Thread(target=lambda: codes.append(main([*BASELINE, "runs_dir=runs"]))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0, 0]
    assert len(list((lab / "runs").glob("*/*/*/status.json"))) == 2


def test_a_failed_run_of_a_sweep_is_listed_and_the_others_are_kept(lab, capsys):
    words = ["-m", "env=faulty", "env.fault=raise,fine", *BASELINE, "runs_dir=runs"]
    assert main(words) == FAULT
    out = capsys.readouterr()
    assert "1 of 2 runs completed" in out.out
    assert "the pump broke" in out.out
    assert "again: wattloom env=faulty env.fault=raise" in out.out
    assert "Traceback" not in out.err
    states = sorted(json.loads(file.read_text())["state"] for file in (lab / "runs").glob("sweeps/*/*/*/status.json"))
    assert states == ["completed", "failed"]


def test_there_are_at_least_thirty():
    assert len(COMMANDS) >= 30


def test_a_run_that_cannot_be_written_is_evaluated_into_another_folder(run, lab, capsys, monkeypatch):
    """Root may write everywhere, so what the file system would say is played."""
    before, there = digest(run), os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not Path(path).is_relative_to(run) and there(path, mode))
    words = ["evaluate", str(run), "--episodes", "1", "--baseline", "none"]
    refused(capsys, words, DATA, f"cannot write the evaluation into '{run / 'evaluations' / 'evaluation'}'; give --output")
    assert main([*words, "--output", "elsewhere"]) == 0
    assert (lab / "elsewhere" / "summary.json").is_file()
    assert digest(run) == before


def test_a_file_system_that_refuses_is_one_line(run, capsys, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system", str(run / "lock.json"))

    monkeypatch.setattr(RunDirectory, "lock", refuse)
    refused(capsys, [f"resume={run}"], DATA, f"cannot use '{run / 'lock.json'}': Read-only file system")
