"""SAC on the 33-bus feeder beside every reference: trains what is missing, judges it on days that nobody trained on, writes table and picture.

    python experiments/grid33/study.py --runs RUNS --profile testing.csv

A finished seed is not trained again and an unfinished one is continued; references are judged once. Runs and figures go to RUNS, `results.md` and
`curves.png` to this folder.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from judging import DAYS, judge, judging_environment
from references import REFERENCES, reference

import wattloom
from wattloom.loading import LoadedRun

HERE = Path(__file__).parent
PRESETS = {"neomflex": "grid33_sac", "grid": "grid33_sac_default", "grid_b": "grid33_sac_default"}
QUIET = ("hooks.animation=null", "hooks.evaluation_animation=null", "hooks.curves=null", "hooks.summary=null", "hooks.progress.plain=true")
HEADINGS = {
    "loss_kw": "losses kW",
    "outside_percent": "bus-steps outside 0.95–1.05 %",
    "voltage_min": "lowest voltage",
    "reward": "reward",
    "stored_mwh": "stored at the end MWh",
}


def trained(preset: str, seed: int, runs: Path) -> LoadedRun:
    """Return the finished run of one seed, training (on) first where there is none."""
    home = runs / f"{preset}_{seed}"
    for status in sorted(home.glob("*/*/*/status.json")):
        if json.loads(status.read_text())["state"] == "completed":
            return wattloom.load(status.parent)
    return wattloom.train(f"experiment={preset}", f"seed={seed}", f"runs_dir={home}", "resume=auto", *QUIET)


def judged(run: LoadedRun, task: str, profile: Path | None, which: str) -> dict[str, float]:
    """Return the figures of a run's greedy policy."""
    environment = judging_environment(task, profile)
    algorithm = run.algorithm(environment, run.checkpoint(which))
    return judge(environment, lambda copies: algorithm.policy(copies, explore=False))


def remembered(store: Path, key: str, work: Any) -> dict[str, float]:
    """Return the figures under ``key`` in the file ``store``, doing the work where they are missing."""
    known: dict[str, dict[str, float]] = json.loads(store.read_text()) if store.exists() else {}
    if key not in known:
        known[key] = work()
        store.write_text(json.dumps(known, indent=1) + "\n")
    return known[key]


def wall_seconds(run: LoadedRun) -> float:
    """Return how long the run took, evaluations included."""
    status = json.loads((run.directory.path / "status.json").read_text())
    return float(status["heartbeat"]) - float(status["started"])


def curve(run: LoadedRun) -> tuple[list[float], list[float], list[float]]:
    """Return env steps, losses kW and return of the run's own evaluations."""
    lines = [json.loads(line) for line in (run.directory.path / "logs" / "metrics.jsonl").read_text().splitlines()]
    found = [line for line in lines if line.get("event") == "evaluation"]
    return [f["step"] for f in found], [f["eval/losses_kw"] for f in found], [f["eval/return_mean"] for f in found]


def rows_of(task: str, seeds: list[int], runs: Path, profile: Path | None) -> tuple[dict[str, dict[str, float]], list[LoadedRun]]:
    """Return the figures by row of the table, and the runs."""
    store = runs / f"figures_{task}.json"
    where = str(profile.resolve()) if profile and task == "neomflex" else "b"
    rows = {
        name: remembered(store, f"{where} {name}", lambda chosen=chosen: reference(task, profile, chosen))
        for name, chosen in REFERENCES.items()
    }
    loaded = [trained(PRESETS[task], seed, runs) for seed in seeds]
    for which in ("latest", "best"):
        for seed, run in zip(seeds, loaded, strict=True):
            key = f"{where} {run.directory.path} {which}"
            row = remembered(store, key, lambda run=run, which=which: judged(run, task, profile, which))
            rows[f"SAC seed {seed}, {'last' if which == 'latest' else 'best on training days'}"] = row
    return rows, loaded


def table(task: str, rows: dict[str, dict[str, float]]) -> str:
    """Return a Markdown table with the share of the gap that each row closes, in losses and in reward."""
    ends = {"loss_kw": "OPF Q + batteries, losses *", "reward": "OPF Q + batteries, reward *"}
    lines = ["| | " + " | ".join(HEADINGS.values()) + " | gap closed, losses | gap closed, reward |", "|---" * (len(HEADINGS) + 3) + "|"]
    for name, row in rows.items():
        shares = [(row[key] - rows["zero"][key]) / (rows[best][key] - rows["zero"][key]) for key, best in ends.items()]
        cells = [
            f"{row['loss_kw']:.2f}",
            f"{row['outside_percent']:.3g}",
            f"{row['voltage_min']:.4f}",
            f"{row['reward']:,.0f}",
            f"{row['stored_mwh']:.2f}",
        ]
        lines.append(f"| {name} | " + " | ".join([*cells, *(f"{100 * share + 0.0:.1f} %" for share in shares)]) + " |")
    return "\n".join(lines) + "\n"


def draw(results: dict[str, tuple[dict[str, dict[str, float]], list[LoadedRun]]], path: Path) -> None:
    """Draw losses and return of the evaluations during training, one line a seed, over env steps."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    results = {task: results[task] for task in results if task != "grid_b"}  # the runs of grid, judged elsewhere
    figure, axes = pyplot.subplots(len(results), 2, figsize=(10, 3.6 * len(results)), squeeze=False, layout="constrained")
    for pair, (task, (_, runs)) in zip(axes, results.items(), strict=True):
        for run in runs:
            steps, losses, returns = curve(run)
            pair[0].plot(np.array(steps) / 1e3, losses, label=f"seed {run.config['seed']}")
            pair[1].plot(np.array(steps) / 1e3, returns, label=f"seed {run.config['seed']}")
        days = DAYS[task]
        pair[0].set(title=f"env={task}: losses, mean action, {days} days of profile a", xlabel="env steps, thousand", ylabel="kW")
        pair[1].set(title="return", xlabel="env steps, thousand", ylabel="sum over agents")
        pair[1].set_ylim(bottom=max(pair[1].get_ylim()[0], 4 * max(map(max, [curve(run)[2] for run in runs]))))
        for axis in pair:
            axis.grid(alpha=0.3)
            axis.legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Train, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, required=True, help="folder of runs and figures, outside the repository")
    parser.add_argument("--profile", type=Path, help="file of Demand,Solar to judge env=neomflex on; otherwise generated days of profile b")
    parser.add_argument("--tasks", nargs="*", choices=list(PRESETS), default=list(PRESETS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3])
    arguments = parser.parse_args()
    arguments.runs.mkdir(parents=True, exist_ok=True)
    results = {task: rows_of(task, arguments.seeds, arguments.runs, arguments.profile) for task in arguments.tasks}
    text = ""
    for task, (rows, runs) in results.items():
        times = ", ".join(f"{wall_seconds(run) / 60:.1f}" for run in runs)
        text += f"### env={task}, {PRESETS[task]}\n\n{table(task, rows)}\nWall time of the seeds, one thread: {times} minutes.\n\n"
    (HERE / "results.md").write_text(text)
    draw(results, HERE / "curves.png")
    print(text)


if __name__ == "__main__":
    main()
