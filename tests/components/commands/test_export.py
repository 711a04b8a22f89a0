"""``wattloom export``: every format acts as the policy does, says what it expects, and refuses what cannot stand alone."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

import wattloom
from wattloom.cli import main
from wattloom.components.exporters.protocol import exporter, formats

QUICK = ["hooks=none", "runner.total_steps=60", "evaluation.episodes=1", "evaluation.every=null"]
SAC = ["env=pendulum", "algorithm=sac", "algorithm.hidden_sizes=[8]", "algorithm.learning_starts=20", "algorithm.batch_size=8"]
HASAC = ["env=datacenter", "algorithm=hasac", *SAC[2:], "algorithm.normalize_observations=true", "algorithm.learning_rate_schedule=linear"]
HAPPO = ["env=datacenter", "algorithm=happo", "algorithm.rollout_steps=20", "algorithm.normalize_observations=true"]


@pytest.fixture(scope="module", params=[SAC, HASAC, HAPPO], ids=["sac", "hasac", "happo"])
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    return wattloom.train(*request.param, *QUICK, f"runs_dir={folder}")


@pytest.mark.parametrize("form", formats())
def test_a_file_acts_as_the_policy(run, form, tmp_path, capsys):
    assert main(["export", str(run.directory.path), "--format", form, "--output", str(tmp_path), "--trust"]) == 0
    about = json.loads((tmp_path / "export.json").read_text())
    environment = run.environment(5)
    snapshot = environment.reset(seed=7)
    acted = run.policy(5).act(snapshot)
    for agent in environment.agents:
        entry = about["agents"][agent.name]
        assert entry["verification"]["rows"] == 1000
        assert entry["observation"]["names"] == [column.name for column in agent.observation_columns]
        action = exporter(form).load(tmp_path / entry["file"])({"observation": snapshot.observations[agent.name]})["action"]
        assert action.shape == acted[agent.name].shape
        np.testing.assert_allclose(action, acted[agent.name], atol=1e-6)
    assert about["closed_loop"]["largest_difference"] < 1e-4
    assert "closed loop of 20 steps" in capsys.readouterr().out


@pytest.mark.parametrize("run", [SAC], indirect=True, ids=["sac"])
def test_onnx_carries_its_origin_and_takes_any_number_of_rows(run, tmp_path):
    import onnx

    assert main(["export", str(run.directory.path), "--output", str(tmp_path), "--trust"]) == 0
    about = json.loads((tmp_path / "export.json").read_text())
    name, entry = next(iter(about["agents"].items()))
    model = onnx.load(tmp_path / entry["file"])
    texts = {item.key: item.value for item in model.metadata_props}
    assert texts["agent"] == name
    assert texts["config_hash"] == about["config_hash"]
    act = exporter("onnx").load(tmp_path / entry["file"])
    rows = np.random.default_rng(1).normal(size=(257, *entry["observation"]["shape"])).astype(np.float32)
    whole = act({"observation": rows})["action"]
    for count in (1, 2, 3, 17):
        np.testing.assert_allclose(act({"observation": rows[:count]})["action"], whole[:count], atol=1e-6)


def test_a_baseline_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["env=pendulum", "algorithm=zero", *QUICK]) == 0
    (path,) = tmp_path.glob("runs/*/*/*")
    assert main(["export", str(path)]) == 2
    assert "learns nothing" in capsys.readouterr().err


@pytest.mark.parametrize("run", [SAC], indirect=True, ids=["sac"])
def test_an_unknown_format_is_named_with_the_nearest(run, capsys):
    assert main(["export", str(run.directory.path), "--format", "onx"]) == 2
    assert "did you mean 'onnx'" in capsys.readouterr().err


@pytest.mark.parametrize("run", [SAC], indirect=True, ids=["sac"])
def test_a_missing_package_is_one_helpful_line(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert main(["export", str(run.directory.path), "--output", str(tmp_path), "--trust"]) == 1
    assert "pip install 'wattloom[export]'" in capsys.readouterr().err
