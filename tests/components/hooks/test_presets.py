"""The shipped groups of hooks and loggers compose and build, in the order that they need."""

import pytest

from wattloom.build import build_hooks, build_loggers
from wattloom.components.hooks.trace import Trace
from wattloom.compose import compose

DEFAULT = ["metrics", "early_stop", "animation", "evaluation_animation", "curves", "timing", "summary", "progress"]


@pytest.mark.parametrize(("preset", "names"), [("default", DEFAULT), ("none", []), ("full", [*DEFAULT, "trace"])])
def test_a_group_of_hooks_builds(preset, names):
    assert sorted(build_hooks(compose([f"hooks={preset}"]))) == sorted(names)


def test_the_default_order_draws_before_it_times_and_summarises_last():
    assert list(build_hooks(compose([]))) == DEFAULT


def test_the_full_group_changes_what_it_says():
    hooks = build_hooks(compose(["hooks=full", "hooks.trace.every=3"]))
    assert isinstance(hooks["trace"], Trace)
    assert hooks["trace"].state_dict()["schedule"] == {"seen": -1}
    assert hooks["evaluation_animation"]._schedule.on_best
    assert not hooks["animation"]._schedule.on_best


def test_one_hook_is_switched_off_by_null():
    assert "animation" not in build_hooks(compose(["hooks.animation=null"]))


@pytest.mark.parametrize(("preset", "names"), [("default", ["jsonl", "csv"]), ("tensorboard", ["jsonl", "csv", "tensorboard"])])
def test_a_group_of_loggers_builds(preset, names):
    assert list(build_loggers(compose([f"logger={preset}"]))) == names
