from __future__ import annotations

import sys

import pytest

from wattloom.compose import compose
from wattloom.errors import ConfigError
from wattloom.loader import Loader
from wattloom.plugins import discover, is_local

DECORATED = """
from wattloom import register

@register("env", "{name}")
class Env:
    def __init__(self, mass: float = 2.0) -> None: ...
"""


def test_a_components_file_of_the_working_directory_is_imported(lab):
    lab.write("components.py", DECORATED.format(name="from_the_file"))
    assert discover().modules == {"components"}
    assert compose(["env=from_the_file", "env.mass=3"]).config["env"] == {"_target_": "components.Env", "mass": 3, "num_envs": 1}


def test_modules_listed_in_pyproject_are_imported_instead(lab):
    lab.write("components.py", DECORATED.format(name="unlisted"))
    lab.write("deep/listed.py", DECORATED.format(name="listed"))
    lab.write("pyproject.toml", '[tool.wattloom]\nmodules = ["deep.listed"]\n')
    assert {"listed"} <= set(Loader.discover().options("env"))
    assert "unlisted" not in Loader.discover().options("env")


@pytest.mark.parametrize("text", ["modules = 3", "modules = [1]", 'modules = "a"'])
def test_a_wrong_list_of_modules_is_named(lab, text):
    lab.write("pyproject.toml", f"[tool.wattloom]\n{text}\n")
    with pytest.raises(ConfigError, match=r"\[tool\.wattloom\] modules must be a list"):
        discover()


def test_somebody_s_broken_pyproject_is_none_of_our_business(lab):
    lab.write("pyproject.toml", "not = [toml")
    assert discover().modules == frozenset()


def test_a_named_folder_that_is_not_there(lab):
    with pytest.raises(ConfigError, match="--config-dir nowhere: there is no such folder"):
        discover(["nowhere"])


def test_the_program_s_own_checkout_is_no_user_folder(lab):
    lab.write("conf/wattloom.yaml", "defaults: []\n")
    lab.write("conf/env/pendulum.yaml", "_target_: nothing.Here\n")
    assert discover().before == ()


def test_a_module_is_local_by_where_it_lies(lab):
    lab.write("nearby.py", "")
    lab.write(".venv/lib/site-packages/inside.py", "")
    lab.write("conf/env/x.yaml", "_target_: nearby.X\n")
    sys.path.insert(0, str(lab.path / ".venv/lib/site-packages"))
    sys.path.insert(0, str(lab.path))
    assert is_local("nearby.X")
    assert not is_local("inside.X")
    assert not is_local("os.system")
    assert not is_local("sys.exit")
    assert not is_local("json.dumps")
    assert not is_local("no_such_module.X")


class FakePoint:
    def __init__(self, name: str, module: str) -> None:
        self.name, self.module = name, module


def test_a_plugin_that_fails_is_left_out_with_a_line(lab, monkeypatch):
    lab.write("conf/env/x.yaml", "_target_: a.B\n")
    lab.write("failing_plugin.py", "raise RuntimeError('broken inside')\n")
    monkeypatch.syspath_prepend(lab.path)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [FakePoint("bad", "failing_plugin")])
    composed = compose(["seed=1"])
    assert composed.config["seed"] == 1
    assert composed.notes == ("plugin 'bad' (failing_plugin) cannot be imported and is left out: RuntimeError: broken inside",)
    assert compose().notes == composed.notes  # told again, but not run again
