"""Learning beside stable-baselines3's PPO: equal env steps, equal settings, three seeds; returns of whole episodes without exploration.

    cartpole   CartPole-v1, 50,000 env steps
    pendulum   Pendulum-v1, 100,000 env steps, rates falling to 0
    spread     simple_spread of mpe2 (three agents), 80,000 env steps: IPPO with shared parameters on both sides, then MAPPO and HAPPO

    python experiments/benchmarks/learning_beside_sb3.py
    python experiments/benchmarks/learning_beside_sb3.py --tasks pendulum --seeds 1

Every line has the CPU seconds of training. The slow tests of tests/components/algorithms/on_policy/test_learning.py hold ours to the peer's figures here.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecEnv

from wattloom.adapters import as_environment
from wattloom.algorithm import Transition
from wattloom.components.algorithms.happo import HAPPO
from wattloom.components.algorithms.ippo import IPPO
from wattloom.components.algorithms.mappo import MAPPO
from wattloom.components.envs.pendulum import Pendulum
from wattloom.components.envs.third_party import pettingzoo_environment
from wattloom.environment import EnvironmentSpec
from wattloom.evaluation import evaluate_policy
from wattloom.seeding import Seeds

COPIES = 8
EPISODES = {"cartpole": 10, "pendulum": 10, "spread": 200}  # of reset seeds from 1000; those of simple_spread are 25 steps and differ much


def spread(copies: int) -> Any:
    return pettingzoo_environment(target="mpe2.simple_spread_v3:parallel_env", num_envs=copies)


TASKS: dict[str, tuple[Callable[[int], Any], int, dict[str, Any], dict[str, Any]]] = {
    "cartpole": (
        lambda copies: as_environment(lambda: gymnasium.make("CartPole-v1"), num_envs=copies),
        50_000,
        {"rollout_steps": 32, "gamma": 0.98, "gae_lambda": 0.8, "epochs": 20, "minibatches": 1, "learning_rate": 1e-3},
        {"value_scale": "none", "entropy_coefficient": 0.0},
    ),
    "pendulum": (
        lambda copies: Pendulum(num_envs=copies),
        100_000,
        {"rollout_steps": 512, "gamma": 0.9, "gae_lambda": 0.95, "epochs": 10, "minibatches": 64, "learning_rate": 1e-3},
        {"learning_rate_schedule": "linear", "entropy_coefficient": 0.0},
    ),
    "spread": (
        spread,
        80_000,
        {"rollout_steps": 100, "gamma": 0.98, "gae_lambda": 0.95, "epochs": 10, "minibatches": 2, "learning_rate": 7e-4},
        {"entropy_coefficient": 0.01},
    ),
}
GYM = {"cartpole": "CartPole-v1", "pendulum": "Pendulum-v1"}


def judged(task: str, make: Callable[[int], Any], policy: Callable[[int], Any]) -> float:
    """Mean return of the episodes of a task, summed over agents."""
    episodes = list(range(1000, 1000 + EPISODES[task]))
    return float(evaluate_policy(make(min(25, len(episodes))), policy, episodes).returns.mean())


def ours(kind: type, task: str, seed: int, **more: Any) -> tuple[float, float]:
    """Mean return and CPU seconds of one of our algorithms."""
    make, steps, common, extra = TASKS[task]
    keys = common | extra | more
    keys |= {"critic_epochs": keys["epochs"], "critic_minibatches": keys["minibatches"], "critic_learning_rate": keys["learning_rate"]}
    environment, algorithm, begin = make(COPIES), kind(**keys), time.process_time()
    algorithm.setup(EnvironmentSpec.of(environment), Seeds(seed).child("algorithm"), steps)
    policy, snapshot = algorithm.policy(COPIES, explore=True), environment.reset(seed=Seeds(seed).integer("environment"))
    policy.reset()
    for _ in range(steps // COPIES):
        actions = policy.act(snapshot)
        result = environment.step(actions)
        algorithm.observe(Transition(snapshot, actions, result))
        algorithm.update()
        snapshot = environment.reset(mask=result.ended) if result.ended.any() else result.snapshot
    spent = time.process_time() - begin
    return judged(task, make, lambda n: algorithm.policy(n, explore=False)), spent


class Flattened(VecEnv):
    """A team of equal agents as one copy an agent for stable-baselines3: parameters shared, no central state."""

    def __init__(self, environment: Any, seed: int) -> None:
        self.environment, self.names = environment, [agent.name for agent in environment.agents]
        first = environment.agents[0]
        super().__init__(len(self.names) * environment.num_envs, first.observation_space, first.action_space)
        self._first_seed: int | None = seed

    def _flat(self, by_agent: Any) -> np.ndarray:
        return np.concatenate([np.asarray(by_agent[name]) for name in self.names])

    def reset(self) -> np.ndarray:
        snapshot, self._first_seed = self.environment.reset(seed=self._first_seed), None
        return self._flat(snapshot.observations)

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = dict(zip(self.names, np.split(actions, len(self.names)), strict=True))

    def step_wait(self) -> Any:
        result = self.environment.step(self._actions)
        last, over = self._flat(result.snapshot.observations), np.tile(result.ended, len(self.names))
        cut = np.tile(result.truncated, len(self.names))
        seen = self._flat(self.environment.reset(mask=result.ended).observations) if result.ended.any() else last
        infos = [{"terminal_observation": last[i], "TimeLimit.truncated": bool(cut[i])} if over[i] else {} for i in range(self.num_envs)]
        return seen, self._flat(result.rewards), over, infos

    def close(self) -> None: ...

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self.environment, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None: ...

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        return [None] * self.num_envs

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs


class Played:
    """A model of stable-baselines3 as a policy of every agent."""

    def __init__(self, model: Any, names: list[str]) -> None:
        self.model, self.names = model, names

    def reset(self, mask: Any = None, seeds: Any = None) -> None: ...

    def act(self, snapshot: Any) -> dict[str, np.ndarray]:
        return {name: self.model.predict(snapshot.observations[name], deterministic=True)[0] for name in self.names}


def theirs(task: str, seed: int) -> tuple[float, float]:
    """Mean return and CPU seconds of stable-baselines3's PPO."""
    make, steps, common, extra = TASKS[task]
    venv = make_vec_env(GYM[task], n_envs=COPIES, seed=seed) if task in GYM else Flattened(make(COPIES), seed)
    rate = common["learning_rate"]
    model = PPO(
        "MlpPolicy",
        venv,
        seed=seed,
        device="cpu",
        n_steps=common["rollout_steps"],
        batch_size=common["rollout_steps"] * venv.num_envs // common["minibatches"],
        n_epochs=common["epochs"],
        gamma=common["gamma"],
        gae_lambda=common["gae_lambda"],
        ent_coef=extra["entropy_coefficient"],
        learning_rate=(lambda left: rate * left) if "learning_rate_schedule" in extra else rate,
    )
    begin = time.process_time()
    model.learn(steps * venv.num_envs // COPIES)
    spent = time.process_time() - begin
    names = [agent.name for agent in make(1).agents]
    return judged(task, make, lambda n: Played(model, names)), spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3])
    parser.add_argument("--only", nargs="*", default=[], help="contestants by name; none: all")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for task in options.tasks:
        contestants: dict[str, Callable[[int], tuple[float, float]]] = {"stable-baselines3": lambda seed, t=task: theirs(t, seed)}
        if task == "spread":
            contestants["IPPO, shared"] = lambda seed: ours(IPPO, "spread", seed, share_parameters=True)
            contestants["MAPPO"] = lambda seed: ours(MAPPO, "spread", seed)
            contestants["HAPPO"] = lambda seed: ours(HAPPO, "spread", seed)
        else:
            contestants["PPO"] = lambda seed, t=task: ours(IPPO, t, seed)
        for name, run in contestants.items():
            if options.only and name not in options.only:
                continue
            found = [run(seed) for seed in options.seeds]
            returns, cpu = [round(r, 1) for r, _ in found], [round(c, 1) for _, c in found]
            print(
                json.dumps({"task": task, "by": name, "mean": round(statistics.mean(returns), 1), "returns": returns, "cpu_s": cpu}),
                flush=True,
            )


if __name__ == "__main__":
    main()
