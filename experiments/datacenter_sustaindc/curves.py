"""Draw the learning curves of results/curves.csv as results/curves.png: CO2 of held-back weeks and the work left undone."""

from __future__ import annotations

import csv
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    with (RESULTS / "curves.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for algorithm, colour in (("happo", "tab:blue"), ("mappo", "tab:orange")):
        for seed in sorted({line["seed"] for line in lines}):
            mine = [line for line in lines if (line["algorithm"], line["seed"]) == (algorithm, seed)]
            steps = [int(line["env_steps"]) / 1e3 for line in mine]
            label = algorithm.upper() if seed == "1" else None
            axes[0].plot(steps, [float(line["co2_kg_per_step"]) for line in mine], color=colour, alpha=0.8, label=label)
            axes[1].plot(steps, [100 * float(line["work_undone_share"]) for line in mine], color=colour, alpha=0.8)
    axes[0].set(xlabel="1,000 env steps", ylabel="CO2, kg a step")
    axes[1].set(xlabel="1,000 env steps", ylabel="work undone, %")
    axes[0].legend(frameon=False)
    figure.savefig(RESULTS / "curves.png", dpi=110)


if __name__ == "__main__":
    main()
