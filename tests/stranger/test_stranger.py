"""Components of somebody else: by entry point from a distribution of their own, by one decorated file, by two lines of YAML.

Each is used, overridden, swept (basic and joblib launchers) and completed in a process of its own, as its author would.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
QUICK = ["runner.total_steps=40", "evaluation.episodes=1", "evaluation.every=null", "checkpoint.every=null"]
CALL = "import sys; from wattloom.cli import main; sys.exit(main())"


class Stranger:
    """A folder to work in and the import path it needs."""

    def __init__(self, folder: Path, path: str, names: dict[str, str]) -> None:
        self.folder, self.names = folder, names
        self.environ = {**os.environ, "PYTHONPATH": path, "WATTLOOM_RUNS": str(folder / "runs"), "OMP_NUM_THREADS": "1"}

    def call(self, *words: str, code: int = 0, **environ: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", CALL, *words], cwd=self.folder, env={**self.environ, **environ}, capture_output=True, text=True
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def offered(self, line: str) -> list[str]:
        return self.call("-sc", "query=bash", COMP_LINE=f"wattloom {line}").split()

    def config(self, *words: str) -> dict:
        return yaml.safe_load(self.call("--cfg", "job", *words))

    def runs(self) -> list[Path]:
        return sorted(file.parent for file in (self.folder / "runs").glob("**/config.yaml"))


@pytest.fixture(scope="module")
def site_packages(tmp_path_factory):
    """The stranger's distribution, installed apart: its metadata carries the entry point."""
    target = tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source") / "package"
    shutil.copytree(HERE / "package", source)
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--target",
        str(target),
        str(source),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


ENTRY_POINT = {
    "env": "stranger_tank",
    "algorithm": "stranger_constant",
    "other": "stranger_open",
    "hooks": "stranger_stop",
    "workload": "stranger_steps",
}
DECORATED = {"env": "lab_cart", "algorithm": "lab_still", "other": "lab_push", "hooks": "lab_count", "workload": "lab_ramp"}
KEYS = {
    "stranger_tank": ("env.target=2.5", "env.target="),
    "stranger_constant": ("algorithm.value=0.25", "algorithm.value="),
    "stranger_stop": ("hooks.stranger_stop.episodes=2", "hooks.stranger_stop.episodes="),
    "lab_cart": ("env.mass=3.5", "env.mass="),
    "lab_still": ("algorithm.push=0.25", "algorithm.push="),
    "lab_count": ("hooks.lab_count.limit=7", "hooks.lab_count.limit="),
}


@pytest.fixture
def installed(site_packages, tmp_path):
    return Stranger(tmp_path, str(site_packages), ENTRY_POINT)


@pytest.fixture
def decorated(tmp_path):
    shutil.copy(HERE / "decorated" / "components.py", tmp_path)
    return Stranger(tmp_path, "", DECORATED)


@pytest.fixture
def yaml_only(tmp_path):
    """The same classes without their decorators, named by two lines of YAML each."""
    text = (HERE / "decorated" / "components.py").read_text()
    (tmp_path / "parts.py").write_text(re.sub(r"^@register\(.*\n", "", text, flags=re.MULTILINE).replace(", register", ""))
    for kind, name, heading, target in re.findall(r'@register\("(\w+)", "(\w+)"\)\nclass (\w+)()', text):
        file = tmp_path / "conf" / kind / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# {heading} of our own.\n_target_: parts.{heading}{target}\n")
    return Stranger(tmp_path, "", DECORATED)


@pytest.fixture(params=["installed", "decorated", "yaml_only"])
def stranger(request):
    return request.getfixturevalue(request.param)


def chosen(stranger: Stranger) -> list[str]:
    names = stranger.names
    return [f"env={names['env']}", f"algorithm={names['algorithm']}", f"hooks={names['hooks']}"]


def test_all_kinds_are_listed_and_described(stranger):
    for kind in ("env", "algorithm", "hooks", "workload"):
        name = stranger.names[kind]
        assert name in stranger.call("list", kind)
        assert f"{kind}={name}" in stranger.call("describe", f"{kind}={name}")


def test_they_train_together_and_every_key_can_be_set(stranger):
    overrides = [KEYS[stranger.names[kind]][0] for kind in ("env", "algorithm", "hooks")]
    stranger.call(*chosen(stranger), "env.num_envs=2", *overrides, *QUICK)
    (run,) = stranger.runs()
    assert json.loads((run / "status.json").read_text())["state"] == "completed"
    config = yaml.safe_load((run / "config.yaml").read_text())
    for override in overrides:
        path, _, value = override.partition("=")
        node = config
        for part in path.split("."):
            node = node[part]
        assert node == float(value)
    assert config["env"]["num_envs"] == 2


@pytest.mark.parametrize("launcher", ["basic", pytest.param("joblib", marks=pytest.mark.slow)])
def test_they_are_swept_with_a_key_that_the_default_lacks(stranger, launcher):
    names = stranger.names
    key = KEYS[names["algorithm"]][0]
    sweep = [f"algorithm={names['algorithm']},{names['other']}", key, f"env={names['env']}", "hooks=none", *QUICK]
    out = stranger.call("-m", *sweep, f"hydra/launcher={launcher}", *(["hydra.launcher.n_jobs=2"] if launcher == "joblib" else []))
    assert "2 of 2 runs completed" in out
    algorithms = [yaml.safe_load((run / "config.yaml").read_text())["algorithm"] for run in stranger.runs()]
    assert len(algorithms) == 2
    assert all(float(key.partition("=")[2]) in algorithm.values() for algorithm in algorithms)


def test_tab_completes_names_and_keys(stranger):
    for kind in ("env", "algorithm", "hooks"):
        name = stranger.names[kind]
        assert stranger.offered(f"{kind}={name[:-1]}") == [f"{kind}={name}"]
        assert KEYS[name][1] in stranger.offered(f"{kind}={name} {KEYS[name][1][:-2]}")


def test_a_misspelt_key_is_answered_with_the_nearest(stranger):
    key = KEYS[stranger.names["algorithm"]][0].partition("=")[0]
    assert f"did you mean '{key}'" in stranger.call(*chosen(stranger), f"{key}s=1", code=2)


def test_a_workload_is_a_part_with_keys_of_its_own(installed):
    config = installed.config("env=stranger_tank", "workload.scale=2", "workload.levels=[1,2]")
    assert config["env"]["workload"] == {"_target_": "stranger.parts.Steps", "levels": [1, 2], "scale": 2}
    assert installed.offered("env=stranger_tank workload.s") == ["workload.scale="]
    assert "must be Levels" in installed.call("env=stranger_tank", "workload=constant", *QUICK, code=2)


@pytest.mark.parametrize("launcher", ["basic", pytest.param("joblib", marks=pytest.mark.slow)])
@pytest.mark.parametrize("how", ["decorated", "yaml_only"])
def test_a_workload_of_one_s_own_takes_the_place_of_the_package_s(request, site_packages, how, launcher):
    here = request.getfixturevalue(how)
    here.environ["PYTHONPATH"] = str(site_packages)
    sweep = ["env=stranger_tank", "workload=lab_ramp", "workload.slope=0.01,0.02", "algorithm=stranger_constant", "hooks=none", *QUICK]
    assert "2 of 2 runs completed" in here.call("-m", *sweep, f"hydra/launcher={launcher}")
    assert [yaml.safe_load((run / "config.yaml").read_text())["env"]["workload"]["slope"] for run in here.runs()] == [0.01, 0.02]
    assert here.offered("env=stranger_tank workload=lab") == ["workload=lab_ramp"]
    assert here.offered("env=stranger_tank workload=lab_ramp workload.") == ["workload.slope="]


def test_a_value_out_of_range_is_the_stranger_s_own_message(installed):
    assert "algorithm.value must lie in [0, 2], not 7" in installed.call(*chosen(installed), "algorithm.value=7", code=2)
