"""HAPPO against every rule and the receding horizon: 4 places, 2 seasons, 5 seeds, trained and tested on weeks that lie apart.

    python experiments/datacenter_marl/study.py

A cell is a place and a season. In each, every seed has a generated year of its own; three weeks of four train, every fourth tests. The command
continues where it was stopped: a finished cell is not run again, an interrupted training goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import csv
import fcntl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from methods import PLANNERS, RULES, figures, play, prepare

import wattloom
from wattloom.algorithm import Algorithm
from wattloom.build import build_environment
from wattloom.components.baselines.datacenter.receding_horizon import RecedingHorizon
from wattloom.components.baselines.datacenter.rules import DataCenterRules
from wattloom.compose import compose
from wattloom.environment import Environment
from wattloom.loading import LoadedRun
from wattloom.run_directory import RunDirectory, find_runs

HERE = Path(__file__).parent
PLACES = ("ca", "ny", "tx", "va")
SEASONS = {"warm": (4, 5, 6, 7, 8, 9), "cold": (1, 2, 3, 10, 11, 12)}
SILENT = [f"hooks.{name}=null" for name in ("early_stop", "animation", "evaluation_animation", "curves", "timing", "summary", "progress")]
UNJUDGED = ["evaluation.every=null", "evaluation.episodes=1", "evaluation.overrides=[episode.days=1]", "evaluation.held_back=null"]
"""The runs judge themselves by next to nothing: all of them are judged here, on all test weeks."""
KEYS = ("place", "season", "seed", "method", "start_day")


@dataclass(frozen=True)
class Cell:
    """One training: a place, a season and a seed, of the run and of the generated year."""

    place: str
    season: str
    seed: int

    @property
    def world(self) -> list[str]:
        """Overrides that say where, when and with which data."""
        months = ",".join(str(month) for month in SEASONS[self.season])
        return [f"location={self.place}", "price=synthetic", f"episode.start_month=[{months}]", f"env.data_seed={self.seed}"]

    @property
    def row(self) -> dict[str, Any]:
        """First columns of its rows."""
        return {"place": self.place, "season": self.season, "seed": self.seed}


def trained(cell: Cell, arguments: argparse.Namespace) -> LoadedRun:
    """Return the cell's finished run; train it, or what is missing of it, where there is none.

    Raises:
        SystemExit: The training was stopped before its end.
    """
    root = arguments.out / "runs" / f"{cell.place}_{cell.season}_{cell.seed}"
    for path in find_runs(root):
        if RunDirectory(path).read_json("status.json").get("state") == "completed":
            return wattloom.load(path, trust=True)
    run = [f"experiment={arguments.experiment}", f"seed={cell.seed}", f"runs_dir={root}", "resume=auto", "runner.stop_at=null", *SILENT]
    done = wattloom.train(*run, *cell.world, *UNJUDGED, *arguments.overrides)
    if done.summary.status != "completed":
        raise SystemExit(f"{done.directory.path}: {done.summary.reason}; the same command goes on from there")
    return done


def rows_of(cell: Cell, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Return one row a method and test week of the cell: the learner and all rules, which choose among the same actions, then the references."""
    run = trained(cell, arguments)
    test = compose(["env=datacenter", *cell.world, "episode.part=test"])  # the objective as it is, without what helps learning
    days = [int(day) for day in build_environment(test, num_envs=1).episode.first_days]  # type: ignore[attr-defined]
    environment = build_environment(test, num_envs=len(days) * (len(RULES) + 1))
    everyone = {arguments.experiment.removeprefix("datacenter_"): run.algorithm(environment, run.checkpoint("latest"))}
    everyone |= {name: prepare(DataCenterRules(**values), environment) for name, values in RULES.items()}
    rows = played(cell, environment, everyone, days)
    return rows if arguments.without_planners else [*rows, *planned(cell, days)]


def planned(cell: Cell, days: list[int]) -> list[dict[str, Any]]:
    """Return the rows of the references, which plan continuous actions."""
    continuous = compose(["env=datacenter", *cell.world, "episode.part=test", "env.actions=continuous"])
    environment = build_environment(continuous, num_envs=len(days) * len(PLANNERS))
    planners = {name: prepare(RecedingHorizon(**values), environment) for name, values in PLANNERS.items()}
    return played(cell, environment, planners, days)


def played(cell: Cell, environment: Environment, algorithms: Mapping[str, Algorithm], days: list[int]) -> list[dict[str, Any]]:
    """Play the test weeks with every algorithm side by side and return their rows."""
    policies = [algorithm.policy(len(days), explore=False) for algorithm in algorithms.values()]
    found = figures(play(environment, policies, days))
    return [
        {**cell.row, "method": name, "start_day": day, **{key: repr(float(values[p, d])) for key, values in found.items()}}
        for p, name in enumerate(algorithms)
        for d, day in enumerate(days)
    ]


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file of episodes; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Put a finished cell's rows into the file, all of them or none, in place of older ones; another command may add its own meanwhile."""
    part = path.with_suffix(".part")
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        cell = [str(rows[0][key]) for key in KEYS[:3]]
        rows = [*(row for row in read(path) if [row[key] for key in KEYS[:3]] != cell), *rows]
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        part.replace(path)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the cells that are missing in the file of episodes."""
    parser = argparse.ArgumentParser(description="HAPPO against rules and the receding horizon on weeks that it was not trained on.")
    parser.add_argument("--places", nargs="+", default=list(PLACES))
    parser.add_argument("--seasons", nargs="+", choices=list(SEASONS), default=list(SEASONS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--experiment", default="datacenter_happo", help="preset to train")
    parser.add_argument("--without-planners", action="store_true", help="leave the receding horizons out")
    parser.add_argument("--out", type=Path, default=Path("runs/datacenter_marl"), help="folder of runs and episodes.csv")
    parser.add_argument("overrides", nargs="*", help="changes to the training, e.g. runner.total_steps=100000")
    arguments = parser.parse_args(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "episodes.csv"
    done = {(row["place"], row["season"], int(row["seed"])) for row in read(path)}
    for cell in [Cell(p, s, n) for n in arguments.seeds for p in arguments.places for s in arguments.seasons]:
        if (cell.place, cell.season, cell.seed) in done:
            continue
        began = time.process_time()
        write(path, rows_of(cell, arguments))
        print(f"{cell.place} {cell.season} seed {cell.seed}: {time.process_time() - began:.0f} s of CPU", flush=True)


if __name__ == "__main__":
    main()
