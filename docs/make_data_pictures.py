"""Draw the pictures of docs/data_files.md anew: ``python docs/make_data_pictures.py [FOLDER]``. Everything in them is generated."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from wattloom.components.commands.data import main
from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.workload import SyntheticWorkload

NAMES = {
    "weather": "weather/synthetic:ny",
    "carbon": "carbon/synthetic:ca",
    "price": "price/synthetic:de_lu",
    "demand": "demand/synthetic:tx",
    "solar": "solar/synthetic:az",
    "workload": "workload/synthetic:ny",
    "jobs": "workload/jobs:ny",
}


def damaged_workload(path: Path) -> Path:
    """Write a week of utilisation, stored hour by hour over the days and repeated 53 times: a trap that real files hold."""
    calendar = Calendar.local("2024-01-01", 7)
    week = SyntheticWorkload("alibaba_2").load(calendar, seed=3).values[:, 0].reshape(7, 24) + 0.1
    week = week + np.array([0.1, -0.12, 0.08, -0.05, 0.12, -0.15, 0.02])[:, None]  # days that differ, as in the real trace
    values = np.tile(week.T.reshape(-1), 53)
    path.write_text(",cpu_load\n" + "".join(f"{i},{v:.6f}\n" for i, v in enumerate(values, 1)))
    return path


def draw_all(folder: Path) -> None:
    """Write one picture a kind, and one of a damaged file."""
    for kind, name in NAMES.items():
        main(["inspect", name, "--plot", str(folder / f"data_{kind}.png"), "--json"])
    with tempfile.TemporaryDirectory() as scratch:
        path = damaged_workload(Path(scratch) / "cpu_hourly.csv")
        main(["inspect", str(path), "--plot", str(folder / "data_damaged.png")])


if __name__ == "__main__":
    draw_all(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "_static")
