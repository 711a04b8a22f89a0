"""A run of 2N steps stopped at N and resumed equals the uninterrupted one bit for bit; states load with weights_only."""

import io

import pytest
import torch

from wattloom.checkpoint import CheckpointStore
from wattloom.components.algorithms.haa2c import HAA2C
from wattloom.components.algorithms.happo import HAPPO
from wattloom.components.algorithms.hatrpo import HATRPO
from wattloom.components.algorithms.ippo import IPPO
from wattloom.components.algorithms.mappo import MAPPO
from wattloom.components.hooks.metrics import Metrics
from wattloom.components.loggers.jsonl import JsonlLogger
from wattloom.config import CheckpointConfig, EvaluationConfig, RunnerConfig
from wattloom.run_directory import RunDirectory
from wattloom.runner import Run, Runner
from wattloom.telemetry.loggers import LoggerList

TOTAL = 240
SMALL = {"rollout_steps": 11, "critic_epochs": 2, "critic_minibatches": 2, "hidden_sizes": (8,), "normalize_observations": True}
FULL = {"learning_rate_schedule": "linear", "value_scale": "popart"}
TWINS = {"a": "twins", "d": "twins"}
CASES = [
    pytest.param(IPPO, FULL | {"minibatches": 2, "share_parameters": True}, id="ippo"),
    pytest.param(MAPPO, {"minibatches": 3, "target_kl": 0.01, "reward_sharing": 0.5}, id="mappo"),
    pytest.param(HAPPO, FULL | {"minibatches": 2}, id="happo"),
    pytest.param(HAPPO, {"engine": "autograd"}, id="happo-autograd"),
    pytest.param(HAA2C, {"value_scale": "none", "minibatches": 2}, id="haa2c"),
    pytest.param(HATRPO, {}, id="hatrpo"),
]


def run(path, environment, kind, options, stop_at=None, resume=False):
    path.mkdir(parents=True, exist_ok=True)
    directory = RunDirectory(path)
    job = Run(
        name="resume",
        config={},
        directory=directory,
        environment=environment(3),
        make_environment=lambda purpose, count: environment(count or 1),
        algorithm=kind(**SMALL | options),
        hooks={"metrics": Metrics(every=40)},
        loggers=LoggerList({"jsonl": JsonlLogger()}),
        seed=3,
        runner=RunnerConfig(total_steps=TOTAL, stop_at=stop_at),
        evaluation=EvaluationConfig(every=120, episodes=2),
        checkpoint=CheckpointConfig(every=None),
    )
    return Runner(job).execute(CheckpointStore(directory.checkpoints).load() if resume else None)


@pytest.mark.parametrize(("kind", "options"), CASES)
def test_stopped_mid_rollout_and_resumed_equals_uninterrupted(tmp_path, crew, kind, options, assert_equal_runs):
    def environment(copies):
        return crew(num_envs=copies, masks=True, leaving=True, groups=TWINS, start_at=2.0)

    whole, halves, again = (tmp_path / name for name in ("whole", "halves", "again"))
    assert run(whole, environment, kind, options).status == "completed"
    assert run(again, environment, kind, options).status == "completed"
    assert_equal_runs(whole, again)
    assert run(halves, environment, kind, options, stop_at=120).status == "stopped"  # 40 steps a copy: 7 into the fourth rollout
    assert CheckpointStore(halves / "checkpoints").load().parts["algorithm"]["rollout"]["filled"] == 7
    assert run(halves, environment, kind, options, resume=True).status == "completed"
    assert_equal_runs(whole, halves)


@pytest.mark.parametrize(("kind", "options"), CASES)
def test_another_seed_gives_other_parameters_and_the_same_seed_the_same(loop, crew, kind, options):
    runs = [loop(kind(**SMALL | options), crew(groups=TWINS), seed=seed).step(11).algorithm for seed in (1, 1, 2)]
    first, same, other = (torch.cat([actor.params.data.flatten() for actor in algorithm.actors]) for algorithm in runs)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(("kind", "options"), CASES)
def test_states_load_with_weights_only(loop, crew, kind, options, assert_same):
    one = loop(kind(**SMALL | options), crew(groups=TWINS)).step(15)
    file = io.BytesIO()
    torch.save({"algorithm": one.algorithm.state_dict(), "policy": one.policy.state_dict()}, file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    two = loop(kind(**SMALL | options), crew(groups=TWINS))
    two.restore(state, one.environment.get_state())
    for step in (one, two):
        step.step(20)
    assert_same(one.algorithm.state_dict(), two.algorithm.state_dict())
