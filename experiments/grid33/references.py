"""The rows that a learner of the 33-bus feeder has to be compared with: nothing, constants, droop, volt-var, optimal power flow.

python experiments/grid33/references.py neomflex --profile testing.csv
python experiments/grid33/references.py grid
"""

from __future__ import annotations

import argparse
from pathlib import Path

from judging import judge, judging_environment, overrides

from wattloom.build import build_algorithm
from wattloom.compose import compose
from wattloom.run import set_up

REFERENCES: dict[str, list[str]] = {
    "zero": ["algorithm=zero"],
    "constant +1": ["algorithm=constant", "+algorithm.columns.pv=1"],
    "constant +0.5": ["algorithm=constant", "+algorithm.columns.pv=0.5"],
    "droop, equilibrium *": ["algorithm=droop", "algorithm.mode=equilibrium"],
    "droop, last voltage": ["algorithm=droop"],
    "volt-var IEEE 1547 *": ["algorithm=volt_var"],
    "OPF Q, losses *": ["algorithm=opf"],
    "OPF Q + batteries, losses *": ["algorithm=opf", "algorithm.batteries=true"],
    "OPF Q, reward *": ["algorithm=opf", "algorithm.objective=reward"],
    "OPF Q + batteries, reward *": ["algorithm=opf", "algorithm.batteries=true", "algorithm.objective=reward"],
}
"""Overrides by name; * knows the model, the optimal power flows the future of the day too."""


def reference(task: str, profile: Path | None, chosen: list[str]) -> dict[str, float]:
    """Return the figures of the baseline that ``chosen`` overrides configure."""
    environment = judging_environment(task, profile)
    algorithm = set_up(build_algorithm(compose([*overrides(task, profile), *chosen])), environment, 1, 1)
    return judge(environment, lambda copies: algorithm.policy(copies, explore=False))


def main() -> None:
    """Print one row a reference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["neomflex", "grid", "grid_b"])
    parser.add_argument("--profile", type=Path, help="for neomflex: file of Demand,Solar, 720 rows; otherwise generated days of profile b")
    arguments = parser.parse_args()
    for name, chosen in REFERENCES.items():
        row = reference(arguments.task, arguments.profile, chosen)
        print(f"{name:28s}", " ".join(f"{key}={value:.4g}" for key, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
