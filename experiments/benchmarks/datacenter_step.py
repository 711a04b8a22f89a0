"""Env steps a second of the data center with all observations, rewards and metrics.

    python experiments/benchmarks/datacenter_step.py [--env datacenter] [--copies 1 8 64 1024 8192] [--seconds 1] [--profile 64] [--flat]

Times are processor time of this process (best of five rounds), so that a busy machine disturbs them less; a calibration line says how fast one small array
operation is here. ``--flat`` prints steps a second and resident memory on the way to ten million env steps, and the memory of a further copy.
``--original PATH`` runs the step loop of a checkout of SustainDC beside it, if its Python is at hand (see ``--original-python``).
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import resource
import subprocess
import time

import numpy as np

import wattloom

AGENTS = ("load_shifting", "cooling", "battery")
ORIGINAL = """
import sys, time, random
sys.path.insert(0, {path!r})
from sustaindc_env import SustainDC
env = SustainDC({{"location": "ny", "month": 6, "days_per_episode": 30}})
env.reset()
for rounds in range(5):
    start, n = time.process_time(), 0
    while n < 200:
        env.step({{agent: random.randint(0, 2) for agent in ("agent_ls", "agent_dc", "agent_bat")}})
        n += 1
    print(n / (time.process_time() - start))
"""


def calibration() -> float:
    """Microseconds of one addition of 64 numbers."""
    a, b, out = np.ones(64), np.ones(64), np.empty(64)
    rounds = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(20000):
            np.add(a, b, out)
        rounds.append((time.process_time() - start) / 20000 * 1e6)
    return min(rounds)


class Loop:
    """One environment under fixed random choices."""

    def __init__(self, name: str, copies: int) -> None:
        start = time.perf_counter()
        self.environment = wattloom.make(name, num_envs=copies, episode__days=30)
        self.construction = time.perf_counter() - start
        rng = np.random.default_rng(0)
        self.actions = [{agent: rng.integers(0, 3, copies) for agent in AGENTS} for _ in range(16)]
        self.environment.reset(seed=0)
        self.done = 0

    def steps(self, count: int) -> None:
        for _ in range(count):
            if self.environment.step(self.actions[self.done % 16]).truncated.any():
                self.environment.reset()
            self.done += 1


def measure(name: str, copies: int, seconds: float) -> None:
    loop = Loop(name, copies)
    loop.steps(50)
    start = time.process_time()
    loop.steps(20)
    count = max(int(seconds / 5 / ((time.process_time() - start) / 20)), 20)
    best = np.inf
    for _ in range(5):
        start = time.process_time()
        loop.steps(count)
        best = min(best, (time.process_time() - start) / count)
    start = time.process_time()
    loop.environment.reset()
    reset = (time.process_time() - start) / copies
    rate = f"{best * 1e6:9.1f} us a step {copies / best:12,.0f} env steps/s"
    print(f"{copies:6d} copies: {rate}  reset {reset * 1e3:.2f} ms a copy  made in {loop.construction:.2f} s")


def resident_mb() -> float:
    """Largest resident memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def flat(name: str, copies: int, marks: list[int]) -> None:
    """Print the speed since the mark before, and memory, at each number of env steps; episodes of 30 days begin anew on the way."""
    loop = Loop(name, copies)
    loop.steps(50)
    done, before = 0, time.process_time()
    for mark in marks:
        count = max(round((mark - done) / copies), 1)
        loop.steps(count)
        now, done = time.process_time(), done + count * copies
        print(
            f"{copies:6d} copies, {done:12,d} env steps: {count * copies / (now - before):12,.0f} env steps/s  {resident_mb():6.1f} MB resident"
        )
        before = now


def further_copy(name: str, few: int = 64, many: int = 8192) -> None:
    """Print the memory that one more copy takes."""
    Loop(name, few).steps(20)
    before = resident_mb()
    Loop(name, many).steps(20)
    print(f"a further copy: {(resident_mb() - before) / (many - few) * 1e3:.1f} kB resident")


def profile(name: str, copies: int) -> None:
    loop = Loop(name, copies)
    profiler = cProfile.Profile()
    profiler.enable()
    loop.steps(500)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", default="datacenter", choices=["datacenter", "sustaindc"])
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 8, 64, 1024, 8192])
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--profile", type=int, default=0, help="copies; 0: no profile")
    parser.add_argument("--flat", action="store_true", help="only the long runs: speed and memory up to 10 million env steps")
    parser.add_argument("--original", default="", help="checkout of HewlettPackard/dc-rl")
    parser.add_argument("--original-python", default="python3.10")
    options = parser.parse_args()
    print(f"{options.env}; one addition of 64 numbers takes {calibration():.2f} us here")
    if options.flat:
        further_copy(options.env)
        for copies, last in ((1, 6), (64, 7), (1024, 7)):
            flat(options.env, copies, [10**k for k in range(3 if copies == 1 else 4, last + 1)])
        return
    for copies in options.copies:
        measure(options.env, copies, options.seconds)
    if options.profile:
        profile(options.env, options.profile)
    if options.original:
        subprocess.run([options.original_python, "-c", ORIGINAL.format(path=options.original)], check=True)


if __name__ == "__main__":
    main()
