"""The study of learned policies on the data center: one cell with a tiny budget, stopped and continued."""

import shutil

import numpy as np
import pytest

MODULES = ("methods", "study", "summary")
TINY = ["env.num_envs=8", "algorithm.rollout_steps=24", "algorithm.hidden_sizes=[16]", "runner.total_steps=5760", "checkpoint.every=1000"]


@pytest.fixture(scope="module")
def modules(scripts):
    return dict(zip(MODULES, scripts("datacenter_marl", *MODULES), strict=True))


def runs(out):
    return [path.parent for path in out.glob("runs/**/status.json")]


@pytest.mark.slow
def test_a_cell_stops_continues_and_is_not_run_again(modules, tmp_path, capsys):
    study, summary = modules["study"], modules["summary"]
    command = ["--places", "ca", "--seasons", "warm", "--seeds", "0", "--without-planners", "--out", str(tmp_path), *TINY]
    with pytest.raises(SystemExit, match="goes on from there"):
        study.main([*command, "runner.stop_at=2000"])
    assert not (tmp_path / "episodes.csv").exists()
    study.main(command)
    assert len(runs(tmp_path)) == 1  # continued, not begun anew
    kept = shutil.copytree(tmp_path / "runs", tmp_path / "kept")
    rows = (tmp_path / "episodes.csv").read_bytes()
    shutil.rmtree(tmp_path / "runs")
    study.main(command)
    assert (tmp_path / "episodes.csv").read_bytes() == rows
    assert not runs(tmp_path)  # a finished cell is not trained again

    found = summary.episodes(tmp_path / "episodes.csv")
    methods = found["ca", "warm"]
    assert set(methods) == {"happo", *modules["methods"].RULES}
    sizes = {len(values) for method in methods.values() for values in method.values()}
    assert sizes == {7}  # test weeks from April to September
    assert methods["no_op"]["co2_kg"].mean() > methods["fixed_24"]["co2_kg"].mean()
    capsys.readouterr()
    kept.rename(tmp_path / "runs")
    summary.main(["--out", str(tmp_path), "--to", str(tmp_path)])
    assert "| ca warm | 7 |" in capsys.readouterr().out
    assert (tmp_path / "curves.png").stat().st_size > 5000


def test_a_policy_that_emits_less_in_every_week_beats_every_rule_and_one_that_ties_does_not(modules):
    summary = modules["summary"]
    weeks = np.array([100.0, 90.0, 120.0, 110.0])
    methods = {
        "no_op": {"co2_kg": weeks},
        "fixed_24": {"co2_kg": 0.98 * weeks},
        "happo": {"co2_kg": 0.97 * weeks},
        "mpc_perfect": {"co2_kg": 0.95 * weeks},
    }
    assert summary.beats(methods, "happo") == (True, "fixed_24")
    assert summary.best_rule(methods) == "fixed_24"
    assert summary.share_closed(methods, "happo", "mpc_perfect") == pytest.approx(0.6)
    methods["happo"] = {"co2_kg": 0.98 * weeks[::-1]}
    assert not summary.beats(methods, "happo")[0]
