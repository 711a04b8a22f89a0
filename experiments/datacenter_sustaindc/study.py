"""HAPPO and MAPPO on SustainDC's own model, beside its rules and a plan with perfect foresight, on weeks that nobody trained on.

    python experiments/datacenter_sustaindc/study.py --inputs FOLDER                  # New York in July, as recorded, and its four reference weeks
    python experiments/datacenter_sustaindc/study.py                                  # embedded data: weeks from seeds that training does not use
    python experiments/datacenter_sustaindc/study.py --blind --out results_blind      # the original's observations, which hide the time left

Each run is an ordinary one (``wattloom experiment=datacenter_sustaindc_happo seed=1``). What is judged is the LAST policy, argmax, never a checkpoint that
was picked on the weeks in the table. The file of results grows by a line a run; what is there is not run again.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import rows
import weeks

import wattloom

HERE = Path(__file__).parent
COLUMNS = (
    "algorithm",
    "seed",
    "co2_%",
    "energy_%",
    "water_%",
    "co2_per_task_%",
    "undone_%",
    "dropped",
    "queue_end",
    "pue",
    "cpu_s",
    "wall_s",
)
CURVE = ("algorithm", "seed", "env_steps", "co2_kg_per_step", "work_undone_share")
HOOKS = [f"hooks.{name}=null" for name in ("animation", "evaluation_animation", "curves", "summary")]
BLIND = [  # who cannot see the end of a week learns from small costs of holding instead of a rare loss, and for longer
    "observation=sustaindc",
    "reward.holding=0.0015",
    "reward.forgotten=0.0",
    "reward.waiting=0.017",
    "reward.undone=0.0",
    "algorithm.bootstrap_truncated=true",
    "algorithm.gamma=0.99",
    "runner.total_steps=3000000",
    "evaluation.every=500000",
]
HELD_BACK = tuple(range(9000, 9008))  # episodes of embedded data, beyond the seeds of evaluations


class Course:
    """Where policies are judged: the recorded weeks, or held-back seeds of the embedded data.

    Args:
        inputs: Folder of the recording; None: embedded data.
        blind: The original's observations instead of those with the time left.
    """

    def __init__(self, inputs: Path | None, blind: bool) -> None:
        self.training = [] if inputs is None else ["episode=july_inputs", f"episode.folder={inputs}"]
        self.training += BLIND if blind else []
        self.seeds: Sequence[int] = HELD_BACK if inputs is None else [0] * weeks.COUNT
        changes: dict[str, Any] = {} if inputs is None else {"episode": "july_weeks", "episode__folder": str(inputs)}
        self._environment = wattloom.make(
            "sustaindc", num_envs=len(self.seeds), observation="sustaindc" if blind else "sustaindc_timed", **changes
        )
        self.base = rows.week_rows(self._environment, rows.RULES["noop"], self.seeds)

    def judge(self, act: rows.Act) -> dict[str, float]:
        """Return the summary of one policy or rule."""
        return rows.summary(rows.week_rows(self._environment, act, self.seeds), self.base)


def train(algorithm: str, seed: int, course: Course, arguments: argparse.Namespace) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Train one policy and return its row and its learning curve."""
    began, cpu = time.perf_counter(), time.process_time()
    run = wattloom.train(
        f"experiment=datacenter_sustaindc_{algorithm}",
        f"seed={seed}",
        f"run_name={algorithm}_{seed}",
        f"runs_dir={arguments.runs}",
        *HOOKS,
        "hooks.metrics.every=50000",
        *course.training,
        *arguments.overrides,
    )
    spent = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - began}
    policy = run.policy(num_envs=len(course.seeds), checkpoint="latest")
    row = {"algorithm": algorithm, "seed": seed, **course.judge(rows.of_policy(policy)), **spent}
    return row, curve(run.directory.path, algorithm, seed)


def curve(path: Path, algorithm: str, seed: int) -> list[dict[str, Any]]:
    """Return the evaluations of a run's log."""
    with (path / "logs" / "metrics.csv").open(newline="", encoding="utf-8") as file:
        records = [record for record in csv.DictReader(file) if record.get("eval/co2")]
    found = []
    for record in records:
        done, asked = float(record["eval/work_executed"]), float(record["eval/work_demand"])
        values = (algorithm, seed, record["step"], record["eval/co2"], 1.0 - done / asked)
        found.append(dict(zip(CURVE, values, strict=True)))
    return found


def append(path: Path, columns: Sequence[str], lines: Sequence[Mapping[str, Any]]) -> None:
    """Append lines to a CSV file, with its header where it is new."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        if new:
            writer.writeheader()
        writer.writerows({name: f"{value:.4f}" if isinstance(value, float) else value for name, value in line.items()} for line in lines)


def read(path: Path) -> list[dict[str, str]]:
    """Return the lines of a CSV file, none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def table(course: Course, results: Sequence[Mapping[str, str]], bound: Mapping[str, float] | None) -> str:
    """Return the table in Markdown: rules, every seed, the bound."""
    head = ["policy", "CO2 %", "energy %", "water %", "CO2 a task %", "undone %", "dropped", "queue left", "PUE"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    known: list[tuple[str, Mapping[str, Any]]] = [(name, course.judge(act)) for name, act in rows.RULES.items()]
    known += [(f"{row['algorithm']}, seed {row['seed']}", row) for row in results]
    if bound is not None:
        known.append(("plan with perfect foresight", bound))
    for name, found in known:
        relative = [f"{float(found[key]):+.2f}" for key in ("co2_%", "energy_%", "water_%", "co2_per_task_%")]
        counted = [f"{float(found['undone_%']):.3f}", f"{float(found['dropped']):.0f}", f"{float(found['queue_end']):.0f}"]
        lines.append(f"| {name} | " + " | ".join([*relative, *counted, f"{float(found['pue']):.3f}"]) + " |")
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> None:
    """Run what is missing, then write the table."""
    parser = argparse.ArgumentParser(description="HAPPO and MAPPO on SustainDC's own model, beside its rules.")
    parser.add_argument("--inputs", type=Path, help="folder with ny_july_*.npz; without it the embedded data are used")
    parser.add_argument("--blind", action="store_true", help="train and judge on the original's observations, which hide the time left")
    parser.add_argument("--algorithms", nargs="*", default=["happo", "mappo"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--bound", action="store_true", help="also search the plan with perfect foresight (a minute; needs --inputs)")
    parser.add_argument("--runs", type=Path, default=Path(os.environ.get("WATTLOOM_RUNS", "runs")))
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("overrides", nargs="*", help="further overrides of every run, e.g. runner.total_steps=20000")
    arguments = parser.parse_args(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)
    course = Course(arguments.inputs, arguments.blind)
    done = {(row["algorithm"], int(row["seed"])) for row in read(arguments.out / "seeds.csv")}
    for algorithm in arguments.algorithms:
        for seed in arguments.seeds:
            if (algorithm, seed) not in done:
                row, course_of_learning = train(algorithm, seed, course, arguments)
                append(arguments.out / "curves.csv", CURVE, course_of_learning)
                append(arguments.out / "seeds.csv", COLUMNS, [row])
    text = table(course, read(arguments.out / "seeds.csv"), planned(arguments) if arguments.bound else None)
    (arguments.out / "table.md").write_text(text, encoding="utf-8")
    print(text)


def planned(arguments: argparse.Namespace) -> dict[str, float]:
    """Return the summary of the plan with perfect foresight."""
    import foresight

    found = foresight.bound(str(arguments.inputs))
    return rows.summary(found["rows"], found["base"])


if __name__ == "__main__":
    main()
