"""Groups, parts, overrides and presets compose as the command line promises, and what cannot be composed is said in words."""

from __future__ import annotations

import re

import pytest
from hydra import version
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from wattloom.api import environment_overrides
from wattloom.compose import compose
from wattloom.errors import ConfigError


def test_the_default_composition_is_plain_values(lab):
    composed = compose()
    assert composed.choices["env"] == "pendulum"
    assert composed.config["env"]["mass"] == 1.0
    assert type(composed.config) is dict
    assert type(composed.config["env"]) is dict
    assert composed.config["run_name"] == f"pendulum_{composed.choices['algorithm']}"
    assert composed.sources["env/pendulum"] == "conf/env/pendulum.yaml"


def test_nothing_global_is_left_behind(lab):
    before = version.VersionBase.instance().version_base
    compose(["seed=2"])
    assert not GlobalHydra.instance().is_initialized()
    assert version.VersionBase.instance().version_base is before


def test_composing_the_recorded_overrides_again_gives_the_same(site):
    first = compose(["env=site", "chilling.cop=4", "+hooks=watcher", "~logger.csv", "algorithm=learner"])
    assert compose(first.overrides).config == first.config


@pytest.mark.parametrize("order", [1, -1])
def test_a_part_is_chosen_and_set_in_any_order(site, order):
    composed = compose(["env=site", "chilling=open", "chilling.cop=4.5"][::order])
    assert composed.choices["chilling"] == "open"
    assert composed.config["env"]["chilling"] == {"_target_": "lab_site.Cooler", "cop": 4.5, "mode": None}


def test_a_preset_of_an_environment_keeps_its_base_and_changes_a_part(site):
    config = compose(["env=big_site", "chilling.cop=2"]).config
    assert config["env"]["size"] == 9.0
    assert config["env"]["num_envs"] == 1
    assert config["env"]["chilling"]["cop"] == 2


def test_two_lines_of_yaml_are_filled_from_the_signature(site):
    assert compose(["algorithm=learner"]).config["algorithm"] == {"_target_": "lab_site.Learner", "clip": 0.2, "sizes": [64, 64]}


def test_a_plain_class_as_environment_gets_copies(site):
    site.write("conf/env/bare.yaml", "_target_: lab_site.Cooler\n")
    assert compose(["env=bare"]).config["env"]["num_envs"] == 1


@pytest.mark.parametrize("override", ["+hooks=watcher", "hooks=[default,watcher]"])
def test_a_hook_joins_the_others_under_its_own_name(site, override):
    composed = compose([override, "hooks.watcher.threshold=3"])
    assert composed.config["hooks"]["watcher"]["threshold"] == 3
    assert set(compose().config["hooks"]) < set(composed.config["hooks"])
    assert composed.choices["hooks"] == "default,watcher"


def test_a_hook_alone_replaces_the_others(site):
    assert set(compose(["hooks=watcher"]).config["hooks"]) == {"watcher"}


def test_a_hook_joins_those_that_a_preset_chose(site):
    site.write("conf/experiment/quiet.yaml", "# @package _global_\ndefaults:\n  - override /hooks: none\n")
    assert set(compose(["experiment=quiet", "+hooks=watcher"]).config["hooks"]) == {"watcher"}


def test_plus_on_an_existing_key_sets_it(site):
    config = compose(["+seed=7", "+env.mass=2", "+runner.stop_at=5", "+algorithm=learner"]).config
    assert (config["seed"], config["env"]["mass"], config["runner"]["stop_at"]) == (7, 2, 5)
    assert config["algorithm"]["_target_"] == "lab_site.Learner"


def test_null_chooses_nothing(site):
    site.write("conf/experiment/late.yaml", "# @package _global_\nseed: 5\n")
    assert compose(["experiment=null"]).choices.get("experiment") is None
    assert compose(["hooks=null"]).config.get("hooks") is None
    assert compose(["experiment=late"]).config["seed"] == 5


def test_a_preset_wins_over_the_primary_file_and_the_command_line_over_both(site):
    site.write(
        "conf/experiment/mine.yaml", "# @package _global_\ndefaults:\n  - override /env: site\nseed: 9\nrunner:\n  total_steps: 77\n"
    )
    composed = compose(["experiment=mine", "runner.total_steps=78"])
    assert (composed.config["seed"], composed.config["runner"]["total_steps"], composed.choices["env"]) == (9, 78, "site")
    assert composed.config["run_name"] == "mine"


def test_the_machine_s_own_file_is_read_if_it_is_there(lab):
    lab.write("conf/env/other.yaml", "_target_: wattloom.components.envs.pendulum.Pendulum\n")
    lab.write("conf/local/default.yaml", "# @package _global_\nrunner:\n  torch_threads: 3\n")
    assert compose().config["runner"]["torch_threads"] == 3


def test_a_user_s_file_wins_and_is_announced(lab):
    lab.write("conf/env/pendulum.yaml", "_target_: wattloom.components.envs.pendulum.Pendulum\nmass: 5.0\n")
    composed = compose()
    assert composed.config["env"]["mass"] == 5.0
    assert composed.config["env"]["horizon"] == 200  # filled from the signature
    assert composed.notes == ("env=pendulum comes from ./conf/env/pendulum.yaml and hides the one of wattloom",)


def test_a_registered_class_of_the_name_of_a_built_in_one_is_announced(lab):
    lab.write("components.py", "from wattloom import register\n\n\n@register('env', 'pendulum')\nclass Mine:\n    pass\n")
    (note,) = compose().notes
    assert note.startswith("env=pendulum is wattloom.components.envs.pendulum.Pendulum and hides components.Mine")
    lab.write("conf/env/pendulum.yaml", "_target_: components.Mine\n")
    assert compose().notes == ("env=pendulum comes from ./conf/env/pendulum.yaml and hides the one of wattloom",)


def test_a_folder_named_on_the_command_line_adds_and_never_hides(lab):
    lab.write("shared/env/pendulum.yaml", "_target_: wattloom.components.envs.pendulum.Pendulum\nmass: 5.0\n")
    lab.write("shared/env/heavy.yaml", "_target_: wattloom.components.envs.pendulum.Pendulum\nmass: 7.0\n")
    assert compose([], ["shared"]).config["env"]["mass"] == 1.0
    assert compose(["env=heavy"], ["shared"]).config["env"]["mass"] == 7.0


def test_a_foreign_conf_folder_is_left_alone(lab):
    lab.write("conf/config.yaml", "db: mysql\n")
    lab.write("conf/db/mysql.yaml", "user: me\n")
    composed = compose()
    assert "db" not in composed.config
    with pytest.raises(ConfigError, match="no setting 'db'"):
        compose(["db=mysql"])


def test_origins_name_the_file_or_the_override(site):
    composed = compose(["env=site", "chilling.cop=4"])
    assert composed.origin("env.size") == " (set in ./conf/env/site.yaml)"
    assert composed.origin("chilling.cop") == " (set by 'chilling.cop=4')"
    assert composed.origin("runner.torch_threads") == " (set in conf/runner/default.yaml)"
    assert composed.origin("nowhere") == ""


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["env=sit"], "no env named 'sit'; did you mean 'site'"),
        (["enw=site"], "no setting 'enw'; did you mean 'env'"),
        (
            ["env=site", "env.siz=3"],
            r"no setting 'env\.siz'; did you mean 'env\.size'\?\n  env has: size, num_envs, chilling \(\./conf/env/site\.yaml\)",
        ),
        (["env=site", "chilling.kop=3"], r"did you mean 'chilling\.cop'"),
        (["chilling=plain"], "chilling is a part of env=big_site and env=site; env=pendulum has no such part"),
        (["chilling.cop=3"], "chilling is a part of env=big_site and env=site; env=pendulum has no such part"),
        (
            ["env=site", "env.chilling=plain"],
            r"env\.chilling is a part, built from a mapping, and cannot be 'plain': choose it with chilling=plain",
        ),
        (["env=site", "env.chilling=null"], r"env\.chilling is a part"),
        (["env=site", "chilling=open"], r"chilling\.cop must be set: chilling=open needs it \(\./conf/chilling/open\.yaml\)"),
        (["env.mass.x=3"], r"'env\.mass' is a single value"),
        (["env={mas:3}"], r"no setting 'env\.mas'; did you mean 'env\.mass'"),
        (["env=null"], "env=null: every run needs one"),
        (["env@x=site"], "without '@x'"),
        (["seed=1,2"], r"add -m to run each, or write a list as seed=\[1,2\]"),
        (["seed=range(3)"], "add -m to run each"),
        (["pendulum"], "overrides are written key=value"),
        (["env.mass=[1,"], "cannot read 'env.mass="),
        (["hooks=[default,wacher]"], "no hooks named 'wacher'; did you mean 'watcher'"),
        (["~env.mas"], r"no setting 'env\.mas'"),
        (["env=site", "env.size=${nowhere}"], "env.size cannot be resolved: Interpolation key 'nowhere' not found"),
        (["+chilling.x=3"], "chilling is a part of"),
        (["+chilling=plain"], "chilling is a part of"),
    ],
)
def test_what_cannot_be_composed_is_said_in_words(site, overrides, words):
    with pytest.raises(ConfigError, match=words):
        compose(overrides)


AWKWARD = ["data/NY_&_CI.csv", "données.csv", "a;b.csv", "C:/x/y.csv", "a b.csv", "#1.csv"]


@pytest.mark.parametrize("path", AWKWARD)
def test_a_path_with_characters_foreign_to_the_grammar_is_taken_as_it_is(path):
    assert compose(["env=datacenter", "carbon=eia", f"carbon.path={path}"]).config["carbon"]["path"] == path


@pytest.mark.parametrize("path", [*AWKWARD, "data (1).csv", "it's.csv", 'say "x".csv', "a,b=c.csv"])
def test_python_may_name_any_path(path):
    overrides = environment_overrides("datacenter", {"carbon": "eia", "carbon__path": path})
    assert compose(overrides).config["carbon"]["path"] == path


def test_what_must_be_quoted_is_shown_quoted():
    with pytest.raises(ConfigError, match=re.escape("""'carbon.path="data (1).csv"'""")):
        compose(["env=datacenter", "carbon=eia", "carbon.path=data (1).csv"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1,", r"bad\.yaml, line \d+: not readable as YAML"),
        ("- a\n- b\n", r"bad\.yaml: must be a mapping"),
        ("a: 1\na: 2\n", r"bad\.yaml, line 2: .*duplicate key a"),
        ("_target_: lab_site.Nothing\n", r"bad\.yaml: cannot import 'lab_site\.Nothing'"),
        ("defaults:\n  - overide /env: site\n", r"bad\.yaml: cannot read the entry 'overide /env: site'"),
        ("defaults:\n  - override /env: sit\n", r"bad\.yaml: no env named 'sit'; did you mean 'site'"),
    ],
)
def test_a_broken_file_is_named(site, text, words):
    site.write("conf/experiment/bad.yaml", text)
    with pytest.raises(ConfigError, match=words):
        compose(["experiment=bad"])


def test_overrides_of_the_evaluation_are_checked_before_the_run(site):
    composed = compose(["algorithm=learner", "hooks=none", "evaluation.overrides=[env.mas=3]"])
    with pytest.raises(ConfigError, match=r"no setting 'env\.mas'; did you mean 'env\.mass'"):
        composed.check()
    fine = compose(["algorithm=learner", "hooks=none", "evaluation.overrides=[env.mass=3, env=choice]"])
    assert fine.config["evaluation"]["overrides"] == ["env.mass=3", "env=choice"]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("[]", []),
        ("[a=1]", ["a=1"]),
        ("[a=[1,2],b={c:1,d:2}]", ["a=[1,2]", "b={c:1,d:2}"]),
        ("['a=1','b=2']", ["a=1", "b=2"]),
    ],
)
def test_overrides_inside_of_overrides_need_no_quotes(lab, text, items):
    assert compose([f"evaluation.overrides={text}"]).config["evaluation"]["overrides"] == items


def test_the_working_directory_s_module_that_fails_is_named(lab):
    lab.write("components.py", "import surely_not_there\n")
    with pytest.raises(ConfigError, match="module 'components' of the working directory cannot be imported: ModuleNotFoundError"):
        compose()


def test_numbers_are_read_as_hydra_reads_them(lab):
    from wattloom.config_source import parse_yaml

    text = "a: 1e-3\nb: 1_000\nc: 2026-01-01\nd: .inf\ne: 3h50m\nf: on\ng: 0.5\nh: 1E5\n"
    ours = parse_yaml(text, lab.path / "x.yaml")
    assert ours == OmegaConf.to_container(OmegaConf.create(text))
    assert (ours["a"], ours["c"], ours["e"]) == (0.001, "2026-01-01", "3h50m")
