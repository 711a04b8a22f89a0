"""The table of ``wattloom evaluate``."""

from __future__ import annotations

import pytest

from wattloom.cli import main
from wattloom.components.commands.evaluate import _span

QUICK = ["algorithm=zero", "hooks=none", "runner.total_steps=30", "evaluation.episodes=1", "evaluation.every=null"]


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


def test_a_baseline_is_compared_and_only_a_baseline(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(QUICK) == 0
    (run,) = tmp_path.glob("runs/*/*/*")
    capsys.readouterr()
    assert main(["evaluate", str(run), "--episodes", "3", "env.horizon=20"]) == 0
    alone = capsys.readouterr().out
    assert "3 episodes, seeds 2000 to 2002" in alone
    assert "minus" not in alone
    assert main(["evaluate", str(run), "--episodes", "3", "env.horizon=20", "--baseline", "random"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("policy minus this")
    assert [line.split()[0] for line in lines[2:4]] == ["policy", "random"]
    assert len(lines[2].split("[")) == 2
    assert len(lines[3].split("[")) == 3
