"""Draw the learning curve of every algorithm's page: ``python docs/make_learning_curves.py [NAME ...]``.

Each algorithm trains on one task with seeds 1, 2 and 3; the command of a run is ``wattloom`` and the words below. Runs that are there already are read,
not repeated (``--runs``). Shown is the mean return of the evaluations over env steps, a thin line a seed and their mean, beside references on the same
episodes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import wattloom
from wattloom.config import RunConfig
from wattloom.loading import LoadedRun
from wattloom.run_directory import RunDirectory, find_runs
from wattloom.telemetry.reader import read_records

INK, BLUE, ORANGE = "#1f2937", "#1f6fa8", "#d97f2b"
SEEDS = (1, 2, 3)
SILENT = [f"hooks.{name}=null" for name in ("animation", "evaluation_animation", "curves", "summary", "progress", "timing", "early_stop")]
SITE = [
    "env=datacenter env.actions=continuous env.num_envs=32 episode.part=train evaluation.overrides=[episode.part=test]",
    "reward.individual_reward_weight=1.0 reward.book_debt=step reward.from_rest=true",
    "algorithm.hidden_sizes=[64,64] algorithm.gamma=0.99 algorithm.learning_starts=2000 algorithm.updates_per_step=0.0625 algorithm.reward_sharing=0.0",
    "runner.total_steps=100000 evaluation.every=10000",
]
COMMANDS = {
    "td3": "experiment=pendulum_td3 evaluation.every=500",
    "sac": "experiment=pendulum_sac evaluation.every=500",
    "ppo": "experiment=pendulum_ppo evaluation.every=8192",
    "happo": "experiment=datacenter_happo evaluation.every=30000",
    "mappo": "experiment=datacenter_mappo evaluation.every=30000",
    "hatrpo": "experiment=datacenter_hatrpo evaluation.every=15000",
    "haa2c": "experiment=datacenter_happo algorithm=haa2c evaluation.every=30000",
    "hasac": "experiment=datacenter_hasac evaluation.every=20000",
    "masac": "experiment=datacenter_hasac algorithm=masac runner.total_steps=100000 evaluation.every=10000",
    "csac": "experiment=grid33_sac runner.total_steps=40000 evaluation.every=4000",
    "matd3": " ".join(["algorithm=matd3", *SITE]),
    "hatd3": " ".join(["algorithm=hatd3", *SITE]),
}
RULES = "datacenter_rules+load_shifting=forecast_threshold+cooling=fixed+setpoint_c=24"  # mostly the best in experiments/datacenter_marl
REFERENCES = {
    "pendulum": {"swing-up controller": "swing_up"},
    "grid": {"all inverters at +1": "constant+columns.pv=1"},
    "datacenter": {"doing nothing": "datacenter_rules", "load by forecast, 24 °C": RULES},
}
"""What to see beside the curve, by the first word of what a command runs in."""


def trained(name: str, words: list[str], home: Path) -> LoadedRun:
    """Return the finished run, trained where it is missing."""
    for path in find_runs(home / name):
        if RunDirectory(path).read_json("status.json").get("state") == "completed":
            return wattloom.load(path)
    run = wattloom.train(*words, f"runs_dir={home / name}", "resume=auto", *SILENT)
    if run.summary.status != "completed":
        raise SystemExit(f"{run.directory.path} was stopped; the same command goes on from there")
    return run


def curve(run: LoadedRun) -> tuple[np.ndarray, np.ndarray]:
    """Return env steps and mean return of the run's evaluations."""
    found = [r for r in read_records(run.directory.path / "logs" / "metrics.jsonl").records if r["event"] == "evaluation"]
    return np.array([r["step"] for r in found]), np.array([r["eval/return_mean"] for r in found])


def references(run: LoadedRun, command: str) -> dict[str, float]:
    """Return the mean return of each reference on the episodes of the run's evaluations."""
    names = next(names for word, names in REFERENCES.items() if f"={word}" in command)
    seeds = RunConfig.from_composed(run.composed).evaluation.episode_seeds
    return {label: float(run.evaluate(seeds, baseline=name).returns.mean()) for label, name in names.items()}


def main() -> None:
    """Draw the pictures that are asked for, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(COMMANDS), help=", ".join(COMMANDS))
    parser.add_argument("--runs", type=Path, default=Path("runs/learning_curves"))
    options = parser.parse_args()
    for name in options.names:
        draw(name, COMMANDS[name], options.runs.resolve())


def draw(name: str, command: str, home: Path) -> None:
    """Train and draw one algorithm."""
    runs = [trained(f"{name}_{seed}", [*command.split(), f"seed={seed}"], home) for seed in SEEDS]
    curves = [curve(run) for run in runs]
    figure, axis = plt.subplots(figsize=(7, 3.2), dpi=130)
    for steps, returns in curves:
        axis.plot(steps / 1e3, returns, color=ORANGE, alpha=0.35, lw=1)
    steps = curves[0][0]
    axis.plot(
        steps / 1e3, np.mean([returns for _, returns in curves], axis=0), "o-", color=ORANGE, ms=3, label=f"{name}, mean of seeds 1, 2, 3"
    )
    for (label, value), style in zip(references(runs[0], command).items(), ("--", ":"), strict=False):
        axis.axhline(value, color=BLUE, ls=style, lw=1.2, label=label)
    axis.set(xlabel="env steps, thousand", ylabel="return of evaluations")
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9)
    title = command if len(command) < 90 else f"{command[:75].rpartition(' ')[0]} …"
    axis.set_title(title, loc="left", fontsize=9, color=INK)
    figure.savefig(Path(__file__).parent / "_static" / f"curve_{name}.png", bbox_inches="tight", facecolor="white")
    plt.close(figure)
    print(name, [round(float(returns[-1]), 1) for _, returns in curves], flush=True)


if __name__ == "__main__":
    main()
