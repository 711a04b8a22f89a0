"""One update of off-policy learners of a team: hand-written gradients against the same learner by autograd, in one process, on one thread.

The data center's three agents, 64x64 networks, 256 rows an update. Both play and store the same steps; only updates are timed, in turns, in CPU time.

    python experiments/benchmarks/off_policy_team.py
"""

from __future__ import annotations

import statistics
import time

import torch

import wattloom
from wattloom.algorithm import Transition
from wattloom.components.algorithms.hasac import HASAC
from wattloom.components.algorithms.hatd3 import HATD3
from wattloom.components.algorithms.masac import MASAC
from wattloom.components.algorithms.matd3 import MATD3
from wattloom.components.algorithms.off_policy import OffPolicy
from wattloom.components.algorithms.sac import SAC
from wattloom.environment import EnvironmentSpec
from wattloom.seeding import Seeds

CASES = [
    (HASAC, "discrete"),
    (HASAC, "continuous"),
    (MASAC, "discrete"),
    (MASAC, "continuous"),
    (SAC, "discrete"),
    (SAC, "continuous"),
    (HATD3, "continuous"),
    (MATD3, "continuous"),
]
CHUNK, ROUNDS = 8, 12


def prepared(kind: type[OffPolicy], engine: str, actions: str) -> OffPolicy:
    """A learner with 480 stored steps and a first update behind it."""
    environment = wattloom.make("datacenter", num_envs=8, actions=actions)
    algorithm = kind(engine=engine, hidden_sizes=(64, 64), learning_starts=480)
    algorithm.setup(EnvironmentSpec.of(environment), Seeds(1), 10_000)
    policy, snapshot = algorithm.policy(8, explore=True), environment.reset(seed=1)
    for _ in range(60):
        chosen = policy.act(snapshot)
        result = environment.step(chosen)
        algorithm.observe(Transition(snapshot, chosen, result))
        snapshot = result.snapshot
    spend(algorithm, 1)
    return algorithm


def spend(algorithm: OffPolicy, updates: int) -> float:
    """Make some updates and return the CPU milliseconds each took."""
    algorithm._credit = float(updates)
    start = time.process_time()
    algorithm.update()
    return 1e3 * (time.process_time() - start) / updates


def main() -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    print(f"torch {torch.__version__}, one thread\n{'':20s}{'autograd, ms':>14s}{'by hand, ms':>14s}{'ratio':>8s}")
    for kind, actions in CASES:
        both = {engine: prepared(kind, engine, actions) for engine in ("autograd", "analytic")}
        rounds = [{engine: spend(algorithm, CHUNK) for engine, algorithm in both.items()} for _ in range(ROUNDS)]
        slow, fast = (statistics.median(one[engine] for one in rounds) for engine in both)
        ratio = statistics.median(one["autograd"] / one["analytic"] for one in rounds)
        print(f"{kind.name:8s}{actions:12s}{slow:14.2f}{fast:14.2f}{ratio:8.2f}", flush=True)


if __name__ == "__main__":
    main()
