"""What there is and what it takes, from the command line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wattloom.cli import main
from wattloom.components.commands.describe import documented_arguments
from wattloom.components.sources.simbench_network import SimBenchSolar
from wattloom.loader import Loader

CONF = Path(__file__).resolve().parents[3] / "conf"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def said(capsys, *words: str) -> str:
    assert main(words) == 0
    return capsys.readouterr().out


def test_list_names_every_kind(capsys):
    lines = said(capsys, "list").splitlines()
    assert [line.split()[0] for line in lines] == Loader.discover().groups
    assert "pendulum, pendulum_no_velocity" in next(line for line in lines if line.startswith("env "))


def test_list_of_a_kind_says_what_each_option_is_for(capsys):
    lines = said(capsys, "list", "env").splitlines()
    assert {line.split()[0] for line in lines} == {file.stem for file in (CONF / "env").glob("*.yaml")}
    assert all(len(line.split()) > 3 for line in lines)


def test_describe_shows_types_defaults_units_and_documentation(capsys):
    text = said(capsys, "describe", "env=pendulum")
    assert re.search(r"^env\.g +10\.0 +float +m/s\^2, gravity$", text, re.MULTILINE)
    assert re.search(r"^env\.horizon +200 +int or null +steps an episode", text, re.MULTILINE)
    assert "wattloom.components.envs.pendulum.Pendulum" in text
    assert "Swing a rod upright" in text


def test_describe_shows_the_runner_s_settings_with_their_types(capsys):
    text = said(capsys, "describe", "runner=default")
    assert re.search(r"^runner\.stop_at +null +int or null +env steps; stop cleanly", text, re.MULTILINE)


def test_describe_shows_a_preset_of_values(capsys):
    text = said(capsys, "describe", "location=ca")
    assert re.search(r"^location\.utc_offset +-8\.0 +float +h, local standard time", text, re.MULTILINE)


def test_describe_shows_nested_settings_of_named_hooks(capsys):
    text = said(capsys, "describe", "hooks=default")
    assert re.search(r"^hooks\.metrics\.every +500 ", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (group, option)
        for group in ("env", "algorithm", "hooks", "logger", "weather", "workload")
        for option in Loader.discover().options(group)
    ],
)
def test_every_option_can_be_described(capsys, kind, name):
    assert f"{kind}={name}" in said(capsys, "describe", f"{kind}={name}").splitlines()[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["list", "envs"], "there is no kind 'envs'; did you mean 'env'"),
        (["describe", "env=pendulm"], "no env named 'pendulm'; did you mean 'pendulum'"),
        (["describe", "enw=pendulum"], "there is no kind 'enw'; did you mean 'env'"),
        (["describe", "pendulum"], "write kind=name"),
    ],
)
def test_wrong_names_are_answered(capsys, words, message):
    assert main(words) == 2
    assert message in capsys.readouterr().err


def test_arguments_are_read_from_the_documentation():
    class Thing:
        """Does things.

        Args:
            size: How large, m,
                over two lines.
            mode (str): Which.

        Raises:
            ConfigError: Never.
        """

    assert documented_arguments(Thing) == {"size": "How large, m, over two lines.", "mode": "Which."}

    class Base:
        """Other.

        Attributes:
            size: As the base says.
            place: Where.
        """

    class Small(Thing, Base):
        """A small one."""

    assert documented_arguments(Small) == {"size": "How large, m, over two lines.", "mode": "Which.", "place": "Where."}


def test_describe_explains_settings_that_a_base_class_documents(capsys):
    for option in ("demand=simbench_network", "solar=simbench_network"):
        text = said(capsys, "describe", option)
        assert "SimBench code" in text
        assert "how quarter-hours become the step of the environment" in text
    assert documented_arguments(SimBenchSolar)["network"] == "SimBench code."


def test_a_long_meaning_ends_between_two_words(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    cut = [line for line in said(capsys, "list", "env").splitlines() if line.endswith("…")]
    assert cut
    monkeypatch.setenv("COLUMNS", "1000")
    whole = {line.split()[0]: line.split() for line in said(capsys, "list", "env").splitlines()}
    for line in cut:
        *words, last = line.removesuffix("…").split()
        assert len(line) <= 70
        assert words == whole[words[0]][: len(words)]
        assert whole[words[0]][len(words)].startswith(last)
        assert whole[words[0]][len(words)].rstrip(" ,;:") == last
