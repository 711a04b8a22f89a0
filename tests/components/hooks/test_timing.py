"""Shares of the wall time."""

import json

import pytest

from wattloom.components.hooks.animation import Animation
from wattloom.components.hooks.metrics import Metrics
from wattloom.components.hooks.timing import SECTIONS, Timing
from wattloom.telemetry.logger import WALL_CLOCK_FIELDS
from wattloom.telemetry.reader import read_records


@pytest.fixture
def finished(make_run, execute):
    run = make_run({"metrics": Metrics(), "animation": Animation(at=[0], last=0), "timing": Timing(every=20)}, total=60)
    execute(run)
    return run


def test_the_sections_add_up_to_the_wall_time(finished):
    content = json.loads((finished.directory.logs / "timing.json").read_text())
    assert tuple(content["sections"]) == SECTIONS
    assert sum(content["sections"].values()) == pytest.approx(content["wall_seconds"])
    assert content["env_steps"] == 60
    assert content["loop_env_steps_per_second"] > content["env_steps_per_second"]


def test_hooks_that_draw_are_apart(finished):
    content = json.loads((finished.directory.logs / "timing.json").read_text())
    assert content["sections"]["drawing"] == content["hooks"]["animation"] > 0
    assert content["sections"]["hooks"] <= sum(content["hooks"].values()) - content["hooks"]["animation"] + 1e-9


def test_records_hold_wall_clock_values_only_and_all_are_listed(finished):
    found = read_records(finished.directory.logs / "metrics.jsonl").select("timing")
    assert [record["step"] for record in found] == [24, 42, 60, 60]
    assert {name for record in found for name in record if name.startswith("time")} <= set(WALL_CLOCK_FIELDS)
    assert sum(value for name, value in found[-1].items() if name.endswith("_share")) == pytest.approx(1.0)
