"""Training on the 33-bus feeder: three SAC learners, 256x256, batch 256, one update an agent and step, one thread.

Printed are env steps a second and their ratio to the 14.6 that were measured of the original's trainer with one torch thread (not run
here), where the time goes, and the share of the bound: the time of the updates' matrix products alone (`gemm_bound.py`, with the shapes
of each agent) over that of the updates. "At most" is the rate that nothing but these products would allow. With several copies a step is
one of all copies, as usual, and an update serves them all. Training and products run in turn in one process, chunk by chunk; processor
seconds count, wall is printed too.

    python experiments/benchmarks/grid_training.py
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))

from gemm_bound import GemmBound, Sizes

import wattloom
from wattloom.algorithm import Transition
from wattloom.components.algorithms.sac import SAC
from wattloom.environment import EnvironmentSpec
from wattloom.seeding import Seeds

ORIGINAL = 14.6  # env steps/s
WARM_UP = 300  # env steps before the first update


class Training:
    """The loop of the runner without hooks and files; `updating` and `all` are processor seconds."""

    def __init__(self, env: str, copies: int) -> None:
        self.environment = wattloom.make(env, num_envs=copies)
        self.spec = EnvironmentSpec.of(self.environment)
        options = {"hidden_sizes": [256, 256], "batch_size": 256, "learning_starts": WARM_UP * copies, "buffer_size": 100_000}
        self.algorithm = SAC(updates_per_step=1.0 / copies, **options)  # type: ignore[arg-type]
        self.algorithm.setup(self.spec, Seeds(1), 10**6)
        self.policy = self.algorithm.policy(copies, explore=True)
        self.snapshot = self.environment.reset(seed=1)

    def advance(self, steps: int) -> tuple[float, float]:
        """Train for ``steps`` steps of all copies; return processor seconds of all of it and of the updates."""
        begin, updating = time.process_time(), 0.0
        for _ in range(steps):
            actions = self.policy.act(self.snapshot)
            result = self.environment.step(actions)
            self.algorithm.observe(Transition(self.snapshot, actions, result))
            clock = time.process_time()
            self.algorithm.update()
            updating += time.process_time() - clock
            self.snapshot = result.snapshot
            if result.ended.any():
                self.snapshot = self.environment.reset(mask=result.ended)
                self.policy.reset(mask=result.ended)
        return time.process_time() - begin, updating


def bounds(spec: EnvironmentSpec) -> list[GemmBound]:
    """Return the products of every agent's update."""
    sizes = [Sizes(int(np.prod(agent.observation_space.shape)), int(np.prod(agent.action_space.shape))) for agent in spec.agents]
    return [GemmBound("sac", size) for size in sizes]


def measure(env: str, copies: int, chunk: int, rounds: int) -> dict[str, float]:
    """Return env steps a second and shares, medians over the rounds."""
    training = Training(env, copies)
    products = bounds(training.spec)
    training.advance(WARM_UP + 50)
    names = ("steps_per_cpu_second", "steps_per_second", "at_most", "updates_share", "share_of_bound")
    figures: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        wall = time.perf_counter()
        total, updating = training.advance(chunk)
        wall = time.perf_counter() - wall
        clock = time.process_time()
        for one in products:
            one.advance(chunk)
        bare = time.process_time() - clock
        steps = chunk * copies
        values = (steps / total, steps / wall, steps / bare, updating / total, bare / updating)
        for name, value in zip(names, values, strict=True):
            figures[name].append(value)
    return {name: statistics.median(values) for name, values in figures.items()}


def main() -> None:
    """Print the figures of the original's task, one copy and several."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", default="neomflex")
    parser.add_argument("--copies", nargs="*", type=int, default=[1, 8, 16])
    parser.add_argument("--chunk", type=int, default=40, help="steps a round")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    print(
        f"{'copies':>6s} {'steps/cpu-s':>12s} {'steps/s':>8s} {'ratio':>6s} {'at most':>8s} {'ratio':>6s} {'updates':>8s} {'of bound':>9s}"
    )
    for copies in arguments.copies:
        f = measure(arguments.env, copies, arguments.chunk, arguments.rounds)
        rates = f"{f['steps_per_cpu_second']:12.0f} {f['steps_per_second']:8.0f} {f['steps_per_cpu_second'] / ORIGINAL:6.1f}"
        bound = f"{f['at_most']:8.0f} {f['at_most'] / ORIGINAL:6.1f} {100 * f['updates_share']:7.0f}% {f['share_of_bound']:9.2f}"
        print(f"{copies:6d} {rates} {bound}", flush=True)


if __name__ == "__main__":
    main()
