"""TD3 and SAC against stable-baselines3, a clean-structure reference and the bound of the matrix products alone.

One process, one thread, one update an env step, Pendulum, batch 256. All contestants run in turn, chunk by chunk, so that whatever else the
machine does hits them alike; a ratio is the median over rounds of the ratio within a round. CPU seconds of this process count; wall is printed too.

    python experiments/benchmarks/td3_sac.py                      # both algorithms, 256x256
    python experiments/benchmarks/td3_sac.py --hidden 64 --chunk 400
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from pathlib import Path

import gymnasium
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))

from clean_structure import CleanSAC, CleanTD3, Replay
from gemm_bound import GemmBound, Sizes

from wattloom.algorithm import Transition
from wattloom.components.algorithms.sac import SAC
from wattloom.components.algorithms.td3 import TD3
from wattloom.components.envs.pendulum import Pendulum
from wattloom.environment import EnvironmentSpec
from wattloom.seeding import Seeds

WARM_UP = 300  # env steps before the first update


class Ours:
    """The loop of the runner without hooks and files."""

    def __init__(self, algorithm: str, hidden: int) -> None:
        self.environment = Pendulum()
        options = {"gamma": 0.98, "hidden_sizes": [hidden, hidden], "learning_starts": WARM_UP}
        self.algorithm = {"td3": TD3, "sac": SAC}[algorithm](**options)
        self.algorithm.setup(EnvironmentSpec.of(self.environment), Seeds(1), 10**6)
        self.policy = self.algorithm.policy(1, explore=True)
        self.snapshot = self.environment.reset(seed=1)

    def advance(self, steps: int) -> None:
        for _ in range(steps):
            actions = self.policy.act(self.snapshot)
            result = self.environment.step(actions)
            self.algorithm.observe(Transition(self.snapshot, actions, result))
            self.algorithm.update()
            self.snapshot = result.snapshot
            if result.ended.any():
                self.snapshot = self.environment.reset(mask=result.ended)
                self.policy.reset(mask=result.ended)


class StableBaselines:
    """stable-baselines3 as installed, on Gymnasium's own environment."""

    def __init__(self, algorithm: str, hidden: int) -> None:
        import stable_baselines3
        from stable_baselines3.common.noise import NormalActionNoise

        options = {
            "gamma": 0.98,
            "batch_size": 256,
            "learning_rate": 1e-3,
            "learning_starts": WARM_UP,
            "train_freq": 1,
            "gradient_steps": 1,
        }
        options |= {"policy_kwargs": {"net_arch": [hidden, hidden]}, "device": "cpu", "seed": 1}
        if algorithm == "td3":
            options["action_noise"] = NormalActionNoise(np.zeros(1), 0.1 * np.ones(1))
        self.model = {"td3": stable_baselines3.TD3, "sac": stable_baselines3.SAC}[algorithm]("MlpPolicy", "Pendulum-v1", **options)
        torch.set_num_threads(1)

    def advance(self, steps: int) -> None:
        self.model.learn(steps, reset_num_timesteps=False, log_interval=None)


class Clean:
    """The clean structure on Gymnasium's own environment."""

    def __init__(self, algorithm: str, hidden: int) -> None:
        self.learner = {"td3": CleanTD3, "sac": CleanSAC}[algorithm](hidden)
        self.environment = gymnasium.make("Pendulum-v1")
        self.replay = Replay(200_000, 256, np.random.default_rng(1))
        self.observation = self.environment.reset(seed=1)[0]

    def advance(self, steps: int) -> None:
        for _ in range(steps):
            action = self.learner.act(self.observation)
            following, reward, terminated, truncated, _ = self.environment.step(np.array([2.0 * action], np.float32))
            self.replay.add(self.observation, action, reward, following)
            if self.replay.size > WARM_UP:
                self.learner.update(self.replay.sample())
            self.observation = self.environment.reset()[0] if terminated or truncated else following


def measure(algorithm: str, hidden: int, chunk: int, rounds: int, names: list[str]) -> dict[str, dict[str, float]]:
    """Return CPU and wall seconds a step (medians) and the ratios to ours, by contestant."""
    kinds = {
        "ours": Ours,
        "stable_baselines3": StableBaselines,
        "clean_structure": Clean,
        "gemm_bound": lambda kind, width: GemmBound(kind, Sizes(hidden=width)),
    }
    contestants = {name: kinds[name](algorithm, hidden) for name in ("ours", *names)}
    for contestant in contestants.values():
        contestant.advance(WARM_UP + 100)
    cpu: dict[str, list[float]] = {name: [] for name in contestants}
    wall: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            start, clock = time.process_time(), time.perf_counter()
            contestant.advance(chunk)
            cpu[name].append((time.process_time() - start) / chunk)
            wall[name].append((time.perf_counter() - clock) / chunk)
    return {name: _summary(cpu[name], wall[name], cpu["ours"], wall["ours"]) for name in contestants}


def _summary(cpu: list[float], wall: list[float], our_cpu: list[float], our_wall: list[float]) -> dict[str, float]:
    ratios = [theirs / ours for theirs, ours in zip(cpu, our_cpu, strict=True)]
    return {
        "steps_per_cpu_second": 1.0 / statistics.median(cpu),
        "steps_per_second": 1.0 / statistics.median(wall),
        "ratio_cpu": statistics.median(ratios),
        "ratio_cpu_low": min(ratios),
        "ratio_cpu_high": max(ratios),
        "ratio_wall": statistics.median(theirs / ours for theirs, ours in zip(wall, our_wall, strict=True)),
    }


def main() -> None:
    """Run and print one table an algorithm; ``ratio``: their seconds a step over ours (for the bound: our share of it)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--algorithm", choices=["td3", "sac", "both"], default="both")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--chunk", type=int, default=100, help="env steps a contestant and round")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--against", nargs="*", default=["stable_baselines3", "clean_structure", "gemm_bound"])
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # for all of them: moments of dead units decay into numbers that the processor handles slowly
    print(f"torch {torch.__version__}, {platform.processor() or platform.machine()}, one thread, {arguments.hidden}x{arguments.hidden}")
    results = {}
    for algorithm in ["td3", "sac"] if arguments.algorithm == "both" else [arguments.algorithm]:
        results[algorithm] = measure(algorithm, arguments.hidden, arguments.chunk, arguments.rounds, arguments.against)
        print(f"{algorithm:22s} {'steps/cpu-s':>12s} {'steps/s':>9s} {'ratio cpu':>10s} {'(low - high)':>15s} {'ratio wall':>11s}")
        for name, row in results[algorithm].items():
            spread = f"({row['ratio_cpu_low']:.2f} - {row['ratio_cpu_high']:.2f})"
            rates = f"{row['steps_per_cpu_second']:12.0f} {row['steps_per_second']:9.0f}"
            print(f"  {name:20s} {rates} {row['ratio_cpu']:10.2f} {spread:>15s} {row['ratio_wall']:11.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
