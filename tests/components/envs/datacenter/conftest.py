import os
from pathlib import Path

import numpy as np
import pytest

from wattloom.components.sources.calendar import Calendar
from wattloom.components.sources.table import Table
from wattloom.environment import Column

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(scope="session")
def excerpts():
    return {path.stem: dict(np.load(path)) for path in sorted(FIXTURES.glob("*.npz"))}


@pytest.fixture(scope="session")
def shared():
    root = Path(__file__).resolve().parents[4]
    folder = Path(os.environ.get("WATTLOOM_SHARED", root.parent / "shared"))
    if not (folder / "golden" / "sustaindc").is_dir():
        pytest.skip("needs the recorded trajectories of ../shared")
    return folder


@pytest.fixture(scope="session")
def hourly_year():
    """Smooth hourly tables of an ordinary year."""
    calendar = Calendar.year(2023)
    t = np.arange(calendar.n_steps)
    rng = np.random.default_rng(3)
    day = 2 * np.pi * t / 24
    demand = 0.5 + 0.2 * np.sin(day) + 0.05 * rng.standard_normal(len(t))
    dry = 14 - 10 * np.cos(2 * np.pi * t / 8760) - 4 * np.cos(day)
    carbon = 320 + 60 * np.cos(day) + 25 * rng.standard_normal(len(t))
    return {
        "workload": Table(calendar, (Column("utilisation", "1"),), demand[:, None]),
        "weather": Table(calendar, (Column("dry_bulb", "degC"), Column("wet_bulb", "degC")), np.stack([dry, dry - 4], axis=1)),
        "carbon": Table(calendar, (Column("carbon_intensity", "gCO2/kWh"),), carbon[:, None]),
    }
