"""The references on the recorded test profile of 720 rows: the printed losses of baselines within 1 %, the optimal power flow within its bars.

The rows are not stored here: they are found again from the recorded set-points in ``../shared`` and checked against the recordings of the original.
"""

import os
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
PRINTED = {
    "zero": 106.13,
    "constant +1": 103.60,
    "constant +0.5": 79.98,
    "droop, equilibrium *": 86.19,
    "droop, last voltage": 92.64,
    "volt-var IEEE 1547 *": 91.59,
}  # kW, mean over 15 days
SLOW = pytest.mark.slow


@pytest.fixture(scope="module")
def shared():
    folder = Path(os.environ.get("WATTLOOM_SHARED", ROOT.parent / "shared"))
    if not (folder / "golden" / "neomflex").is_dir():
        pytest.skip("needs the recorded trajectories of ../shared")
    return folder


@pytest.fixture(scope="module")
def study(scripts):
    """The modules of the study's folder."""
    return scripts("grid33", "recover_profile", "references")


@pytest.fixture(scope="module")
def rows(shared, study):
    return study[0].read(shared / "specs" / "data" / "grid" / "reference_setpoints_testing.npz")


@pytest.fixture(scope="module")
def profile(rows, study, tmp_path_factory):
    path = tmp_path_factory.mktemp("profile") / "testing.csv"
    study[0].write(path, *rows[:2])
    return path


def test_the_rows_found_again_are_those_of_the_recordings(shared, rows):
    demand, sun, rest = rows
    assert rest < 1e-7
    met = 0
    for name in ("test_zero_d0", "test_random_s3_d2", "test_random_s4_d4_f32", "test_alternate_d6"):
        recording = np.load(shared / "golden" / "neomflex" / f"{name}.npz")
        np.testing.assert_allclose(demand[recording["t"]], recording["demand"], atol=5e-6)
        np.testing.assert_allclose(sun[recording["t"]], recording["solar"], atol=5e-6)
        met += len(np.unique(recording["t"]))
    assert met > 200


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ("zero", "constant +1", "droop, last voltage") else SLOW) for name in PRINTED]
)
def test_losses_are_the_printed_ones(study, profile, name):
    found = study[1].reference("neomflex", profile, study[1].REFERENCES[name])
    assert found["loss_kw"] == pytest.approx(PRINTED[name], rel=0.01)


@SLOW
@pytest.mark.parametrize(("name", "most_kw"), [("OPF Q, losses *", 73.0), ("OPF Q + batteries, losses *", 62.5)])
def test_least_losses_in_band(study, profile, name, most_kw):
    found = study[1].reference("neomflex", profile, study[1].REFERENCES[name])
    assert found["loss_kw"] <= most_kw
    assert found["outside_percent"] == 0
    assert found["stored_mwh"] == pytest.approx(3.0, abs=2e-3)


@SLOW
@pytest.mark.parametrize(("name", "least"), [("OPF Q, reward *", -869.0), ("OPF Q + batteries, reward *", -325.0)])
def test_most_reward(study, profile, name, least):
    assert study[1].reference("neomflex", profile, study[1].REFERENCES[name])["reward"] >= least
