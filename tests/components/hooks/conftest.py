"""A small world with two unlike agents, a policy that draws random actions, and a factory of real runs over them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from wattloom.algorithm import Algorithm, UpdateReport
from wattloom.batched import BatchedEnvironment, Outcome
from wattloom.components.loggers.csv import CsvLogger
from wattloom.components.loggers.jsonl import JsonlLogger
from wattloom.config import CheckpointConfig, EvaluationConfig, RunnerConfig
from wattloom.environment import AgentSpec, Column, Snapshot
from wattloom.run_directory import RunDirectory
from wattloom.runner import Run, Runner
from wattloom.telemetry.loggers import LoggerList


class Tank(BatchedEnvironment):
    """A heater (Box) and a valve (three positions) move a level; noise comes from the copy's own stream."""

    def __init__(self, num_envs=1, horizon=6, picture="uint8", fail_at=None):
        columns = (Column("level", "m"),)
        agents = (
            AgentSpec(
                "heater",
                spaces.Box(-10, 10, (1,), np.float32),
                spaces.Box(-1, 1, (2,), np.float32),
                columns,
                (Column("power", "kW"), Column("flow", "l/s")),
            ),
            AgentSpec(
                "valve",
                spaces.Box(-10, 10, (1,), np.float32),
                spaces.Discrete(3),
                columns,
                (Column("position", "1"),),
                (("shut", "half", "open"),),
            ),
        )
        super().__init__(agents, num_envs, horizon, (Column("energy", "kWh", "lower"),), step_seconds=0.1)
        self.arrays = {"level": np.zeros(num_envs), "drift": np.zeros(num_envs)}
        self.picture, self.fail_at, self.steps = picture, fail_at, 0

    def _begin(self, copies, generators, options):
        for copy, generator in zip(copies, generators, strict=True):
            self.arrays["level"][copy] = generator.normal()
            self.arrays["drift"][copy] = generator.normal()

    def _advance(self, actions):
        self.steps += 1
        if self.fail_at is not None and self.steps >= self.fail_at:
            raise RuntimeError("the tank burst")
        self.arrays["level"] += actions["heater"][:, 0] * 0.5 + (actions["valve"] - 1) * 0.1 + self.arrays["drift"] * 0.01
        level = self.arrays["level"]
        return Outcome(
            {"heater": -(level**2), "valve": np.where(level > 0, 0.25, -0.25)},
            np.abs(level) > 4.0,
            {"energy": np.abs(actions["heater"][:, 1]).astype(float)},
        )

    def _observe(self):
        seen = self.arrays["level"][:, None].astype(np.float32)
        return Snapshot({"heater": seen, "valve": seen.copy()})

    def render(self, index=0):
        if self.picture == "none":
            return None
        if self.picture == "raises":
            raise OSError("no display")
        image = np.zeros((24, 40, 3), np.uint8)
        image[:, : 4 + int(self.elapsed[index]) * 5] = (30, 120, 200)
        return image / 255.0 if self.picture == "float" else image


class RandomPolicy:
    """Random while exploring, constant else."""

    def __init__(self, generator, num_envs, explore):
        self.generator, self.num_envs, self.explore = generator, num_envs, explore

    def reset(self, mask=None, seeds=None):
        pass

    def act(self, snapshot):
        if not self.explore:
            return {"heater": np.full((self.num_envs, 2), 0.125, np.float32), "valve": np.ones(self.num_envs, np.int64)}
        heater = self.generator.uniform(-1, 1, (self.num_envs, 2)).astype(np.float32)
        return {"heater": heater, "valve": self.generator.integers(0, 3, self.num_envs)}

    def state_dict(self):
        return {"generator": self.generator.bit_generator.state}

    def load_state_dict(self, state):
        self.generator.bit_generator.state = state["generator"]


class Learner(Algorithm):
    """Counts updates, one an env step, and reports a loss that it computes only when read."""

    def __init__(self):
        self.updates = self.reads = 0

    def policy(self, num_envs, explore):
        return RandomPolicy(self.seeds.generator(f"policy{explore}"), num_envs, explore)

    def update(self):
        self.updates += 1
        return UpdateReport(1, self.updates, self._read)

    def _read(self):
        self.reads += 1
        return {"loss": 1.0 / self.updates, "entropy": float("nan")}

    def state_dict(self):
        return {"updates": self.updates}

    def load_state_dict(self, state):
        self.updates = state["updates"]


@pytest.fixture
def make_run(tmp_path):
    """Return ``make_run(hooks, folder="run", **options) -> Run``; ``Runner(run).execute()`` moves it."""

    def make(
        hooks: Mapping[str, Any],
        folder: str = "run",
        *,
        num_envs: int = 1,
        total: int = 60,
        stop_at: int | None = None,
        evaluate_every: int | None = 30,
        loggers: Sequence[Any] = (),
        world: Mapping[str, Any] | None = None,
    ) -> Run:
        path = tmp_path / folder
        path.mkdir(exist_ok=True)
        settings = dict(world or {})
        quiet = {name: value for name, value in settings.items() if name != "fail_at"}
        directory = RunDirectory(path)
        directory.write_yaml("config.yaml", {"run_name": "tank", "seed": 5})
        return Run(
            name="tank",
            config={},
            directory=directory,
            environment=Tank(num_envs=num_envs, **settings),
            make_environment=lambda purpose, copies: Tank(num_envs=copies or num_envs, **quiet),
            algorithm=Learner(),
            hooks=hooks,
            loggers=LoggerList({"jsonl": JsonlLogger(), "csv": CsvLogger(), **dict(loggers)}),
            seed=5,
            runner=RunnerConfig(total_steps=total, stop_at=stop_at),
            evaluation=EvaluationConfig(every=evaluate_every, episodes=3),
            checkpoint=CheckpointConfig(every=None),
        )

    return make


@pytest.fixture
def execute():
    """Return a function that moves a run to its end, from ``checkpoint`` where one is given."""
    return lambda run, checkpoint=None: Runner(run).execute(checkpoint)
