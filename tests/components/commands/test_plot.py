"""``wattloom plot``: pictures of an evaluation, and what it refuses."""

from __future__ import annotations

from wattloom.cli import main

QUICK = ["algorithm=zero", "hooks=none", "runner.total_steps=48", "evaluation.episodes=1", "evaluation.every=null"]


def test_a_grid_is_evaluated_and_drawn(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["env=grid", *QUICK]) == 0
    (run,) = tmp_path.glob("runs/*/*/*")
    assert main(["plot", "voltage", str(run)]) == 3
    assert "has no evaluation 'evaluation' (there are: none); first: wattloom evaluate" in capsys.readouterr().err
    assert main(["evaluate", str(run), "--baseline", "droop", "--episodes", "2", "env.band=[0.96,1.04]"]) == 0
    assert (run / "evaluations" / "evaluation" / "run_summary.csv").exists()
    assert "steps_outside" in capsys.readouterr().out
    assert main(["plot", "voltage", str(run), "--run", "droop", "--output", "a/band.svg"]) == 0
    assert "band 0.96 to 1.04 p.u." in (tmp_path / "a" / "band.svg").read_text(), "the band of the evaluation, not of the run"
    capsys.readouterr()
    refused = {
        ("voltag", str(run)): "no picture 'voltag'; did you mean 'voltage'?; known: voltage, soc, reactive, map",
        ("voltage", str(run), "--run", "opf", "--days", "400"): "no run 'opf' in this evaluation; there are: controlled, droop",
        ("voltage", str(run), "--output", "picture.bmp"): "ends in .png, .svg or .pdf",
    }
    for words, message in refused.items():
        assert main(["plot", *words]) == 2
        assert message in capsys.readouterr().err


def test_an_environment_without_pictures_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*QUICK, "env.horizon=20"]) == 0
    (run,) = tmp_path.glob("runs/*/*/*")
    assert main(["evaluate", str(run), "--episodes", "1", "--baseline", "none"]) == 0
    capsys.readouterr()
    assert main(["plot", "voltage", str(run)]) == 2
    assert "this environment draws none" in capsys.readouterr().err
