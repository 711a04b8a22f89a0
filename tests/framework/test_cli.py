"""The command line: what it prints, what it returns, and that every error is one message."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from wattloom import __version__
from wattloom.cli import commands, main, parse
from wattloom.errors import UsageError

QUICK = ["algorithm=zero", "hooks=none", "runner.total_steps=30", "evaluation.episodes=1", "evaluation.every=null"]


def test_help_names_commands_groups_and_options(lab, capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert "pendulum, pendulum_no_velocity" in text
    for name in ("evaluate", "describe", "list", "new", "--config-dir", "-m"):
        assert name in text
    assert "hydra" not in text


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"wattloom {__version__}"


def test_a_run_says_in_one_line_what_it_will_do_and_does_it(lab, capsys, tmp_path):
    assert main(QUICK) == 0
    assert capsys.readouterr().out.splitlines()[0] == "training zero on pendulum: 30 env steps, seed 1"
    (run,) = (tmp_path / "runs").glob("pendulum_zero/*/*")
    assert json.loads((run / "status.json").read_text())["state"] == "completed"
    assert yaml.safe_load((run / "overrides.yaml").read_text()) == QUICK


def test_resume_auto_says_what_it_will_do(lab, capsys):
    assert main([*QUICK, "resume=auto"]) == 0
    begun = capsys.readouterr()
    assert begun.out.splitlines()[0] == "training zero on pendulum: 30 env steps, seed 1"
    assert "resume=auto: nothing to continue under runs, a new run begins" in begun.err


NAMED = """
from wattloom.components.baselines.zero import Zero

class Named(Zero):
    def __init__(self, label: str = "a"):
        super().__init__()
"""


def test_a_resumed_run_may_set_keys_that_only_its_own_choices_have(lab, capsys, tmp_path):
    lab.write("lab_zero.py", NAMED)
    lab.write("conf/algorithm/named.yaml", "_target_: lab_zero.Named\n")
    assert main(["algorithm=named", *QUICK[1:], "runner.stop_at=10"]) == 0
    (run,) = (tmp_path / "runs").glob("pendulum_named/*/*")
    assert main([f"resume={run}", "runner.stop_at=null", "algorithm.label=b"]) == 0
    assert json.loads((run / "status.json").read_text())["state"] == "completed"
    assert yaml.safe_load((run / "config.yaml").read_text())["algorithm"]["label"] == "b"
    assert main([f"resume={run}", "algorithm.lable=b"]) == 2
    assert "did you mean 'algorithm.label'" in capsys.readouterr().err


def test_cfg_shows_the_resolved_configuration(lab, capsys):
    assert main(["--cfg", "job", "env.mass=2", "evaluation.num_envs=3"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("# ")
    assert "env=pendulum" in text.splitlines()[0]
    shown = yaml.safe_load(text)
    assert (shown["env"]["mass"], shown["evaluation"]["num_envs"]) == (2, 3)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--cfg", "job", "-m"], 2, "leave one of them out"),
        (["--cfg", "hydra"], 2, "only --cfg job exists"),
        (["--cfg"], 2, "--cfg needs a value"),
        (["--multirum"], 2, "no option '--multirum'; did you mean '--multirun'"),
        (["evaluat", "x"], 2, "no command 'evaluat'; did you mean 'evaluate'"),
        (["seed=2", "--help"], 2, "--help stands alone"),
        (["--config-dir", "nowhere"], 2, "there is no such folder"),
        (["-sc", "install=csh"], 2, "shells bash, zsh and fish"),
    ],
)
def test_wrong_options_are_said_in_one_message(lab, capsys, words, code, message):
    assert main(words) == code
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert "Traceback" not in error


def test_debug_shows_the_traceback(lab, capsys):
    assert main(["env=nothing", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_unexpected_error_is_one_message_too(lab, capsys, monkeypatch):
    monkeypatch.setattr("wattloom.cli._run", lambda arguments: 1 / 0)
    assert main(["seed=1"]) == 1
    error = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(("raised", "code"), [(KeyboardInterrupt(), 130), (SystemExit(2), 2), (SystemExit(None), 0), (SystemExit("no"), 1)])
def test_exit_codes_of_what_leaves_early(lab, monkeypatch, raised, code):
    def leave(arguments):
        raise raised

    monkeypatch.setattr("wattloom.cli._run", leave)
    assert main(["seed=1"]) == code


def test_options_are_split_from_overrides():
    arguments = parse(["-m", "a=1", "--config-dir", "x", "--config-dir=y", "--trust", "~b"])
    assert arguments.overrides == ("a=1", "~b")
    assert arguments.config_dirs == ("x", "y")
    assert arguments.multirun
    assert arguments.trust
    with pytest.raises(UsageError):
        parse(["-x"])


def test_every_command_says_what_it_is_for():
    assert {"list", "describe", "new", "evaluate", "status"} <= set(commands())
    for name, text in commands().items():
        assert len(text) > 15, name


def test_a_registered_command_is_called_with_its_words(lab, capsys):
    lab.write(
        "components.py",
        "from wattloom import register\n\n@register('command', 'greet')\ndef main(argv):\n    print('hello', *argv)\n    return 5\n",
    )
    assert main(["greet", "you", "a=1"]) == 5
    assert capsys.readouterr().out == "hello you a=1\n"


def test_what_hides_a_built_in_option_is_told(lab, capsys):
    lab.write("conf/env/pendulum.yaml", "_target_: wattloom.components.envs.pendulum.Pendulum\n")
    assert main(["--cfg", "job"]) == 0
    assert "env=pendulum comes from ./conf/env/pendulum.yaml and hides the one of wattloom" in capsys.readouterr().err


def test_a_closed_pipe_is_no_traceback(lab):
    call = "import sys; from wattloom.cli import main; sys.exit(main(['--cfg', 'job']))"
    done = subprocess.run(["bash", "-c", f'"{sys.executable}" -c "{call}" | true'], capture_output=True, text=True, cwd=lab.path)
    assert "Traceback" not in done.stderr


def test_a_warning_of_ours_is_one_line_and_said_once(monkeypatch, capsys):
    import warnings

    from wattloom import cli
    from wattloom.components.sources.formats.findings import DataWarning

    def warn(words):
        for line in range(3):
            warnings.warn_explicit("gaps in file.csv", DataWarning, "where.py", line)
        warnings.warn_explicit("theirs", UserWarning, "where.py", 1)
        return 0

    monkeypatch.setattr(cli, "_dispatch", warn)
    before = warnings.showwarning
    assert cli.main(["list"]) == 0
    assert warnings.showwarning is before
    lines = capsys.readouterr().err.splitlines()
    assert lines.count("warning: gaps in file.csv") == 1
    assert not any("DataWarning" in line for line in lines)
