"""Whole episodes on fixed seeds: independent of batch size, of what was played before, and of surplus copies."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from gymnasium import spaces

from wattloom.batched import BatchedEnvironment, Outcome
from wattloom.environment import AgentSpec, Column, EnvironmentSpec, Snapshot
from wattloom.episodes import EpisodeTracker
from wattloom.errors import EnvironmentFault
from wattloom.evaluation import evaluate_policy


class Walk(BatchedEnvironment):
    """A random walk that terminates beyond 3; episodes have different lengths. Two agents push."""

    def __init__(self, num_envs: int, horizon: int = 30, poison: int = -1) -> None:
        box = spaces.Box(-10, 10, (1,), np.float32)
        push = spaces.Box(-1, 1, (1,), np.float32)
        agents = [AgentSpec(name, box, push, (Column("x", "m"),), (Column("push", "m"),)) for name in ("left", "right")]
        super().__init__(agents, num_envs, horizon, (Column("distance", "m"),))
        self.poison = poison
        self.arrays = {"x": np.zeros(num_envs), "drift": np.zeros(num_envs)}

    def _begin(self, copies, generators, options):
        for copy, generator in zip(copies, generators, strict=True):
            self.arrays["x"][copy] = generator.normal()
            self.arrays["drift"][copy] = generator.uniform(0.05, 0.5)

    def _advance(self, actions):
        x = self.arrays["x"]
        x += self.arrays["drift"] + 0.1 * (actions["right"] - actions["left"])[:, 0]
        reward = -np.abs(x)
        if self.poison >= 0:
            reward[self.poison] = np.nan
        return Outcome({"left": reward, "right": 2 * reward}, np.abs(x) > 3, {"distance": np.abs(x)})

    def _observe(self):
        seen = self.arrays["x"][:, None].astype(np.float32)
        return Snapshot({"left": seen, "right": seen.copy()})


class Pushing:
    """Pushes against the side it is on; counts how often it was reset."""

    def __init__(self, num_envs):
        self.num_envs = num_envs

    def reset(self, mask=None, seeds=None):
        pass

    def act(self, snapshot):
        return {name: np.clip(-seen, -1, 1) for name, seen in snapshot.observations.items()}


SEEDS = [5, 9, 1, 7, 3]


def test_numbers_do_not_depend_on_the_batch():
    results = [evaluate_policy(Walk(num_envs), Pushing, SEEDS) for num_envs in (1, 2, 3, 5, 8)]
    for result in results[1:]:
        np.testing.assert_array_equal(result.returns, results[0].returns)
        np.testing.assert_array_equal(result.lengths, results[0].lengths)
        np.testing.assert_array_equal(result.metrics["distance"], results[0].metrics["distance"])
    assert len(set(results[0].lengths)) > 1, "the check needs episodes of different lengths"
    assert results[0].terminated.any()


def test_a_used_environment_gives_the_same_numbers():
    environment = Walk(2)
    first = evaluate_policy(environment, Pushing, SEEDS)
    second = evaluate_policy(environment, Pushing, SEEDS)
    np.testing.assert_array_equal(first.returns, second.returns)


def test_returns_are_the_sum_over_agents_and_metrics_means_over_steps():
    environment = Walk(1)
    rewards, distances = [], []

    def listen(snapshot, actions, result, episode):
        rewards.append({name: value[0] for name, value in result.rewards.items()})
        distances.append(result.metrics["distance"][0])

    result = evaluate_policy(environment, Pushing, [5], listen)
    assert result.agent_returns["left"][0] == pytest.approx(sum(reward["left"] for reward in rewards), rel=1e-12)
    assert result.returns[0] == pytest.approx(3 * result.agent_returns["left"][0], rel=1e-12)
    assert result.metrics["distance"][0] == pytest.approx(np.mean(distances), rel=1e-12)


def test_a_listener_hears_counting_copies_only():
    heard = []
    evaluate_policy(Walk(4), Pushing, SEEDS, lambda snapshot, actions, result, episode: heard.append(episode))
    lengths = evaluate_policy(Walk(4), Pushing, SEEDS).lengths
    counts = [sum(int((episode == k).sum()) for episode in heard) for k in range(len(SEEDS))]
    assert counts == lengths.tolist()


def test_a_reward_that_is_not_finite_names_agent_and_copy():
    with pytest.raises(EnvironmentFault, match="agent 'left' is nan in copy 1 at step 1"):
        evaluate_policy(Walk(2, poison=1), Pushing, [1, 2])


@pytest.mark.parametrize("what", ["rewards", "metrics"])
def test_values_of_another_shape_say_what_they_are(what):
    environment = Walk(3)
    environment.reset(seed=1)
    tracker = EpisodeTracker(EnvironmentSpec.of(environment), 3)
    tracker.start(np.arange(3))
    result = environment.step({agent.name: np.zeros((3, *agent.action_space.shape), np.float32) for agent in environment.agents})
    name = next(iter(getattr(result, what)))
    wrong = dataclasses.replace(result, **{what: {**getattr(result, what), name: np.zeros((3, 1))}})
    with pytest.raises(ValueError, match=rf"^{what} of another shape than \(3,\): {name} \(3, 1\)$"):
        tracker.add(wrong)


def test_tracker_state_continues_where_it_was():
    environment = Walk(3)
    snapshot = environment.reset(seed=1)
    trackers = [EpisodeTracker(EnvironmentSpec.of(environment), 3) for _ in range(2)]
    trackers[0].start(np.arange(3))
    policy = Pushing(3)
    for step in range(10):
        result = environment.step(policy.act(snapshot))
        trackers[0].add(result)
        if step == 4:
            trackers[1].load_state_dict(trackers[0].state_dict())
        elif step > 4:
            trackers[1].add(result)
        snapshot = result.snapshot
        if result.ended.any():
            break
    for key, value in trackers[0].state_dict().items():
        np.testing.assert_array_equal(value, trackers[1].state_dict()[key])


def test_an_environment_without_an_end_does_not_hang_the_evaluation(monkeypatch):
    monkeypatch.setattr("wattloom.evaluation.MAX_STEPS", 50)
    endless = Walk(1, horizon=10**9)
    endless._begin = lambda copies, generators, options: None  # no drift: it never walks away
    with pytest.raises(EnvironmentFault, match="horizon"):
        evaluate_policy(endless, Pushing, [1])


def test_a_privileged_algorithm_reads_the_environment_that_it_plays_in(tmp_path):
    from wattloom.algorithm import Algorithm
    from wattloom.config import CheckpointConfig, EvaluationConfig, RunnerConfig
    from wattloom.run_directory import RunDirectory
    from wattloom.runner import Run, Runner
    from wattloom.telemetry.loggers import LoggerList

    class Knowing(Algorithm):
        privileged, learns = True, False

        def bind(self, environment):
            self.bound = environment

        def policy(self, num_envs, explore):
            algorithm = self

            class Policy(Pushing):
                def act(self, snapshot):
                    assert algorithm.bound.num_envs == self.num_envs, "bound to another environment"
                    return super().act(snapshot)

                def state_dict(self):
                    return {}

                def load_state_dict(self, state):
                    pass

            return Policy(num_envs)

    run = Run(
        name="knowing",
        config={},
        directory=RunDirectory(tmp_path),
        environment=Walk(3),
        make_environment=lambda purpose, count: Walk(count or 1),
        algorithm=Knowing(),
        hooks={},
        loggers=LoggerList({}),
        seed=1,
        runner=RunnerConfig(total_steps=60),
        evaluation=EvaluationConfig(every=15, episodes=2),
        checkpoint=CheckpointConfig(),
    )
    assert Runner(run).execute().status == "completed"
    assert run.evaluations == 4
