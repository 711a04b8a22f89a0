"""The learning curves of many runs in one picture: what is one line, what it is called, and what there is to draw."""

import pytest
import yaml
from PIL import Image

from wattloom.components.commands import report
from wattloom.errors import RunError
from wattloom.views.many_curves import draw_many, grouped


@pytest.fixture
def make(tmp_path):
    """A function that makes a run of the given overrides, with evaluations at the given steps."""

    def write(*overrides, steps=(100, 200)):
        run = tmp_path / "-".join(overrides).replace("=", "_")
        (run / "logs").mkdir(parents=True)
        (run / "overrides.yaml").write_text(yaml.safe_dump(list(overrides)))
        (run / "config.yaml").write_text("seed: 1\n")
        (run / "manifest.json").write_text("{}")
        rows = [f'{{"event":"evaluation","step":{step},"eval/return_mean":{-step}}}\n' for step in steps]
        (run / "logs" / "metrics.jsonl").write_text("".join(rows))
        return run

    return write


def test_seeds_are_one_group_named_by_what_differs(make):
    runs = [make(f"algorithm={name}", f"seed={seed}", "env.mass=2") for name in ("td3", "sac") for seed in (1, 2)]
    assert grouped(runs) == {"algorithm=sac": runs[2:], "algorithm=td3": runs[:2]}
    assert grouped(runs[:2]) == {"all runs": runs[:2]}
    other = make("algorithm=sac", "seed=3", "env.mass=2", "algorithm.tau=0.1")
    assert set(grouped([*runs, other])) == {
        "algorithm=sac algorithm.tau=(default)",
        "algorithm=td3 algorithm.tau=(default)",
        "algorithm=sac algorithm.tau=0.1",
    }


def test_a_folder_of_runs_becomes_one_picture_also_where_one_run_stands_further_back(make, tmp_path, capsys):
    make("algorithm=td3", "seed=1")
    make("algorithm=td3", "seed=2", steps=(100,))
    make("algorithm=sac", "seed=1", steps=())
    assert report.main([str(tmp_path)]) == 0
    picture = tmp_path / "learning.png"
    assert capsys.readouterr().out.strip() == str(picture)
    assert Image.open(picture).width == 1440


def test_what_cannot_be_drawn_is_named(make, tmp_path):
    empty = make("seed=1", steps=())
    with pytest.raises(RunError, match="no run has recorded an episode or an evaluation"):
        draw_many([empty], tmp_path / "learning.png")
    many = [make(f"env.mass={k}") for k in range(10)]
    with pytest.raises(RunError, match="10 configurations are more than one picture can tell apart"):
        draw_many(many, tmp_path / "learning.png")
