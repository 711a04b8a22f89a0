"""Tables and curves of the study: `python experiments/datacenter_marl/summary.py` reads what study.py wrote."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from methods import PLANNERS, RULES
from study import HERE, KEYS, read

from wattloom.environment import Array
from wattloom.statistics import mean_interval, paired_interval
from wattloom.telemetry.reader import read_records

Episodes = dict[tuple[str, str], dict[str, dict[str, Array]]]
"""Place and season to method to figure, float64 ``(episodes,)``, episodes in the same order for every method."""

SHOWN = {
    "co2_kg": "CO2 kg",
    "energy_mwh": "energy MWh",
    "cost_usd": "cost USD",
    "water_m3": "water m3",
    "pue": "PUE",
    "dropped_h": "dropped h",
    "overdue_h": "overdue h",
    "undone_percent": "undone %",
    "co2_per_work": "CO2 kg per capacity h",
}
SIMPLE = ("dropped_h", "overdue_h", "undone_percent")


def episodes(path: Path) -> Episodes:
    """Return the figures of all episodes by cell and method."""
    found: Episodes = {}
    for row in sorted(read(path), key=lambda row: (int(row["seed"]), int(row["start_day"]))):
        method = found.setdefault((row["place"], row["season"]), {}).setdefault(row["method"], {})
        for name in row.keys() - set(KEYS) | {"seed"}:
            method.setdefault(name, []).append(float(row[name]))  # type: ignore[attr-defined]
    return {
        cell: {m: {n: np.array(v) for n, v in values.items()} for m, values in methods.items()} for cell, methods in sorted(found.items())
    }


def pue(method: dict[str, Array]) -> float:
    """Return the energy-weighted PUE of all episodes."""
    return float((method["pue"] * method["it_mwh"]).sum() / method["it_mwh"].sum())


def percent(a: Array, b: Array) -> str:
    """Return the mean difference of ``a`` to ``b`` in % of the mean of ``b`` with its paired 95 % interval."""
    mean, low, high = paired_interval(100 * a / b.mean(), 100 * b / b.mean())
    return f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]"


def over_seeds(a: dict[str, Array], b: dict[str, Array], figure: str) -> str:
    """Return the mean difference in % of the mean of ``b``, with the interval over seeds: every training counts once, with its mean over the weeks."""
    seeds = np.unique(a["seed"])
    mine, other = (np.array([method[figure][method["seed"] == seed].mean() for seed in seeds]) for method in (a, b))
    return percent(mine, other)


def best_rule(methods: dict[str, dict[str, Array]]) -> str:
    """Return the rule of least CO2 on these very weeks."""
    return min((name for name in RULES if name in methods), key=lambda name: float(methods[name]["co2_kg"].mean()))


def beats(methods: dict[str, dict[str, Array]], learner: str) -> tuple[bool, str]:
    """Return whether the learner emits less than every rule with an interval that excludes 0, and its difference to the closest rule."""
    mine = methods[learner]["co2_kg"]
    worst = max((name for name in RULES if name in methods), key=lambda name: paired_interval(mine, methods[name]["co2_kg"])[2])
    return paired_interval(mine, methods[worst]["co2_kg"])[2] < 0, worst


def share_closed(methods: dict[str, dict[str, Array]], learner: str, planner: str) -> float:
    """Return the share of the CO2 between no-op and the receding horizon that the learner saves."""
    nothing, mine, reference = (float(methods[name]["co2_kg"].mean()) for name in ("no_op", learner, planner))
    return (nothing - mine) / (nothing - reference)


def verdicts(found: Episodes, learner: str) -> list[str]:
    """Return one line a cell: savings of learner, best rule and receding horizons, and whether every rule is beaten."""
    lines = [
        f"| cell | weeks | {learner} to no-op, CO2 % | best rule | {learner} to it, CO2 % | the same over seeds | {learner} to it, return "
        "| beats every rule | " + " | ".join(f"{name} to no-op, CO2 %" for name in PLANNERS) + " |",
        "|---" * (8 + len(PLANNERS)) + "|",
    ]
    for cell, methods in found.items():
        mine, nothing, best = methods[learner], methods["no_op"], best_rule(methods)
        mean, low, high = paired_interval(mine["return"], methods[best]["return"])
        wins, closest = beats(methods, learner)
        planned = [percent(methods[name]["co2_kg"], nothing["co2_kg"]) if name in methods else "" for name in PLANNERS]
        columns = [
            " ".join(cell),
            str(len(mine["return"])),
            percent(mine["co2_kg"], nothing["co2_kg"]),
            best,
            percent(mine["co2_kg"], methods[best]["co2_kg"]),
            over_seeds(mine, methods[best], "co2_kg"),
            f"{mean:+.1f} [{low:+.1f}, {high:+.1f}]",
            "yes" if wins else f"no ({closest})",
            *planned,
        ]
        lines.append("| " + " | ".join(columns) + " |")
    shares = [share_closed(methods, learner, "mpc_perfect") for methods in found.values() if "mpc_perfect" in methods]
    if shares:
        mean, low, high = mean_interval(100 * np.array(shares))
        each = ", ".join(f"{' '.join(cell)} {100 * share:.0f}" for cell, share in zip(found, shares, strict=True))
        lines += ["", f"Share closed of the gap from no-op to mpc_perfect, mean over cells: {mean:.0f} % [{low:.0f}, {high:.0f}] ({each})."]
    return lines


def details(found: Episodes, learner: str) -> list[str]:
    """Return one line a cell and method: means an episode, differences to no-op with paired intervals where a figure can be compared in %."""
    lines = ["| cell | method | " + " | ".join(SHOWN.values()) + " |", "|---" * (2 + len(SHOWN)) + "|"]
    for cell, methods in found.items():
        nothing = methods["no_op"]
        for name in ("no_op", best_rule(methods), learner, *(p for p in PLANNERS if p in methods)):
            columns = []
            for figure in SHOWN:
                values = methods[name][figure]
                text = f"{pue(methods[name]):.4f}" if figure == "pue" else f"{values.mean():.4g}"
                plain = name == "no_op" or figure in SIMPLE
                columns.append(text if plain else f"{text} ({percent(values, nothing[figure])} %)")
            lines.append(f"| {' '.join(cell)} | {name} | " + " | ".join(columns) + " |")
    return lines


def save_cells(found: Episodes, path: Path) -> None:
    """Write mean and paired interval to no-op of every figure, one row a cell and method."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["place", "season", "method", "figure", "episodes", "mean", "to_no_op", "low", "high"])
        for (place, season), methods in found.items():
            for name, values in methods.items():
                for figure in ("return", *SHOWN):
                    mean, *interval = values[figure].mean(), *paired_interval(values[figure], methods["no_op"][figure])
                    writer.writerow([place, season, name, figure, len(values[figure]), *(f"{x:.6g}" for x in (mean, *interval))])


def draw_curves(out: Path, path: Path, learner: str) -> None:
    """Draw the mean return of training episodes of every seed over env steps, one panel a cell."""
    from matplotlib.figure import Figure

    cells = sorted({folder.name.rsplit("_", 1)[0] for folder in (out / "runs").iterdir()})
    figure = Figure(figsize=(12, 1 + 2.6 * ((len(cells) + 3) // 4)), layout="constrained")
    for k, cell in enumerate(cells):
        axes = figure.add_subplot((len(cells) + 3) // 4, min(len(cells), 4), k + 1)
        for folder in sorted((out / "runs").glob(f"{cell}_*")):
            for log in folder.rglob("metrics.jsonl"):
                points = [(r["step"] / 1000, r["rollout/return"]) for r in read_records(log).select("episode")]
                axes.plot(*zip(*points, strict=True), linewidth=1, label=f"seed {folder.name.rsplit('_', 1)[1]}")
        axes.axhline(0.0, color="grey", linewidth=0.8, linestyle=":")
        axes.set(title=cell.replace("_", ", "), xlabel="env steps, thousands", ylabel="return of a week, from rest" if k % 4 == 0 else None)
        axes.grid(alpha=0.3)
    figure.suptitle(f"{learner}: training episodes; 0 is doing nothing")
    figure.savefig(path, dpi=90)


def main(argv: Sequence[str] | None = None) -> None:
    """Read the command line, print the tables and write the files."""
    parser = argparse.ArgumentParser(description="Tables and curves of the study.")
    parser.add_argument("--out", type=Path, default=Path("runs/datacenter_marl"), help="folder that study.py wrote to")
    parser.add_argument("--to", type=Path, default=HERE, help="folder of cells.csv and curves.png")
    parser.add_argument("--learner", default="happo")
    arguments = parser.parse_args(argv)
    found = episodes(arguments.out / "episodes.csv")
    save_cells(found, arguments.to / "cells.csv")
    draw_curves(arguments.out, arguments.to / "curves.png", arguments.learner)
    print("\n".join([*verdicts(found, arguments.learner), "", *details(found, arguments.learner)]))


if __name__ == "__main__":
    main()
