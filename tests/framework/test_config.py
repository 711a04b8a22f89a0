from __future__ import annotations

import dataclasses

import pytest

from wattloom.compose import compose
from wattloom.config import CheckpointConfig, EvaluationConfig, RunConfig, RunnerConfig, seconds
from wattloom.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [("3h50m", 13800.0), ("90s", 90.0), ("1d", 86400.0), ("2m 30s", 150.0), ("0.5s", 0.5), (45, 45.0), (1.5, 1.5), (None, None)],
)
def test_durations_are_read(text, value):
    assert seconds(text, "runner.wall_time") == value


@pytest.mark.parametrize("text", ["", "abc", "3x", "50m3h", "0s", -1, 0, True])
def test_bad_durations_are_named(text):
    with pytest.raises(ConfigError, match=r"runner\.wall_time"):
        seconds(text, "runner.wall_time")


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        (RunnerConfig, {"total_steps": 0}, r"runner\.total_steps must be at least 1, not 0"),
        (RunnerConfig, {"stop_at": 0}, r"runner\.stop_at"),
        (RunnerConfig, {"torch_threads": 0}, r"runner\.torch_threads"),
        (RunnerConfig, {"wall_time": -3.0}, r"runner\.wall_time"),
        (EvaluationConfig, {"every": 0}, r"evaluation\.every"),
        (EvaluationConfig, {"episodes": 0}, r"evaluation\.episodes"),
        (EvaluationConfig, {"num_envs": 0}, r"evaluation\.num_envs"),
        (EvaluationConfig, {"seeds": -5}, r"evaluation\.seeds"),
        (EvaluationConfig, {"seeds": [1, 2]}, r"2 seeds for evaluation\.episodes=10"),
        (CheckpointConfig, {"every": 0}, r"checkpoint\.every"),
        (CheckpointConfig, {"keep": 0}, r"checkpoint\.keep"),
    ],
)
def test_values_out_of_range_name_their_key(kind, values, words):
    with pytest.raises(ConfigError, match=words):
        kind(**values)


def test_evaluation_seeds_count_up_from_an_integer_or_are_listed():
    assert EvaluationConfig(episodes=3, seeds=7).episode_seeds == (7, 8, 9)
    assert EvaluationConfig(episodes=2, seeds=[5, 1]).episode_seeds == (5, 1)
    assert EvaluationConfig(episodes=100).copies == 64
    assert EvaluationConfig(episodes=100, num_envs=7).copies == 7


def test_a_composition_becomes_frozen_settings(lab):
    settings = RunConfig.from_composed(compose(["runner.wall_time=1h", "evaluation.episodes=2", "seed=4"]))
    assert settings.runner.wall_time == 3600.0
    assert settings.evaluation.episodes == 2
    assert settings.seed == 4
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.seed = 5


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("runner.total_steps=abc", r"runner\.total_steps must be int, not 'abc' \(set by 'runner\.total_steps=abc'\)"),
        ("runner.total_steps=1.5", r"runner\.total_steps must be int"),
        ("seed=-1", r"seed must be at least 0"),
        ("seed=abc", r"seed must be int"),
        ("+sed=2", r"no setting 'sed'; did you mean 'seed'"),
        ("+runner.total_step=2", r"no setting 'runner\.total_step'; did you mean 'runner\.total_steps'"),
        ("evaluation.overrides=location", r"evaluation\.overrides must be"),
        ("runs_dir=", r"runs_dir must name a folder"),
        ("run_name=[3]", r"run_name must be str"),
    ],
)
def test_what_the_runner_reads_is_checked_at_the_border(lab, override, words):
    with pytest.raises(ConfigError, match=words):
        RunConfig.from_composed(compose([override]))


def test_the_error_names_the_file_that_set_a_bad_value(lab):
    lab.write("conf/runner/mine.yaml", "total_steps: many # env steps\n")
    with pytest.raises(ConfigError, match=r"runner\.total_steps must be int, not 'many' \(set in \./conf/runner/mine\.yaml\)"):
        RunConfig.from_composed(compose(["runner=mine"]))
