"""HAPPO on the data center from end to end: env steps a CPU second, learning and runner included, and a small study's run with its evaluations.

Three agents with Discrete(3) actions, networks 64x64, through the runner without hooks; seconds are CPU seconds of this process on one thread, counted
after start-up (imports, sources, construction).

    python experiments/benchmarks/happo_training.py
    python experiments/benchmarks/happo_training.py --copies 8 --steps 40000
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from wattloom import build
from wattloom.compose import compose
from wattloom.runner import Runner

COMMON = [
    "algorithm=happo",
    "algorithm.epochs=5",
    "algorithm.critic_epochs=5",
    "hooks=none",
    "logger=default",
    "checkpoint.every=null",
    "evaluation.held_back=null",
]
SCHEDULE = ["algorithm.minibatches=8", "algorithm.critic_minibatches=8", "algorithm.rollout_steps=168"]
STUDY = [
    "algorithm.learning_rate=3e-5",
    "algorithm.critic_learning_rate=3e-5",
    "algorithm.clip=0.5",
    "algorithm.entropy_coefficient=0.1",
    "algorithm.gamma=0.995",
    "algorithm.gae_lambda=0.9",
]


def seconds(overrides: list[str]) -> dict[str, float]:
    """Train as the command line would and return CPU and wall seconds of the loop, evaluations included, start-up not."""
    found: dict[str, float] = {}
    execute = Runner.execute

    def timed(self: Runner, *arguments: Any) -> Any:
        cpu, wall = time.process_time(), time.perf_counter()
        summary = execute(self, *arguments)
        found.update(cpu_s=time.process_time() - cpu, wall_s=time.perf_counter() - wall, env_steps=float(self.run.env_steps))
        return summary

    Runner.execute = timed  # type: ignore[method-assign]
    try:
        with tempfile.TemporaryDirectory() as folder:
            build.train(compose([*overrides, f"runs_dir={folder}"]), directory=Path(folder) / "run")
    finally:
        Runner.execute = execute  # type: ignore[method-assign]
    return found


def throughput(env: str, copies: int, steps: int) -> dict[str, Any]:
    """Return env steps a CPU second at ``copies`` copies, without evaluations but the last."""
    size = [f"env={env}", f"env.num_envs={copies}", f"runner.total_steps={steps}", "evaluation.every=null", "evaluation.episodes=1"]
    found = seconds([*COMMON, *SCHEDULE, *size])
    return {"env": env, "copies": copies, "env_steps_per_cpu_s": round(found["env_steps"] / found["cpu_s"])}


def study() -> dict[str, Any]:
    """Return the seconds of 59 rollouts of 168 steps of one copy of SustainDC's model, an evaluation of one week every 5 rollouts."""
    size = ["env=sustaindc", "env.num_envs=1", f"runner.total_steps={59 * 168}", f"evaluation.every={5 * 168}", "evaluation.episodes=1"]
    found = seconds([*COMMON, *SCHEDULE, *STUDY, *size])
    return {"run": "59 rollouts of 168 steps, 12 evaluations of a week"} | {name: round(value, 2) for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--copies", type=int, nargs="*", default=[8, 64])
    parser.add_argument("--steps", type=int, default=80640, help="env steps a measurement at 8 copies; in proportion else")
    parser.add_argument("--envs", nargs="*", default=["datacenter", "sustaindc"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    print(f"torch {torch.__version__}, {platform.processor() or platform.machine()}, one thread")
    for env in options.envs:
        for copies in options.copies:
            print(json.dumps(throughput(env, copies, options.steps * copies // 8)), flush=True)
    print(json.dumps(study()))


if __name__ == "__main__":
    main()
