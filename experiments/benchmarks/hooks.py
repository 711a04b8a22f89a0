"""What hooks cost: eight idle ones a step, and the default ones in a whole training run, those that draw apart.

Run: python experiments/benchmarks/hooks.py [--steps 6000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch

from wattloom.build import build_algorithm, build_environment, build_hooks, build_loggers
from wattloom.compose import compose
from wattloom.config import RunConfig
from wattloom.hooks.base import Hook, HookList
from wattloom.run_directory import RunDirectory
from wattloom.runner import Run, Runner
from wattloom.telemetry.loggers import LoggerList

LOOP = ("act", "step", "observe", "update")


class Touch(Hook):
    """Listens at every step and does nothing."""

    def on_step(self, run, event):
        pass


class BeforeTheEnd(Hook):
    """First in the list: remembers what each hook had cost when the loop was over, before the pictures of the end."""

    def on_run_end(self, run, summary):
        self.seconds = dict(run.hooks.seconds)


def points_of_a_step(hooks: HookList) -> None:
    """What the runner asks and calls in a step with an update that ends no episode."""
    if hooks.wants("on_step"):
        hooks.call("on_step", None, None)
    if hooks.wants("on_update"):
        hooks.call("on_update", None, None)


def microseconds(hooks: HookList, repeats: int = 7, number: int = 100_000) -> float:
    """Return the least time of one step's points, µs."""
    best = float("inf")
    for _ in range(repeats):
        begin = time.perf_counter()
        for _ in range(number):
            points_of_a_step(hooks)
        best = min(best, (time.perf_counter() - begin) / number * 1e6)
    return best


def trained(steps: int, hidden: str, num_envs: int, folder: Path) -> tuple[Run, BeforeTheEnd, float]:
    """Train with the default hooks; return the run, the costs before its end, and the wall time."""
    overrides = [f"runner.total_steps={steps}", f"algorithm.hidden_sizes={hidden}", f"env.num_envs={num_envs}", "hooks.progress.plain=true"]
    composed = compose(overrides)
    settings = RunConfig.from_composed(composed)
    before = BeforeTheEnd()
    folder.mkdir()
    run = Run(
        name=settings.run_name,
        config=composed.config,
        directory=RunDirectory(folder),
        environment=build_environment(composed),
        make_environment=lambda purpose, copies: build_environment(composed, purpose, copies),
        algorithm=build_algorithm(composed),
        hooks={"before_the_end": before, **build_hooks(composed)},
        loggers=LoggerList(build_loggers(composed)),
        seed=settings.seed,
        runner=settings.runner,
        evaluation=settings.evaluation,
        checkpoint=settings.checkpoint,
    )
    begin = time.perf_counter()
    Runner(run).execute()
    return run, before, time.perf_counter() - begin


def report_training(steps: int, hidden: str, num_envs: int, folder: Path) -> float:
    """Print the cost of every default hook and return the share of those that do not draw."""
    run, before, wall = trained(steps, hidden, num_envs, folder)
    loop = sum(run.timings[name] for name in LOOP)
    iterations = steps / num_envs
    plain = {name: seconds for name, seconds in before.seconds.items() if not run.hooks.hooks[name].draws}
    recording = sum(seconds for name, seconds in before.seconds.items() if name not in plain)
    share = sum(plain.values()) / (loop + sum(plain.values()))
    print(
        f"\nTD3 {hidden}, {num_envs} copies, {steps:,} env steps: {loop / iterations * 1e6:.0f} µs an iteration without hooks, {wall:.1f} s in all"
    )
    for name, seconds in sorted(run.hooks.seconds.items(), key=lambda item: -item[1]):
        kind = "draws" if run.hooks.hooks[name].draws else "     "
        print(f"  {name:22s} {kind}  in the loop {before.seconds[name] * 1e3:8.1f} ms   in all {seconds * 1e3:8.1f} ms")
    print(f"  do not draw: {100 * share:.2f} % of the loop; draw: {recording:.2f} s in it, {run.hooks.drawing_seconds:.2f} s in all")
    return share


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--steps", type=int, default=6000)
    steps = options.parse_args().steps
    torch.set_num_threads(1)
    none = microseconds(HookList({}))
    idle = microseconds(HookList({f"idle{k}": Hook() for k in range(8)}))
    touch = microseconds(HookList({f"touch{k}": Touch() for k in range(8)}))
    print(f"points of one step: no hook {none:.3f} µs, eight idle hooks {idle:.3f} µs, eight hooks on on_step {touch:.3f} µs")
    with tempfile.TemporaryDirectory() as folder:
        shares = [
            report_training(steps, hidden, copies, Path(folder) / f"{k}")
            for k, (hidden, copies) in enumerate((("[256,256]", 1), ("[64,64]", 1), ("[64,64]", 8)))
        ]
    print(f"\neight idle hooks cost {max(idle - none, 0.0):.3f} µs a step; default hooks at most {100 * max(shares):.2f} % of the loop")


if __name__ == "__main__":
    main()
