"""``wattloom new`` writes components that work at once: their own tests pass, and so does the contract suite."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from wattloom.cli import main


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(tmp_path, *command: str) -> subprocess.CompletedProcess:
    environ = {**os.environ, "WATTLOOM_RUNS": str(tmp_path / "runs"), "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *command], cwd=tmp_path, env=environ, capture_output=True, text=True)


CALL = "import sys; from wattloom.cli import main; sys.exit(main())"


def test_new_components_pass_their_own_tests_and_train_together(tmp_path, capsys):
    for kind, name in (("env", "my_cart"), ("algorithm", "my_search"), ("hooks", "my_stop")):
        assert main(["new", kind, name]) == 0
    told = capsys.readouterr().out
    assert "wrote conf/algorithm/my_search.yaml" in told
    assert "wattloom +hooks=my_stop" in told
    tests = run(tmp_path, "-m", "pytest", "-q", "tests")
    assert tests.returncode == 0, tests.stdout + tests.stderr
    assert "6 passed" in tests.stdout
    together = ["env=my_cart", "algorithm=my_search", "hooks=my_stop", "hooks.my_stop.threshold=-1e9", "evaluation.episodes=1"]
    done = run(tmp_path, "-c", CALL, *together)
    assert done.returncode == 0, done.stdout + done.stderr
    checked = run(tmp_path, "-c", CALL, "check", "env=my_cart")
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["env", "My-Env"], "'My-Env' cannot name a module"),
        (["env", "class"], "cannot name a module"),
        (["env", "pendulum"], "env=pendulum exists already"),
        (["hooks", "json"], "'json' is the name of an installed module"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(tmp_path, capsys, words, message):
    assert main(["new", *words]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path, capsys):
    (tmp_path / "my_env.py").write_text("mine")
    assert main(["new", "env", "my_env"]) == 2
    assert "my_env.py exists already; nothing was written" in capsys.readouterr().err
    assert (tmp_path / "my_env.py").read_text() == "mine"
    assert not (tmp_path / "conf").exists()


def test_another_kind_is_no_traceback(capsys):
    assert main(["new", "weather", "mine"]) == 2
    assert "invalid choice: 'weather'" in capsys.readouterr().err
