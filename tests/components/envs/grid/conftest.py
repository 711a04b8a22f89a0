import os
from pathlib import Path

import numpy as np
import pytest

from wattloom.build import build_environment
from wattloom.components.envs.grid.replay import original
from wattloom.compose import compose


@pytest.fixture(scope="session")
def shared():
    root = Path(__file__).resolve().parents[4]
    folder = Path(os.environ.get("WATTLOOM_SHARED", root.parent / "shared"))
    if not (folder / "golden" / "neomflex").is_dir():
        pytest.skip("needs the recorded trajectories of ../shared")
    return folder


@pytest.fixture(scope="session")
def make():
    """Build env=NAME with overrides."""

    def build(name="grid", *overrides, num_envs=1):
        return build_environment(compose([f"env={name}", *overrides]), num_envs=num_envs)

    return build


def generated(days=15, seed=0):
    """Half-hour demand and sun of made-up days, sun a little negative at night as a meter shows it."""
    rng = np.random.default_rng(seed)
    hour = np.arange(48 * days) % 48 / 2
    demand = 0.8 + 0.15 * np.sin(2 * np.pi * (hour - 9) / 24) + 0.04 * rng.standard_normal(len(hour))
    sun = np.maximum(np.sin(np.pi * (hour - 6) / 12), 0.0) * rng.uniform(0.7, 1.0, days).repeat(48) - 0.002 * rng.random(len(hour))
    return np.clip(demand, 0.5, 1.0), sun


@pytest.fixture(scope="session")
def profiles():
    return generated


@pytest.fixture(scope="session")
def neomflex():
    """The preset on profiles of one's own, with actions carried out in float64."""

    def build(demand=None, solar=None, penalty=False):
        days = generated()
        return original(days[0] if demand is None else demand, days[1] if solar is None else solar, penalty)

    return build
