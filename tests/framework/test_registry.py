from __future__ import annotations

import pytest

from wattloom import register
from wattloom.errors import ConfigError
from wattloom.registry import REGISTRY, get, import_target, names


def test_a_decorated_class_is_found_by_kind_and_name(lab):
    @register("env", "found_here")
    class Here:
        def __init__(self, mass: float = 2.0) -> None: ...

    assert "found_here" in names("env")
    assert {"pendulum", "found_here"} <= set(names("env"))
    assert get("env", "found_here") is Here


def test_a_lazy_target_imports_nothing_until_it_is_used(lab):
    lab.write("lazy_module.py", "raise RuntimeError('imported')")
    register("algorithm", "lazy", "lazy_module:Thing")
    assert "lazy" in names("algorithm")
    lab.write("conf/env/x.yaml", "_target_: lazy_module.Thing\n")  # makes the folder importable
    with pytest.raises(ConfigError, match=r"cannot import 'lazy_module.Thing': RuntimeError: imported \(lazy_module.py, line 1\)"):
        get("algorithm", "lazy")


def test_two_classes_cannot_share_a_name(lab):
    @register("env", "twice")
    class First: ...

    with pytest.raises(ConfigError, match="registered twice"):

        @register("env", "twice")
        class Second: ...


def test_registering_the_same_class_again_is_no_error(lab):
    class Thing: ...

    REGISTRY.add("env", "again", Thing)
    REGISTRY.add("env", "again", Thing)
    assert REGISTRY.names("env").count("again") == 1


@pytest.mark.parametrize("name", ["a b", "a/b", "", "a=b"])
def test_a_name_that_cannot_be_typed_is_refused(name):
    with pytest.raises(ConfigError, match="cannot register"):
        REGISTRY.add("env", name, dict)


def test_an_unknown_name_is_answered_with_the_nearest(lab):
    with pytest.raises(ConfigError, match="did you mean 'pendulum'"):
        get("env", "pendulm")
    with pytest.raises(ConfigError, match="did you mean 'env'"):
        get("envs", "pendulum")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("no_such_package.Thing", "no module 'no_such_package'"),
        ("wattloom.errors.WattlomError", "did you mean 'WattloomError'"),
        ("single", "write it as 'module.Class'"),
        ("a..b", "write it as 'module.Class'"),
    ],
)
def test_a_target_that_does_not_exist_is_named(target, words):
    with pytest.raises(ConfigError, match=words):
        import_target(target)


def test_an_import_that_fails_inside_the_module_is_told_apart_from_a_missing_module(lab, monkeypatch):
    lab.write("needs_more.py", "import surely_not_installed")
    monkeypatch.syspath_prepend(lab.path)
    with pytest.raises(ConfigError, match="No module named 'surely_not_installed'"):
        import_target("needs_more.Thing")
