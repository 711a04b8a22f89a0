"""A run that was stopped and resumed leaves the same files as one that was not."""

import pytest

from wattloom.checkpoint import CheckpointStore
from wattloom.components.hooks.animation import Animation
from wattloom.components.hooks.early_stop import EarlyStop
from wattloom.components.hooks.metrics import Metrics
from wattloom.components.hooks.timing import Timing
from wattloom.components.hooks.trace import Trace
from wattloom.telemetry.logger import without_wall_clock
from wattloom.telemetry.reader import read_records


def hooks():
    return {
        "metrics": Metrics(every=14, window=3),
        "early_stop": EarlyStop(patience=50),
        "animation": Animation(at=[0], every=5, last=2),
        "evaluation_animation": Animation(at=[], every=2, last=1, unit="evaluation"),
        "trace": Trace(every=2, last=1),
        "timing": Timing(every=25),
    }


def files(run):
    logs, folder = run.directory.logs, run.directory.captures
    return {
        "metrics.jsonl": [without_wall_clock(record) for record in read_records(logs / "metrics.jsonl")],
        **{path.name: path.read_bytes() for path in (logs / "episodes.csv", logs / "steps.csv", folder / "captures.jsonl")},
    }


@pytest.mark.parametrize("num_envs", [1, 3])
@pytest.mark.parametrize("stop_at", [1, 30, 58])
def test_stopped_and_resumed_equals_uninterrupted(make_run, execute, num_envs, stop_at):
    whole = make_run(hooks(), "whole", num_envs=num_envs, total=120)
    execute(whole)
    execute(make_run(hooks(), "cut", num_envs=num_envs, total=120, stop_at=stop_at))
    resumed = make_run(hooks(), "cut", num_envs=num_envs, total=120)
    execute(resumed, CheckpointStore(resumed.directory.checkpoints).load())
    assert whole.hooks.errors == resumed.hooks.errors == {}
    expected, found = files(whole), files(resumed)
    for name, content in expected.items():
        assert found[name] == content, name
    assert len(expected["metrics.jsonl"]) > 10


def test_what_the_stopped_run_wrote_behind_its_checkpoint_is_kept_beside(make_run, execute):
    execute(make_run(hooks(), total=120, stop_at=30))
    resumed = make_run(hooks(), total=120)
    execute(resumed, CheckpointStore(resumed.directory.checkpoints).load())
    (tail,) = resumed.directory.logs.glob("metrics.tail-*.jsonl")
    assert [record["event"] for record in read_records(tail)] == ["timing"]


def test_a_hook_that_is_new_at_the_resume_starts_fresh(make_run, execute):
    execute(make_run({"metrics": Metrics()}, total=120, stop_at=30))
    resumed = make_run({"metrics": Metrics(), "trace": Trace()}, total=120)
    execute(resumed, CheckpointStore(resumed.directory.checkpoints).load())
    assert resumed.hooks.errors == {}
    first = (resumed.directory.logs / "steps.csv").read_text().splitlines()[1]
    assert int(first.split(",")[0]) > 0
