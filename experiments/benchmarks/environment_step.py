"""Env steps a second of the batched pendulum against Gymnasium's own vector environment, interleaved in one process.

    python experiments/benchmarks/environment_step.py [--rounds 15] [--seconds 0.15]

Both sides reset what ends, ours through ``reset(mask=...)``, Gymnasium's by its autoreset; both get random torques that were drawn before. Ours runs with
every check on: shapes, NaN, bounds with their count, ended copies. A round measures all sides one after the other; the ratio is the median over rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import gymnasium
import numpy as np

from wattloom.adapters import GymnasiumVectorEnv
from wattloom.components.envs.pendulum import Pendulum

REFERENCE = 64  # copies of Gymnasium's side


def batched(num_envs: int) -> Callable[[], None]:
    """Return one step of the batched contract."""
    environment = Pendulum(num_envs=num_envs)
    environment.reset(seed=1)
    actions, turn = torques(num_envs), [0]

    def step() -> None:
        result = environment.step({"pendulum": actions[turn[0]]})
        turn[0] = (turn[0] + 1) % len(actions)
        if result.ended.any():
            environment.reset(mask=result.ended)

    return step


def face(num_envs: int) -> Callable[[], None]:
    """Return one step of our Gymnasium vector face."""
    return vector(GymnasiumVectorEnv(Pendulum(num_envs=num_envs)))


def vector(environment: gymnasium.vector.VectorEnv) -> Callable[[], None]:
    """Return one step of any vector environment."""
    environment.reset(seed=1)
    actions, turn = torques(environment.num_envs), [0]

    def step() -> None:
        environment.step(actions[turn[0]])
        turn[0] = (turn[0] + 1) % len(actions)

    return step


def torques(num_envs: int) -> list[np.ndarray]:
    """Draw the actions, N m."""
    return list(np.random.default_rng(0).uniform(-2, 2, (64, num_envs, 1)).astype(np.float32))


def rate(step: Callable[[], None], num_envs: int, seconds: float) -> float:
    """Return env steps a second over about ``seconds``."""
    steps, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        for _ in range(8):
            step()
        steps += 8
    return steps * num_envs / elapsed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.15, help="of each side a round")
    options = parser.parse_args()
    sides = {
        ("Gymnasium make_vec", REFERENCE): vector(gymnasium.make_vec("Pendulum-v1", num_envs=REFERENCE)),
        ("Environment.step", 1): batched(1),
        ("Environment.step", 64): batched(64),
        ("Environment.step", 1024): batched(1024),
        ("our VectorEnv", 64): face(64),
        ("our VectorEnv", 1024): face(1024),
    }
    rates: dict[tuple[str, int], list[float]] = {key: [] for key in sides}
    for _ in range(options.rounds + 1):  # the first round warms up
        for key, step in sides.items():
            rates[key].append(rate(step, key[1], options.seconds))
    base = rates["Gymnasium make_vec", REFERENCE][1:]
    summary = {}
    for (name, copies), values in rates.items():
        ratio = statistics.median(value / reference for value, reference in zip(values[1:], base, strict=True))
        summary[f"{name}, {copies} copies"] = {"env_steps_per_second": round(statistics.median(values[1:])), "ratio": round(ratio, 2)}
        print(f"{name:20s} {copies:5d} copies  {statistics.median(values[1:]):12,.0f} env steps/s  {ratio:7.1f} x")
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
