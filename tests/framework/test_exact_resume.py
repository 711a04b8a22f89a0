"""A run of 2N steps stopped at N and resumed equals the uninterrupted one bit for bit, wall-clock fields aside."""

from __future__ import annotations

import pytest

from wattloom.checkpoint import CheckpointStore
from wattloom.components.algorithms.hasac import HASAC
from wattloom.components.algorithms.sac import SAC
from wattloom.components.algorithms.td3 import TD3
from wattloom.components.envs.pendulum import Pendulum
from wattloom.components.hooks.metrics import Metrics
from wattloom.components.loggers.csv import CsvLogger
from wattloom.components.loggers.jsonl import JsonlLogger
from wattloom.config import CheckpointConfig, EvaluationConfig, RunnerConfig
from wattloom.run_directory import RunDirectory
from wattloom.runner import Run, Runner
from wattloom.telemetry.loggers import LoggerList

TOTAL, HALF = 480, 240


def pendulum(num_envs: int):
    return Pendulum(num_envs=num_envs, horizon=50)


def third_party(num_envs: int):
    import gymnasium

    from wattloom.adapters import as_environment

    return as_environment(lambda: gymnasium.make("MountainCarContinuous-v0", max_episode_steps=50), num_envs=num_envs)


def small(kind, updates_per_step, options):
    return kind(hidden_sizes=(16, 16), batch_size=16, learning_starts=64, updates_per_step=updates_per_step, buffer_size=400, **options)


def run(path, make_environment, kind, num_envs, ratio, stop_at=None, resume=False, every=None, **options):
    path.mkdir(parents=True, exist_ok=True)
    directory = RunDirectory(path)
    job = Run(
        name="resume",
        config={},
        directory=directory,
        environment=make_environment(num_envs),
        make_environment=lambda purpose, count: make_environment(count or 1),
        algorithm=small(kind, ratio, options),
        hooks={"metrics": Metrics(every=40)},
        loggers=LoggerList({"jsonl": JsonlLogger(), "csv": CsvLogger()}),
        seed=3,
        runner=RunnerConfig(total_steps=TOTAL, stop_at=stop_at),
        evaluation=EvaluationConfig(every=120, episodes=2),
        checkpoint=CheckpointConfig(every=every),
    )
    return Runner(job).execute(CheckpointStore(directory.checkpoints).load() if resume else None)


CASES = [
    pytest.param(pendulum, TD3, 1, 1.0, id="td3"),
    pytest.param(pendulum, SAC, 1, 1.0, id="sac"),
    pytest.param(pendulum, TD3, 8, 0.3, id="td3-8-copies-ratio-0.3"),
    pytest.param(pendulum, SAC, 8, 0.3, id="sac-8-copies-ratio-0.3"),
    pytest.param(third_party, TD3, 2, 0.3, id="td3-third-party-by-replay"),
]


@pytest.mark.parametrize(("make_environment", "kind", "num_envs", "ratio"), CASES)
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, make_environment, kind, num_envs, ratio, assert_equal_runs):
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    assert run(whole, make_environment, kind, num_envs, ratio).status == "completed"
    assert run(halves, make_environment, kind, num_envs, ratio, stop_at=HALF).status == "stopped"
    assert run(halves, make_environment, kind, num_envs, ratio, resume=True).status == "completed"
    assert_equal_runs(whole, halves)


@pytest.mark.parametrize(("kind", "num_envs", "ratio"), [(TD3, 8, 0.3), (SAC, 1, 0.5), (HASAC, 2, 0.5)])
def test_schedules_and_statistics_go_on_where_they_were(tmp_path, kind, num_envs, ratio, assert_equal_runs):
    """The schedule runs over the run's total, not to where the run was told to stop; evaluations move no statistics."""
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    options = {"learning_rate_schedule": "linear", "normalize_observations": True}
    run(whole, pendulum, kind, num_envs, ratio, **options)
    run(halves, pendulum, kind, num_envs, ratio, stop_at=HALF, **options)
    run(halves, pendulum, kind, num_envs, ratio, resume=True, **options)
    assert_equal_runs(whole, halves)
    norms = CheckpointStore(halves / "checkpoints").load().parts["algorithm"]["norms"]
    assert {statistics["count"] for statistics in norms["units"].values()} == {TOTAL}


def test_a_resumed_run_can_be_stopped_and_resumed_again(tmp_path, assert_equal_runs):
    whole, thirds = tmp_path / "whole", tmp_path / "thirds"
    run(whole, pendulum, TD3, 1, 0.5)
    run(thirds, pendulum, TD3, 1, 0.5, stop_at=133)
    run(thirds, pendulum, TD3, 1, 0.5, stop_at=301, resume=True)
    run(thirds, pendulum, TD3, 1, 0.5, resume=True)
    assert_equal_runs(whole, thirds)


def test_resuming_from_an_older_checkpoint_cuts_the_log_back(tmp_path, assert_equal_runs):
    """A run that dies between checkpoints has written more than its checkpoint knows: nothing may appear twice."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run(whole, pendulum, TD3, 1, 0.5, every=100)
    run(killed, pendulum, TD3, 1, 0.5, every=100, stop_at=370)
    import shutil

    shutil.rmtree(CheckpointStore(killed / "checkpoints").load().path)  # as if killed before the last one
    run(killed, pendulum, TD3, 1, 0.5, resume=True, every=100)
    assert_equal_runs(whole, killed)
    assert list((killed / "logs").glob("metrics.tail-*"))


def test_same_seed_same_numbers_twice(tmp_path, assert_equal_runs):
    for name in ("one", "two"):
        run(tmp_path / name, pendulum, TD3, 4, 0.3)
    assert_equal_runs(tmp_path / "one", tmp_path / "two")
