"""A run on an environment that does not reproduce says so once and goes on with new episodes."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from wattloom.adapters import as_environment
from wattloom.checkpoint import CheckpointStore
from wattloom.components.baselines.random import Random
from wattloom.config import CheckpointConfig, EvaluationConfig, RunnerConfig
from wattloom.hooks.base import Hook
from wattloom.run_directory import RunDirectory
from wattloom.runner import Run, Runner
from wattloom.telemetry.loggers import LoggerList


class Weather(gymnasium.Env):
    """Counts its steps and adds noise that no seed governs."""

    observation_space = gymnasium.spaces.Box(-99, 99, (2,), np.float32)
    action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.age = 0
        return np.array([0, np.random.default_rng().normal()], np.float32), {}

    def step(self, action):
        self.age += 1
        return np.array([self.age, np.random.default_rng().normal()], np.float32), 1.0, False, self.age == 10, {}


class Ages(Hook):
    """Remembers what the policy saw, and every length and return."""

    def __init__(self):
        self.seen, self.lengths, self.returns, self.promise = [], [], [], None

    def on_resume(self, run, event):
        self.promise = event.promise

    def on_step(self, run, event):
        self.seen.append(event.snapshot.observations["agent"][:, 0].copy())

    def on_episode_end(self, run, event):
        self.lengths += event.lengths.tolist()
        self.returns += event.returns["agent"].tolist()


class Opaque(gymnasium.vector.VectorWrapper):
    """A vector environment that cannot be taken apart."""


SOURCES = {
    "single environments": lambda: as_environment(Weather, 2),
    "vector environment": lambda: as_environment(Opaque(SyncVectorEnv([Weather] * 2, autoreset_mode=AutoresetMode.DISABLED))),
}


@pytest.mark.parametrize("source", SOURCES)
def test_lost_episodes_begin_anew(tmp_path, caplog, source):
    def run(stop_at, resume):
        hook = Ages()
        directory = RunDirectory(tmp_path)
        job = Run(
            name="lost",
            config={},
            directory=directory,
            environment=SOURCES[source](),
            make_environment=lambda purpose, count: as_environment(Weather, count or 1),
            algorithm=Random(),
            hooks={"ages": hook},
            loggers=LoggerList({}),
            seed=3,
            runner=RunnerConfig(total_steps=60, stop_at=stop_at),
            evaluation=EvaluationConfig(every=None),
            checkpoint=CheckpointConfig(every=None),
        )
        summary = Runner(job).execute(CheckpointStore(directory.checkpoints).load() if resume else None)
        return hook, summary

    first, _ = run(stop_at=26, resume=False)  # 13 steps: the second episodes are 3 steps old
    assert first.seen[-1].tolist() == [2, 2]
    second, summary = run(stop_at=None, resume=True)
    assert second.promise == "episode"
    assert second.seen[0].tolist() == [0, 0]
    assert second.lengths == [10, 10]  # 17 steps are left: one whole episode a copy
    assert second.returns == [10.0, 10.0]
    assert summary.status == "completed"
    assert len([record for record in caplog.records if "promise 'episode'" in record.message]) == 1
