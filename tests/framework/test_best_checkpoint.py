"""Which checkpoint is the best, by what, and how it does on episodes that had no part in choosing it."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from wattloom.algorithm import Algorithm, UpdateReport
from wattloom.batched import BatchedEnvironment, Outcome
from wattloom.checkpoint import CheckpointStore
from wattloom.config import CheckpointConfig, EvaluationConfig, RunnerConfig
from wattloom.environment import AgentSpec, Column, Snapshot
from wattloom.errors import ConfigError
from wattloom.figures import Figure
from wattloom.run_directory import RunDirectory
from wattloom.runner import Run, Runner
from wattloom.telemetry.loggers import LoggerList


class Heater(BatchedEnvironment):
    """Earns the power it is given, and pays for it in energy: return and energy disagree. The seed draws how much heat leaks."""

    figures = (Figure.total("power", Column("energy", "kWh", "lower")),)

    def __init__(self, num_envs):
        box = spaces.Box(-1, 1, (1,), np.float32)
        agent = AgentSpec("heater", box, box, (Column("leak", "kW"),), (Column("power", "kW"),))
        super().__init__([agent], num_envs, 5, (Column("power", "kWh", "lower"), Column("leak", "kW")))
        self.arrays = {"leak": np.zeros(num_envs)}

    def _begin(self, copies, generators, options):
        self.arrays["leak"][copies] = [generator.uniform() for generator in generators]

    def _advance(self, actions):
        power, leak = actions["heater"][:, 0].astype(float), self.arrays["leak"]
        return Outcome({"heater": power - 0.01 * leak}, None, {"power": power, "leak": leak.copy()})

    def _observe(self):
        return Snapshot({"heater": self.arrays["leak"][:, None].astype(np.float32)})


class Schedule(Algorithm):
    """Heats as much as a list says, one entry an update; an update is due every ten env steps."""

    def __init__(self, powers):
        self.powers, self.steps, self.loaded = powers, 0, 0

    def policy(self, num_envs, explore):
        algorithm = self

        class Policy:
            def reset(self, mask=None, seeds=None):
                pass

            def act(self, snapshot):
                power = algorithm.powers[min(algorithm.steps // 10, len(algorithm.powers) - 1)]
                return {"heater": np.full((num_envs, 1), power, np.float32)}

            def state_dict(self):
                return {}

            def load_state_dict(self, state):
                pass

        return Policy()

    def update(self):
        self.steps += 1
        return UpdateReport(1, self.steps)

    def state_dict(self):
        return {"steps": self.steps}

    def load_state_dict(self, state):
        self.steps = state["steps"]
        self.loaded += 1


POWERS = [0.0, 0.5, 0.25, 1.0, 0.75]  # evaluated after 10, 20, 30 and 40 env steps: 0.5, 0.25, 1, 0.75


def make(path, algorithm=None, **evaluation):
    path.mkdir(exist_ok=True)
    return Run(
        name="heater",
        config={},
        directory=RunDirectory(path),
        environment=Heater(1),
        make_environment=lambda purpose, count: Heater(count or 1),
        algorithm=algorithm or Schedule(POWERS),
        hooks={},
        loggers=LoggerList({}),
        seed=1,
        runner=RunnerConfig(total_steps=40),
        evaluation=EvaluationConfig(every=10, episodes=2, **evaluation),
        checkpoint=CheckpointConfig(every=None),
    )


@pytest.mark.parametrize(("best", "step", "value"), [("return", 30, None), ("energy", 20, 1.25), ("power", 20, 0.25)])
def test_the_best_is_chosen_by_what_is_asked_in_its_direction(tmp_path, best, step, value):
    run = make(tmp_path / "run", best=best)
    summary = Runner(run).execute()
    store = CheckpointStore(run.directory.checkpoints)
    assert store.find("best").name == f"step_{step:09d}"
    assert store.find("latest").name == "step_000000040"
    assert value is None or run.best_value == pytest.approx(value)
    assert summary.held_back["checkpoint"] == f"step_{step:09d}"
    assert run.directory.read_json("status.json")["held_back"]["seeds"] == list(range(2000, 2010))


def test_held_back_episodes_are_played_by_the_best_parameters_and_the_last_ones_are_put_back(tmp_path):
    algorithm = Schedule(POWERS)
    run = make(tmp_path / "run", algorithm, best="energy", held_back=3)
    summary = Runner(run).execute()
    leaks = [np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed))).uniform() for seed in (2000, 2001, 2002)]
    expected = [5 * 0.25 - 0.05 * leak for leak in leaks]
    mean, low, high = summary.held_back["return"]
    assert mean == pytest.approx(np.mean(expected))
    assert low < mean < high
    assert summary.held_back["figures"]["energy"][0] == pytest.approx(1.25)
    assert algorithm.steps == 40, "the last parameters are in place again"


def test_no_test_where_it_is_switched_off_or_nothing_was_learned(tmp_path):
    assert Runner(make(tmp_path / "off", held_back=None)).execute().held_back is None
    fixed = Schedule(POWERS)
    fixed.learns = False
    assert Runner(make(tmp_path / "fixed", fixed)).execute().held_back is None
    assert fixed.loaded == 0


def test_held_back_seeds_never_meet_those_that_choose():
    assert EvaluationConfig(seeds=1995, episodes=10).unseen_seeds() == tuple(range(2005, 2015))
    assert EvaluationConfig(seeds=(3, 2004), episodes=2).unseen_seeds(3) == (2000, 2001, 2002)
    assert EvaluationConfig(held_back=None).unseen_seeds() == tuple(range(2000, 2010))


def test_an_unknown_measure_is_refused_before_any_step(tmp_path):
    with pytest.raises(ConfigError, match=r"evaluation.best: no figure or metric 'enrgy'; did you mean 'energy'\?"):
        make(tmp_path / "run", best="enrgy")
    with pytest.raises(ConfigError, match="neither direction of it as better"):
        make(tmp_path / "other", best="leak")


def test_a_continued_run_goes_on_with_its_best_only_while_it_is_judged_alike(tmp_path):
    Runner(make(tmp_path / "run", best="energy")).execute()
    checkpoint = CheckpointStore(tmp_path / "run" / "checkpoints").load("latest")
    same, other = make(tmp_path / "same", best="energy"), make(tmp_path / "other", best="return")
    for run in (same, other):
        run.restore(checkpoint)
    assert same.best_value == pytest.approx(1.25)
    assert other.best_value is None
