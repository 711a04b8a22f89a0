"""``wattloom evaluate RUN``: whole episodes on fixed seeds, beside baselines on the same seeds."""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wattloom.errors import UsageError
from wattloom.statistics import mean_interval, paired_interval
from wattloom.views.text import shown_path

if TYPE_CHECKING:
    from wattloom.evaluation import EvaluationResult
    from wattloom.loading import LoadedRun

SUMMARY = "play whole episodes with a trained policy, beside baselines"
HELD_BACK_SEED = 2000
"""First seed by default: neither training nor the evaluations that chose ``best`` have seen it."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command."""
    parse = argparse.ArgumentParser(prog="wattloom evaluate", description=__doc__)
    parse.add_argument("run", help="run directory")
    parse.add_argument("overrides", nargs="*", help="changes to its configuration, e.g. env.mass=1.2")
    parse.add_argument("--checkpoint", default="best", help="best, latest or a step number (default: %(default)s)")
    parse.add_argument("--episodes", type=int, default=10, help="whole episodes (default: %(default)s)")
    parse.add_argument("--seeds", default=None, help=f"comma list of reset seeds (default: {HELD_BACK_SEED}, {HELD_BACK_SEED + 1}, …)")
    parse.add_argument("--baseline", default="", help="comma list of algorithms to play on the same seeds, e.g. zero,random")
    parse.add_argument("--name", default="evaluation", help="folder under evaluations/ (default: %(default)s)")
    parse.add_argument("--json", action="store_true", help="print the summary as JSON")
    parse.add_argument("--trust", action="store_true", help="build targets named by a run directory that is not yours")
    return parse


def main(argv: Sequence[str]) -> int:
    """Evaluate and return the exit code."""
    options = parser().parse_intermixed_args(list(argv))  # overrides may follow options
    seeds = _seeds(options.seeds, options.episodes)
    from wattloom.loading import LoadedRun

    run = LoadedRun(options.run, options.overrides, trust=options.trust)
    checkpoint = run.checkpoint(options.checkpoint)
    results = {"policy": run.evaluate(seeds, checkpoint=checkpoint)}
    for name in [item for item in options.baseline.split(",") if item]:
        results[name] = run.evaluate(seeds, baseline=name)
    folder = run.directory.evaluations / options.name
    summary = _summary(results) | {"checkpoint": checkpoint.path.name, "overrides": options.overrides}
    _write(folder, results, summary)
    print(json.dumps(summary, indent=2) if options.json else _table(summary, run, folder))
    return 0


def _seeds(text: str | None, episodes: int) -> list[int]:
    """Return the reset seeds."""
    if episodes < 1:
        raise UsageError(f"--episodes must be at least 1, not {episodes}")
    if text is None:
        return list(range(HELD_BACK_SEED, HELD_BACK_SEED + episodes))
    try:
        return [int(item) for item in text.split(",")]
    except ValueError:
        raise UsageError(f"--seeds must be a comma list of integers, not '{text}'") from None


def _summary(results: Mapping[str, EvaluationResult]) -> dict[str, Any]:
    """Return means with 95 % intervals, and the paired difference of the policy to every baseline."""
    policy = results["policy"]
    rows = {}
    for name, result in results.items():
        rows[name] = {
            "episodes": len(result.returns),
            "return": mean_interval(result.returns),
            "length": float(np.mean(result.lengths)),
            "terminated": float(np.mean(result.terminated)),
            "metrics": {key: float(np.mean(values)) for key, values in result.metrics.items()},
            "seconds": result.seconds,
        }
        if result is not policy:
            rows[name]["policy_minus_this"] = paired_interval(policy.returns, result.returns)
    return {"seeds": list(policy.seeds), "rows": rows}


def _write(folder: Path, results: Mapping[str, EvaluationResult], summary: Mapping[str, Any]) -> None:
    """Write ``episodes.csv`` (one row an episode and policy) and ``summary.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    metrics = list(next(iter(results.values())).metrics)
    with (folder / "episodes.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["policy", "seed", "return", "length", "terminated", *metrics])
        for name, result in results.items():
            for k, seed in enumerate(result.seeds):
                values = [float(result.metrics[key][k]) for key in metrics]
                writer.writerow([name, seed, float(result.returns[k]), int(result.lengths[k]), int(result.terminated[k]), *values])
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")


def _table(summary: Mapping[str, Any], run: LoadedRun, folder: Path) -> str:
    """Return the table that a terminal shows."""
    lines = [
        f"{shown_path(run.directory.path)}  checkpoint {summary['checkpoint']}  {len(summary['seeds'])} episodes, seeds {_span(summary['seeds'])}"
    ]
    compared = f"{'policy minus this':>30}" if len(summary["rows"]) > 1 else ""
    lines.append(f"{'policy':<16}{'mean return':>14}{'95 % interval':>24}{compared}")
    for name, row in summary["rows"].items():
        mean, low, high = row["return"]
        line = f"{name:<16}{mean:>14.2f}{f'[{low:.2f}, {high:.2f}]':>24}"
        if "policy_minus_this" in row:
            difference, below, above = row["policy_minus_this"]
            line += f"{f'{difference:+.2f} [{below:+.2f}, {above:+.2f}]':>30}"
        lines.append(line)
    lines.append(f"written to {shown_path(folder)}")
    return "\n".join(lines)


def _span(seeds: Sequence[int]) -> str:
    """Return ``2000 to 2009`` where the seeds follow each other, else the first ones."""
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(str(seed) for seed in seeds[:8]) + (", …" if len(seeds) > 8 else "")
