"""What the metric files hold: records, columns with units, one row an episode."""

import csv
import json

import numpy as np
import pytest

from wattloom.components.hooks.metrics import Metrics
from wattloom.errors import ConfigError
from wattloom.telemetry.logger import ENVELOPE
from wattloom.telemetry.reader import read_records


@pytest.fixture
def finished(make_run, execute):
    run = make_run({"metrics": Metrics(every=20, window=4)}, num_envs=2, total=120, evaluate_every=40)
    execute(run)
    return run


def records(run, event):
    return read_records(run.directory.logs / "metrics.jsonl").select(event)


def episodes(run):
    with (run.directory.logs / "episodes.csv").open() as file:
        return list(csv.DictReader(file))


def test_every_record_begins_with_the_envelope(finished):
    found = read_records(finished.directory.logs / "metrics.jsonl").records
    assert {record["event"] for record in found} == {"update", "episode", "evaluation", "held_back"}
    assert all(tuple(record)[: len(ENVELOPE)] == ENVELOPE for record in found)
    assert {(record["event"], record["source"]) for record in found} == {
        ("update", "train"),
        ("episode", "train"),
        ("evaluation", "evaluation"),
        ("held_back", "evaluation"),
    }


def test_losses_are_read_only_when_they_are_due(finished):
    updates = records(finished, "update")
    assert [record["step"] for record in updates] == [20, 40, 60, 80, 100, 120]
    assert finished.algorithm.reads == 6
    assert [record["train/loss"] for record in updates] == [1 / k for k in (10, 20, 30, 40, 50, 60)]
    assert all(record["train/entropy"] is None and record["nonfinite"] == 1 for record in updates)


def test_the_running_mean_is_that_of_the_table(finished):
    table = episodes(finished)
    last = records(finished, "episode")[-1]
    assert last["rollout/return_mean"] == pytest.approx(np.mean([float(row["return"]) for row in table[-4:]]))
    assert last["rollout/length_mean"] == pytest.approx(np.mean([float(row["length"]) for row in table[-4:]]))


def test_one_row_an_episode_with_every_agent_and_metric(finished):
    table = episodes(finished)
    assert list(table[0]) == [
        "episode", "copy", "step", "length", "return", "terminated", "heater/return", "valve/return", "energy", "clipped_actions",
    ]  # fmt: skip
    assert len(table) == finished.counters.episodes == sum(record["rollout/count"] for record in records(finished, "episode"))
    assert len({row["episode"] for row in table}) == len(table)
    for row in table:
        assert float(row["return"]) == pytest.approx(float(row["heater/return"]) + float(row["valve/return"]))


def test_evaluations_are_recorded_with_their_spread(finished):
    found = records(finished, "evaluation")
    assert [record["step"] for record in found] == [40, 80, 120]
    for record in found:
        assert record["eval/return_min"] <= record["eval/return_mean"] <= record["eval/return_max"]
        assert record["eval/episodes"] == 3
        assert record["eval/energy"] == 0.125
    assert [record["eval/is_best"] for record in found] == [1, 0, 0]


def test_every_column_is_declared_with_unit_and_meaning(finished):
    declared = {row["name"]: row for row in map(json.loads, (finished.directory.logs / "columns.jsonl").read_text().splitlines())}
    used = {name for record in read_records(finished.directory.logs / "metrics.jsonl") for name in record}
    undeclared = {name for name in used - set(declared) - set(ENVELOPE) if not name.startswith("train/")}
    assert undeclared == {"nonfinite"}
    assert declared["env/energy"] == {
        "name": "env/energy",
        "unit": "kWh",
        "better": "lower",
        "meaning": "mean over the steps of the training episodes",
    }
    assert all(row["meaning"] for row in declared.values())


def test_without_updates_there_are_episodes_all_the_same(make_run, execute):
    run = make_run({"metrics": Metrics()}, evaluate_every=None)
    run.algorithm.update = lambda: None
    execute(run)
    assert records(run, "update") == []
    assert len(records(run, "episode")) == run.counters.episodes > 0


@pytest.mark.parametrize(("options", "key"), [({"every": 0}, "hooks.metrics.every"), ({"window": 0}, "hooks.metrics.window")])
def test_nonsense_is_refused(options, key):
    with pytest.raises(ConfigError, match=key):
        Metrics(**options)
