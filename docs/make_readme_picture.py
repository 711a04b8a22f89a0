"""Draw the first picture of the README from a finished run: ``python docs/make_readme_picture.py RUN``.

Above, the learning curve; below, seven moments of the first training episode and of an evaluation episode at the end.
"""

import sys
from pathlib import Path

import imageio.v3 as imageio
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from wattloom.telemetry.reader import read_records

INK, BLUE, ORANGE = "#1f2937", "#1f6fa8", "#d97f2b"
MOMENTS = 7


def film(axes, path, title):
    frames = imageio.imread(path)
    for k, axis in enumerate(axes):
        axis.imshow(frames[round(k * (len(frames) - 1) / (len(axes) - 1) * 0.5)])  # the first half: what happens happens there
        axis.set_axis_off()
    axes[0].set_title(title, loc="left", fontsize=10, color=INK)


def main(run):
    records = read_records(run / "logs" / "metrics.jsonl").records
    evaluations = [record for record in records if record["event"] == "evaluation"]
    figure = plt.figure(figsize=(10, 6.1), dpi=130)
    grid = figure.add_gridspec(3, MOMENTS, height_ratios=[2.4, 1, 1], hspace=0.45, wspace=0.05)
    curve = figure.add_subplot(grid[0, :])
    steps = [record["step"] for record in evaluations]
    curve.fill_between(
        steps, [r["eval/return_min"] for r in evaluations], [r["eval/return_max"] for r in evaluations], color=ORANGE, alpha=0.15
    )
    curve.plot(
        steps, [r["eval/return_mean"] for r in evaluations], "o-", color=ORANGE, label="evaluation: mean, worst to best of 10 episodes"
    )
    episodes = [record for record in records if record["event"] == "episode"]
    curve.plot([r["step"] for r in episodes], [r["rollout/return"] for r in episodes], color=BLUE, alpha=0.5, label="training episodes")
    curve.set_xlabel("env steps")
    curve.set_ylabel("return")
    curve.grid(alpha=0.25)
    curve.spines[["top", "right"]].set_visible(False)
    curve.legend(frameon=False, loc="lower right")
    curve.set_title("make train: TD3 learns to swing a pendulum up", loc="left", fontsize=12, weight="bold", color=INK)
    captures = sorted((run / "captures").glob("*.gif"))
    first, last = captures[0], [path for path in captures if "evaluation" in path.name][-1]
    film([figure.add_subplot(grid[1, k]) for k in range(MOMENTS)], first, "first training episode, seconds 0 to 5")
    film([figure.add_subplot(grid[2, k]) for k in range(MOMENTS)], last, "an evaluation episode at the end, seconds 0 to 5")
    figure.savefig(Path(__file__).parent / "_static" / "readme.png", bbox_inches="tight", facecolor="white")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
