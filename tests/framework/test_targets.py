"""Only trusted targets are built, and every keyword is checked before anything is."""

from __future__ import annotations

import pytest

from wattloom.compose import compose
from wattloom.errors import ConfigError, DataError
from wattloom.targets import build, check, is_trusted, resolve


def test_parts_are_built_before_the_whole(site):
    config = compose(["env=site", "chilling.cop=4"]).config
    environment = build(config["env"], "env")
    assert environment.chilling.cop == 4


def test_extra_keywords_replace_those_of_the_node(site):
    config = compose(["env=site"]).config
    assert build(config["env"], "env", size=5.0).size == 5.0


@pytest.mark.parametrize(
    "target", ["os.system", "pathlib.Path.write_text", "builtins.eval", "subprocess.Popen", "torch.load", "numpy.save"]
)
def test_a_target_outside_is_refused(site, target):
    assert not is_trusted(target)
    with pytest.raises(ConfigError, match="is not built: a target must be part of wattloom"):
        build({"_target_": target})
    with pytest.raises(ConfigError, match="is not built"):
        compose([f"algorithm._target_={target}"]).check()


def test_targets_of_the_working_directory_need_trust(site):
    compose()
    assert resolve("lab_site.Cooler").__name__ == "Cooler"
    with pytest.raises(ConfigError, match="--trust"):
        resolve("lab_site.Cooler", trust=False)
    with pytest.raises(ConfigError, match="--trust"):
        compose(["algorithm=learner"]).check(trust=False)
    assert is_trusted("wattloom.components.envs.pendulum.Pendulum", trust=False)


def test_what_a_named_folder_names_is_trusted_and_nothing_beside_it(lab):
    lab.write("team/hooks/odd.yaml", "_target_: collections.Counter\n")
    compose([], ["team"])
    assert is_trusted("collections.Counter")
    assert not is_trusted("collections.OrderedDict")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["algorithm=learner", "algorithm.clip=abc"], r"algorithm\.clip must be float, not 'abc' \(set by 'algorithm\.clip=abc'\)"),
        (["algorithm=learner", "algorithm.sizes=[1,a]"], r"algorithm\.sizes must be tuple\[int, \.\.\.\], not \[1, 'a'\]"),
        (
            ["algorithm=learner", "+algorithm.clips=1"],
            r"no setting 'algorithm\.clips'; did you mean 'clip'\?.*\n  lab_site\.Learner takes: clip, sizes",
        ),
        (["env=site", "chilling.cop=abc"], r"env\.chilling\.cop must be float, not 'abc'"),
        (["hooks=watcher", "hooks.watcher.threshold=[]"], r"hooks\.watcher\.threshold must be float"),
        (["+hooks.bad=3"], r"hooks\.bad must be a mapping with _target_"),
    ],
)
def test_a_composition_is_checked_against_the_constructors(site, overrides, words):
    with pytest.raises(ConfigError, match=words):
        compose(overrides).check()


def test_a_part_made_for_something_else_is_refused(site):
    site.write("conf/chilling/learner.yaml", "_target_: lab_site.Learner\n")
    with pytest.raises(ConfigError, match=r"env\.chilling must be Cooler, and lab_site\.Learner is none"):
        compose(["env=site", "chilling=learner"]).check()


def test_a_file_with_a_key_that_nothing_takes_is_named(site):
    site.write("conf/algorithm/learner.yaml", "_target_: lab_site.Learner\nclipp: 3\n")
    with pytest.raises(
        ConfigError, match=r"no setting 'algorithm\.clipp'; did you mean 'clip'\? \(set in \./conf/algorithm/learner\.yaml\)"
    ):
        compose(["algorithm=learner"]).check()


def test_a_required_key_is_named(lab):
    lab.write("needy.py", "class Needy:\n    def __init__(self, size: int): ...\n")
    lab.write("conf/env/x.yaml", "_target_: needy.Needy\n")
    compose()
    with pytest.raises(ConfigError, match=r"env\.size must be set: needy\.Needy needs it"):
        check({"_target_": "needy.Needy"}, "env")


def test_what_a_constructor_raises_becomes_one_message(lab):
    lab.write(
        "raising.py",
        "def value(x: int): raise ValueError('too big')\n"
        "def missing(x: int): open('/no/such/file.csv')\n"
        "def odd(x: int): raise KeyError('inner')\n",
    )
    lab.write("conf/env/x.yaml", "_target_: raising.value\nx: 1\n")
    compose()
    with pytest.raises(ConfigError, match=r"env \(raising\.value\) cannot be built: ValueError: too big"):
        build({"_target_": "raising.value", "x": 1}, "env")
    with pytest.raises(ConfigError, match="KeyError"):
        build({"_target_": "raising.odd", "x": 1}, "env")
    with pytest.raises(DataError, match=r"No such file or directory: '/no/such/file\.csv'"):
        build({"_target_": "raising.missing", "x": 1}, "env")


def test_a_target_that_is_no_text_is_refused():
    with pytest.raises(ConfigError, match=r"env\._target_ must be 'module\.Class', not 3"):
        check({"_target_": 3}, "env")
    with pytest.raises(ConfigError, match="is no class or function"):
        check({"_target_": "wattloom.__version__"}, "env")
