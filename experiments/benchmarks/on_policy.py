"""One HAPPO update against a clean per-agent PyTorch loop in the same process, and where its time goes.

Three agents with Discrete(3) actions, 26 observations each, a central state of 29, networks 64x64, T = 168, 5 epochs of 8 minibatches: 21, 168 and
1,344 rows a minibatch for 1, 8 and 64 copies. Both contestants work in turn on the same data, one thread; CPU seconds of this process count, and a
ratio is the median over rounds of the ratio within a round.

    python experiments/benchmarks/on_policy.py
    python experiments/benchmarks/on_policy.py --copies 8 --rounds 40
"""

from __future__ import annotations

import argparse
import cProfile
import json
import platform
import pstats
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch
from gymnasium import spaces

sys.path.insert(0, str(Path(__file__).parent))

from clean_happo import CleanHAPPO

from wattloom.components.algorithms.happo import HAPPO
from wattloom.components.algorithms.mappo import MAPPO
from wattloom.environment import AgentSpec, EnvironmentSpec
from wattloom.seeding import Seeds
from wattloom.spaces import numbered_columns

STEPS, OBSERVATION, CHOICES, STATE, AGENTS = 168, 26, 3, 29, ("load", "cooling", "battery")
SCHEDULE = {"epochs": 5, "minibatches": 8, "critic_epochs": 5, "critic_minibatches": 8}


def environment_spec(copies: int) -> EnvironmentSpec:
    seen = spaces.Box(-np.inf, np.inf, (OBSERVATION,), np.float32)
    columns = (numbered_columns("x", OBSERVATION), numbered_columns("u", 1))
    agents = tuple(AgentSpec(name, seen, spaces.Discrete(CHOICES), *columns) for name in AGENTS)
    return EnvironmentSpec(agents, copies, spaces.Box(-np.inf, np.inf, (STATE,), np.float32), shared_reward=True)


def ours(kind, copies: int):
    """An algorithm with a full rollout of random numbers."""
    algorithm = kind(rollout_steps=STEPS, value_scale="none", **SCHEDULE)
    algorithm.setup(environment_spec(copies), Seeds(1), 10**6)
    generator, rollout = np.random.default_rng(1), algorithm.rollout
    for name in AGENTS:
        rollout.observations[name][:] = generator.normal(size=rollout.observations[name].shape)
        rollout.actions[name][:] = generator.integers(CHOICES, size=rollout.actions[name].shape)
    rollout.state[:] = generator.normal(size=rollout.state.shape)
    rollout.rewards[:] = generator.normal(size=rollout.rewards.shape[1:])
    rollout.team_ended[-1] = rollout.ended[:, -1] = True
    rollout.filled = STEPS
    return algorithm


def clean_data(rollout):
    """The same rollout as tensors."""
    observations = [torch.from_numpy(rollout.observations[name][:-1].reshape(-1, OBSERVATION)) for name in AGENTS]
    actions = [torch.from_numpy(rollout.actions[name].reshape(-1)) for name in AGENTS]
    return observations, actions, torch.from_numpy(rollout.state), rollout.rewards[0], np.zeros(rollout.rewards.shape[1:])


def learn(algorithm) -> None:
    with torch.inference_mode():
        algorithm._learn()


def cpu_seconds(work) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def compare(copies: int, rounds: int) -> dict:
    happo, mappo = ours(HAPPO, copies), ours(MAPPO, copies)
    clean, data = CleanHAPPO([OBSERVATION] * 3, CHOICES, STATE, 8, 5), clean_data(happo.rollout)
    contestants = {"clean HAPPO": lambda: clean.update(*data), "HAPPO": lambda: learn(happo), "MAPPO": lambda: learn(mappo)}
    for work in contestants.values():
        work()
    table = [{name: cpu_seconds(work) for name, work in contestants.items()} for _ in range(rounds)]
    return {
        "copies": copies,
        "minibatch_rows": STEPS * copies // 8,
        "cpu_ms": {name: round(1e3 * statistics.median(row[name] for row in table), 2) for name in contestants},
        "ratio": {name: round(statistics.median(row["clean HAPPO"] / row[name] for row in table), 2) for name in ("HAPPO", "MAPPO")},
    }


def shares(copies: int, rounds: int = 10) -> dict[str, float]:
    """Share of one update's time by part, from the profiler (which slows small calls, so read it as a ranking)."""
    happo = ours(HAPPO, copies)
    learn(happo)
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(rounds):
        learn(happo)
    profile.disable()
    entries = {}
    for (_, _, name), (_, _, own, _, _) in pstats.Stats(profile).stats.items():
        entries[name] = entries.get(name, 0.0) + own
    total = sum(entries.values())
    largest = sorted(entries.items(), key=lambda item: -item[1])[:12]
    return {name.replace("<built-in method ", "").rstrip(">"): round(seconds / total, 3) for name, seconds in largest}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--copies", type=int, nargs="*", default=[1, 8, 64])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    print(f"torch {torch.__version__}, {platform.processor() or platform.machine()}, one thread")
    for copies in options.copies:
        print(json.dumps(compare(copies, options.rounds)))
        print(f"  where HAPPO's time goes at {copies} copies: {json.dumps(shares(copies))}")


if __name__ == "__main__":
    main()
