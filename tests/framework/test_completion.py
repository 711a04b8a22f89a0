"""What TAB offers: options of the group that is typed, keys of what is chosen, and never Hydra's own names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from wattloom.completion import complete, main
from wattloom.errors import UsageError


def offered(line: str) -> list[str]:
    return complete(f"wattloom {line}")


def test_a_group_offers_its_options_alone(site):
    found = offered("env=")
    assert {"env=pendulum", "env=site", "env=big_site"} <= set(found)
    assert all(word.startswith("env=") for word in found)


def test_parts_are_offered_once_their_environment_is_chosen(site):
    assert offered("chil") == []
    assert offered("env=site chil") == ["chilling.", "chilling="]
    assert offered("env=site chilling=") == ["chilling=open", "chilling=plain"]
    assert offered("env=site chilling.") == ["chilling.cop=", "chilling.mode="]
    assert offered("env=site env.chilling.c") == ["env.chilling.cop="]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("algorithm=learner algorithm.", ["algorithm.clip=", "algorithm.sizes="]),
        ("-m algorithm=td3,lea", ["algorithm=td3,learner"]),
        ("-m algorithm=learner,td3 algorithm.cl", ["algorithm.clip="]),
        ("hooks=[default,wat", ["hooks=[default,watcher"]),
        ("+hooks=watcher hooks.watcher.", ["hooks.watcher.threshold="]),
        ("env.velocity=", ["env.velocity=false", "env.velocity=true"]),
        ("env.max_t", ["env.max_torque="]),
        ("seed=", ["seed=1"]),
        ("~hooks.prog", ["~hooks.progress."]),
        ("env=site chilling=open chilling.cop=", []),
        ("hydra/launcher=jo", ["hydra/launcher=joblib"]),
        ("-m swe", ["sweep="]),
        ("-m sweep=see", ["sweep=seeds"]),
        ("--conf", ["--config-dir"]),
        ("describe algorithm=lea", ["algorithm=learner"]),
        ("list algo", ["algorithm"]),
        ("new al", ["algorithm "]),
        ("desc", ["describe "]),
        ("no.such.path.", []),
        ("env=nothing env.ma", ["env.mass=", "env.max_speed=", "env.max_torque="]),
    ],
)
def test_words_are_completed(site, line, expected):
    assert offered(line) == expected


def test_internals_are_hidden(site):
    words = [word for line in ("", "env.", "hydra", "algorithm=learner algorithm.") for word in offered(line)]
    assert not [word for word in words if "_target_" in word or word.startswith("hydra")]


def test_a_folder_named_on_the_line_takes_part(lab):
    lab.write("shared/env/heavy.yaml", "_target_: wattloom.components.envs.pendulum.Pendulum\n")
    assert offered("--config-dir shared env=hea") == ["env=heavy"]


def test_a_user_s_two_lines_complete(site):
    assert offered("algorithm=learner algorithm.cl") == ["algorithm.clip="]


def test_nothing_heavy_is_imported(lab):
    code = (
        "import sys; from wattloom.completion import complete; complete('wattloom env='); complete('wattloom env.m'); complete('wattloom ');"
        "from wattloom.cli import help_text; help_text();"
        "print([name for name in ('torch', 'pandas', 'matplotlib', 'pandapower') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=lab.path)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("words", [[], ["install"], ["install=tcsh"], ["remove=bash"]])
def test_another_action_is_refused(words):
    with pytest.raises(UsageError, match="install=bash"):
        main(words)


@pytest.mark.skipif(shutil.which("bash") is None, reason="this machine has no bash")
@pytest.mark.parametrize(
    ("line", "word", "expected"),
    [("wattloom env=pend", "pend", ["pendulum", "pendulum_no_velocity"]), ("wattloom env.max_t", "env.max_t", ["env.max_torque="])],
)
def test_bash_replaces_what_follows_the_equals_sign(lab, capsys, line, word, expected):
    assert main(["install=bash"]) == 0
    script = capsys.readouterr().out
    program = lab.write(
        "bin/wattloom", f"#!/bin/sh\nexec {sys.executable} -c 'import sys; from wattloom.cli import main; sys.exit(main())' \"$@\"\n"
    )
    program.chmod(0o755)
    probe = (
        f"{script}\nCOMP_WORDBREAKS=$' \\t\\n=:'\nCOMP_LINE='{line}'\nCOMP_POINT=${{#COMP_LINE}}\nCOMP_WORDS=(wattloom '{word}')\nCOMP_CWORD=1\n"
        "_wattloom_complete\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n"
    )
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["bash", "-c", probe], capture_output=True, text=True, cwd=lab.path, env={**os.environ, "PATH": path})
    assert done.stdout.split() == expected, done.stderr
