"""``wattloom evaluate``: references, several runs, sampling, and what it refuses."""

from __future__ import annotations

import csv
import json

import pytest

from wattloom.cli import main
from wattloom.components.commands.evaluate import _span, run_paths
from wattloom.errors import UsageError
from wattloom.reference_names import gap_of, label_of, reference_overrides, split_references

QUICK = ["algorithm=zero", "hooks=none", "runner.total_steps=30", "evaluation.episodes=1", "evaluation.every=null", "env.horizon=20"]
SAC = ["algorithm=sac", "algorithm.learning_starts=10", "algorithm.hidden_sizes=[8]", "algorithm.batch_size=8", *QUICK[1:]]


@pytest.fixture
def trained(tmp_path, monkeypatch, capsys):
    """Return a function that trains and returns the run's folder."""
    monkeypatch.chdir(tmp_path)

    def train(*words):
        before = set(tmp_path.glob("runs/*/*/*"))
        assert main(list(words)) == 0
        capsys.readouterr()
        (run,) = set(tmp_path.glob("runs/*/*/*")) - before
        return run

    return train


@pytest.mark.parametrize(
    ("seeds", "text"),
    [
        ([2000], "2000"),
        ([5, 6, 7], "5 to 7"),
        ([5, 6], "5, 6"),
        ([3, 1, 2], "3, 1, 2"),
        (list(range(0, 20, 2)), "0, 2, 4, 6, 8, 10, 12, 14, …"),
    ],
)
def test_seeds_are_named_shortly(seeds, text):
    assert _span(seeds) == text


def test_references_are_read_as_they_are_written():
    assert split_references("zero, droop,zero") == ["zero", "droop"]
    assert reference_overrides("opf+batteries=true+band=[0.94,1.06]") == [
        "algorithm=opf",
        "+algorithm.batteries=true",
        "+algorithm.band=[0.94,1.06]",
    ]
    assert label_of("bound:opf+batteries=true") == "bound"
    assert reference_overrides("bound:opf+batteries=true") == ["algorithm=opf", "+algorithm.batteries=true"]
    assert label_of("constant+value=1") == "constant+value=1"
    assert gap_of("zero:opf") == ("zero", "opf")
    for wrong in ("zero", "zero:", "zero:zero", "a:b:c"):
        with pytest.raises(UsageError, match="FROM:TO"):
            gap_of(wrong)
    with pytest.raises(UsageError, match=r"NAME\+key=value"):
        reference_overrides("opf+batteries")


def test_references_stand_beside_the_policy(trained, capsys):
    run = trained(*QUICK)
    assert main(["evaluate", str(run), "--episodes", "3", "--baseline", "none"]) == 0
    alone = capsys.readouterr().out
    assert "3 whole episodes, seeds 2000 to 2002" in alone
    assert "minus" not in alone
    assert main(["evaluate", str(run), "--episodes", "3"]) == 0
    table = capsys.readouterr().out
    assert "share closed of the gap from zero to swing_up" in table, "the environment names its references"
    assert "zero (run) minus, paired on the same episodes" in table, "a run of a baseline keeps apart from the reference of its name"
    assert main(["evaluate", str(run), "--episodes", "3", "--baseline", "random,half:constant+value=0.5", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert list(facts["rows"]) == ["zero", "random", "half"]
    assert facts["rows"]["half"]["step_means"]["torque"] == pytest.approx(0.5)
    assert facts["gap"] is None


def test_a_stochastic_policy_is_played_both_ways_and_the_draws_are_seeded(trained, capsys):
    run = trained(*SAC)
    words = ["evaluate", str(run), "--episodes", "3", "--baseline", "none"]
    for _ in range(2):
        assert main([*words, "--json", "env.num_envs=1"]) == 0
    facts = json.loads(capsys.readouterr().out.split("\n}\n")[0] + "\n}")
    assert list(facts["rows"]) == ["sac", "sac, sampled"]
    assert facts["rows"]["sac"]["return"] != facts["rows"]["sac, sampled"]["return"]
    with (run / "evaluations" / "evaluation" / "episodes.csv").open() as file:
        first = [row["return"] for row in csv.DictReader(file)]
    assert main([*words, "--seeds", "2002,2001,2000"]) == 0
    with (run / "evaluations" / "evaluation" / "episodes.csv").open() as file:
        turned = [row["return"] for row in csv.DictReader(file)]
    assert turned == [*first[2::-1], *first[:2:-1]], "an episode depends on its seed alone, drawn actions included"
    capsys.readouterr()
    assert main([*words, "--no-sampled"]) == 0
    assert "sampled" not in capsys.readouterr().out


def test_several_runs_are_one_line_with_intervals_over_runs(trained, capsys, tmp_path):
    runs = [trained(*SAC, f"seed={seed}", "run_name=study") for seed in (1, 2)]
    assert (
        main(["evaluate", *map(str, runs), "--episodes", "2", "--no-sampled", "--gap", "zero:swing_up", "--baseline", "zero", "--json"])
        == 0
    )
    facts = json.loads(capsys.readouterr().out)
    assert facts["rows"]["sac"]["interval_over"] == "runs"
    assert len(facts["rows"]["sac"]["runs"]) == 2
    assert (facts["gap"]["from"], facts["gap"]["to"]) == ("zero", "swing_up")
    own = [json.loads((run / "evaluations" / "evaluation" / "summary.json").read_text())["rows"]["sac"]["return"][0] for run in runs]
    assert facts["rows"]["sac"]["return"][0] == pytest.approx(sum(own) / 2)
    assert list(tmp_path.glob("runs/study/*/evaluations/evaluation/summary.csv"))
    assert run_paths([str(runs[0].parent)]) == sorted(map(str, runs)), "a folder of runs stands for them"
    assert run_paths(map(str, runs[0].parent.glob("*"))) == [str(path) for path in runs[0].parent.glob("*") if path.name != "evaluations"]


def test_what_cannot_be_compared_is_refused(trained, capsys):
    run, other = trained(*QUICK), trained(*QUICK[:-1], "env.horizon=30")
    cases = {
        (str(run), str(other)): "env.horizon is 30, not 20",
        (str(run), "--baseline", "td3"): "'td3' learns",
        (str(run), "--baseline", "zro"): "did you mean 'zero'?",
        (str(run), "--baseline", "droop"): "droop",
        (str(run), "--sampled"): "deterministic",
        (str(run), "--figures", "torqe"): "did you mean 'torque'?",
        (str(run), "--seeds", "1,2", "--episodes", "3"): "lists 2 seeds",
        (str(run), "--episodes", "0"): "at least 1",
        ("env.horizon=20",): "name a run directory",
    }
    for words, message in cases.items():
        assert main(["evaluate", *words]) == 2, words
        assert message in capsys.readouterr().err


def test_a_reference_reads_the_parts_of_the_runs_environment():
    from wattloom.compose import compose
    from wattloom.reference_names import build_reference

    run = compose(["env=datacenter", "hall.setpoint_low_c=17", "battery.soc_low=0.15"])
    rules = build_reference("rules:datacenter_rules+cooling=coldest+battery=carbon_threshold", run)
    assert (rules.setpoints.low_c, rules.charge.shown_low) == (17.0, 0.15)
